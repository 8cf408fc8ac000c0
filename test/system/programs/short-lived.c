// SPDX-License-Identifier: Apache-2.0
/* As many processes as asked for, one after the other; each executes nothing or this program again, which makes one call. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int one(char *self)
{
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		execl(self, self, "0", (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : 1;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0;

	if (count == 0)
		return getpgid(0) < 0;
	while (count-- > 0)
		if (one(argv[0]))
			return 1;
	return 0;
}
