/* SPDX-License-Identifier: Apache-2.0 */
/* The linked BPF object, as built. */
	.section .rodata
	.globl syscribe_bpf_object
	.globl syscribe_bpf_object_end
	.hidden syscribe_bpf_object
	.hidden syscribe_bpf_object_end
	.balign 16
syscribe_bpf_object:
	.incbin BPF_OBJECT
syscribe_bpf_object_end:
	.section .note.GNU-stack, "", %progbits
