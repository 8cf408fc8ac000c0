/* SPDX-License-Identifier: Apache-2.0 */
/* The addon: one file a noun, no policy, no names, no formatting. src/capture/native.ts lists the same functions. */
#ifndef SYSCRIBE_NATIVE_H
#define SYSCRIBE_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <node_api.h>

/* error.c */
napi_value throw_errno(napi_env env, const char *operation, int error);
napi_value throw_type(napi_env env, const char *what);

/* value.c: reading what JavaScript passed; each returns false with an exception pending */
bool get_args(napi_env env, napi_callback_info info, size_t wanted, napi_value *args);
bool get_property(napi_env env, napi_value object, const char *name, napi_value *value);
bool get_element(napi_env env, napi_value array, uint32_t index, napi_value *value);
bool get_u32(napi_env env, napi_value object, const char *name, uint32_t *value);
bool get_i32(napi_env env, napi_value object, const char *name, int32_t *value);
bool get_bool(napi_env env, napi_value object, const char *name, bool *value);
bool to_u32(napi_env env, napi_value value, uint32_t *result);
bool to_u64(napi_env env, napi_value value, uint64_t *result);
char *to_string(napi_env env, napi_value value);
char **to_strings(napi_env env, napi_value array);
void free_strings(char **strings);
bool to_callback(napi_env env, napi_value value, napi_ref *callback); /* the caller deletes the reference */
/* A handle given to a function of another kind is refused: each carries the tag of its kind. */
napi_value make_handle(napi_env env, const napi_type_tag *kind, void *data, napi_finalize finalize);
void *to_handle(napi_env env, napi_value value, const napi_type_tag *kind);
napi_value make_copy(napi_env env, const void *data, size_t size);
napi_value make_u32(napi_env env, uint32_t value);
napi_value undefined(napi_env env);

/* poll.c: a descriptor watched by the event loop */
struct poll;
typedef void (*poll_ready)(void *owner);
struct poll *poll_start(napi_env env, int fd, poll_ready ready, void *owner);
void poll_stop(struct poll *poll); /* safe on NULL; the descriptor may be closed after it */
void call_back(napi_env env, napi_ref callback, size_t argc, const napi_value *argv);

napi_value init_object(napi_env env, napi_value exports);
napi_value init_processes(napi_env env, napi_value exports);
napi_value init_process(napi_env env, napi_value exports);
napi_value init_signals(napi_env env, napi_value exports);
napi_value init_audit(napi_env env, napi_value exports);
napi_value init_filter(napi_env env, napi_value exports);
napi_value init_memory(napi_env env, napi_value exports);
void export_function(napi_env env, napi_value exports, const char *name, napi_callback callback);

#endif
