// SPDX-License-Identifier: Apache-2.0
/*
 * measure FILE COMMAND...: runs it and writes `wall-nanoseconds peak-KiB` to FILE. A process of its own, since a child
 * that Node forks would begin with Node's peak memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec begun, ended;
	struct rusage usage;
	FILE *file;
	int status;
	pid_t child;

	if (argc < 3)
		return 2;
	clock_gettime(CLOCK_MONOTONIC_RAW, &begun);
	child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child)
		return 1;
	clock_gettime(CLOCK_MONOTONIC_RAW, &ended);
	file = fopen(argv[1], "w");
	if (!file)
		return 1;
	fprintf(file, "%.0f %ld\n", (ended.tv_sec - begun.tv_sec) * 1e9 + (ended.tv_nsec - begun.tv_nsec),
		usage.ru_maxrss);
	fclose(file);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
