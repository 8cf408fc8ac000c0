// SPDX-License-Identifier: Apache-2.0
/* A daemon of the old kind: forks twice, its parents are gone when it works. Leaves `done` in the directory given. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int parents[2];
	char byte;

	if (argc < 2 || chdir(argv[1]) || pipe(parents))
		return 1;
	if (fork())
		return 0;
	setsid();
	if (fork())
		_exit(0);
	close(parents[1]);
	if (read(parents[0], &byte, 1)) /* ends when both parents are gone */
		_exit(1);
	umask(022);
	if (symlinkat("nowhere", AT_FDCWD, "link") || mkdir("done", 0755))
		_exit(1);
	return 0;
}
