// SPDX-License-Identifier: Apache-2.0
/*
 * Signals with their origin, which Node does not tell: one that the terminal sent (SI_KERNEL) has gone to the whole
 * foreground group already and must not be passed on a second time.
 */
#include "syscribe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct received {
	int number;
	int from_kernel;
};

struct watch {
	napi_env env;
	napi_ref callback;
	struct poll *poll;
	int read_fd;
	uint32_t count;
	int numbers[NSIG];
	struct sigaction before[NSIG];
};

static volatile int write_fd = -1; /* signal handlers are per process: one watch at a time */

static void handler(int number, siginfo_t *info, void *context)
{
	struct received received = {.number = number, .from_kernel = info->si_code == SI_KERNEL};
	int saved = errno;

	(void)context;
	if (write(write_fd, &received, sizeof(received)) < 0) {
		/* Pipe full of signals not yet handled: one more of them changes nothing. */
	}
	errno = saved;
}

static void on_readable(void *owner)
{
	struct watch *watch = owner;
	struct received received;
	napi_value argv[2];

	while (watch->read_fd >= 0 && read(watch->read_fd, &received, sizeof(received)) == sizeof(received)) {
		argv[0] = make_u32(watch->env, (uint32_t)received.number);
		napi_get_boolean(watch->env, received.from_kernel, &argv[1]);
		call_back(watch->env, watch->callback, 2, argv);
	}
}

static void stop(struct watch *watch)
{
	if (watch->read_fd < 0)
		return;
	/* Backwards: of a signal that is listed twice the second `before` is this watch's own handler. */
	for (uint32_t i = watch->count; i > 0; i--)
		sigaction(watch->numbers[i - 1], &watch->before[i - 1], NULL);
	poll_stop(watch->poll);
	close(watch->read_fd);
	close(write_fd);
	watch->read_fd = -1;
	write_fd = -1;
	napi_delete_reference(watch->env, watch->callback);
}

static const napi_type_tag SIGNALS = {0x1c7e48b3d95f4a20, 0xb8d20f6c6e913a54};

static void finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	stop(data);
	free(data);
}

static int start(struct watch *watch)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
	int pipe_fds[2];

	sigemptyset(&action.sa_mask);
	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK))
		return errno;
	watch->read_fd = pipe_fds[0];
	write_fd = pipe_fds[1];
	watch->poll = poll_start(watch->env, watch->read_fd, on_readable, watch);
	if (!watch->poll)
		return EIO;
	for (uint32_t i = 0; i < watch->count; i++) {
		if (!sigaction(watch->numbers[i], &action, &watch->before[i]))
			continue;
		watch->count = i; /* stop() restores no others */
		return errno;
	}
	return 0;
}

static bool read_numbers(napi_env env, napi_value array, struct watch *watch)
{
	napi_value element;
	uint32_t number;

	if (napi_get_array_length(env, array, &watch->count) != napi_ok || watch->count > NSIG) {
		throw_type(env, "numbers");
		return false;
	}
	for (uint32_t i = 0; i < watch->count; i++) {
		if (!get_element(env, array, i, &element) || !to_u32(env, element, &number))
			return false;
		watch->numbers[i] = (int)number;
	}
	return true;
}

/* watchSignals(numbers, callback(number, fromKernel)) -> handle for unwatchSignals() */
static napi_value watch_signals(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	struct watch *watch;
	int error;

	if (!get_args(env, info, 2, args))
		return NULL;
	if (write_fd >= 0)
		return throw_errno(env, "watchSignals", EBUSY);
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return throw_errno(env, "watchSignals", ENOMEM);
	watch->env = env;
	watch->read_fd = -1;
	if (!read_numbers(env, args[0], watch) || !to_callback(env, args[1], &watch->callback)) {
		free(watch);
		return NULL;
	}
	error = start(watch);
	if (error) {
		stop(watch);
		free(watch);
		return throw_errno(env, "watchSignals", error);
	}
	return make_handle(env, &SIGNALS, watch, finalize);
}

static napi_value unwatch_signals(napi_env env, napi_callback_info info)
{
	struct watch *watch;
	napi_value argument;

	if (!get_args(env, info, 1, &argument) || !(watch = to_handle(env, argument, &SIGNALS)))
		return NULL;
	stop(watch);
	return undefined(env);
}

napi_value init_signals(napi_env env, napi_value exports)
{
	export_function(env, exports, "watchSignals", watch_signals);
	export_function(env, exports, "unwatchSignals", unwatch_signals);
	return exports;
}
