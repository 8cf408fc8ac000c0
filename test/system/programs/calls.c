// SPDX-License-Identifier: Apache-2.0
/* Makes the system call of each number given, without arguments that matter. For probing filters. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		long result = syscall(strtol(argv[i], NULL, 0), -1L, 0L, 0L, 0L, 0L, 0L);

		printf("%s %ld %d\n", argv[i], result, result < 0 ? errno : 0);
		fflush(stdout);
	}
	return 0;
}
