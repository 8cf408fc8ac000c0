/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SYSCRIBE_CGROUP_BPF_H
#define SYSCRIBE_CGROUP_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern const volatile int subsystem; /* index into css_set.subsys of the chosen hierarchy; -1: v2 */

/* The id of the cgroup that a task is in, in the chosen hierarchy. */
static __always_inline u64 task_cgroup(struct task_struct *task)
{
	if (subsystem < 0)
		return task->cgroups->dfl_cgrp->kn->id;
	if (subsystem >= 16)
		return 0;
	return task->cgroups->subsys[subsystem]->cgroup->kn->id;
}

#endif
