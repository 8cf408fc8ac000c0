// SPDX-License-Identifier: Apache-2.0
/* Loading, attaching and closing the BPF object; walking the tasks. */
#include "recorder.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern const char syscribe_bpf_object[];
extern const char syscribe_bpf_object_end[];

/* The last lines that libbpf printed, among them the verifier's: they go into the error. */
static char libbpf_log[16384];
static size_t libbpf_logged;

static int keep_log(enum libbpf_print_level level, const char *format, va_list args)
{
	int length;

	if (level == LIBBPF_DEBUG || libbpf_logged >= sizeof(libbpf_log) - 1)
		return 0;
	length = vsnprintf(libbpf_log + libbpf_logged, sizeof(libbpf_log) - libbpf_logged, format, args);
	if (length > 0)
		libbpf_logged += (size_t)length;
	if (libbpf_logged > sizeof(libbpf_log) - 1)
		libbpf_logged = sizeof(libbpf_log) - 1;
	return length;
}

/* What libbpf prints from now on belongs to the next error. */
void begin_log(void)
{
	libbpf_logged = 0;
	libbpf_set_print(keep_log);
}

napi_value throw_libbpf(napi_env env, const char *operation, int error)
{
	napi_value exception, log;

	throw_errno(env, operation, error < 0 ? -error : error);
	napi_get_and_clear_last_exception(env, &exception);
	napi_create_string_latin1(env, libbpf_log, libbpf_logged, &log);
	napi_set_named_property(env, exception, "log", log);
	napi_throw(env, exception);
	return NULL;
}

static void unmap(struct mapping *mapping)
{
	if (mapping->data)
		munmap(mapping->data, mapping->size);
	mapping->data = NULL;
}

void close_recorder(struct recorder *recorder)
{
	stop_ring(recorder);
	detach_all(recorder);
	unmap(&recorder->control);
	unmap(&recorder->states);
	unmap(&recorder->seen);
	unmap(&recorder->slot_cgroups);
	bpf_object__close(recorder->object);
	recorder->object = NULL;
	free(recorder->pin);
	recorder->pin = NULL;
}

static const napi_type_tag RECORDER = {0x5d3a07c1f0b24e68, 0x9b6e21d47a8c3f05};

static void finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	close_recorder(data);
	free(data);
}

struct recorder *to_recorder(napi_env env, napi_value value)
{
	struct recorder *recorder = to_handle(env, value, &RECORDER);

	if (recorder && !recorder->object) {
		throw_type(env, "recorder is closed");
		return NULL;
	}
	return recorder;
}

static bool read_options(napi_env env, napi_value object, struct load_options *options)
{
	napi_value text;

	if (!get_u32(env, object, "slots", &options->slots) ||
	    !get_u32(env, object, "slotMembers", &options->slot_members) ||
	    !get_u32(env, object, "parents", &options->parents) ||
	    !get_u32(env, object, "ringBytes", &options->ring_bytes) ||
	    !get_u32(env, object, "hostMountNamespace", &options->host_mount_namespace) ||
	    !get_u32(env, object, "failTags", &options->fail_tags) ||
	    !get_i32(env, object, "hierarchy", &options->hierarchy) ||
	    !get_bool(env, object, "reportProcesses", &options->report_processes) ||
	    !get_bool(env, object, "nameCgroups", &options->name_cgroups))
		return false;
	options->controller = get_property(env, object, "controller", &text) ? to_string(env, text) : NULL;
	if (!options->controller)
		return false;
	options->pin = get_property(env, object, "pin", &text) ? to_string(env, text) : NULL;
	if (!options->pin)
		free(options->controller);
	return options->pin != NULL;
}

static int map_memory(struct bpf_object *object, const char *name, size_t size, struct mapping *mapping)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	long page = sysconf(_SC_PAGESIZE);
	void *data;

	if (!map)
		return ENOENT;
	size = (size + (size_t)page - 1) & ~((size_t)page - 1);
	data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (data == MAP_FAILED)
		return errno;
	mapping->data = data;
	mapping->size = size;
	return 0;
}

static int after_load(struct recorder *recorder)
{
	int error;

	error = map_memory(recorder->object, ".bss", sizeof(struct control), &recorder->control);
	if (!error)
		error = map_memory(recorder->object, "states", sizeof(struct slot_state) * recorder->slots,
				   &recorder->states);
	if (!error)
		error = map_memory(recorder->object, "seen", sizeof(struct seen) * recorder->slots, &recorder->seen);
	if (!error)
		error = map_memory(recorder->object, "slot_cgroups", sizeof(struct slot_cgroup) * recorder->slots,
				   &recorder->slot_cgroups);
	return error ? error : finish_claims(recorder);
}

/* load(options): a recorder with nothing attached. */
static napi_value load(napi_env env, napi_callback_info info)
{
	struct load_options options = {0};
	struct recorder *recorder;
	napi_value argument;
	const char *step = "open";
	int error;

	if (!get_args(env, info, 1, &argument) || !read_options(env, argument, &options))
		return NULL;
	recorder = calloc(1, sizeof(*recorder));
	if (!recorder) {
		free(options.controller);
		free(options.pin);
		return throw_errno(env, "open", ENOMEM);
	}
	recorder->env = env;
	recorder->slots = options.slots;
	recorder->slot_members = options.slot_members;
	recorder->max_parents = options.parents;
	recorder->pin = options.pin;
	begin_log();
	recorder->object = bpf_object__open_mem(syscribe_bpf_object,
						(size_t)(syscribe_bpf_object_end - syscribe_bpf_object), NULL);
	error = recorder->object ? 0 : errno;
	if (!error) {
		step = "configure";
		error = configure(recorder->object, &options);
	}
	if (!error) {
		step = "pin";
		error = pin_maps(recorder);
	}
	if (!error) {
		step = "load";
		error = bpf_object__load(recorder->object);
	}
	if (!error) {
		step = "map";
		error = after_load(recorder);
	}
	free(options.controller);
	malloc_trim(
		0); /* the kernel's BTF was read and given back: some ten megabytes that would stay this process's */
	if (error) {
		throw_libbpf(env, step, error);
		close_recorder(recorder);
		free(recorder);
		return NULL;
	}
	return make_handle(env, &RECORDER, recorder, finalize);
}

static napi_value close_function(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	napi_value argument;

	if (!get_args(env, info, 1, &argument) || !(recorder = to_handle(env, argument, &RECORDER)))
		return NULL;
	close_recorder(recorder);
	return undefined(env);
}

/* Reads an iterator to its end; the buffer grows, bounded by the number of tasks on the machine. */
static int read_all(int fd, char **data, size_t *size)
{
	size_t capacity = 0;
	ssize_t got;
	char *grown;

	*data = NULL;
	*size = 0;
	for (;;) {
		if (capacity - *size < 4096) {
			capacity = capacity ? capacity * 2 : 16384;
			grown = realloc(*data, capacity);
			if (!grown)
				return ENOMEM;
			*data = grown;
		}
		got = read(fd, *data + *size, capacity - *size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			return 0;
		*size += (size_t)got;
	}
}

/* walk(recorder): tags what should be tagged; a Buffer of struct found, decoded in layout.ts. */
static napi_value walk(napi_env env, napi_callback_info info)
{
	napi_value argument, result = NULL;
	struct recorder *recorder;
	struct bpf_link *link;
	char *data = NULL;
	size_t size = 0;
	int fd, error;

	if (!get_args(env, info, 1, &argument) || !(recorder = to_recorder(env, argument)))
		return NULL;
	begin_log();
	link = bpf_program__attach_iter(bpf_object__find_program_by_name(recorder->object, "syscribe_walk"), NULL);
	if (!link)
		return throw_libbpf(env, "walk", errno);
	fd = bpf_iter_create(bpf_link__fd(link));
	error = fd < 0 ? errno : read_all(fd, &data, &size);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	if (error)
		throw_libbpf(env, "walk", error);
	else
		result = make_copy(env, data, size);
	free(data);
	return result;
}

void load_functions(napi_env env, napi_value exports)
{
	export_function(env, exports, "load", load);
	export_function(env, exports, "close", close_function);
	export_function(env, exports, "walk", walk);
}

napi_value init_object(napi_env env, napi_value exports)
{
	load_functions(env, exports);
	attach_functions(env, exports);
	slot_functions(env, exports);
	member_functions(env, exports);
	ring_functions(env, exports);
	return exports;
}
