// SPDX-License-Identifier: Apache-2.0
/* The kernel's audit log by its multicast netlink group: read only, nothing of the host's audit settings is changed. */
#include "syscribe.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX 9216 /* MAX_AUDIT_MESSAGE_LENGTH is 8970 */
#define LOST 0		 /* message type given to JavaScript when the socket's buffer overflowed */

struct audit {
	napi_env env;
	napi_ref callback;
	struct poll *poll;
	int fd;
};

static void deliver(struct audit *audit, uint32_t type, const char *text, size_t length)
{
	napi_value argv[2];

	argv[0] = make_u32(audit->env, type);
	napi_create_string_latin1(audit->env, text, length, &argv[1]);
	call_back(audit->env, audit->callback, 2, argv);
}

static void on_readable(void *owner)
{
	union {
		struct nlmsghdr header;
		char bytes[MESSAGE_MAX];
	} message;
	struct audit *audit = owner;
	struct sockaddr_nl from;
	socklen_t from_size;
	ssize_t got;

	while (audit->fd >= 0) {
		from_size = sizeof(from);
		got = recvfrom(audit->fd, &message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&from,
			       &from_size);
		if (got < 0 && errno == ENOBUFS) {
			deliver(audit, LOST, "", 0);
			continue;
		}
		if (got < (ssize_t)sizeof(struct nlmsghdr))
			return;
		/* Only the kernel's (port 0): any process with CAP_AUDIT_WRITE may send to the group. */
		if (from.nl_pid == 0)
			deliver(audit, message.header.nlmsg_type, message.bytes + NLMSG_HDRLEN,
				(size_t)got - NLMSG_HDRLEN);
	}
}

static void stop(struct audit *audit)
{
	if (audit->fd < 0)
		return;
	poll_stop(audit->poll);
	close(audit->fd);
	audit->fd = -1;
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

/* openAudit(callback(type, text)) -> handle for closeAudit() */
static napi_value open_audit(napi_env env, napi_callback_info info)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1U << (AUDIT_NLGRP_READLOG - 1)};
	int size = 4 << 20, error;
	struct audit *audit;
	napi_value argument;

	if (!get_args(env, info, 1, &argument))
		return NULL;
	audit = calloc(1, sizeof(*audit));
	if (!audit)
		return throw_errno(env, "openAudit", ENOMEM);
	if (!to_callback(env, argument, &audit->callback)) {
		free(audit);
		return NULL;
	}
	audit->env = env;
	audit->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT);
	error = audit->fd < 0 ? errno : 0;
	if (!error) {
		/* As much as may be had: CAP_NET_ADMIN may pass the limit. */
		if (setsockopt(audit->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
			setsockopt(audit->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		if (bind(audit->fd, (struct sockaddr *)&address, sizeof(address)))
			error = errno;
	}
	if (!error) {
		audit->poll = poll_start(env, audit->fd, on_readable, audit);
		error = audit->poll ? 0 : EIO;
	}
	if (error) {
		if (audit->fd >= 0)
			close(audit->fd);
		napi_delete_reference(env, audit->callback);
		free(audit);
		return throw_errno(env, "openAudit", error);
	}
	return make_handle(env, &AUDIT, audit, finalize);
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
	on_readable(audit);
	return undefined(env);
}

napi_value init_audit(napi_env env, napi_value exports)
{
	export_function(env, exports, "openAudit", open_audit);
	export_function(env, exports, "closeAudit", close_audit);
	export_function(env, exports, "drainAudit", drain_audit);
	return exports;
}
