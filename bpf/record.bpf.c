// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What recorded tasks call: one byte a call, and one event at the first sighting. */
#include "stacks.bpf.h"
#include "abi.bpf.h"

/* Numbers off the table: negative ones, arm's private ones (0xf0000 and up), whatever a future kernel adds. */
static __always_inline void mark_overflow(u32 slot, struct slot_state *state, struct task_struct *task, u32 abi,
					  u32 phase, u64 nr)
{
	struct overflow_key key = {.slot = slot, .abi = abi, .phase = phase, .nr = nr};
	u8 one = 1;

	if (bpf_map_lookup_elem(&overflow, &key))
		return;
	if (bpf_map_update_elem(&overflow, &key, &one, BPF_ANY))
		__sync_fetch_and_add(&state->overflow_lost, 1);
	emit(EVENT_SEEN, slot, state, task, abi, phase, nr);
}

static __always_inline void mark(struct task_struct *task, u32 slot, u32 phase, u64 nr)
{
	u32 abi = call_abi(task, &nr);
	struct slot_state *state;
	struct seen *set;
	u64 index;

	if (nr >= NR_MAX) {
		state = bpf_map_lookup_elem(&states, &slot);
		if (state)
			mark_overflow(slot, state, task, abi, phase, nr);
		return;
	}
	set = bpf_map_lookup_elem(&seen, &slot);
	if (!set)
		return;
	index = (phase * ABIS + abi) * NR_MAX + nr;
	if (index >= sizeof(set->byte) || set->byte[index])
		return;
	set->byte[index] = 1;
	state = bpf_map_lookup_elem(&states, &slot);
	if (state)
		emit(EVENT_SEEN, slot, state, task, abi, phase, nr);
}

/*
 * The slot that this CPU last found for this task in the workload phase, or NO_SLOT. Read like a sequence lock: what
 * was read counts only if `seq` was even and is the same afterwards.
 */
static __always_inline u32 cached_slot(struct task_struct *task, u32 cpu)
{
	volatile struct cached_answer *answer;
	u32 seq, slot;

	if (cpu >= MAX_CPUS)
		return NO_SLOT;
	answer = &control.cache[cpu];
	seq = answer->seq;
	slot = answer->slot;
	if (answer->task != (u64)task || answer->start != task->start_boottime ||
	    answer->generation != *(volatile u32 *)&control.generation || seq & 1 || answer->seq != seq)
		return NO_SLOT;
	return slot;
}

/* Only positive answers are kept: a look-up that found nothing may have been contended. */
static __always_inline void cache_slot(struct task_struct *task, u32 cpu, u32 slot, u32 generation)
{
	volatile struct cached_answer *answer;
	u32 seq;

	if (cpu >= MAX_CPUS)
		return;
	answer = &control.cache[cpu];
	seq = answer->seq;
	if (seq & 1 || __sync_val_compare_and_swap(&control.cache[cpu].seq, seq, seq + 1) != seq)
		return;
	answer->task = (u64)task;
	answer->start = task->start_boottime;
	answer->generation = generation;
	answer->slot = slot;
	answer->seq = seq + 2;
}

static __always_inline void on_enter(u64 nr)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 cpu, slot, generation;
	struct tag *tag;

	if (!task->bpf_storage)
		return;
	cpu = bpf_get_smp_processor_id();
	slot = cached_slot(task, cpu);
	if (slot != NO_SLOT) {
		mark(task, slot, PHASE_WORKLOAD, nr);
		return;
	}
	/* Fetched with a full barrier: the tag must be read after it (see cached_answer). */
	generation = __sync_fetch_and_add(&control.generation, 0);
	tag = find_tag(task);
	if (!tag || !current_state(tag->slot, tag->generation))
		return;
	slot = tag->slot;
	if (tag->phase == PHASE_WORKLOAD) {
		cache_slot(task, cpu, slot, generation);
		mark(task, slot, PHASE_WORKLOAD, nr);
	} else if (task->seccomp.filter_count.counter > (s32)tag->filters && tag->filters != NO_TAIL) {
		mark(task, slot, PHASE_RUNTIME, nr);
	}
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscribe_enter, struct pt_regs *regs, long nr)
{
	if (stack_is_tagged(regs))
		on_enter(nr);
	return 0;
}

/*
 * The same once more, for kernels that run tracepoint programs preemptible (7.x). There a task that is preempted inside
 * a program keeps it from running for every other task of that CPU (prog->active in __bpf_trace_run()). It is inside
 * one of the two only, so the other sees the call: nothing is missed while either has never been skipped.
 */
SEC("tp_btf/sys_enter")
int BPF_PROG(syscribe_again, struct pt_regs *regs, long nr)
{
	if (stack_is_tagged(regs))
		on_enter(nr);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
