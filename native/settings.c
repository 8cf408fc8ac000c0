// SPDX-License-Identifier: Apache-2.0
/* What is fixed before the BPF object is loaded: sizes of maps, and its read-only variables. */
#include "recorder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* Writes `value` over the global variable `name` of .rodata, found by the object's BTF; false when it has none such. */
bool set_constant(struct bpf_object *object, const char *name, const void *value, size_t size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	const struct btf *btf = bpf_object__btf(object);
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *section;
	const void *initial;
	char rodata[256];
	size_t total;

	if (!map || id < 0)
		return false;
	initial = bpf_map__initial_value(map, &total);
	if (!initial || total > sizeof(rodata))
		return false;
	memcpy(rodata, initial, total);
	section = btf__type_by_id(btf, (uint32_t)id);
	for (uint32_t i = 0; i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *variable = btf_var_secinfos(section) + i;
		const struct btf_type *type = btf__type_by_id(btf, variable->type);

		if (strcmp(btf__name_by_offset(btf, type->name_off), name) || variable->size != size)
			continue;
		memcpy(rodata + variable->offset, value, size);
		return !bpf_map__set_initial_value(map, rodata, total);
	}
	return false;
}

/* Index of a v1 controller in css_set.subsys, from the running kernel's enum; -1 when it has none of that name. */
int controller_index(struct btf *kernel, const char *controller)
{
	int id = btf__find_by_name_kind(kernel, "cgroup_subsys_id", BTF_KIND_ENUM);
	const struct btf_type *type;
	char wanted[64];

	if (id < 0)
		return -1;
	type = btf__type_by_id(kernel, (uint32_t)id);
	snprintf(wanted, sizeof(wanted), "%s_cgrp_id", controller);
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const struct btf_enum *value = btf_enum(type) + i;

		if (!strcmp(btf__name_by_offset(kernel, value->name_off), wanted))
			return value->val;
	}
	return -1;
}

/*
 * Whether bpf_task_storage_get() may return NULL for a task that has a tag. 6.2 made the look-up lock-free together
 * with bpf_task_storage_get_recur; older kernels may carry that as a backport, so BTF decides there.
 */
static bool lookup_may_fail(struct btf **kernel)
{
	struct utsname name;
	int major = 0, minor = 0;

	if (!uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	    (major > 6 || (major == 6 && minor >= 2)))
		return false;
	if (!*kernel)
		*kernel = btf__load_vmlinux_btf();
	return *kernel && btf__find_by_name_kind(*kernel, "bpf_task_storage_get_recur", BTF_KIND_FUNC) < 0;
}

/* Returns 0, a libbpf error, or ENODEV for a controller that this kernel lacks. */
int configure(struct bpf_object *object, const struct load_options *options)
{
	static const char *const by_slot[] = {"seen", "states", "slot_cgroups"};
	uint64_t members = (uint64_t)options->slots * options->slot_members + options->parents;
	struct btf *kernel = NULL;
	bool may_fail = lookup_may_fail(&kernel);
	int subsystem = -1, error = members > UINT32_MAX ? E2BIG : 0;

	if (!error && options->controller[0]) {
		if (!kernel)
			kernel = btf__load_vmlinux_btf();
		subsystem = kernel ? controller_index(kernel, options->controller) : -1;
		if (subsystem < 0)
			error = ENODEV;
	}
	btf__free(kernel);
	for (size_t i = 0; !error && i < sizeof(by_slot) / sizeof(*by_slot); i++)
		error = bpf_map__set_max_entries(bpf_object__find_map_by_name(object, by_slot[i]), options->slots);
	if (!error)
		error = bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "members"), (uint32_t)members);
	if (!error)
		error = bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "events"), options->ring_bytes);
	if (error)
		return error;
	if (!set_constant(object, "hierarchy", &options->hierarchy, sizeof(int32_t)) ||
	    !set_constant(object, "subsystem", &subsystem, sizeof(subsystem)) ||
	    !set_constant(object, "host_mount_namespace", &options->host_mount_namespace, sizeof(uint32_t)) ||
	    !set_constant(object, "report_processes", &options->report_processes, sizeof(bool)) ||
	    !set_constant(object, "lookup_may_fail", &may_fail, sizeof(bool)) ||
	    !set_constant(object, "name_cgroups", &options->name_cgroups, sizeof(bool)) ||
	    !set_constant(object, "slots", &options->slots, sizeof(uint32_t)) ||
	    !set_constant(object, "slot_members", &options->slot_members, sizeof(uint32_t)) ||
	    !set_constant(object, "max_parents", &options->parents, sizeof(uint32_t)) ||
	    !set_constant(object, "fail_tags", &options->fail_tags, sizeof(uint32_t)))
		return ENOKEY;
	return 0;
}
