/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF programs and user space share. src/capture/ebpf/layout.ts decodes the same structs; the sizes asserted
 * here are asserted there too.
 */
#ifndef SYSCRIBE_RECORD_H
#define SYSCRIBE_RECORD_H

#ifndef __bpf__
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
#endif

#define NR_MAX 1024 /* native tables end below 512; x32's own block is 512 to 547 */
#define NO_SLOT 0xffffffffU
#define NO_TAIL 0xffffffffU /* tag.filters: never counts as the runtime's tail */
#define MAX_CPUS 1024
#define CGROUP_NAME_MAX 128 /* a container's name is 64 digits, with the longest prefix of an engine and .scope 85 */
#define STACKS 16384	    /* a power of two */
#define OVERFLOW_MAX 16 /* a libc or a runtime makes a few at most; one that has no name makes a recording partial */

enum phase { PHASE_WORKLOAD, PHASE_RUNTIME, PHASES };
enum abi { ABI_NATIVE, ABI_COMPAT, ABI_X32, ABIS };

/* One byte a call: written once, then only read, so that its cache line stays shared between CPUs. */
struct seen {
	u8 byte[PHASES * ABIS * NR_MAX];
};

/*
 * Whose a slot is. It is taken by a compare-and-exchange on this word alone, so no process can end between the halves
 * of taking one.
 */
enum claim {
	CLAIM_FREE,
	CLAIM_TAKEN,
	CLAIM_IN_HAND, /* user space is taking it or giving it back: if it ends in the middle, the next one frees it */
};

/* Per slot; everything that can go wrong for one recording is counted here. */
struct slot_state {
	u32 generation;		    /* a tag of an older generation is not this recording's */
	u32 claim;		    /* these two outlive the recording, what follows is erased with it */
	u32 live;		    /* tagged tasks that have not exited */
	u32 members;		    /* cgroups that are members for it, at most as many as the setting slot_members */
	u64 processes;		    /* processes ever tagged */
	u64 execs;		    /* execs that made a task part of the workload */
	u64 lost_events;	    /* ring buffer full: evidence is missing, the set is not */
	u64 untagged;		    /* tasks that could not be given a tag */
	u64 moved_threads;	    /* threads moved in behind their leader, tagged later by the iterator */
	u64 overflow_lost;	    /* calls with numbers that `overflow` had no room for */
	u64 seeded;		    /* tasks found running by the iterator, or begun while calls were not seen */
	u64 host_execs;		    /* execs in the host's mount namespace, taken for the runtime's */
	u64 members_full;	    /* cgroups that found no room among its members */
	u64 overflow[OVERFLOW_MAX]; /* numbers off the table, from the front; 0: no more of them */
};

/* The cgroup that a slot was handed out for: named here, since it may be gone when user space looks. */
struct slot_cgroup {
	u64 cgroup; /* kernfs id; 0: none */
	u64 born;   /* ns, boot clock */
	u64 dead;   /* its directory was removed; 0: not yet */
	u32 generation;
	u32 pad;
	char name[CGROUP_NAME_MAX];
	char parent[CGROUP_NAME_MAX];
};

enum counter {
	COUNTER_NO_SLOT,      /* a new cgroup found no free slot */
	COUNTER_MEMBERS_FULL, /* a new cgroup found no room among the members */
	COUNTER_BUSY,	      /* a tag could not be looked up while its CPU's storage was busy */
	COUNTER_UNREMOVED,    /* a cgroup that was removed could not be taken out of the members */
	COUNTERS
};

enum event_kind {
	EVENT_SEEN,    /* first sighting of a call */
	EVENT_IDLE,    /* the last task of a slot has exited */
	EVENT_RESCAN,  /* threads were moved: run the iterator */
	EVENT_PROCESS, /* a process was born into a slot (only when asked for) */
	EVENT_CGROUP,  /* a cgroup was born below a root and has this slot */
	EVENT_GONE,    /* it was removed */
	EVENT_POD,     /* a cgroup was born whose children will have slots */
};

struct event {
	u32 kind;
	u32 slot;
	u32 generation;
	u16 abi;
	u16 phase;
	u64 value; /* SEEN: the number; CGROUP, GONE, POD: the cgroup's id */
	u64 time;  /* ns, boot clock */
	u32 tgid;
	u32 tid;
	char comm[16];
};

struct tag {
	u32 slot;
	u32 generation;
	u32 phase;
	u32 filters; /* seccomp filters at attach: more than these means that the runtime has loaded the container's */
	u32 counted; /* 1 while the task counts in slot_state.live */
	u32 any_mount_namespace; /* an exec in the host's mount namespace is the workload too */
	u32 in_stacks;		 /* 1 while the task counts in control.stacks */
};

/* What is known of a member cgroup. `levels` 0: its tasks belong to `slot`; n: slots are handed out n levels below. */
struct member {
	u32 slot;
	u32 generation;
	u32 levels;
	u32 any_mount_namespace;
};

/* An entry of slot_state.overflow, in one word so that it is written whole. The kernel's numbers are ints. */
#define OVERFLOW_USED (1ULL << 63)
#define OVERFLOW_PHASE 40
#define OVERFLOW_ABI 32

/*
 * The answer for the last recorded task of a CPU. Only that CPU writes its entry, but a program may be preempted in
 * the middle (tracepoint programs are preemptible from 7.x on), so `seq` is odd while one writes.
 */
struct cached_answer {
	u64 task;
	u64 start;
	u32 generation;
	u32 seq;
	u32 slot;
	u32 pad[9];
};

/* The whole .bss: user space maps it. */
struct control {
	u32 generation; /* bumped after every change of an existing tag */
	u32 members;	/* member cgroups ever added: 0 spares every fork on the host a look-up */
	u32 root_tgid;	/* a process to be found by the iterator, with its children */
	u32 root_slot;
	u32 root_generation;
	u32 parents; /* members that have no slot: cgroups above those that have */
	u32 armed;   /* the programs that see calls are attached */
	u32 pad[9];
	u64 counter[8];
	struct cached_answer cache[MAX_CPUS];
	u32 stacks[STACKS]; /* tagged tasks by kernel stack, see stacks.bpf.h */
};

_Static_assert(sizeof(struct seen) == 6144, "layout.ts: SEEN_SIZE");
_Static_assert(sizeof(struct slot_state) == 216, "layout.ts: STATE_SIZE");
_Static_assert(sizeof(struct slot_cgroup) == 288, "layout.ts: SLOT_CGROUP_SIZE");
_Static_assert(sizeof(struct event) == 56, "layout.ts: EVENT_SIZE");
_Static_assert(sizeof(struct tag) == 28, "tag");
_Static_assert(sizeof(struct member) == 16, "member");
_Static_assert(sizeof(struct cached_answer) == 64, "one cache line");
_Static_assert(COUNTERS <= 8, "control.counter");

#endif
