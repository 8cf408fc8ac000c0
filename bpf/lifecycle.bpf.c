// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who is recorded: which cgroups are members, which tasks carry a tag, and when a task becomes the workload. */
#include "tags.bpf.h"

/* Settings, fixed before loading. */
const volatile int hierarchy = 0;	      /* cgroup_root.hierarchy_id that the roots live in; 0 is v2 */
const volatile int subsystem = -1;	      /* index into css_set.subsys of that hierarchy; -1: v2 */
const volatile u32 host_mount_namespace = 0;  /* inode number */
const volatile bool report_processes = false; /* send EVENT_PROCESS */
const volatile bool name_cgroups = false;     /* keep the names of cgroups that have a slot */
const volatile u32 fail_tags = 0;	      /* for tests: the first so many tags fail as if memory were short */
const volatile u32 slots = 1;
const volatile u32 slot_members = 1; /* cgroups that can be members for one slot at once */
const volatile u32 max_parents = 0;  /* cgroups without a slot that can be members at once */

const volatile bool lookup_may_fail = false;
struct control control;
u32 failed_tags;

static __always_inline bool same_recording(struct tag *tag, struct member *member)
{
	return tag->slot == member->slot && tag->generation == member->generation;
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
	if (!control.armed)
		__sync_fetch_and_add(&state->seeded,
				     1); /* as one that was found running: its first calls were not seen */
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

/* Says which cgroup a slot was handed out for; before the cgroup is a member, so that whoever finds it finds its name.
 */
static __always_inline void name_slot(u32 slot, u32 generation, struct cgroup *cgroup)
{
	struct slot_cgroup *named = bpf_map_lookup_elem(&slot_cgroups, &slot);

	if (!named)
		return;
	named->generation = generation;
	named->born = bpf_ktime_get_boot_ns();
	named->dead = 0;
	named->name[0] = 0;
	named->parent[0] = 0;
	/* Lockdown in confidentiality mode refuses this helper: who needs no names gets by without it. */
	if (name_cgroups && bpf_probe_read_kernel_str(named->name, sizeof(named->name), cgroup->kn->name) < 0)
		named->name[0] = 0;
	if (name_cgroups &&
	    bpf_probe_read_kernel_str(named->parent, sizeof(named->parent), cgroup->self.parent->cgroup->kn->name) < 0)
		named->parent[0] = 0;
	named->cgroup = cgroup->kn->id;
}

/* What is lost of these is found by looking: user space asks now and then. */
static __always_inline void emit_pod(u64 id)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return;
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = EVENT_POD;
	event->slot = NO_SLOT;
	event->value = id;
	event->time = bpf_ktime_get_boot_ns();
	bpf_ringbuf_submit(event, 0);
}

static long try_slot(u32 index, u32 *claimed)
{
	struct slot_state *state = bpf_map_lookup_elem(&states, &index);

	if (!state || __sync_val_compare_and_swap(&state->claim, CLAIM_FREE, CLAIM_TAKEN) != CLAIM_FREE)
		return 0;
	*claimed = index;
	return 1;
}

/* NO_SLOT when all are taken. */
static __always_inline u32 claim_slot(void)
{
	u32 slot = NO_SLOT;

	bpf_loop(slots, try_slot, &slot, 0);
	return slot;
}

static __always_inline void give_back(u32 slot, struct slot_state *state)
{
	struct slot_cgroup *named = bpf_map_lookup_elem(&slot_cgroups, &slot);

	if (named)
		named->cgroup = 0;
	__sync_lock_test_and_set(&state->claim, CLAIM_FREE);
}

/*
 * Each slot has room of its own in the table, and so have the cgroups above them: what a container makes below its own
 * cgroup takes no other's. False where it has no more, or the table could not take it, which is counted.
 */
static __always_inline bool enter_members(u64 id, struct member *member, u32 *count, u32 most)
{
	if (__sync_fetch_and_add(count, 1) < most && !bpf_map_update_elem(&members, &id, member, BPF_NOEXIST))
		return true;
	__sync_fetch_and_add(count, -1);
	COUNT(COUNTER_MEMBERS_FULL);
	return false;
}

/* A cgroup that the container of a slot made: never one with a slot, whatever it is called. */
static __always_inline void born_inside(u64 id, struct member *member)
{
	struct slot_state *state = current_state(member->slot, member->generation);

	if (state && !enter_members(id, member, &state->members, slot_members))
		__sync_fetch_and_add(&state->members_full, 1);
}

static __always_inline void born_with_slot(u64 id, struct member *member, struct cgroup *cgroup)
{
	struct slot_state *state;

	member->slot = claim_slot();
	state = bpf_map_lookup_elem(&states, &member->slot);
	if (!state) {
		COUNT(COUNTER_NO_SLOT);
		return;
	}
	member->generation = state->generation;
	name_slot(member->slot, member->generation, cgroup);
	if (enter_members(id, member, &state->members, slot_members))
		emit(EVENT_CGROUP, member->slot, state, bpf_get_current_task_btf(), 0, 0, id);
	else
		give_back(member->slot, state);
}

/*
 * Membership is copied at birth, before the directory can be seen (cgroup_mkdir() activates it after this). This,
 * cgroup_rmdir and cgroup_attach_task are traced under cgroup_mutex.
 */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(syscribe_mkdir, struct cgroup *cgroup)
{
	u64 id = cgroup->kn->id, parent_id;
	struct member *parent, child;

	if (cgroup->root->hierarchy_id != hierarchy)
		return 0;
	parent_id = cgroup->self.parent->cgroup->kn->id;
	parent = bpf_map_lookup_elem(&members, &parent_id);
	if (!parent)
		return 0;
	child = *parent;
	if (!child.levels) {
		born_inside(id, &child);
	} else if (--child.levels == 0) {
		born_with_slot(id, &child, cgroup);
	} else if (enter_members(id, &child, &control.parents, max_parents) && child.levels == 1) {
		emit_pod(id);
	}
	return 0;
}

/*
 * The directory is gone: nothing runs in it, and nothing can be moved in or born there any more (cgroup_kn_lock_live(),
 * cgroup_css_set_fork()). Its cgroup may stay for long, for memory that is charged to it, but is no member any more.
 */
SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(syscribe_rmdir, struct cgroup *cgroup)
{
	u64 id = cgroup->kn->id;
	struct slot_cgroup *named;
	struct member *found, member;
	struct slot_state *state;

	if (cgroup->root->hierarchy_id != hierarchy)
		return 0;
	found = bpf_map_lookup_elem(&members, &id);
	if (!found)
		return 0;
	member = *found;
	state = member.levels ? NULL : current_state(member.slot, member.generation);
	if (bpf_map_delete_elem(&members, &id))
		COUNT(COUNTER_UNREMOVED);
	else if (member.levels)
		__sync_fetch_and_add(&control.parents, -1);
	else if (state)
		__sync_fetch_and_add(&state->members, -1);
	named = bpf_map_lookup_elem(&slot_cgroups, &member.slot);
	if (!state || !named || named->cgroup != id)
		return 0;
	named->dead = bpf_ktime_get_boot_ns();
	emit(EVENT_GONE, member.slot, state, bpf_get_current_task_btf(), 0, 0, id);
	return 0;
}
