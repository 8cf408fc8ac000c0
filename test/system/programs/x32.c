// SPDX-License-Identifier: Apache-2.0
/* One call of the x32 interface: exits with 0 if the kernel takes it, 2 if it does not know x32. */
#define _GNU_SOURCE
#include <unistd.h>

#define X32_GETPID (0x40000000L | 39)

int main(void)
{
	return syscall(X32_GETPID) == getpid() ? 0 : 2;
}
