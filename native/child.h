/* SPDX-License-Identifier: Apache-2.0 */
/* What a command's process does between fork() and exec. */
#ifndef SYSCRIBE_CHILD_H
#define SYSCRIBE_CHILD_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

/* Which step of the child failed; the same numbers stand in src/capture/native.ts. */
enum stage { STAGE_NONE, STAGE_USER, STAGE_FIND, STAGE_FILTER, STAGE_EXEC, STAGE_SESSION };

/* Shared with the child: it can tell of a failure without a system call, which its own filter might refuse. */
struct report {
	int stage;
	int error;
};

struct start {
	char **files, **argv, **env;
	uint32_t uid, gid;
	bool change_user;
	uint32_t *groups;
	uint32_t group_count;
	struct sock_fprog filter;
	uint32_t filter_flags;
	bool no_new_privileges;
	uint32_t login_uid; /* begins an audit session of its own; (uid_t)-1: stays in its parent's */
};

_Noreturn void run_child(const struct start *start, struct report *report, int gate);

#endif
