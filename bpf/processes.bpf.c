// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which process is in which cgroup, and when: every birth, every move, every new cgroup. An audit record tells a number
 * only, and its process may be gone when it is read. An object of its own: nothing here runs for a recording.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "cgroup.bpf.h"
#include "processes.h"

/* Settings, fixed before loading. */
const volatile int hierarchy = 0;  /* cgroup_root.hierarchy_id; 0 is v2 */
const volatile int subsystem = -1; /* index into css_set.subsys of that hierarchy; -1: v2 */

u64 lost; /* events that the ring had no room for: user space reads it */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

static __always_inline void emit(u32 kind, u32 tgid, u64 cgroup, u64 time)
{
	struct process_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	event->kind = kind;
	event->tgid = tgid;
	event->cgroup = cgroup;
	event->parent = 0;
	event->time = time;
	bpf_ringbuf_submit(event, 0);
}

/* Stands before wake_up_new_task() (kernel/fork.c): the birth is told before the child's first call can be logged. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(syscribe_born, struct task_struct *parent, struct task_struct *child)
{
	if (child->pid == child->tgid)
		emit(PROCESS_BORN, child->tgid, task_cgroup(child), child->start_boottime);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(syscribe_moved, struct cgroup *cgroup, const char *path, struct task_struct *task, bool threadgroup)
{
	if (cgroup->root->hierarchy_id == hierarchy && task->pid == task->tgid)
		emit(PROCESS_MOVED, task->tgid, cgroup->kn->id, bpf_ktime_get_boot_ns());
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(syscribe_made, struct cgroup *cgroup)
{
	struct cgroup_event *made;

	if (cgroup->root->hierarchy_id != hierarchy)
		return 0;
	made = bpf_ringbuf_reserve(&events, sizeof(*made), 0);
	if (!made) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	made->event.kind = PROCESS_CGROUP;
	made->event.tgid = 0;
	made->event.cgroup = cgroup->kn->id;
	made->event.parent = cgroup->self.parent->cgroup->kn->id;
	made->event.time = bpf_ktime_get_boot_ns();
	/* The cgroup may be gone when user space looks for its name. */
	if (bpf_probe_read_kernel_str(made->name, sizeof(made->name), cgroup->kn->name) < 0)
		made->name[0] = 0;
	bpf_ringbuf_submit(made, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
