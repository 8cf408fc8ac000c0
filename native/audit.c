// SPDX-License-Identifier: Apache-2.0
/* The kernel's audit log by its multicast netlink group: read only, nothing of the host's audit settings is changed. */
#include "syscribe.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX 9216 /* MAX_AUDIT_MESSAGE_LENGTH is 8970 */
#define BATCH_MAX (256 << 10)

struct audit {
	napi_env env;
	napi_ref callback;
	struct poll *poll;
	int fd;
	size_t batched;
	char *batch; /* BATCH_MAX bytes: u32 type, u32 length, text, again and again; native byte order, unaligned */
};

static void append(struct audit *audit, uint32_t type, const char *text, uint32_t length)
{
	memcpy(audit->batch + audit->batched, &type, sizeof(type));
	memcpy(audit->batch + audit->batched + 4, &length, sizeof(length));
	memcpy(audit->batch + audit->batched + 8, text, length);
	audit->batched += 8 + length;
}

/* Reads until the socket is empty or the batch full; returns how often the socket's buffer had overflowed. */
static uint32_t receive(struct audit *audit)
{
	union {
		struct nlmsghdr header;
		char bytes[MESSAGE_MAX];
	} message;
	struct sockaddr_nl from;
	uint32_t overflows = 0;
	socklen_t from_size;
	ssize_t got;

	while (audit->batched + 8 + MESSAGE_MAX <= BATCH_MAX) {
		from_size = sizeof(from);
		got = recvfrom(audit->fd, &message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&from,
			       &from_size);
		if (got < 0 && errno == ENOBUFS) {
			overflows++;
			continue;
		}
		if (got < (ssize_t)sizeof(struct nlmsghdr))
			break;
		/* Only the kernel's (port 0): any process with CAP_AUDIT_WRITE may send to the group. */
		if (from.nl_pid == 0)
			append(audit, message.header.nlmsg_type, message.bytes + NLMSG_HDRLEN,
			       (uint32_t)got - NLMSG_HDRLEN);
	}
	return overflows;
}

/* One batch; false when there was nothing. The callback may close the source. */
static bool deliver(struct audit *audit)
{
	napi_value argv[2];
	uint32_t overflows;

	if (audit->fd < 0)
		return false;
	audit->batched = 0;
	overflows = receive(audit);
	if (!audit->batched && !overflows)
		return false;
	argv[0] = make_copy(audit->env, audit->batch, audit->batched);
	argv[1] = make_u32(audit->env, overflows);
	call_back(audit->env, audit->callback, 2, argv);
	return true;
}

static void on_readable(void *owner)
{
	deliver(owner); /* what is left makes the descriptor readable again: others get their turn between batches */
}

static void stop(struct audit *audit)
{
	if (audit->fd < 0)
		return;
	poll_stop(audit->poll);
	close(audit->fd);
	audit->fd = -1;
	free(audit->batch);
	audit->batch = NULL;
	napi_delete_reference(audit->env, audit->callback);
}

static const napi_type_tag AUDIT = {0x83f1c95a2be04d77, 0xa1460de8935c7b12};

static void finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	stop(data);
	free(data);
}

static int open_socket(uint32_t groups, int receive_buffer)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT), error;

	if (fd < 0)
		return -errno;
	/* As much as may be had: CAP_NET_ADMIN may pass the limit. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof(receive_buffer)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

/* openAudit(receiveBuffer, callback(records, overflows)) -> handle for closeAudit() */
static napi_value open_audit(napi_env env, napi_callback_info info)
{
	struct audit *audit;
	uint32_t size;
	napi_value args[2];
	int error = ENOMEM;

	if (!get_args(env, info, 2, args) || !to_u32(env, args[0], &size))
		return NULL;
	audit = calloc(1, sizeof(*audit));
	if (!audit)
		return throw_errno(env, "openAudit", ENOMEM);
	if (!to_callback(env, args[1], &audit->callback)) {
		free(audit);
		return NULL;
	}
	audit->env = env;
	audit->batch = malloc(BATCH_MAX);
	audit->fd = audit->batch ? open_socket(1U << (AUDIT_NLGRP_READLOG - 1), (int)(size & INT32_MAX)) : -ENOMEM;
	if (audit->fd >= 0) {
		audit->poll = poll_start(env, audit->fd, on_readable, audit);
		if (audit->poll)
			return make_handle(env, &AUDIT, audit, finalize);
		close(audit->fd);
		error = EIO;
	} else {
		error = -audit->fd;
	}
	free(audit->batch);
	napi_delete_reference(env, audit->callback);
	free(audit);
	return throw_errno(env, "openAudit", error);
}

static napi_value close_audit(napi_env env, napi_callback_info info)
{
	struct audit *audit;
	napi_value argument;

	if (!get_args(env, info, 1, &argument) || !(audit = to_handle(env, argument, &AUDIT)))
		return NULL;
	stop(audit);
	return undefined(env);
}

/* drainAudit(handle): delivers what has arrived, without going through the event loop. */
static napi_value drain_audit(napi_env env, napi_callback_info info)
{
	struct audit *audit;
	napi_value argument;

	if (!get_args(env, info, 1, &argument) || !(audit = to_handle(env, argument, &AUDIT)))
		return NULL;
	while (deliver(audit))
		;
	return undefined(env);
}

static void set_number(napi_env env, napi_value object, const char *name, uint32_t value)
{
	napi_set_named_property(env, object, name, make_u32(env, value));
}

static napi_value status_object(napi_env env, const struct audit_status *status)
{
	napi_value object = NULL;

	napi_create_object(env, &object);
	set_number(env, object, "enabled", status->enabled);
	set_number(env, object, "failure", status->failure);
	set_number(env, object, "pid", status->pid);
	set_number(env, object, "rateLimit", status->rate_limit);
	set_number(env, object, "backlogLimit", status->backlog_limit);
	set_number(env, object, "lost", status->lost);
	set_number(env, object, "backlog", status->backlog);
	return object;
}

/* The answer of AUDIT_GET, an error number otherwise. */
static int ask_status(int fd, struct audit_status *status)
{
	struct nlmsghdr request = {.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = AUDIT_GET, .nlmsg_flags = NLM_F_REQUEST};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	union {
		struct nlmsghdr header;
		char bytes[MESSAGE_MAX];
	} reply;
	const struct nlmsgerr *refusal = NLMSG_DATA(&reply.header);
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	size_t size;
	ssize_t got;

	if (sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return errno;
	for (;;) {
		/* kauditd sends the answer from a thread of its own. */
		if (poll(&waiting, 1, 1000) <= 0)
			return ETIMEDOUT;
		got = recv(fd, &reply, sizeof(reply), MSG_DONTWAIT);
		if (got < (ssize_t)sizeof(struct nlmsghdr))
			return got < 0 ? errno : EPROTO;
		size = (size_t)got - NLMSG_HDRLEN;
		if (reply.header.nlmsg_type == NLMSG_ERROR && size >= sizeof(*refusal))
			return refusal->error ? -refusal->error : EPROTO;
		if (reply.header.nlmsg_type != AUDIT_GET)
			continue;
		memset(status, 0, sizeof(*status));
		memcpy(status, NLMSG_DATA(&reply.header), size < sizeof(*status) ? size : sizeof(*status));
		return 0;
	}
}

/* auditStatus(): what the kernel says of its audit subsystem; wants CAP_AUDIT_CONTROL. */
static napi_value audit_status(napi_env env, napi_callback_info info)
{
	struct audit_status status;
	int fd = open_socket(0, 1 << 16), error;

	(void)info;
	if (fd < 0)
		return throw_errno(env, "auditStatus", -fd);
	error = ask_status(fd, &status);
	close(fd);
	return error ? throw_errno(env, "auditStatus", error) : status_object(env, &status);
}

napi_value init_audit(napi_env env, napi_value exports)
{
	export_function(env, exports, "openAudit", open_audit);
	export_function(env, exports, "closeAudit", close_audit);
	export_function(env, exports, "drainAudit", drain_audit);
	export_function(env, exports, "auditStatus", audit_status);
	return exports;
}
