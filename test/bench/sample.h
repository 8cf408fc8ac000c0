/* SPDX-License-Identifier: Apache-2.0 */
/* A timed loop that waits for a line on stdin, takes one sample pinned to the last CPU it may use, and prints it. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_MONOTONIC_RAW, &time))
		die("clock_gettime");
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static void pin_to_last_cpu(void)
{
	cpu_set_t allowed, one;
	int cpu = CPU_SETSIZE - 1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		die("sched_getaffinity");
	while (cpu > 0 && !CPU_ISSET(cpu, &allowed))
		cpu--;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity");
}

static int by_size(const void *left, const void *right)
{
	double difference = *(const double *)left - *(const double *)right;

	return (difference > 0) - (difference < 0);
}

/*
 * argv: chunks, operations per chunk. A sample is the median chunk's time per operation, so that an interrupt or
 * another task's turn spoils chunks and not the sample; a first chunk warms up and is not counted.
 */
static int sample_on_demand(int argc, char **argv, void (*operations)(int count))
{
	int chunks = argc > 1 ? atoi(argv[1]) : 0, count = argc > 2 ? atoi(argv[2]) : 0;
	double *times = calloc(chunks > 0 ? chunks : 1, sizeof(*times));
	char line[16];

	if (chunks < 1 || count < 1 || !times) {
		fprintf(stderr, "usage: %s CHUNKS OPERATIONS\n", argv[0]);
		return 2;
	}
	pin_to_last_cpu();
	setpriority(PRIO_PROCESS, 0, -20); /* neighbours spoil less; it goes without, too */
	while (fgets(line, sizeof(line), stdin)) {
		operations(count);
		for (int chunk = 0; chunk < chunks; chunk++) {
			double begun = now();

			operations(count);
			times[chunk] = (now() - begun) / count;
		}
		qsort(times, chunks, sizeof(*times), by_size);
		printf("%.3f\n", (times[chunks / 2] + times[(chunks - 1) / 2]) / 2);
		fflush(stdout);
	}
	return 0;
}

#endif
