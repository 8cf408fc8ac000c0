// SPDX-License-Identifier: Apache-2.0
/* The ring buffer, drained by the event loop: one call into JavaScript for a batch. */
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 1024

/*
 * Returning an error ends ring_buffer__consume() after this record, which counts as consumed; what is left makes the
 * descriptor readable again.
 */
static int on_event(void *context, void *data, size_t size)
{
	struct recorder *recorder = context;

	if (size >= sizeof(struct event))
		memcpy(&recorder->batch[recorder->batched++], data, sizeof(struct event));
	return recorder->batched == BATCH ? -EAGAIN : 0;
}

static void deliver(struct recorder *recorder)
{
	napi_value buffer;

	recorder->batched = 0;
	ring_buffer__consume(recorder->ring);
	if (!recorder->batched)
		return;
	buffer = make_copy(recorder->env, recorder->batch, recorder->batched * sizeof(struct event));
	call_back(recorder->env, recorder->on_events, 1, &buffer);
}

static void on_readable(void *owner)
{
	deliver(owner);
}

void stop_ring(struct recorder *recorder)
{
	poll_stop(recorder->poll);
	recorder->poll = NULL;
	if (recorder->on_events)
		napi_delete_reference(recorder->env, recorder->on_events);
	recorder->on_events = NULL;
	ring_buffer__free(recorder->ring);
	recorder->ring = NULL;
	free(recorder->batch);
	recorder->batch = NULL;
}

/* listen(recorder, callback): callback(Buffer of struct event) until close() or unlisten(). */
static napi_value listen_function(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	napi_value args[2];

	if (!get_args(env, info, 2, args) || !(recorder = to_recorder(env, args[0])))
		return NULL;
	if (recorder->ring)
		return throw_errno(env, "listen", EBUSY);
	if (!to_callback(env, args[1], &recorder->on_events))
		return NULL;
	recorder->batch = calloc(BATCH, sizeof(*recorder->batch));
	recorder->ring = ring_buffer__new(bpf_map__fd(bpf_object__find_map_by_name(recorder->object, "events")),
					  on_event, recorder, NULL);
	if (!recorder->batch || !recorder->ring) {
		stop_ring(recorder);
		return throw_errno(env, "listen", ENOMEM);
	}
	recorder->poll = poll_start(env, ring_buffer__epoll_fd(recorder->ring), on_readable, recorder);
	if (!recorder->poll) {
		stop_ring(recorder);
		return throw_errno(env, "listen", EIO);
	}
	return undefined(env);
}

/* drain(recorder): delivers what is waiting now, in batches, without going through the event loop. */
static napi_value drain(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	napi_value argument;

	if (!get_args(env, info, 1, &argument) || !(recorder = to_recorder(env, argument)))
		return NULL;
	do {
		if (!recorder->ring)
			break;
		deliver(recorder);
	} while (recorder->ring && recorder->batched == BATCH);
	return undefined(env);
}

void ring_functions(napi_env env, napi_value exports)
{
	export_function(env, exports, "listen", listen_function);
	export_function(env, exports, "drain", drain);
}
