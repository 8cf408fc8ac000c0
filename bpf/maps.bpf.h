/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Maps, settings and the few helpers that both objects use. Weak, so that `bpftool gen object` links the two files
 * into one object with one copy of each.
 */
#ifndef SYSCRIBE_MAPS_BPF_H
#define SYSCRIBE_MAPS_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "record.h"

#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000
#define TASK_NEW 0x00000800 /* until wake_up_new_task(), which is after the fork was traced (kernel_clone()) */

/* Sizes of 1 are set by user space before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tag);
} tags __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct seen);
} seen __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct slot_state);
} states __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct slot_cgroup);
} slot_cgroups __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, struct member);
} members __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events __weak SEC(".maps");

extern struct control control; /* defined in lifecycle.bpf.c */

/*
 * Set by user space where a look-up fails while its CPU is in the middle of a storage operation: kernels that have
 * bpf_task_storage_busy but not yet bpf_task_storage_get_recur (before 6.2).
 */
extern const volatile bool lookup_may_fail;

#define COUNT(which) __sync_fetch_and_add(&control.counter[which], 1)

static __always_inline struct slot_state *current_state(u32 slot, u32 generation)
{
	struct slot_state *state = bpf_map_lookup_elem(&states, &slot);

	return state && state->generation == generation ? state : NULL;
}

/*
 * The tag of a task, or NULL. A task without any BPF storage costs one load; a NULL for one that has storage may mean
 * contention where look-ups can fail, and is counted there.
 */
static __always_inline struct tag *find_tag(struct task_struct *task)
{
	struct tag *tag;

	if (!task->bpf_storage)
		return NULL;
	tag = bpf_task_storage_get(&tags, task, NULL, 0);
	if (!tag && lookup_may_fail)
		COUNT(COUNTER_BUSY);
	return tag;
}

static __always_inline void emit(u32 kind, u32 slot, struct slot_state *state, struct task_struct *task, u16 abi,
				 u16 phase, u64 value)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&state->lost_events, 1);
		return;
	}
	event->kind = kind;
	event->slot = slot;
	event->generation = state->generation;
	event->abi = abi;
	event->phase = phase;
	event->value = value;
	event->time = bpf_ktime_get_boot_ns();
	event->tgid = task->tgid;
	event->tid = task->pid;
	__builtin_memcpy(event->comm, task->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
}

#endif
