/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Giving tags and counting the tasks that carry one. */
#ifndef SYSCRIBE_TAGS_BPF_H
#define SYSCRIBE_TAGS_BPF_H

#include "cgroup.bpf.h"
#include "maps.bpf.h"
#include "stacks.bpf.h"

/* Settings, defined in lifecycle.bpf.c and fixed before loading. */
extern const volatile int hierarchy;		/* cgroup_root.hierarchy_id that the roots live in; 0 is v2 */
extern const volatile u32 host_mount_namespace; /* inode number */
extern const volatile bool report_processes;	/* send EVENT_PROCESS */
extern const volatile u32 fail_tags;		/* for tests: the first so many tags fail as if memory were short */
extern u32 failed_tags;

static __always_inline bool outside_host(struct task_struct *task)
{
	struct nsproxy *nsproxy = task->nsproxy; /* NULL in a task that is exiting */

	return nsproxy && nsproxy->mnt_ns->ns.inum != host_mount_namespace;
}

static __always_inline bool fault_injected(void)
{
	return fail_tags && __sync_fetch_and_add(&failed_tags, 1) < fail_tags;
}

/* Takes `tag`'s task out of the count of live ones; says so when it was the slot's last. */
static __always_inline void uncount(struct tag *tag, struct task_struct *task)
{
	struct slot_state *state;

	if (task->flags & PF_EXITING) /* it makes no more calls; one that is moved does */
		leave_stacks(tag, task);
	if (!__sync_lock_test_and_set(&tag->counted, 0))
		return;
	state = current_state(tag->slot, tag->generation);
	if (state && __sync_fetch_and_add(&state->live, -1) == 1)
		emit(EVENT_IDLE, tag->slot, state, task, 0, 0, 0);
}

static __always_inline void count_tagged(struct tag *tag, struct slot_state *state, struct task_struct *task)
{
	__sync_fetch_and_add(&state->live, 1);
	if (task->pid != task->tgid)
		return;
	__sync_fetch_and_add(&state->processes, 1);
	if (report_processes)
		emit(EVENT_PROCESS, tag->slot, state, task, 0, tag->phase, 0);
}

/* Gives `task`, which has none yet, the tag `wanted`. */
static __always_inline struct tag *create_tag(struct task_struct *task, struct tag *wanted)
{
	struct slot_state *state = current_state(wanted->slot, wanted->generation);
	struct tag *tag = NULL;

	if (!state)
		return NULL;
	wanted->counted = 1;
	/* Counted first: a slot whose only task is still being tagged must not look idle. */
	count_tagged(wanted, state, task);
	wanted->in_stacks = 0;
	enter_stacks(wanted, task);
	if (!fault_injected())
		tag = bpf_task_storage_get(&tags, task, wanted, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!tag) {
		leave_stacks(wanted, task);
		__sync_fetch_and_add(&state->untagged, 1);
		__sync_fetch_and_add(&state->live, -1);
	}
	return tag;
}

static __always_inline struct member *task_member(struct task_struct *task)
{
	struct member *member;
	u64 id;

	if (!control.members)
		return NULL;
	id = task_cgroup(task);
	member = bpf_map_lookup_elem(&members, &id);
	return member && member->slot != NO_SLOT ? member : NULL;
}

static __always_inline void fill_from_member(struct tag *wanted, struct member *member, struct task_struct *task)
{
	wanted->slot = member->slot;
	wanted->generation = member->generation;
	wanted->phase = PHASE_RUNTIME;
	wanted->filters = task->seccomp.filter_count.counter;
	wanted->any_mount_namespace = member->any_mount_namespace;
}

#endif
