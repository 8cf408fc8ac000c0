// SPDX-License-Identifier: Apache-2.0
/* Nanoseconds per system call: nothing but getppid(2), which does next to nothing itself. */
#include "sample.h"
#include <sys/syscall.h>

static void calls(int count)
{
	for (int i = 0; i < count; i++)
		syscall(SYS_getppid);
}

int main(int argc, char **argv)
{
	return sample_on_demand(argc, argv, calls);
}
