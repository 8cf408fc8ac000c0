// SPDX-License-Identifier: Apache-2.0
/* Names itself, gets a filter and makes the calls that it catches: act ACTION [NAME [PROGRAM ARGUMENT...]].
 * Caught are mkdir (mkdirat where there is none), and on x86_64 the x32 getpid and the getppid of i386. With PROGRAM,
 * that runs under the filter instead. In the environment, ACT_UNLINK: its file is removed first; ACT_ONCE: mkdir alone;
 * ACT_NAMELESS: its name is empty. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define X32_GETPID (0x40000000L | 39)
#define I386_GETPPID 64
#ifdef __x86_64__
#define MKDIR SYS_mkdir
#else
#define MKDIR SYS_mkdirat
#endif

static const struct {
	const char *name;
	unsigned int value;
} actions[] = {
	{"log", SECCOMP_RET_LOG},
	{"errno", SECCOMP_RET_ERRNO | 13},
	{"trap", SECCOMP_RET_TRAP | 7},
	{"trace", SECCOMP_RET_TRACE},
	{"user_notif", SECCOMP_RET_USER_NOTIF},
	{"kill_thread", SECCOMP_RET_KILL_THREAD},
	{"kill_process", SECCOMP_RET_KILL_PROCESS},
};

static void *calls(void *unused)
{
	(void)unused;
#ifdef __x86_64__
	syscall(SYS_mkdir, "/tmp/act", 0700);
	if (!getenv("ACT_ONCE"))
		syscall(X32_GETPID);
#else
	syscall(SYS_mkdirat, AT_FDCWD, "/tmp/act", 0700);
#endif
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned int action = 0;
	int known = 0;
	char self[4096] = "";
	pthread_t thread;

	for (size_t i = 0; argc > 1 && i < sizeof(actions) / sizeof(*actions); i++)
		if (strcmp(argv[1], actions[i].name) == 0)
			known = 1, action = actions[i].value;
	if (!known) {
		fprintf(stderr, "usage: act ACTION [NAME [PROGRAM ARGUMENT...]]\n");
		return 2;
	}
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, I386_GETPPID, 4, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MKDIR, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, X32_GETPID, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	if (getenv("ACT_UNLINK") && readlink("/proc/self/exe", self, sizeof(self) - 1) > 0)
		unlink(self);
	if (argc > 2 && (argv[2][0] || getenv("ACT_NAMELESS")))
		prctl(PR_SET_NAME, argv[2]);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &program)) {
		perror("seccomp");
		return 2;
	}
	if (argc > 3) {
		execv(argv[3], argv + 3);
		perror("execv");
		return 2;
	}
	if (action == SECCOMP_RET_KILL_THREAD) { /* the process lives on */
		pthread_create(&thread, NULL, calls, NULL);
		pthread_join(thread, NULL);
	} else {
		calls(NULL);
	}
	return 0;
}
