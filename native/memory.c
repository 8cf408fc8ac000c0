// SPDX-License-Identifier: Apache-2.0
/* This process's own memory. */
#include "syscribe.h"

#include <errno.h>
#include <sys/mman.h>

/*
 * unmapPages(start, end): takes pages out of this process. What is mapped of a file, and was not written to, is read
 * again from the page cache where it is touched; all else would be lost.
 */
static napi_value unmap_pages(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	uint64_t start, end;

	if (!get_args(env, info, 2, args) || !to_u64(env, args[0], &start) || !to_u64(env, args[1], &end))
		return NULL;
	/* Addresses of this process, from its own /proc/self/smaps. */
	if (end < start || madvise((void *)(uintptr_t)start, end - start, MADV_DONTNEED))
		return throw_errno(env, "madvise", end < start ? EINVAL : errno);
	return undefined(env);
}

napi_value init_memory(napi_env env, napi_value exports)
{
	export_function(env, exports, "unmapPages", unmap_pages);
	return exports;
}
