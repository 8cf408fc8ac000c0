// SPDX-License-Identifier: Apache-2.0
/* Slots, member cgroups and tags as user space sees them. */
#include "recorder.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int map_fd(struct recorder *recorder, const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(recorder->object, name));
}

struct slot_state *slot_state(napi_env env, struct recorder *recorder, uint32_t slot)
{
	if (slot < recorder->slots)
		return (struct slot_state *)recorder->states.data + slot;
	throw_errno(env, "slot", ERANGE);
	return NULL;
}

static bool recorder_and_slot(napi_env env, napi_value *args, struct recorder **recorder, uint32_t *slot)
{
	*recorder = to_recorder(env, args[0]);
	return *recorder && to_u32(env, args[1], slot) && slot_state(env, *recorder, *slot);
}

/* popSlot(recorder): a free slot, or undefined when there is none. */
static napi_value pop_slot(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	napi_value argument;
	uint32_t slot;

	if (!get_args(env, info, 1, &argument) || !(recorder = to_recorder(env, argument)))
		return NULL;
	if (!bpf_map_lookup_and_delete_elem(map_fd(recorder, "free_slots"), NULL, &slot))
		return make_u32(env, slot);
	return errno == ENOENT ? undefined(env) : throw_errno(env, "popSlot", errno);
}

/*
 * freeSlot(recorder, slot): a new generation first, so that tags of the old one write no more; then every CPU's cached
 * answer is out of date; then the slot is empty and given back.
 */
static napi_value free_slot(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	struct slot_state *state;
	napi_value args[2];
	uint32_t slot, generation;

	if (!get_args(env, info, 2, args) || !recorder_and_slot(env, args, &recorder, &slot))
		return NULL;
	state = slot_state(env, recorder, slot);
	generation = __atomic_add_fetch(&state->generation, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&control_of(recorder)->generation, 1, __ATOMIC_SEQ_CST);
	/* synchronize_rcu(): a program that compared generations before the bump has finished after this. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return throw_errno(env, "membarrier", errno);
	memset(state, 0, sizeof(*state));
	state->generation = generation;
	memset((struct seen *)recorder->seen.data + slot, 0, sizeof(struct seen));
	memset((struct slot_cgroup *)recorder->slot_cgroups.data + slot, 0, sizeof(struct slot_cgroup));
	if (bpf_map_update_elem(map_fd(recorder, "free_slots"), NULL, &slot, BPF_ANY))
		return throw_errno(env, "freeSlot", errno);
	return undefined(env);
}

/* seen(recorder, slot): a copy of the bytes. */
static napi_value seen(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	napi_value args[2];
	uint32_t slot;

	if (!get_args(env, info, 2, args) || !recorder_and_slot(env, args, &recorder, &slot))
		return NULL;
	return make_copy(env, (struct seen *)recorder->seen.data + slot, sizeof(struct seen));
}

/* slotCgroup(recorder, slot): a copy of struct slot_cgroup; undefined, at no cost, for a slot of no cgroup. */
static napi_value slot_cgroup(napi_env env, napi_callback_info info)
{
	const struct slot_cgroup *named;
	struct recorder *recorder;
	napi_value args[2];
	uint32_t slot;

	if (!get_args(env, info, 2, args) || !recorder_and_slot(env, args, &recorder, &slot))
		return NULL;
	named = (struct slot_cgroup *)recorder->slot_cgroups.data + slot;
	if (!__atomic_load_n(&named->cgroup, __ATOMIC_SEQ_CST))
		return undefined(env);
	return make_copy(env, named, sizeof(*named));
}

/* nameSlot(recorder, slot, cgroupId, name, parent): what the programs do for a cgroup that is born, for one that was.
 */
static napi_value name_slot(napi_env env, napi_callback_info info)
{
	struct slot_cgroup *named;
	struct recorder *recorder;
	char *name, *parent;
	napi_value args[5];
	uint32_t slot;
	uint64_t id;

	if (!get_args(env, info, 5, args) || !recorder_and_slot(env, args, &recorder, &slot) ||
	    !to_u64(env, args[2], &id) || !(name = to_string(env, args[3])))
		return NULL;
	parent = to_string(env, args[4]);
	if (parent) {
		named = (struct slot_cgroup *)recorder->slot_cgroups.data + slot;
		memset(named, 0, sizeof(*named));
		named->generation = slot_state(env, recorder, slot)->generation;
		snprintf(named->name, sizeof(named->name), "%s", name);
		snprintf(named->parent, sizeof(named->parent), "%s", parent);
		__atomic_store_n(&named->cgroup, id, __ATOMIC_SEQ_CST);
	}
	free(name);
	free(parent);
	return parent ? undefined(env) : NULL;
}

/* state(recorder, slot): a copy of struct slot_state. */
static napi_value state(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	napi_value args[2];
	uint32_t slot;

	if (!get_args(env, info, 2, args) || !recorder_and_slot(env, args, &recorder, &slot))
		return NULL;
	return make_copy(env, slot_state(env, recorder, slot), sizeof(struct slot_state));
}

/* counters(recorder): a copy of control.counter. */
static napi_value counters(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	napi_value argument;

	if (!get_args(env, info, 1, &argument) || !(recorder = to_recorder(env, argument)))
		return NULL;
	return make_copy(env, control_of(recorder)->counter, sizeof(control_of(recorder)->counter));
}

/* overflow(recorder): all keys of the overflow set, one behind the other. */
static napi_value overflow(napi_env env, napi_callback_info info)
{
	struct overflow_key keys[256], *previous = NULL;
	struct recorder *recorder;
	napi_value argument;
	size_t count = 0;

	if (!get_args(env, info, 1, &argument) || !(recorder = to_recorder(env, argument)))
		return NULL;
	while (count < 256 && !bpf_map_get_next_key(map_fd(recorder, "overflow"), previous, &keys[count]))
		previous = &keys[count++];
	return make_copy(env, keys, count * sizeof(*keys));
}

/* A member of a slot that was freed since is none any more. */
static bool is_current(struct recorder *recorder, const struct member *member)
{
	return member->slot >= recorder->slots ||
	       ((struct slot_state *)recorder->states.data)[member->slot].generation == member->generation;
}

/* addMember(recorder, cgroupId, {slot, generation, levels, anyMountNamespace}): false when it is a member already. */
static napi_value add_member(napi_env env, napi_callback_info info)
{
	struct member member = {0}, present;
	struct recorder *recorder;
	napi_value args[3], added;
	uint64_t id;
	int result;

	if (!get_args(env, info, 3, args) || !(recorder = to_recorder(env, args[0])) || !to_u64(env, args[1], &id) ||
	    !get_u32(env, args[2], "slot", &member.slot) || !get_u32(env, args[2], "generation", &member.generation) ||
	    !get_u32(env, args[2], "levels", &member.levels) ||
	    !get_u32(env, args[2], "anyMountNamespace", &member.any_mount_namespace))
		return NULL;
	result = bpf_map_update_elem(map_fd(recorder, "members"), &id, &member, BPF_NOEXIST);
	if (result && errno == EEXIST && !bpf_map_lookup_elem(map_fd(recorder, "members"), &id, &present) &&
	    !is_current(recorder, &present))
		result = bpf_map_update_elem(map_fd(recorder, "members"), &id, &member, BPF_EXIST);
	if (result && errno != EEXIST)
		return throw_errno(env, "addMember", errno);
	if (!result)
		__atomic_add_fetch(&control_of(recorder)->members, 1, __ATOMIC_SEQ_CST);
	napi_get_boolean(env, !result, &added);
	return added;
}

/* isMember(recorder, cgroupId) */
static napi_value is_member(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	struct member member;
	napi_value args[2], found;
	uint64_t id;

	if (!get_args(env, info, 2, args) || !(recorder = to_recorder(env, args[0])) || !to_u64(env, args[1], &id))
		return NULL;
	napi_get_boolean(
		env, !bpf_map_lookup_elem(map_fd(recorder, "members"), &id, &member) && is_current(recorder, &member),
		&found);
	return found;
}

/* tagProcess(recorder, pidfd, slot): the process counts as live and becomes the workload at its next exec. */
static napi_value tag_process(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	struct slot_state *slots_state;
	napi_value args[3];
	uint32_t pidfd;
	int error;
	struct tag tag = {.phase = PHASE_RUNTIME, .filters = NO_TAIL, .counted = 1, .any_mount_namespace = 1};

	if (!get_args(env, info, 3, args) || !(recorder = to_recorder(env, args[0])) || !to_u32(env, args[1], &pidfd) ||
	    !to_u32(env, args[2], &tag.slot))
		return NULL;
	slots_state = slot_state(env, recorder, tag.slot);
	if (!slots_state)
		return NULL;
	tag.generation = slots_state->generation;
	__atomic_add_fetch(&slots_state->live, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&slots_state->processes, 1, __ATOMIC_SEQ_CST);
	if (bpf_map_update_elem(map_fd(recorder, "tags"), &pidfd, &tag, BPF_NOEXIST)) {
		error = errno;
		__atomic_sub_fetch(&slots_state->live, 1, __ATOMIC_SEQ_CST);
		__atomic_sub_fetch(&slots_state->processes, 1, __ATOMIC_SEQ_CST);
		return throw_errno(env, "tagProcess", error);
	}
	return undefined(env);
}

/* setRoot(recorder, tgid, slot): the process, and later its children, that walk() is to tag; 0 ends it. */
static napi_value set_root(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	struct slot_state *slots_state;
	struct control *control;
	napi_value args[3];
	uint32_t tgid, slot;

	if (!get_args(env, info, 3, args) || !(recorder = to_recorder(env, args[0])) || !to_u32(env, args[1], &tgid) ||
	    !to_u32(env, args[2], &slot))
		return NULL;
	slots_state = slot_state(env, recorder, slot);
	if (!slots_state)
		return NULL;
	control = control_of(recorder);
	control->root_slot = slot;
	control->root_generation = slots_state->generation;
	__atomic_store_n(&control->root_tgid, tgid, __ATOMIC_SEQ_CST);
	return undefined(env);
}

/* setArmed(recorder, armed): whether calls are seen from now on. */
static napi_value set_armed(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	napi_value args[2];
	uint32_t armed;

	if (!get_args(env, info, 2, args) || !(recorder = to_recorder(env, args[0])) || !to_u32(env, args[1], &armed))
		return NULL;
	__atomic_store_n(&control_of(recorder)->armed, armed, __ATOMIC_SEQ_CST);
	return undefined(env);
}

void slot_functions(napi_env env, napi_value exports)
{
	export_function(env, exports, "popSlot", pop_slot);
	export_function(env, exports, "freeSlot", free_slot);
	export_function(env, exports, "seen", seen);
	export_function(env, exports, "state", state);
	export_function(env, exports, "slotCgroup", slot_cgroup);
	export_function(env, exports, "nameSlot", name_slot);
	export_function(env, exports, "counters", counters);
	export_function(env, exports, "overflow", overflow);
	export_function(env, exports, "addMember", add_member);
	export_function(env, exports, "isMember", is_member);
	export_function(env, exports, "tagProcess", tag_process);
	export_function(env, exports, "setRoot", set_root);
	export_function(env, exports, "setArmed", set_armed);
}
