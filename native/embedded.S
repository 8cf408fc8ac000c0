/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF objects, as built. */
	.section .rodata
	.globl syscribe_bpf_object
	.globl syscribe_bpf_object_end
	.hidden syscribe_bpf_object
	.hidden syscribe_bpf_object_end
	.balign 16
syscribe_bpf_object:
	.incbin BPF_OBJECT
syscribe_bpf_object_end:
	.globl syscribe_processes_object
	.globl syscribe_processes_object_end
	.hidden syscribe_processes_object
	.hidden syscribe_processes_object_end
	.balign 16
syscribe_processes_object:
	.incbin PROCESSES_OBJECT
syscribe_processes_object_end:
	.section .note.GNU-stack, "", %progbits
