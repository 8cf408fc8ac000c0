// SPDX-License-Identifier: Apache-2.0
/* Makes the system call of each number given, without arguments that matter. Fails when one is refused (EPERM). */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int refused = 0;

	for (int i = 1; i < argc; i++) {
		long result = syscall(strtol(argv[i], NULL, 0), -1L, 0L, 0L, 0L, 0L, 0L);

		printf("%s %ld %d\n", argv[i], result, result < 0 ? errno : 0);
		fflush(stdout);
		refused |= result < 0 && errno == EPERM;
	}
	return refused;
}
