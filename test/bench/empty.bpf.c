// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The least that any tracer of system calls costs. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tp_btf/sys_enter")
int bench_empty(void *context)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
