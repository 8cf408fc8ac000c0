// SPDX-License-Identifier: Apache-2.0
#include "syscribe.h"

void export_function(napi_env env, napi_value exports, const char *name, napi_callback callback)
{
	napi_value function;

	if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function) == napi_ok)
		napi_set_named_property(env, exports, name, function);
}

NAPI_MODULE_INIT()
{
	init_object(env, exports);
	init_process(env, exports);
	init_processes(env, exports);
	init_signals(env, exports);
	init_audit(env, exports);
	init_filter(env, exports);
	init_memory(env, exports);
	return exports;
}
