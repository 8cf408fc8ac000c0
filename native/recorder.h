/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSCRIBE_RECORDER_H
#define SYSCRIBE_RECORDER_H

#include "syscribe.h"
#include "../bpf/record.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define MAX_LINKS 16

/* A program of the object that is attached: by this process alone, or by a pin that outlives it. */
struct attached {
	struct bpf_link *link;
	char program[32];
};

struct mapping {
	void *data;
	size_t size;
};

/* One loaded BPF object. Everything in it is freed by close_recorder(), which may be called twice. */
struct recorder {
	napi_env env;
	struct bpf_object *object;
	struct attached attached[MAX_LINKS];
	size_t attached_count;
	char *pin; /* directory of a bpffs; empty: nothing is pinned */
	uint32_t slots, slot_members, max_parents;
	struct mapping control, states, seen, slot_cgroups;
	struct ring_buffer *ring;
	struct poll *poll;
	napi_ref on_events;
	struct event *batch;
	size_t batched;
};

/* settings.c */
struct load_options {
	uint32_t slots, slot_members, parents, ring_bytes, host_mount_namespace, fail_tags;
	int32_t hierarchy;
	bool report_processes, name_cgroups;
	char *controller;
	char *pin;
};

int configure(struct bpf_object *object, const struct load_options *options);
bool set_constant(struct bpf_object *object, const char *name, const void *value, size_t size);
int controller_index(struct btf *kernel, const char *controller);

/* load.c */
void begin_log(void);
napi_value throw_libbpf(napi_env env, const char *operation, int error);
struct recorder *to_recorder(napi_env env, napi_value value); /* NULL with an exception pending when closed */
void load_functions(napi_env env, napi_value exports);
void close_recorder(struct recorder *recorder);
struct slot_state *slot_state(napi_env env, struct recorder *recorder, uint32_t slot);
int map_fd(struct recorder *recorder, const char *name);
static inline struct control *control_of(struct recorder *recorder)
{
	return recorder->control.data;
}

/* pin.c: each returns 0 or an errno; nothing happens for a recorder without a directory */
int pin_maps(struct recorder *recorder);
struct bpf_link *open_pinned_link(struct recorder *recorder, const char *program);
int pin_program(struct recorder *recorder, struct bpf_program *program, struct bpf_link *link);
void unpin_program(struct recorder *recorder, const char *program);
int open_pinned_program(struct recorder *recorder, const char *program); /* a descriptor, or -1 */

/* attach.c */
void detach_all(struct recorder *recorder);
void attach_functions(napi_env env, napi_value exports);

/* slots.c, members.c, ring.c */
void slot_functions(napi_env env, napi_value exports);
void member_functions(napi_env env, napi_value exports);
void ring_functions(napi_env env, napi_value exports);
void stop_ring(struct recorder *recorder);
int finish_claims(struct recorder *recorder);		      /* 0 or an errno */
int forget_members(struct recorder *recorder, uint32_t slot); /* 0 or an errno */

#endif
