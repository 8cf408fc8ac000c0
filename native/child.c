// SPDX-License-Identifier: Apache-2.0
/*
 * The forked child: it only makes system calls, since other threads of Node may have held any lock when it was born.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Noreturn void fail(struct report *report, enum stage stage, int code)
{
	report->error = errno;
	__atomic_store_n(&report->stage, stage, __ATOMIC_SEQ_CST);
	_exit(code);
}

/* Node marks the standard streams close-on-exec when it starts (uv_disable_stdio_inheritance()). */
static void keep_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		fcntl(fd, F_SETFD, 0);
}

/* By the system call: sigaction(3) refuses 32 and 33, which glibc keeps for itself, and they too may come in ignored.
 */
static void reset_signals(void)
{
	const unsigned long by_default[4] = {0}; /* struct kernel_sigaction: SIG_DFL, no flags, empty mask */
	sigset_t none;

	/* Node ignores SIGPIPE and handles others; the command starts with the defaults. */
	for (int number = 1; number < _NSIG; number++)
		syscall(SYS_rt_sigaction, number, by_default, NULL, sizeof(unsigned long));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Drops to the user, keeping only CAP_SYS_ADMIN where a filter is to be loaded without no_new_privs (seccomp(2) wants
 * one of the two). The exec then clears it: no file capabilities, no ambient set, user not root (capabilities(7)).
 */
static int become_user(const struct start *start)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	bool keep = start->filter.len && !start->no_new_privileges && start->uid != 0;

	if (keep && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
		return -1;
	if (syscall(SYS_setgroups, (size_t)start->group_count, start->groups) ||
	    syscall(SYS_setresgid, start->gid, start->gid, start->gid) ||
	    syscall(SYS_setresuid, start->uid, start->uid, start->uid))
		return -1;
	if (!keep)
		return 0;
	data[0].effective = data[0].permitted = 1U << CAP_SYS_ADMIN;
	return (int)syscall(SYS_capset, &header, data);
}

/* Writing it gives the process, and all it starts, a new number of an audit session (audit_set_loginuid()). */
static int begin_session(uint32_t login_uid)
{
	char digits[11], *start = digits + sizeof(digits);
	int fd, error;

	do
		*--start = (char)('0' + login_uid % 10);
	while (login_uid /= 10);
	fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	error = write(fd, start, (size_t)(digits + sizeof(digits) - start)) < 0 ? errno : 0;
	close(fd);
	errno = error;
	return error ? -1 : 0;
}

/* The first file that may be executed; the errno of the most telling refusal otherwise, as execvp(3) does. */
static char *find_file(char **files)
{
	int error = ENOENT;

	for (char **file = files; *file; file++) {
		if (!syscall(SYS_faccessat, AT_FDCWD, *file, X_OK))
			return *file;
		if (errno != ENOENT && errno != ENOTDIR)
			error = errno;
	}
	errno = error;
	return NULL;
}

static void execute(const struct start *start, char *file)
{
	char *shell[64];
	size_t count = 0;

	execve(file, start->argv, start->env);
	if (errno != ENOEXEC)
		return;
	/* A script without an interpreter line goes to the shell, as with execvp(3). */
	shell[count++] = "/bin/sh";
	shell[count++] = file;
	for (char **argument = start->argv + 1; *start->argv && *argument && count < 63; argument++)
		shell[count++] = *argument;
	shell[count] = NULL;
	execve(shell[0], shell, start->env);
}

void run_child(const struct start *start, struct report *report, int gate)
{
	char *file, byte;
	ssize_t got;

	reset_signals();
	keep_standard_streams();
	do
		got = read(gate, &byte, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(125); /* the recorder is gone */
	if (start->login_uid != UINT32_MAX && begin_session(start->login_uid))
		fail(report, STAGE_SESSION, 125);
	if (start->change_user && become_user(start))
		fail(report, STAGE_USER, 125);
	file = find_file(start->files);
	if (!file)
		fail(report, STAGE_FIND, 127);
	if (start->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail(report, STAGE_FILTER, 125);
	if (start->filter.len && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, start->filter_flags, &start->filter))
		fail(report, STAGE_FILTER, 125);
	execute(start, file);
	fail(report, STAGE_EXEC, 126);
}
