// SPDX-License-Identifier: Apache-2.0
/*
 * What outlives its process: maps, programs and links as files of a bpffs directory. A recorder that is given the
 * directory of an earlier one goes on with its maps, and its programs run on as they were.
 */
#include "recorder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int path_of(const struct recorder *recorder, const char *kind, const char *name, char *path, size_t size)
{
	int length = snprintf(path, size, "%s/%s_%s", recorder->pin, kind, name);

	return length > 0 && (size_t)length < size ? 0 : ENAMETOOLONG;
}

/* libbpf takes what is at a map's path, if it is of the same type and size, and puts what it makes there. */
int pin_maps(struct recorder *recorder)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	int error;

	if (!recorder->pin[0])
		return 0;
	bpf_object__for_each_map(map, recorder->object)
	{
		const char *name = bpf_map__name(map);

		if (strstr(name, ".rodata")) /* settings: of the programs that are loaded with them */
			continue;
		/* bpffs takes no dots in names. */
		error = path_of(recorder, "map", strstr(name, ".bss") ? "control" : name, path, sizeof(path));
		if (!error)
			error = -bpf_map__set_pin_path(map, path);
		if (error)
			return error;
	}
	return 0;
}

/* NULL where there is none. */
struct bpf_link *open_pinned_link(struct recorder *recorder, const char *program)
{
	char path[PATH_MAX];

	if (!recorder->pin[0] || path_of(recorder, "link", program, path, sizeof(path)) || access(path, F_OK))
		return NULL;
	return bpf_link__open(path);
}

/* The program first: what has a link has both. */
int pin_program(struct recorder *recorder, struct bpf_program *program, struct bpf_link *link)
{
	const char *name = bpf_program__name(program);
	char path[PATH_MAX];
	int error;

	if (!recorder->pin[0])
		return 0;
	unpin_program(recorder, name);
	error = path_of(recorder, "prog", name, path, sizeof(path));
	if (!error)
		error = -bpf_program__pin(program, path);
	if (!error)
		error = path_of(recorder, "link", name, path, sizeof(path));
	if (!error)
		error = -bpf_link__pin(link, path);
	if (error)
		unpin_program(recorder, name);
	return error;
}

void unpin_program(struct recorder *recorder, const char *program)
{
	char path[PATH_MAX];

	if (!recorder->pin[0])
		return;
	if (!path_of(recorder, "link", program, path, sizeof(path)))
		unlink(path);
	if (!path_of(recorder, "prog", program, path, sizeof(path)))
		unlink(path);
}

int open_pinned_program(struct recorder *recorder, const char *program)
{
	char path[PATH_MAX];

	if (!recorder->pin[0] || path_of(recorder, "prog", program, path, sizeof(path)))
		return -1;
	return bpf_obj_get(path);
}
