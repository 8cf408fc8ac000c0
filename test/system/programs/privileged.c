// SPDX-License-Identifier: Apache-2.0
/* For a set-user-ID copy owned by root: says what it gained, and uses it. */
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

int main(void)
{
	printf("uid %d euid %d\n", (int)getuid(), (int)geteuid());
	fflush(stdout);
	return geteuid() == 0 ? chroot("/") : 1;
}
