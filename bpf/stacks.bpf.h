/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How sys_enter tells that a task has no tag without asking who it is: a call of a helper is most of what a program
 * there can cost. The registers of a call lie at the end of the caller's kernel stack, at task_pt_regs() of a task that
 * never changes, so their address tells tasks apart. Tagged tasks are counted by it, in few enough counters to be found
 * by an index: nought is a task without a tag, more may be one with a neighbour.
 */
#ifndef SYSCRIBE_STACKS_BPF_H
#define SYSCRIBE_STACKS_BPF_H

#include "maps.bpf.h"

#define STACK_SHIFT 14 /* no kernel stack is smaller where this runs: two tasks' registers never lie closer */

/* A difference, since the verifier lets numbers be made of pointers in no other way. */
static __always_inline u32 *stack_counter(struct pt_regs *regs)
{
	u64 distance = (u64)regs - (u64)control.stacks;

	return &control.stacks[(distance >> STACK_SHIFT) & (STACKS - 1)];
}

static __always_inline bool stack_is_tagged(struct pt_regs *regs)
{
	return *(volatile u32 *)stack_counter(regs) != 0;
}

static __always_inline u32 *counter_of(struct task_struct *task)
{
	return stack_counter((struct pt_regs *)bpf_task_pt_regs(task));
}

/* For a tag that is about to be made: calls count from when there is one. */
static __always_inline void enter_stacks(struct tag *tag, struct task_struct *task)
{
	if (!__sync_lock_test_and_set(&tag->in_stacks, 1))
		__sync_fetch_and_add(counter_of(task), 1);
}

static __always_inline void leave_stacks(struct tag *tag, struct task_struct *task)
{
	if (__sync_lock_test_and_set(&tag->in_stacks, 0))
		__sync_fetch_and_add(counter_of(task), -1);
}

#endif
