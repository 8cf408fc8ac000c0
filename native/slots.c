// SPDX-License-Identifier: Apache-2.0
/* Slots and tags as user space sees them. */
#include "recorder.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int map_fd(struct recorder *recorder, const char *name)
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

static bool change_claim(struct slot_state *state, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&state->claim, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/*
 * claimSlot(recorder): a free slot, or undefined when there is none. Pinned, it is free again for the next process if
 * this one ends before keepSlot().
 */
static napi_value claim_slot(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	napi_value argument;

	if (!get_args(env, info, 1, &argument) || !(recorder = to_recorder(env, argument)))
		return NULL;
	for (uint32_t slot = 0; slot < recorder->slots; slot++)
		if (change_claim((struct slot_state *)recorder->states.data + slot, CLAIM_FREE, CLAIM_IN_HAND))
			return make_u32(env, slot);
	return undefined(env);
}

/* keepSlot(recorder, slot): what was claimed is complete, and outlives this process where it is pinned. */
static napi_value keep_slot(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	napi_value args[2];
	uint32_t slot;

	if (!get_args(env, info, 2, args) || !recorder_and_slot(env, args, &recorder, &slot))
		return NULL;
	change_claim(slot_state(env, recorder, slot), CLAIM_IN_HAND, CLAIM_TAKEN);
	return undefined(env);
}

/*
 * A new generation first, so that tags and members of the old one count no more; then every CPU's cached answer is out
 * of date; then the slot is empty; then anybody may have it. It may be done again from the start when a process ended
 * in the middle. The generation is never written over: a tag of the first one must not look current for the time of it.
 */
static int erase_slot(struct recorder *recorder, uint32_t slot)
{
	struct slot_state *state = (struct slot_state *)recorder->states.data + slot;
	int error;

	__atomic_add_fetch(&state->generation, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&control_of(recorder)->generation, 1, __ATOMIC_SEQ_CST);
	/* synchronize_rcu(): a program that compared generations before the bump has finished after this. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return errno;
	error = forget_members(recorder, slot);
	if (error)
		return error;
	memset(&state->live, 0, sizeof(*state) - offsetof(struct slot_state, live));
	memset((struct seen *)recorder->seen.data + slot, 0, sizeof(struct seen));
	memset((struct slot_cgroup *)recorder->slot_cgroups.data + slot, 0, sizeof(struct slot_cgroup));
	__atomic_store_n(&state->claim, CLAIM_FREE, __ATOMIC_SEQ_CST);
	return 0;
}

/* What an earlier process had in hand when it ended: nobody else is there to go on with it. */
int finish_claims(struct recorder *recorder)
{
	const struct slot_state *states = recorder->states.data;
	int error = 0;

	for (uint32_t slot = 0; slot < recorder->slots && !error; slot++)
		if (__atomic_load_n(&states[slot].claim, __ATOMIC_SEQ_CST) == CLAIM_IN_HAND)
			error = erase_slot(recorder, slot);
	return error;
}

/* freeSlot(recorder, slot): ends its recording, whoever took it; nothing happens where it is free. */
static napi_value free_slot(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	struct slot_state *state;
	napi_value args[2];
	uint32_t slot;
	int error;

	if (!get_args(env, info, 2, args) || !recorder_and_slot(env, args, &recorder, &slot))
		return NULL;
	state = slot_state(env, recorder, slot);
	if (!change_claim(state, CLAIM_TAKEN, CLAIM_IN_HAND) &&
	    __atomic_load_n(&state->claim, __ATOMIC_SEQ_CST) == CLAIM_FREE)
		return undefined(env);
	error = erase_slot(recorder, slot);
	return error ? throw_errno(env, "freeSlot", error) : undefined(env);
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

/* What runs on while calls are not seen is known to have: as if recording had begun after it. */
static void mark_gap(struct recorder *recorder)
{
	struct slot_state *states = recorder->states.data;

	for (uint32_t slot = 0; slot < recorder->slots; slot++)
		if (__atomic_load_n(&states[slot].live, __ATOMIC_SEQ_CST))
			__atomic_add_fetch(&states[slot].seeded, 1, __ATOMIC_SEQ_CST);
}

/* setArmed(recorder, armed): whether calls are seen from now on; called before they are not. */
static napi_value set_armed(napi_env env, napi_callback_info info)
{
	struct recorder *recorder;
	napi_value args[2];
	uint32_t armed;

	if (!get_args(env, info, 2, args) || !(recorder = to_recorder(env, args[0])) || !to_u32(env, args[1], &armed))
		return NULL;
	if (__atomic_exchange_n(&control_of(recorder)->armed, armed, __ATOMIC_SEQ_CST) && !armed)
		mark_gap(recorder);
	return undefined(env);
}

void slot_functions(napi_env env, napi_value exports)
{
	export_function(env, exports, "claimSlot", claim_slot);
	export_function(env, exports, "keepSlot", keep_slot);
	export_function(env, exports, "freeSlot", free_slot);
	export_function(env, exports, "seen", seen);
	export_function(env, exports, "state", state);
	export_function(env, exports, "slotCgroup", slot_cgroup);
	export_function(env, exports, "nameSlot", name_slot);
	export_function(env, exports, "counters", counters);
	export_function(env, exports, "tagProcess", tag_process);
	export_function(env, exports, "setRoot", set_root);
	export_function(env, exports, "setArmed", set_armed);
}
