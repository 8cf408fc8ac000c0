// SPDX-License-Identifier: Apache-2.0
/* Seccomp filters by libseccomp: rules in, classic BPF out. What the names and numbers mean is decided in TypeScript.
 */
#include "syscribe.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* {defaultAction, architectures: number[]} */
static scmp_filter_ctx make_context(napi_env env, napi_value options)
{
	napi_value architectures, element;
	uint32_t action, count, token;
	scmp_filter_ctx context;
	int error;

	if (!get_u32(env, options, "defaultAction", &action) ||
	    !get_property(env, options, "architectures", &architectures))
		return NULL;
	if (napi_get_array_length(env, architectures, &count) != napi_ok) {
		throw_type(env, "architectures");
		return NULL;
	}
	context = seccomp_init(action);
	if (!context) {
		throw_errno(env, "seccomp_init", EINVAL);
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!get_element(env, architectures, i, &element) || !to_u32(env, element, &token)) {
			seccomp_release(context);
			return NULL;
		}
		error = seccomp_arch_add(context, token);
		if (error && error != -EEXIST) {
			seccomp_release(context);
			throw_errno(env, "seccomp_arch_add", -error);
			return NULL;
		}
	}
	return context;
}

static bool read_args(napi_env env, napi_value array, struct scmp_arg_cmp *args, uint32_t *count)
{
	napi_value element, value;
	uint32_t operation;

	if (napi_get_array_length(env, array, count) != napi_ok || *count > 6) {
		throw_type(env, "args");
		return false;
	}
	for (uint32_t i = 0; i < *count; i++) {
		if (!get_element(env, array, i, &element) || !get_u32(env, element, "index", &args[i].arg) ||
		    !get_u32(env, element, "op", &operation))
			return false;
		args[i].op = (enum scmp_compare)operation;
		if (!get_property(env, element, "value", &value) || !to_u64(env, value, &args[i].datum_a) ||
		    !get_property(env, element, "valueTwo", &value) || !to_u64(env, value, &args[i].datum_b))
			return false;
	}
	return true;
}

/* {name, action, args: [{index, op, value, valueTwo}]}: 1 added, 0 libseccomp does not know the name, -1 thrown. */
static int add_rule(napi_env env, scmp_filter_ctx context, napi_value rule)
{
	struct scmp_arg_cmp args[6];
	uint32_t action, count;
	napi_value name_value, args_value;
	char *name;
	int number, error;

	if (!get_property(env, rule, "name", &name_value) || !get_property(env, rule, "args", &args_value) ||
	    !get_u32(env, rule, "action", &action) || !read_args(env, args_value, args, &count) ||
	    !(name = to_string(env, name_value)))
		return -1;
	number = seccomp_syscall_resolve_name(name);
	free(name);
	if (number == __NR_SCMP_ERROR)
		return 0;
	error = seccomp_rule_add_array(context, action, number, count, args);
	if (!error)
		return 1;
	throw_errno(env, "seccomp_rule_add", -error);
	return -1;
}

static napi_value export_program(napi_env env, scmp_filter_ctx context)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), error;
	napi_value result = NULL;
	off_t size;
	void *data;

	if (fd < 0)
		return throw_errno(env, "memfd_create", errno);
	error = seccomp_export_bpf(context, fd);
	size = lseek(fd, 0, SEEK_CUR);
	if (error || size <= 0) {
		close(fd);
		return throw_errno(env, "seccomp_export_bpf", error ? -error : EIO);
	}
	data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		throw_errno(env, "mmap", errno);
	} else {
		result = make_copy(env, data, (size_t)size);
		munmap(data, (size_t)size);
	}
	close(fd);
	return result;
}

/* buildFilter({defaultAction, architectures, rules}) -> {program: Buffer, unknown: number[]} */
static napi_value build_filter(napi_env env, napi_callback_info info)
{
	napi_value options, rules, rule, result, unknown, program;
	uint32_t count, unknown_count = 0;
	scmp_filter_ctx context;
	int added = 0;

	if (!get_args(env, info, 1, &options) || !get_property(env, options, "rules", &rules))
		return NULL;
	if (napi_get_array_length(env, rules, &count) != napi_ok)
		return throw_type(env, "rules");
	context = make_context(env, options);
	if (!context)
		return NULL;
	napi_create_array(env, &unknown);
	for (uint32_t i = 0; i < count && added >= 0; i++) {
		added = get_element(env, rules, i, &rule) ? add_rule(env, context, rule) : -1;
		if (added == 0)
			napi_set_element(env, unknown, unknown_count++, make_u32(env, i));
	}
	program = added < 0 ? NULL : export_program(env, context);
	seccomp_release(context);
	if (!program)
		return NULL;
	napi_create_object(env, &result);
	napi_set_named_property(env, result, "program", program);
	napi_set_named_property(env, result, "unknown", unknown);
	return result;
}

napi_value init_filter(napi_env env, napi_value exports)
{
	export_function(env, exports, "buildFilter", build_filter);
	return exports;
}
