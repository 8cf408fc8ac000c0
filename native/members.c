// SPDX-License-Identifier: Apache-2.0
/* The cgroups whose tasks are recorded, as user space sees them. */
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>

#define BATCH 4096

/* A member of a slot that was freed since is none any more. */
static bool is_current(struct recorder *recorder, const struct member *member)
{
	return member->slot >= recorder->slots ||
	       ((struct slot_state *)recorder->states.data)[member->slot].generation == member->generation;
}

/*
 * What lifecycle.bpf.c does for a cgroup that is born, for one that was. 0; EEXIST; ENOSPC, which is counted; or an
 * errno. Counted first: a process that ends before it has entered it has taken one place too many, never one too few.
 */
static int enter(struct recorder *recorder, uint64_t id, const struct member *member)
{
	bool has_slot = member->slot < recorder->slots;
	struct slot_state *state = (struct slot_state *)recorder->states.data + (has_slot ? member->slot : 0);
	struct control *control = control_of(recorder);
	uint32_t *count = has_slot ? &state->members : &control->parents;
	uint32_t most = has_slot ? recorder->slot_members : recorder->max_parents;
	struct member present;
	int error = 0;

	if (!bpf_map_lookup_elem(map_fd(recorder, "members"), &id, &present))
		return EEXIST;
	if (__atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST) >= most)
		error = ENOSPC;
	else if (bpf_map_update_elem(map_fd(recorder, "members"), &id, member, BPF_NOEXIST))
		error = errno;
	if (!error)
		return 0;
	__atomic_sub_fetch(count, 1, __ATOMIC_SEQ_CST);
	if (error == ENOSPC) {
		__atomic_add_fetch(&control->counter[COUNTER_MEMBERS_FULL], 1, __ATOMIC_SEQ_CST);
		if (has_slot)
			__atomic_add_fetch(&state->members_full, 1, __ATOMIC_SEQ_CST);
	}
	return error;
}

/*
 * addMember(recorder, cgroupId, {slot, generation, levels, anyMountNamespace}): false when it is a member already, or
 * finds no room, which the slot's state counts.
 */
static napi_value add_member(napi_env env, napi_callback_info info)
{
	struct member member = {0};
	struct recorder *recorder;
	napi_value args[3], added;
	uint64_t id;
	int error;

	if (!get_args(env, info, 3, args) || !(recorder = to_recorder(env, args[0])) || !to_u64(env, args[1], &id) ||
	    !get_u32(env, args[2], "slot", &member.slot) || !get_u32(env, args[2], "generation", &member.generation) ||
	    !get_u32(env, args[2], "levels", &member.levels) ||
	    !get_u32(env, args[2], "anyMountNamespace", &member.any_mount_namespace))
		return NULL;
	error = enter(recorder, id, &member);
	if (error && error != EEXIST && error != ENOSPC)
		return throw_errno(env, "addMember", error);
	if (!error)
		__atomic_add_fetch(&control_of(recorder)->members, 1, __ATOMIC_SEQ_CST);
	napi_get_boolean(env, !error, &added);
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

/*
 * Takes out of the table what is left of a slot's earlier generations: its container may run on, and its cgroups would
 * take the room of the next one's. All of the table is read, which takes a call for thousands.
 */
int forget_members(struct recorder *recorder, uint32_t slot)
{
	struct member *values = malloc(BATCH * sizeof(*values));
	uint64_t *ids = malloc(BATCH * sizeof(*ids));
	int fd = map_fd(recorder, "members"), error = 0, read = 0;
	uint32_t count, position = 0;
	void *from = NULL;

	if (!values || !ids)
		error = ENOMEM;
	while (!error && !read) {
		count = BATCH;
		read = bpf_map_lookup_batch(fd, from, &position, ids, values, &count, NULL);
		if (read && errno != ENOENT)
			error = errno;
		for (uint32_t i = 0; i < count && !error; i++)
			if (values[i].slot == slot && !is_current(recorder, &values[i]) &&
			    bpf_map_delete_elem(fd, &ids[i]) && errno != ENOENT)
				error = errno;
		from = &position;
	}
	free(values);
	free(ids);
	return error;
}

void member_functions(napi_env env, napi_value exports)
{
	export_function(env, exports, "addMember", add_member);
	export_function(env, exports, "isMember", is_member);
}
