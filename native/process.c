// SPDX-License-Identifier: Apache-2.0
/*
 * Starting a command that waits at a gate: the recorder tags it there, then lets it go on to exec. Between fork() and
 * exec the child only makes system calls: other threads of Node may have held any lock when it was born.
 */
#include "syscribe.h"
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	napi_env env;
	pid_t pid;
	int pidfd, gate, status;
	struct report *report;
	struct poll *status_poll, *exit_poll;
	napi_ref on_exec, on_exit;
};

static void free_start(struct start *start)
{
	free_strings(start->files);
	free_strings(start->argv);
	free_strings(start->env);
	free(start->groups);
	free(start->filter.filter);
}

static bool read_groups(napi_env env, napi_value array, struct start *start)
{
	napi_value element;

	if (napi_get_array_length(env, array, &start->group_count) != napi_ok) {
		throw_type(env, "groups");
		return false;
	}
	start->groups = calloc(start->group_count ? start->group_count : 1, sizeof(uint32_t));
	if (!start->groups) {
		throw_type(env, "out of memory");
		return false;
	}
	for (uint32_t i = 0; i < start->group_count; i++) {
		if (!get_element(env, array, i, &element) || !to_u32(env, element, &start->groups[i]))
			return false;
	}
	return true;
}

static bool read_filter(napi_env env, napi_value buffer, struct start *start)
{
	napi_valuetype type;
	size_t size = 0;
	void *data = NULL;

	if (napi_typeof(env, buffer, &type) == napi_ok && type == napi_null)
		return true;
	if (napi_get_buffer_info(env, buffer, &data, &size) != napi_ok) {
		throw_type(env, "filter");
		return false;
	}
	if (!size || size % sizeof(struct sock_filter) || size / sizeof(struct sock_filter) > BPF_MAXINSNS) {
		throw_errno(env, "filter", E2BIG);
		return false;
	}
	start->filter.filter = malloc(size);
	if (!start->filter.filter) {
		throw_type(env, "out of memory");
		return false;
	}
	memcpy(start->filter.filter, data, size);
	start->filter.len = (unsigned short)(size / sizeof(struct sock_filter));
	return true;
}

static bool read_start(napi_env env, napi_value object, struct start *start)
{
	napi_value files, argv, environment, groups, filter;

	return get_property(env, object, "files", &files) && (start->files = to_strings(env, files)) &&
	       get_property(env, object, "argv", &argv) && (start->argv = to_strings(env, argv)) &&
	       get_property(env, object, "env", &environment) && (start->env = to_strings(env, environment)) &&
	       get_property(env, object, "groups", &groups) && read_groups(env, groups, start) &&
	       get_property(env, object, "filter", &filter) && read_filter(env, filter, start) &&
	       get_u32(env, object, "uid", &start->uid) && get_u32(env, object, "gid", &start->gid) &&
	       get_u32(env, object, "loginUid", &start->login_uid) &&
	       get_bool(env, object, "changeUser", &start->change_user) &&
	       get_u32(env, object, "filterFlags", &start->filter_flags) &&
	       get_bool(env, object, "noNewPrivileges", &start->no_new_privileges);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void release_child(struct child *child)
{
	bool at_gate = child->gate >= 0 && child->exit_poll;
	siginfo_t status;

	poll_stop(child->status_poll);
	poll_stop(child->exit_poll);
	child->status_poll = child->exit_poll = NULL;
	/* One that still waits at the gate has done nothing yet: it ends here, and nobody else would wait for it. */
	if (at_gate) {
		syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
		/* By its number, still its own: libuv has made the pidfd non-blocking. */
		while (waitid(P_PID, (id_t)child->pid, &status, WEXITED) && errno == EINTR)
			;
	}
	close_fd(&child->gate);
	close_fd(&child->status);
	close_fd(&child->pidfd);
	if (child->report)
		munmap(child->report, sizeof(*child->report));
	child->report = NULL;
	if (child->on_exec)
		napi_delete_reference(child->env, child->on_exec);
	if (child->on_exit)
		napi_delete_reference(child->env, child->on_exit);
	child->on_exec = child->on_exit = NULL;
}

static const napi_type_tag CHILD = {0x6f0a92e85d134c3b, 0x97c4b15e2087fd6a};

static void finalize_child(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	release_child(data);
	free(data);
}

/* The status pipe closes at the exec, or with the child. */
static void on_status(void *owner)
{
	struct child *child = owner;
	napi_value argv[2];

	poll_stop(child->status_poll);
	child->status_poll = NULL;
	argv[0] = make_u32(child->env, (uint32_t)child->report->stage);
	argv[1] = make_u32(child->env, (uint32_t)child->report->error);
	call_back(child->env, child->on_exec, 2, argv);
}

static void on_exited(void *owner)
{
	struct child *child = owner;
	siginfo_t status = {0};
	napi_value argv[2];
	bool exited;

	if (waitid(P_PIDFD, (id_t)child->pidfd, &status, WEXITED | WNOHANG) || !status.si_pid)
		return;
	poll_stop(child->exit_poll);
	child->exit_poll = NULL;
	exited = status.si_code == CLD_EXITED;
	argv[0] = make_u32(child->env, exited ? (uint32_t)status.si_status : 0);
	argv[1] = make_u32(child->env, exited ? 0 : (uint32_t)status.si_status);
	call_back(child->env, child->on_exit, 2, argv);
}

static int fork_child(const struct start *start, struct child *child)
{
	int gate[2] = {-1, -1}, status[2] = {-1, -1};
	int error;

	child->report = mmap(NULL, sizeof(*child->report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (child->report == MAP_FAILED) {
		child->report = NULL;
		return errno;
	}
	if (pipe2(gate, O_CLOEXEC) || pipe2(status, O_CLOEXEC)) {
		error = errno;
		close_fd(&gate[0]);
		close_fd(&gate[1]);
		return error;
	}
	child->pid = fork();
	error = errno;
	if (child->pid == 0) {
		close(gate[1]);
		close(status[0]);
		run_child(start, child->report, gate[0]);
	}
	close(gate[0]);
	close(status[1]);
	child->gate = gate[1];
	child->status = status[0];
	if (child->pid < 0)
		return error;
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	return child->pidfd < 0 ? errno : 0;
}

/* start({files, argv, env, ...}, onExec(stage, errno), onExit(code, signal)) -> {child, pid, pidfd} */
static napi_value start_function(napi_env env, napi_callback_info info)
{
	struct start start = {0};
	struct child *child;
	napi_value args[3], result;
	int error;

	if (!get_args(env, info, 3, args))
		return NULL;
	child = calloc(1, sizeof(*child));
	if (!child)
		return throw_errno(env, "start", ENOMEM);
	child->env = env;
	child->pidfd = child->gate = child->status = -1;
	if (!read_start(env, args[0], &start) || !to_callback(env, args[1], &child->on_exec) ||
	    !to_callback(env, args[2], &child->on_exit)) {
		free_start(&start);
		release_child(child);
		free(child);
		return NULL;
	}
	error = fork_child(&start, child);
	free_start(&start);
	if (!error) {
		child->status_poll = poll_start(env, child->status, on_status, child);
		child->exit_poll = poll_start(env, child->pidfd, on_exited, child);
		if (!child->status_poll || !child->exit_poll)
			error = EIO;
	}
	if (error) {
		release_child(child);
		free(child);
		return throw_errno(env, "start", error);
	}
	napi_create_object(env, &result);
	napi_set_named_property(env, result, "child", make_handle(env, &CHILD, child, finalize_child));
	napi_set_named_property(env, result, "pid", make_u32(env, (uint32_t)child->pid));
	napi_set_named_property(env, result, "pidfd", make_u32(env, (uint32_t)child->pidfd));
	return result;
}

static struct child *to_child(napi_env env, napi_value value)
{
	struct child *child = to_handle(env, value, &CHILD);

	if (child && child->pidfd < 0) {
		throw_type(env, "child is released");
		return NULL;
	}
	return child;
}

/* go(child): opens the gate. */
static napi_value go(napi_env env, napi_callback_info info)
{
	struct child *child;
	napi_value argument;

	if (!get_args(env, info, 1, &argument) || !(child = to_child(env, argument)))
		return NULL;
	if (write(child->gate, "g", 1) != 1)
		return throw_errno(env, "go", errno);
	close_fd(&child->gate);
	return undefined(env);
}

/* kill(child, signal): through the pidfd, so never another process of the same number. False when it is gone. */
static napi_value kill_function(napi_env env, napi_callback_info info)
{
	struct child *child;
	napi_value args[2], sent;
	uint32_t number;
	long result;

	if (!get_args(env, info, 2, args) || !(child = to_child(env, args[0])) || !to_u32(env, args[1], &number))
		return NULL;
	result = syscall(SYS_pidfd_send_signal, child->pidfd, (int)number, NULL, 0);
	if (result && errno != ESRCH)
		return throw_errno(env, "kill", errno);
	napi_get_boolean(env, !result, &sent);
	return sent;
}

/* release(child): a child still at the gate ends; a running one goes on. */
static napi_value release(napi_env env, napi_callback_info info)
{
	struct child *child;
	napi_value argument;

	if (!get_args(env, info, 1, &argument) || !(child = to_handle(env, argument, &CHILD)))
		return NULL;
	release_child(child);
	return undefined(env);
}

/* processGroup(pid): 0 when there is no such process. */
static napi_value process_group(napi_env env, napi_callback_info info)
{
	napi_value argument;
	uint32_t pid;
	pid_t group;

	if (!get_args(env, info, 1, &argument) || !to_u32(env, argument, &pid))
		return NULL;
	group = getpgid((pid_t)pid);
	return make_u32(env, group < 0 ? 0 : (uint32_t)group);
}

napi_value init_process(napi_env env, napi_value exports)
{
	export_function(env, exports, "start", start_function);
	export_function(env, exports, "go", go);
	export_function(env, exports, "kill", kill_function);
	export_function(env, exports, "release", release);
	export_function(env, exports, "processGroup", process_group);
	return exports;
}
