// SPDX-License-Identifier: Apache-2.0
/*
 * Sleeps until SIGTERM, whose handler says so; prints "ready" first. The sleep is one that the kernel resumes by
 * restart_syscall after a stop and continue.
 */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t asked;

static void handle(int number)
{
	(void)number;
	asked = 1;
}

int main(void)
{
	struct sigaction action = {.sa_handler = handle};
	struct timespec rest = {.tv_sec = 1000};

	sigaction(SIGTERM, &action, NULL);
	if (write(1, "ready\n", 6) != 6)
		return 1;
	while (!asked)
		nanosleep(&rest, NULL);
	return write(1, "bye\n", 4) != 4;
}
