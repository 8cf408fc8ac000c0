// SPDX-License-Identifier: Apache-2.0
/* Errors carry {operation, errno}; their words are made in TypeScript. */
#include "syscribe.h"

#include <string.h>

napi_value throw_errno(napi_env env, const char *operation, int error)
{
	napi_value message, exception, value;

	napi_create_string_utf8(env, strerror(error), NAPI_AUTO_LENGTH, &message);
	napi_create_error(env, NULL, message, &exception);
	napi_create_string_utf8(env, operation, NAPI_AUTO_LENGTH, &value);
	napi_set_named_property(env, exception, "operation", value);
	napi_create_int32(env, error, &value);
	napi_set_named_property(env, exception, "errno", value);
	napi_throw(env, exception);
	return NULL;
}

napi_value throw_type(napi_env env, const char *what)
{
	bool pending = false;

	napi_is_exception_pending(env, &pending);
	if (!pending)
		napi_throw_type_error(env, NULL, what);
	return NULL;
}
