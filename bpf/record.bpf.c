// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What recorded tasks call: one byte a call, and one event at the first sighting. */
#include "stacks.bpf.h"
#include "abi.bpf.h"

struct overflow_search {
	u64 *places;
	u64 wanted;
	u64 found; /* the place's number before; 0: it is new; OVERFLOW_USED: there was no place */
};

static long try_place(u32 index, struct overflow_search *search)
{
	u64 *place;

	if (index >= OVERFLOW_MAX)
		return 1;
	place = &search->places[index];
	search->found = *(volatile u64 *)place;
	if (!search->found)
		search->found = __sync_val_compare_and_swap(place, 0, search->wanted);
	if (!search->found || search->found == search->wanted)
		return 1;
	search->found = OVERFLOW_USED;
	return 0;
}

/*
 * Numbers off the table: negative ones, arm's private ones (0xf0000 and up), whatever a future kernel adds. One that
 * finds no room is counted and sends no event: a workload could fill the ring, which all share, with new ones.
 *
 * A global function, which the verifier looks at by itself: once, not once for each way to get here.
 */
__noinline int mark_overflow(u32 slot, u32 abi, u32 phase, u64 nr)
{
	u64 wanted = OVERFLOW_USED | (u64)phase << OVERFLOW_PHASE | (u64)abi << OVERFLOW_ABI | (u32)nr;
	struct slot_state *state = bpf_map_lookup_elem(&states, &slot);
	struct overflow_search search = {.wanted = wanted};

	if (!state)
		return 0;
	search.places = state->overflow;
	bpf_loop(OVERFLOW_MAX, try_place, &search, 0);
	if (!search.found)
		emit(EVENT_SEEN, slot, state, bpf_get_current_task_btf(), abi, phase, nr);
	else if (search.found != wanted)
		__sync_fetch_and_add(&state->overflow_lost, 1);
	return 0;
}

static __always_inline void mark(struct task_struct *task, u32 slot, u32 phase, u64 nr)
{
	u32 abi = call_abi(task, &nr);
	struct slot_state *state;
	struct seen *set;
	u64 index;

	if (nr >= NR_MAX) {
		mark_overflow(slot, abi, phase, nr);
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
