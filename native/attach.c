// SPDX-License-Identifier: Apache-2.0
/* Which programs of the object run: attaching, detaching, and how often they were skipped. */
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is pinned stays attached. */
void detach_all(struct recorder *recorder)
{
	for (size_t i = 0; i < recorder->attached_count; i++)
		bpf_link__destroy(recorder->attached[i].link);
	recorder->attached_count = 0;
}

static bool recorder_and_program(napi_env env, napi_callback_info info, const char *operation,
				 struct recorder **recorder, struct bpf_program **program)
{
	napi_value args[2];
	char *name;

	if (!get_args(env, info, 2, args) || !(*recorder = to_recorder(env, args[0])) ||
	    !(name = to_string(env, args[1])))
		return false;
	*program = bpf_object__find_program_by_name((*recorder)->object, name);
	free(name);
	if (!*program)
		throw_errno(env, operation, ENOENT);
	return *program;
}

/* attach(recorder, program): where it is pinned, it runs already. */
static napi_value attach(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	struct bpf_program *program;
	struct attached *attached;
	struct bpf_link *link;
	const char *name;
	int error;

	if (!recorder_and_program(env, info, "attach", &recorder, &program))
		return NULL;
	name = bpf_program__name(program);
	if (recorder->attached_count == MAX_LINKS || strlen(name) >= sizeof(attached->program))
		return throw_errno(env, "attach", ENOSPC);
	begin_log();
	link = open_pinned_link(recorder, name);
	if (!link) {
		link = bpf_program__attach(program);
		if (!link)
			return throw_libbpf(env, "attach", errno);
		error = pin_program(recorder, program, link);
		if (error) {
			bpf_link__destroy(link);
			return throw_libbpf(env, "pin", error);
		}
	}
	attached = &recorder->attached[recorder->attached_count++];
	attached->link = link;
	strcpy(attached->program, name);
	return undefined(env);
}

/* detach(recorder, program): pinned or not, it runs no more; nothing happens where it did not. */
static napi_value detach(napi_env env, napi_callback_info info)
{
	struct bpf_program *program;
	struct recorder *recorder;
	size_t kept = 0;

	if (!recorder_and_program(env, info, "detach", &recorder, &program))
		return NULL;
	unpin_program(recorder, bpf_program__name(program));
	for (size_t i = 0; i < recorder->attached_count; i++) {
		if (strcmp(recorder->attached[i].program, bpf_program__name(program)))
			recorder->attached[kept++] = recorder->attached[i];
		else
			bpf_link__destroy(recorder->attached[i].link);
	}
	recorder->attached_count = kept;
	return undefined(env);
}

/* misses(recorder, program): how often it was skipped because it was already running on that CPU. */
static napi_value misses(napi_env env, napi_callback_info info)
{
	struct bpf_prog_info program_info = {0};
	uint32_t size = sizeof(program_info);
	struct bpf_program *program;
	struct recorder *recorder;
	int pinned, error;
	napi_value value;

	if (!recorder_and_program(env, info, "misses", &recorder, &program))
		return NULL;
	pinned = open_pinned_program(recorder, bpf_program__name(program));
	error = bpf_obj_get_info_by_fd(pinned < 0 ? bpf_program__fd(program) : pinned, &program_info, &size) ? errno
													     : 0;
	if (pinned >= 0)
		close(pinned);
	if (error)
		return throw_errno(env, "misses", error);
	napi_create_double(env, (double)program_info.recursion_misses, &value);
	return value;
}

void attach_functions(napi_env env, napi_value exports)
{
	export_function(env, exports, "attach", attach);
	export_function(env, exports, "detach", detach);
	export_function(env, exports, "misses", misses);
}
