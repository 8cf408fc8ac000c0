// SPDX-License-Identifier: Apache-2.0
/* A descriptor watched by the event loop of the environment that asked (never the default loop: workers have their
 * own). */
#include "syscribe.h"

#include <stdlib.h>
#include <uv.h>

struct poll {
	uv_poll_t handle;
	poll_ready ready;
	void *owner;
	napi_env env;
};

static void on_ready(uv_poll_t *handle, int status, int events)
{
	struct poll *poll = handle->data;
	napi_handle_scope scope;

	(void)events;
	if (napi_open_handle_scope(poll->env, &scope) != napi_ok)
		return;
	poll->ready(poll->owner);
	/* libuv stops watching what reports an error; an audit socket whose buffer overflowed must go on. */
	if (status < 0 && !uv_is_closing((uv_handle_t *)handle))
		uv_poll_start(handle, UV_READABLE | UV_DISCONNECT, on_ready);
	napi_close_handle_scope(poll->env, scope);
}

struct poll *poll_start(napi_env env, int fd, poll_ready ready, void *owner)
{
	struct poll *poll = calloc(1, sizeof(*poll));
	uv_loop_t *loop;

	if (!poll)
		return NULL;
	poll->ready = ready;
	poll->owner = owner;
	poll->env = env;
	poll->handle.data = poll;
	if (napi_get_uv_event_loop(env, &loop) != napi_ok || uv_poll_init(loop, &poll->handle, fd)) {
		free(poll);
		return NULL;
	}
	uv_poll_start(&poll->handle, UV_READABLE | UV_DISCONNECT, on_ready);
	return poll;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void poll_stop(struct poll *poll)
{
	if (!poll)
		return;
	uv_poll_stop(&poll->handle);
	uv_close((uv_handle_t *)&poll->handle, on_closed);
}

/* What the callback throws becomes an uncaught exception: nobody else can catch it. */
void call_back(napi_env env, napi_ref callback, size_t argc, const napi_value *argv)
{
	napi_value function, receiver, exception;

	if (napi_get_reference_value(env, callback, &function) != napi_ok || !function)
		return;
	napi_get_global(env, &receiver);
	if (napi_make_callback(env, NULL, receiver, function, argc, argv, NULL) != napi_pending_exception)
		return;
	napi_get_and_clear_last_exception(env, &exception);
	napi_fatal_exception(env, exception);
}
