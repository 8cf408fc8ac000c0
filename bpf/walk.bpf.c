// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The iterator: finds tasks that should carry a tag and do not, and tells user space who does. */
#include "tags.bpf.h"
#include "abi.bpf.h"

/* The call that a task is in when it is found: it entered before anything was attached. */
static __always_inline void seed_call(struct task_struct *task, u32 slot)
{
	s64 call = blocked_in(task);
	struct seen *set;
	u64 nr, index;
	u32 abi;

	if (call < 0)
		return;
	nr = call;
	abi = call_abi(task, &nr);
	set = bpf_map_lookup_elem(&seen, &slot);
	index = (PHASE_WORKLOAD * ABIS + abi) * NR_MAX + nr;
	if (set && nr < NR_MAX && index < sizeof(set->byte))
		set->byte[index] = 1;
}

/* A thread goes with its leader, in the leader's phase. */
static __always_inline struct tag *follow_leader(struct task_struct *task, struct tag *leader)
{
	struct tag wanted = *leader, *tag;

	tag = create_tag(task, &wanted);
	if (tag && wanted.phase == PHASE_WORKLOAD)
		seed_call(task, wanted.slot);
	if (tag && task->flags & PF_EXITING)
		uncount(tag, task);
	return tag;
}

static __always_inline struct tag *adopt(struct task_struct *task)
{
	struct tag wanted = {}, *tag, *leader;
	struct slot_state *state;
	struct member *member;

	leader = find_tag(task->group_leader);
	if (leader)
		return follow_leader(task, leader);
	member = task_member(task);
	if (member) {
		fill_from_member(&wanted, member, task);
		if (wanted.any_mount_namespace || outside_host(task))
			wanted.phase = PHASE_WORKLOAD;
	} else if (control.root_tgid && (task->tgid == (s32)control.root_tgid || find_tag(task->real_parent))) {
		wanted.slot = control.root_slot;
		wanted.generation = control.root_generation;
		wanted.phase = PHASE_WORKLOAD;
		wanted.filters = NO_TAIL;
		wanted.any_mount_namespace = 1;
	} else {
		return NULL;
	}
	tag = create_tag(task, &wanted);
	if (!tag)
		return NULL;
	state = current_state(wanted.slot, wanted.generation);
	if (state)
		__sync_fetch_and_add(&state->seeded, 1);
	if (wanted.phase == PHASE_WORKLOAD)
		seed_call(task, wanted.slot);
	/* do_exit() sets PF_EXITING before it looks for the tag, and this looks at PF_EXITING after making it. */
	if (task->flags & PF_EXITING)
		uncount(tag, task);
	return tag;
}

/* A thread whose leader was moved into another recording, or into one from another, follows it. */
static __always_inline void change_over(struct task_struct *task, struct tag *tag)
{
	struct tag *leader = find_tag(task->group_leader);
	struct slot_state *state;

	if (!leader || (leader->slot == tag->slot && leader->generation == tag->generation))
		return;
	state = current_state(leader->slot, leader->generation);
	if (!state)
		return;
	uncount(tag, task);
	count_tagged(leader, state, task);
	tag->slot = leader->slot;
	tag->generation = leader->generation;
	tag->phase = leader->phase;
	tag->counted = 1;
	__sync_fetch_and_add(&control.generation, 1);
}

/* A tag of a recording that has ended, on a task that is in a member cgroup of another one now. */
static __always_inline bool adopt_again(struct task_struct *task, struct tag *tag)
{
	struct member *member = task_member(task);
	struct slot_state *state;
	struct tag wanted = {};

	if (!member)
		return false;
	state = current_state(member->slot, member->generation);
	if (!state)
		return false;
	fill_from_member(&wanted, member, task);
	if (wanted.any_mount_namespace || outside_host(task))
		wanted.phase = PHASE_WORKLOAD;
	count_tagged(&wanted, state, task);
	tag->slot = wanted.slot;
	tag->generation = wanted.generation;
	tag->phase = wanted.phase;
	tag->filters = wanted.filters;
	tag->any_mount_namespace = wanted.any_mount_namespace;
	tag->counted = 1;
	__sync_fetch_and_add(&control.generation, 1);
	__sync_fetch_and_add(&state->seeded, 1);
	if (wanted.phase == PHASE_WORKLOAD)
		seed_call(task, wanted.slot);
	if (task->flags & PF_EXITING)
		uncount(tag, task);
	return true;
}

struct found {
	u32 tgid;
	u32 slot;
	u32 generation;
	u16 phase;
	u16 adopted;
};

/*
 * Walks all tasks, tags those that should be and are not, and writes one record for each tagged leader and each task
 * newly tagged. User space repeats the walk until nothing new is found: a child may be met before its parent.
 */
SEC("iter/task")
int syscribe_walk(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct found found = {};
	struct tag *tag;

	/* A task whose fork is still to be traced gets its tag there: both would count it. */
	if (!task || task->flags & (PF_KTHREAD | PF_EXITING) || task->__state & TASK_NEW)
		return 0;
	tag = find_tag(task);
	if (tag)
		enter_stacks(tag, task); /* user space gives tags, but cannot tell a task's stack */
	if (tag && !current_state(tag->slot, tag->generation))
		found.adopted = adopt_again(task, tag);
	else if (tag && task->pid != task->tgid)
		change_over(task, tag);
	if (!tag) {
		tag = adopt(task);
		found.adopted = !!tag;
	}
	if (!tag || (!found.adopted && task->pid != task->tgid))
		return 0;
	found.tgid = task->tgid;
	found.slot = tag->slot;
	found.generation = tag->generation;
	found.phase = tag->phase;
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}
