// SPDX-License-Identifier: Apache-2.0
/* A thread that is not the main one executes a program: the kernel gives it the leader's id and ends the others. */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>

static char *directory;

static void *work(void *unused)
{
	execlp("mkdir", "mkdir", directory, (char *)NULL);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 2)
		return 1;
	directory = argv[1];
	if (pthread_create(&thread, NULL, work, NULL))
		return 1;
	pthread_join(thread, NULL);
	return 1;
}
