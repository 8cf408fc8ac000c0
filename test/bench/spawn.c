// SPDX-License-Identifier: Apache-2.0
/* Nanoseconds per vfork + exec + exit + wait; argv[3] is what is executed. */
#include "sample.h"
#include <sys/wait.h>

static char *file;

/* A function of its own: the child of vfork() shares this frame. */
static pid_t spawn(void)
{
	char *arguments[] = {file, NULL}, *environment[] = {NULL};
	pid_t child = vfork();

	if (child == 0) {
		execve(file, arguments, environment);
		_exit(127);
	}
	return child;
}

static void spawns(int count)
{
	int status;

	for (int i = 0; i < count; i++) {
		pid_t child = spawn();

		if (child < 0 || waitpid(child, &status, 0) != child)
			die("vfork");
		if (status != 0) {
			fprintf(stderr, "%s ended with status %#x\n", file, status);
			exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	file = argc > 3 ? argv[3] : "";
	return sample_on_demand(argc, argv, spawns);
}
