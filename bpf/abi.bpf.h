/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which table a call's number belongs to. */
#ifndef SYSCRIBE_ABI_BPF_H
#define SYSCRIBE_ABI_BPF_H

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 0x2U	     /* arch/x86/include/asm/thread_info.h: set for the time of a 32-bit call */
#define X32_BIT 0x40000000UL /* __X32_SYSCALL_BIT */

/* Takes the x32 bit off `nr`. */
static __always_inline u32 call_abi(struct task_struct *task, u64 *nr)
{
	if (task->thread_info.status & TS_COMPAT)
		return ABI_COMPAT;
	if (!(*nr & X32_BIT) || *nr >> 31)
		return ABI_NATIVE;
	*nr &= ~X32_BIT;
	return ABI_X32;
}

/* -1 outside a call: exceptions and interrupts store it (arch/x86/entry/entry_64.S, error_entry). */
static __always_inline s64 blocked_in(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	return (s64)regs->orig_ax;
}
#elif defined(__TARGET_ARCH_arm64)
#define TIF_32BIT 22 /* arch/arm64/include/asm/thread_info.h */

static __always_inline u32 call_abi(struct task_struct *task, u64 *nr)
{
	return task->thread_info.flags & (1UL << TIF_32BIT) ? ABI_COMPAT : ABI_NATIVE;
}

static __always_inline s64 blocked_in(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	return regs->syscallno; /* NO_SYSCALL is -1 */
}
#endif

#endif
