/* A handle of the addon and its arguments, for binding.c (opens and closes it) and calls.c (everything else). */
#ifndef EARL_NATIVE_BINDING_H
#define EARL_NATIVE_BINDING_H

#include "loop.h"

#define NAPI_VERSION 8
#include <node_api.h>

#define SHARED_BUFFERS 6

struct binding {
    napi_env env;
    napi_ref buffers[SHARED_BUFFERS];
    napi_ref on_batch;
    /* Keeps the handle until it is closed. */
    napi_ref self;
    napi_async_context async;
    napi_async_cleanup_hook_handle cleanup;
    bool is_open;
    struct sockets sockets;
    struct loop loop;
};

/* Throws; NULL. */
napi_value binding_fail(napi_env env, const char *message);

/* The arguments of a call whose first is a handle that is open; NULL when they are fewer, or it has been closed. */
struct binding *binding_arguments(napi_env env, napi_callback_info info, napi_value *values, size_t wanted);
uint32_t binding_number(napi_env env, napi_value value);

/* open(input, events, output, commands, waiting, words, capacity, messageBytes, fragments, pauseMs, onBatch) */
napi_value binding_open(napi_env env, napi_callback_info info);
/* close(handle) */
napi_value binding_close(napi_env env, napi_callback_info info);

#endif
