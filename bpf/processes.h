/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What processes.bpf.c tells user space; src/capture/ebpf/process-events.ts decodes it. */
#ifndef SYSCRIBE_PROCESSES_H
#define SYSCRIBE_PROCESSES_H

#ifndef __bpf__
#include <stdint.h>
typedef uint32_t u32;
typedef uint64_t u64;
#endif

#define CGROUP_NAME_MAX 128 /* a container's name is 64 digits, with the longest prefix of an engine and .scope 85 */

enum process_event_kind {
	PROCESS_BORN,	/* cgroup: that it was born in; time: its start_boottime */
	PROCESS_MOVED,	/* cgroup: that it is in from now on */
	PROCESS_CGROUP, /* a cgroup was made; followed by its name */
};

struct process_event {
	u32 kind;
	u32 tgid;
	u64 cgroup;
	u64 parent; /* PROCESS_CGROUP: the cgroup that it was made in */
	u64 time;   /* ns, boot clock */
};

struct cgroup_event {
	struct process_event event;
	char name[CGROUP_NAME_MAX];
};

_Static_assert(sizeof(struct process_event) == 32, "process-events.ts: PROCESS_EVENT_SIZE");
_Static_assert(sizeof(struct cgroup_event) == 160, "process-events.ts: CGROUP_EVENT_SIZE");

#endif
