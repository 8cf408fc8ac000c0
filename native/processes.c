// SPDX-License-Identifier: Apache-2.0
/* Which process is in which cgroup: bpf/processes.bpf.c loaded, attached and drained by the event loop. */
#include "recorder.h"
#include "../bpf/processes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_MAX (128 << 10)

static const char *const PROGRAMS[] = {"syscribe_born", "syscribe_moved", "syscribe_made"};
#define PROGRAM_COUNT (sizeof(PROGRAMS) / sizeof(*PROGRAMS))

extern const char syscribe_processes_object[];
extern const char syscribe_processes_object_end[];

struct processes {
	napi_env env;
	struct bpf_object *object;
	struct bpf_link *links[PROGRAM_COUNT];
	struct ring_buffer *ring;
	struct poll *poll;
	napi_ref callback;
	size_t batched;
	char *batch;
};

static void stop(struct processes *processes)
{
	poll_stop(processes->poll);
	processes->poll = NULL;
	ring_buffer__free(processes->ring);
	processes->ring = NULL;
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		bpf_link__destroy(processes->links[i]);
		processes->links[i] = NULL;
	}
	bpf_object__close(processes->object);
	processes->object = NULL;
	if (processes->callback)
		napi_delete_reference(processes->env, processes->callback);
	processes->callback = NULL;
	free(processes->batch);
	processes->batch = NULL;
}

/* A record is a struct process_event, with a name behind it where it tells of a cgroup. */
static int on_event(void *context, void *data, size_t size)
{
	struct processes *processes = context;
	const struct process_event *event = data;

	if (size < sizeof(*event))
		return 0;
	size = event->kind == PROCESS_CGROUP ? sizeof(struct cgroup_event) : sizeof(*event);
	memcpy(processes->batch + processes->batched, data, size);
	processes->batched += size;
	/* An error ends the consumption behind this record; what is left makes the descriptor readable again. */
	return processes->batched + sizeof(struct cgroup_event) > BATCH_MAX ? -EAGAIN : 0;
}

/* One batch; false when there was nothing. The callback may close. */
static bool deliver(struct processes *processes)
{
	napi_value buffer;

	if (!processes->ring)
		return false;
	processes->batched = 0;
	ring_buffer__consume(processes->ring);
	if (!processes->batched)
		return false;
	buffer = make_copy(processes->env, processes->batch, processes->batched);
	call_back(processes->env, processes->callback, 1, &buffer);
	return true;
}

static void on_readable(void *owner)
{
	deliver(owner);
}

static const napi_type_tag PROCESSES = {0x2c9be0417fa35d86, 0xb07d5a9c63e1f428};

static void finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	stop(data);
	free(data);
}

static int set_hierarchy(struct bpf_object *object, int32_t hierarchy, const char *controller)
{
	struct btf *kernel;
	int subsystem = -1;

	if (controller[0]) {
		kernel = btf__load_vmlinux_btf();
		subsystem = kernel ? controller_index(kernel, controller) : -1;
		btf__free(kernel);
		if (subsystem < 0)
			return ENODEV;
	}
	return set_constant(object, "hierarchy", &hierarchy, sizeof(hierarchy)) &&
			       set_constant(object, "subsystem", &subsystem, sizeof(subsystem))
		       ? 0
		       : ENOKEY;
}

static int start(struct processes *processes, int32_t hierarchy, const char *controller, uint32_t ring_bytes,
		 const char **step)
{
	struct bpf_object *object;
	int error;

	*step = "open";
	object = bpf_object__open_mem(syscribe_processes_object,
				      (size_t)(syscribe_processes_object_end - syscribe_processes_object), NULL);
	if (!object)
		return errno;
	processes->object = object;
	*step = "configure";
	error = set_hierarchy(object, hierarchy, controller);
	if (error)
		return error;
	*step = "load";
	error = bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "events"), ring_bytes);
	if (!error)
		error = bpf_object__load(object);
	if (error)
		return -error;
	*step = "attach";
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		processes->links[i] = bpf_program__attach(bpf_object__find_program_by_name(object, PROGRAMS[i]));
		if (!processes->links[i])
			return errno;
	}
	*step = "listen";
	processes->ring = ring_buffer__new(bpf_map__fd(bpf_object__find_map_by_name(object, "events")), on_event,
					   processes, NULL);
	processes->batch = malloc(BATCH_MAX);
	if (!processes->ring || !processes->batch)
		return ENOMEM;
	processes->poll = poll_start(processes->env, ring_buffer__epoll_fd(processes->ring), on_readable, processes);
	return processes->poll ? 0 : EIO;
}

/* openProcesses({hierarchy, controller, ringBytes}, callback(Buffer of events)) -> handle */
static napi_value open_processes(napi_env env, napi_callback_info info)
{
	struct processes *processes;
	napi_value args[2], name;
	const char *step = "open";
	uint32_t ring_bytes;
	int32_t hierarchy;
	char *controller;
	int error;

	if (!get_args(env, info, 2, args) || !get_i32(env, args[0], "hierarchy", &hierarchy) ||
	    !get_u32(env, args[0], "ringBytes", &ring_bytes) || !get_property(env, args[0], "controller", &name) ||
	    !(controller = to_string(env, name)))
		return NULL;
	processes = calloc(1, sizeof(*processes));
	if (!processes || !to_callback(env, args[1], &processes->callback)) {
		free(controller);
		free(processes);
		return processes ? NULL : throw_errno(env, step, ENOMEM);
	}
	processes->env = env;
	begin_log();
	error = start(processes, hierarchy, controller, ring_bytes, &step);
	free(controller);
	if (error) {
		throw_libbpf(env, step, error);
		stop(processes);
		free(processes);
		return NULL;
	}
	return make_handle(env, &PROCESSES, processes, finalize);
}

static struct processes *to_processes(napi_env env, napi_value value)
{
	struct processes *processes = to_handle(env, value, &PROCESSES);

	if (processes && !processes->object) {
		throw_type(env, "processes is closed");
		return NULL;
	}
	return processes;
}

static napi_value close_processes(napi_env env, napi_callback_info info)
{
	struct processes *processes;
	napi_value argument;

	if (!get_args(env, info, 1, &argument) || !(processes = to_handle(env, argument, &PROCESSES)))
		return NULL;
	stop(processes);
	return undefined(env);
}

/* drainProcesses(handle): delivers what is waiting now, without going through the event loop. */
static napi_value drain_processes(napi_env env, napi_callback_info info)
{
	struct processes *processes;
	napi_value argument;

	if (!get_args(env, info, 1, &argument) || !(processes = to_processes(env, argument)))
		return NULL;
	while (deliver(processes))
		;
	return undefined(env);
}

/* lostProcesses(handle): events that the ring had no room for, or that the kernel's recursion check kept from us. */
static napi_value lost_processes(napi_env env, napi_callback_info info)
{
	struct bpf_prog_info program;
	struct processes *processes;
	napi_value argument, value;
	uint32_t size, key = 0;
	uint64_t lost = 0;
	struct bpf_map *map;

	if (!get_args(env, info, 1, &argument) || !(processes = to_processes(env, argument)))
		return NULL;
	map = bpf_object__find_map_by_name(processes->object, ".bss");
	if (!map || bpf_map_lookup_elem(bpf_map__fd(map), &key, &lost))
		return throw_errno(env, "lostProcesses", ENOENT);
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		memset(&program, 0, sizeof(program));
		size = sizeof(program);
		if (bpf_obj_get_info_by_fd(
			    bpf_program__fd(bpf_object__find_program_by_name(processes->object, PROGRAMS[i])), &program,
			    &size))
			return throw_errno(env, "lostProcesses", errno);
		lost += program.recursion_misses;
	}
	napi_create_double(env, (double)lost, &value);
	return value;
}

static double milliseconds(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/*
 * bootTime(): milliseconds since the epoch at which the boot clock was 0, by the wall clock of now. Of several readings
 * the one between which least time passed: the process may lose the processor between any two.
 */
static napi_value boot_time(napi_env env, napi_callback_info info)
{
	double before, wall, after, narrowest = 0, time = 0;
	napi_value value;

	(void)info;
	for (int i = 0; i < 5; i++) {
		before = milliseconds(CLOCK_BOOTTIME);
		wall = milliseconds(CLOCK_REALTIME);
		after = milliseconds(CLOCK_BOOTTIME);
		if (i && after - before >= narrowest)
			continue;
		narrowest = after - before;
		time = wall - (before + after) / 2;
	}
	napi_create_double(env, time, &value);
	return value;
}

/* auditTime(): milliseconds since the epoch by the clock that stamps the audit log's records (kernel/audit.c). */
static napi_value audit_time(napi_env env, napi_callback_info info)
{
	napi_value value;

	(void)info;
	napi_create_double(env, milliseconds(CLOCK_REALTIME_COARSE), &value);
	return value;
}

napi_value init_processes(napi_env env, napi_value exports)
{
	export_function(env, exports, "openProcesses", open_processes);
	export_function(env, exports, "closeProcesses", close_processes);
	export_function(env, exports, "drainProcesses", drain_processes);
	export_function(env, exports, "lostProcesses", lost_processes);
	export_function(env, exports, "bootTime", boot_time);
	export_function(env, exports, "auditTime", audit_time);
	return exports;
}
