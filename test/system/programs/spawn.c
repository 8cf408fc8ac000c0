// SPDX-License-Identifier: Apache-2.0
/* vfork(), posix_spawn() and clone3(): three ways to a child, each executing mkdir. */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void make(const char *directory, const char *name, char *path)
{
	snprintf(path, 512, "%s/%s", directory, name);
}

int main(int argc, char **argv)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	char paths[3][512];
	int status, failed = 0;
	pid_t pid;

	if (argc < 2)
		return 1;
	make(argv[1], "vfork", paths[0]);
	make(argv[1], "spawn", paths[1]);
	make(argv[1], "clone3", paths[2]);
	char *vforked[] = {"mkdir", paths[0], NULL}, *spawned[] = {"ln", "-s", "x", paths[1], NULL},
	     *cloned[] = {"mkfifo", paths[2], NULL};

	pid = vfork();
	if (pid == 0) {
		execvp(vforked[0], vforked);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	failed |= status;
	if (posix_spawnp(&pid, spawned[0], NULL, NULL, spawned, environ))
		return 1;
	waitpid(pid, &status, 0);
	failed |= status;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		execvp(cloned[0], cloned);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	failed |= status;
	return failed != 0;
}
