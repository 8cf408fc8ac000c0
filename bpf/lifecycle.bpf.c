// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who is recorded: which cgroups are members, which tasks carry a tag, and when a task becomes the workload. */
#include "maps.bpf.h"
#include "abi.bpf.h"

/* Settings, fixed before loading. */
const volatile int hierarchy = 0;	      /* cgroup_root.hierarchy_id that the roots live in; 0 is v2 */
const volatile int subsystem = -1;	      /* index into css_set.subsys of that hierarchy; -1: v2 */
const volatile u32 host_mount_namespace = 0;  /* inode number */
const volatile bool report_processes = false; /* send EVENT_PROCESS */
const volatile u32 fail_tags = 0;	      /* for tests: the first so many tags fail as if memory were short */

const volatile bool lookup_may_fail = false;
struct control control;
u32 failed_tags;

static __always_inline u64 task_cgroup(struct task_struct *task)
{
	if (subsystem < 0)
		return task->cgroups->dfl_cgrp->kn->id;
	if (subsystem >= 16)
		return 0;
	return task->cgroups->subsys[subsystem]->cgroup->kn->id;
}

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
	if (!fault_injected())
		tag = bpf_task_storage_get(&tags, task, wanted, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!tag) {
		__sync_fetch_and_add(&state->untagged, 1);
		__sync_fetch_and_add(&state->live, -1);
	}
	return tag;
}

static __always_inline bool same_recording(struct tag *tag, struct member *member)
{
	return tag->slot == member->slot && tag->generation == member->generation;
}

static __always_inline void fill_from_member(struct tag *wanted, struct member *member, struct task_struct *task)
{
	wanted->slot = member->slot;
	wanted->generation = member->generation;
	wanted->phase = PHASE_RUNTIME;
	wanted->filters = task->seccomp.filter_count.counter;
	wanted->any_mount_namespace = member->any_mount_namespace;
}

/* Puts `task` into `member`'s recording, whatever recording it was in before. */
static __always_inline void join(struct task_struct *task, struct tag *tag, struct member *member)
{
	struct slot_state *state;
	struct tag wanted = {};

	fill_from_member(&wanted, member, task);
	if (!tag) {
		create_tag(task, &wanted);
		return;
	}
	state = current_state(wanted.slot, wanted.generation);
	if (!state)
		return;
	if (current_state(tag->slot, tag->generation))
		wanted.phase = tag->phase; /* a workload that is moved stays one */
	uncount(tag, task);
	count_tagged(&wanted, state, task);
	tag->slot = wanted.slot;
	tag->generation = wanted.generation;
	tag->phase = wanted.phase;
	tag->filters = wanted.filters;
	tag->any_mount_namespace = wanted.any_mount_namespace;
	tag->counted = 1;
	__sync_fetch_and_add(&control.generation, 1);
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

/* A thread that was moved in behind its leader may execute before the iterator has found it. */
static __always_inline struct tag *join_late(struct task_struct *task)
{
	struct member *member = task_member(task);
	struct tag wanted = {};

	if (!member)
		return NULL;
	fill_from_member(&wanted, member, task);
	return create_tag(task, &wanted);
}

/*
 * Called by kernel_clone() after the child is complete, its cgroup included, and before it can run
 * (kernel/fork.c: trace_sched_process_fork() stands before wake_up_new_task()).
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(syscribe_fork, struct task_struct *parent, struct task_struct *child)
{
	struct tag *tag = find_tag(parent);
	struct member *member = task_member(child);
	struct tag wanted = {};

	if (member && !(tag && same_recording(tag, member))) {
		join(child, NULL, member);
		return 0;
	}
	if (!tag)
		return 0;
	wanted.slot = tag->slot;
	wanted.generation = tag->generation;
	wanted.phase = tag->phase;
	wanted.filters = tag->filters;
	wanted.any_mount_namespace = tag->any_mount_namespace;
	create_tag(child, &wanted);
	return 0;
}

/*
 * A runtime's process becomes the workload when it executes something inside the container. "In the cgroup" is not
 * enough: runc 1.2 and newer start the helper of `runc exec` by CLONE_INTO_CGROUP, and conmon executes in the pod's.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(syscribe_exec, struct task_struct *task)
{
	struct tag *tag = find_tag(task);
	struct slot_state *state;

	if (!tag)
		tag = join_late(task);
	if (!tag || tag->phase != PHASE_RUNTIME)
		return 0;
	state = current_state(tag->slot, tag->generation);
	if (!state)
		return 0;
	if (!tag->any_mount_namespace && !outside_host(task)) {
		__sync_fetch_and_add(&state->host_execs, 1);
		return 0;
	}
	tag->phase = PHASE_WORKLOAD;
	__sync_fetch_and_add(&state->execs, 1);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(syscribe_exit, struct task_struct *task)
{
	struct tag *tag = find_tag(task);

	if (tag)
		uncount(tag, task);
	return 0;
}

/*
 * Names only the leader; the other threads of a process that is moved whole are left to the iterator. Nothing is lost
 * by that while the process is a runtime's: the exec that makes it the workload ends its other threads.
 */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(syscribe_attach, struct cgroup *cgroup, const char *path, struct task_struct *task, bool threadgroup)
{
	u64 id = cgroup->kn->id;
	struct slot_state *state;
	struct member *member;
	struct tag *tag;
	s32 threads;

	if (cgroup->root->hierarchy_id != hierarchy)
		return 0;
	member = bpf_map_lookup_elem(&members, &id);
	if (!member || member->slot == NO_SLOT)
		return 0;
	tag = find_tag(task);
	if (tag && same_recording(tag, member))
		return 0;
	join(task, tag, member);
	threads = task->signal->nr_threads;
	state = current_state(member->slot, member->generation);
	if (threadgroup && threads > 1 && state) {
		if (tag && tag->phase == PHASE_WORKLOAD)
			__sync_fetch_and_add(&state->moved_threads, threads - 1);
		emit(EVENT_RESCAN, member->slot, state, task, 0, 0, 0);
	}
	return 0;
}

/* Membership is copied at birth, before the directory can be seen (cgroup_mkdir() activates it after this). */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(syscribe_mkdir, struct cgroup *cgroup)
{
	u64 id = cgroup->kn->id, parent_id;
	struct member *parent, child = {};
	struct slot_state *state;
	u32 slot;

	if (cgroup->root->hierarchy_id != hierarchy)
		return 0;
	parent_id = cgroup->self.parent->cgroup->kn->id;
	parent = bpf_map_lookup_elem(&members, &parent_id);
	if (!parent)
		return 0;
	child = *parent;
	if (parent->levels > 0)
		child.levels = parent->levels - 1;
	if (parent->levels == 1) {
		if (bpf_map_pop_elem(&free_slots, &slot)) {
			COUNT(COUNTER_NO_SLOT);
			return 0;
		}
		state = bpf_map_lookup_elem(&states, &slot);
		if (!state)
			return 0;
		child.slot = slot;
		child.generation = state->generation;
	}
	if (bpf_map_update_elem(&members, &id, &child, BPF_NOEXIST)) {
		COUNT(COUNTER_MEMBERS_FULL);
		if (parent->levels == 1 && bpf_map_push_elem(&free_slots, &child.slot, 0))
			COUNT(COUNTER_UNPUSHED);
		return 0;
	}
	if (parent->levels == 1) {
		state = bpf_map_lookup_elem(&states, &child.slot);
		if (state)
			emit(EVENT_CGROUP, child.slot, state, bpf_get_current_task_btf(), 0, 0, id);
	}
	return 0;
}

/* Nothing runs in it any more and its 64-bit id is not used again. */
SEC("tp_btf/cgroup_release")
int BPF_PROG(syscribe_release, struct cgroup *cgroup)
{
	u64 id = cgroup->kn->id;

	if (cgroup->root->hierarchy_id == hierarchy)
		bpf_map_delete_elem(&members, &id);
	return 0;
}

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

	if (!task || task->flags & (PF_KTHREAD | PF_EXITING))
		return 0;
	tag = find_tag(task);
	if (tag && task->pid != task->tgid)
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
