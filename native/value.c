// SPDX-License-Identifier: Apache-2.0
/* Between JavaScript values and C ones. */
#include "syscribe.h"

#include <stdlib.h>
#include <string.h>

bool get_args(napi_env env, napi_callback_info info, size_t wanted, napi_value *args)
{
	size_t count = wanted;

	if (napi_get_cb_info(env, info, &count, args, NULL, NULL) == napi_ok && count >= wanted)
		return true;
	throw_type(env, "too few arguments");
	return false;
}

bool get_property(napi_env env, napi_value object, const char *name, napi_value *value)
{
	if (napi_get_named_property(env, object, name, value) == napi_ok)
		return true;
	throw_type(env, name);
	return false;
}

bool get_element(napi_env env, napi_value array, uint32_t index, napi_value *value)
{
	if (napi_get_element(env, array, index, value) == napi_ok)
		return true;
	throw_type(env, "array expected");
	return false;
}

/* napi_get_value_uint32() would wrap what is too great, and take 0 for what is no number. */
static bool to_integer(napi_env env, napi_value value, double least, double greatest, double *result)
{
	if (napi_get_value_double(env, value, result) == napi_ok && *result >= least && *result <= greatest &&
	    *result == (double)(int64_t)*result)
		return true;
	throw_type(env, "32-bit integer expected");
	return false;
}

bool to_u32(napi_env env, napi_value value, uint32_t *result)
{
	double number;

	if (!to_integer(env, value, 0, UINT32_MAX, &number))
		return false;
	*result = (uint32_t)number;
	return true;
}

bool to_u64(napi_env env, napi_value value, uint64_t *result)
{
	bool lossless = false;

	if (napi_get_value_bigint_uint64(env, value, result, &lossless) == napi_ok && lossless)
		return true;
	throw_type(env, "unsigned 64-bit bigint expected");
	return false;
}

bool get_u32(napi_env env, napi_value object, const char *name, uint32_t *value)
{
	napi_value property;

	return get_property(env, object, name, &property) && to_u32(env, property, value);
}

bool get_i32(napi_env env, napi_value object, const char *name, int32_t *value)
{
	napi_value property;
	double number;

	if (!get_property(env, object, name, &property) || !to_integer(env, property, INT32_MIN, INT32_MAX, &number))
		return false;
	*value = (int32_t)number;
	return true;
}

bool get_bool(napi_env env, napi_value object, const char *name, bool *value)
{
	napi_value property;

	if (!get_property(env, object, name, &property))
		return false;
	if (napi_get_value_bool(env, property, value) == napi_ok)
		return true;
	throw_type(env, name);
	return false;
}

/* A copy that the caller frees. A NUL inside would cut the string short in the kernel: refused. */
char *to_string(napi_env env, napi_value value)
{
	size_t length = 0;
	char *text;

	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
		throw_type(env, "string expected");
		return NULL;
	}
	text = malloc(length + 1);
	if (!text) {
		throw_type(env, "out of memory");
		return NULL;
	}
	napi_get_value_string_utf8(env, value, text, length + 1, &length);
	if (memchr(text, 0, length)) {
		free(text);
		throw_type(env, "string contains a NUL byte");
		return NULL;
	}
	return text;
}

/* A NULL-terminated array that the caller gives to free_strings(). */
char **to_strings(napi_env env, napi_value array)
{
	napi_value element;
	uint32_t count;
	char **strings;

	if (napi_get_array_length(env, array, &count) != napi_ok) {
		throw_type(env, "array expected");
		return NULL;
	}
	strings = calloc((size_t)count + 1, sizeof(*strings));
	if (!strings) {
		throw_type(env, "out of memory");
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (get_element(env, array, i, &element))
			strings[i] = to_string(env, element);
		if (!strings[i]) {
			free_strings(strings);
			return NULL;
		}
	}
	return strings;
}

void free_strings(char **strings)
{
	if (!strings)
		return;
	for (char **string = strings; *string; string++)
		free(*string);
	free(strings);
}

bool to_callback(napi_env env, napi_value value, napi_ref *callback)
{
	napi_valuetype type;

	if (napi_typeof(env, value, &type) == napi_ok && type == napi_function &&
	    napi_create_reference(env, value, 1, callback) == napi_ok)
		return true;
	throw_type(env, "function expected");
	return false;
}

napi_value make_handle(napi_env env, const napi_type_tag *kind, void *data, napi_finalize finalize)
{
	napi_value handle;

	if (napi_create_external(env, data, finalize, NULL, &handle) == napi_ok &&
	    napi_type_tag_object(env, handle, kind) == napi_ok)
		return handle;
	return throw_type(env, "handle cannot be made");
}

void *to_handle(napi_env env, napi_value value, const napi_type_tag *kind)
{
	napi_valuetype type;
	bool matches = false;
	void *data;

	if (napi_typeof(env, value, &type) == napi_ok && type == napi_external &&
	    napi_check_object_type_tag(env, value, kind, &matches) == napi_ok && matches &&
	    napi_get_value_external(env, value, &data) == napi_ok)
		return data;
	throw_type(env, "a handle of another kind");
	return NULL;
}

napi_value make_copy(napi_env env, const void *data, size_t size)
{
	napi_value buffer = NULL;

	napi_create_buffer_copy(env, size, data, NULL, &buffer);
	return buffer;
}

napi_value make_u32(napi_env env, uint32_t value)
{
	napi_value number = NULL;

	napi_create_uint32(env, value, &number);
	return number;
}

napi_value undefined(napi_env env)
{
	napi_value value = NULL;

	napi_get_undefined(env, &value);
	return value;
}
