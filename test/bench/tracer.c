// SPDX-License-Identifier: Apache-2.0
/*
 * tracer OBJECT: attaches and detaches an empty program, and tells what BPF there is on this machine. Commands on
 * stdin, one line in answer to each: attach, detach, links (programs on sys_enter now, anyone's), programs (ids of
 * those with syscribe's names).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int links_on_sys_enter(void)
{
	__u32 id = 0;
	int count = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		char name[64] = "";
		struct bpf_link_info info = {
			.raw_tracepoint = {.tp_name = (unsigned long)name, .tp_name_len = sizeof(name)}};
		__u32 size = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == BPF_LINK_TYPE_RAW_TRACEPOINT &&
		    !strcmp(name, "sys_enter"))
			count++;
		close(fd);
	}
	return count;
}

static void print_programs(void)
{
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &size) && !strncmp(info.name, "syscribe_", 9))
			printf("%u ", id);
		close(fd);
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	struct bpf_object *object = bpf_object__open_file(argc > 1 ? argv[1] : "", NULL);
	struct bpf_link *link = NULL;
	char line[16];

	if (!object || bpf_object__load(object))
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "attach\n")) {
			link = bpf_program__attach(bpf_object__next_program(object, NULL));
			if (!link)
				return 1;
			printf("attached\n");
		} else if (!strcmp(line, "detach\n")) {
			bpf_link__destroy(link);
			printf("detached\n");
		} else if (!strcmp(line, "links\n")) {
			printf("%d\n", links_on_sys_enter());
		} else {
			print_programs();
		}
		fflush(stdout);
	}
	return 0;
}
