/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSCRIBE_RECORDER_H
#define SYSCRIBE_RECORDER_H

#include "syscribe.h"
#include "../bpf/record.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define MAX_LINKS 16

struct mapping {
	void *data;
	size_t size;
};

/* One loaded BPF object. Everything in it is freed by close_recorder(), which may be called twice. */
struct recorder {
	napi_env env;
	struct bpf_object *object;
	struct bpf_link *links[MAX_LINKS];
	size_t link_count;
	uint32_t slots;
	struct mapping control, states, seen;
	struct ring_buffer *ring;
	struct poll *poll;
	napi_ref on_events;
	struct event *batch;
	size_t batched;
};

/* settings.c */
struct load_options {
	uint32_t slots, members, ring_bytes, host_mount_namespace, fail_tags;
	int32_t hierarchy;
	bool report_processes;
	char *controller;
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
static inline struct control *control_of(struct recorder *recorder)
{
	return recorder->control.data;
}

/* slots.c, ring.c */
void slot_functions(napi_env env, napi_value exports);
void ring_functions(napi_env env, napi_value exports);
void stop_ring(struct recorder *recorder);

#endif
