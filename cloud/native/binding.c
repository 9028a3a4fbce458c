/* The addon: opens and closes what JavaScript calls (cloud/native/addon.ts declares it), by Node-API, which is stable
 * across Node's versions.
 *
 * One `open` is one set of connections with buffers of its own; the buffers are made by JavaScript and shared. */
#include "binding.h"

#include <stdlib.h>

#define OPEN_ARGUMENTS (SHARED_BUFFERS + 5)

napi_value binding_fail(napi_env env, const char *message) {
    napi_throw_error(env, "EARL_NATIVE", message);
    return NULL;
}

struct binding *binding_arguments(napi_env env, napi_callback_info info, napi_value *values, size_t wanted) {
    size_t count = wanted;
    void *data = NULL;
    struct binding *binding;

    if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count < wanted ||
        napi_get_value_external(env, values[0], &data) != napi_ok) {
        binding_fail(env, "wrong arguments");
        return NULL;
    }
    binding = data;
    return binding->is_open ? binding : NULL;
}

uint32_t binding_number(napi_env env, napi_value value) {
    uint32_t result = 0;

    (void)napi_get_value_uint32(env, value, &result);
    return result;
}

static void deliver(void *owner, size_t count) {
    struct binding *binding = owner;
    napi_env env = binding->env;
    napi_handle_scope scope;
    napi_value receiver;
    napi_value callback;
    napi_value argument;
    napi_value result;
    napi_status status;

    if (napi_open_handle_scope(env, &scope) != napi_ok) {
        return;
    }
    napi_get_global(env, &receiver);
    napi_get_reference_value(env, binding->on_batch, &callback);
    napi_create_uint32(env, (uint32_t)count, &argument);
    status = napi_make_callback(env, binding->async, receiver, callback, 1, &argument, &result);
    if (status == napi_pending_exception) {
        napi_value exception;

        napi_get_and_clear_last_exception(env, &exception);
        napi_fatal_exception(env, exception);
    }
    napi_close_handle_scope(env, scope);
}

static void wake(void *owner) {
    struct binding *binding = owner;

    loop_wake(&binding->loop);
}

static void release(struct binding *binding) {
    napi_env env = binding->env;

    for (size_t index = 0; index < SHARED_BUFFERS; index++) {
        napi_delete_reference(env, binding->buffers[index]);
    }
    napi_delete_reference(env, binding->on_batch);
    napi_async_destroy(env, binding->async);
    /* The last: it may free the binding. */
    napi_delete_reference(env, binding->self);
}

static void on_closed(struct loop *loop) {
    struct binding *binding = (struct binding *)((char *)loop - offsetof(struct binding, loop));
    napi_async_cleanup_hook_handle cleanup = binding->cleanup;
    napi_handle_scope scope;

    sockets_close_all(&binding->sockets);
    if (napi_open_handle_scope(binding->env, &scope) == napi_ok) {
        napi_env env = binding->env;

        release(binding);
        napi_close_handle_scope(env, scope);
    }
    napi_remove_async_cleanup_hook(cleanup);
}

static void close_binding(struct binding *binding) {
    if (binding->is_open) {
        binding->is_open = false;
        loop_close(&binding->loop);
    }
}

static void on_cleanup(napi_async_cleanup_hook_handle handle, void *data) {
    (void)handle;
    close_binding(data);
}

static void finalize(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    free(data);
}

/* Takes the shared buffers, in the order of addon.ts; false when one is too small. */
static bool share(struct binding *binding, const napi_value *values) {
    struct shared_memory *shared = &binding->sockets.shared;
    void *data[SHARED_BUFFERS];
    size_t length[SHARED_BUFFERS];

    for (size_t index = 0; index < SHARED_BUFFERS; index++) {
        if (napi_get_arraybuffer_info(binding->env, values[index], &data[index], &length[index]) != napi_ok ||
            napi_create_reference(binding->env, values[index], 1, &binding->buffers[index]) != napi_ok) {
            return false;
        }
    }
    *shared = (struct shared_memory){.input = data[0],
                                     .input_bytes = length[0],
                                     .events = data[1],
                                     .most_events = length[1] / (EVENT_WORDS * sizeof(uint32_t)),
                                     .output = data[2],
                                     .output_bytes = length[2],
                                     .commands = data[3],
                                     .command_words = length[3] / sizeof(uint32_t),
                                     .waiting = data[4],
                                     .words = data[5]};
    return shared->input_bytes >= INPUT_ROOM(binding->sockets.limits.message_bytes) &&
           shared->most_events >= LEAST_EVENTS &&
           length[4] >= ((size_t)binding->sockets.capacity + 1) * sizeof(uint32_t) &&
           length[5] >= SHARED_WORDS * sizeof(uint32_t);
}

napi_value binding_open(napi_env env, napi_callback_info info) {
    napi_value values[OPEN_ARGUMENTS];
    napi_value name;
    napi_value handle;
    size_t count = OPEN_ARGUMENTS;
    struct binding *binding = calloc(1, sizeof *binding);

    if (!binding || napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count < OPEN_ARGUMENTS) {
        free(binding);
        return binding_fail(env, "wrong arguments");
    }
    binding->env = env;
    binding->sockets.capacity = binding_number(env, values[SHARED_BUFFERS]);
    binding->sockets.limits.message_bytes = binding_number(env, values[SHARED_BUFFERS + 1]);
    binding->sockets.limits.fragments = binding_number(env, values[SHARED_BUFFERS + 2]);
    binding->sockets.deliver = deliver;
    binding->sockets.wake = wake;
    binding->sockets.owner = binding;
    binding->loop.sockets = &binding->sockets;
    binding->loop.pause_ms = binding_number(env, values[SHARED_BUFFERS + 3]);
    binding->loop.closed = on_closed;
    if (binding->sockets.capacity > MOST_CONNECTIONS || !share(binding, values)) {
        free(binding);
        return binding_fail(env, "a buffer is too small");
    }
    if (sockets_open(&binding->sockets) != 0) {
        free(binding);
        return binding_fail(env, "no epoll descriptor, or no memory");
    }
    napi_get_uv_event_loop(env, (struct uv_loop_s **)&binding->loop.uv);
    if (loop_open(&binding->loop) != 0) {
        sockets_close_all(&binding->sockets);
        free(binding);
        return binding_fail(env, "the event loop does not take the epoll descriptor");
    }
    napi_create_reference(env, values[OPEN_ARGUMENTS - 1], 1, &binding->on_batch);
    napi_create_string_utf8(env, "EarlSockets", NAPI_AUTO_LENGTH, &name);
    napi_async_init(env, NULL, name, &binding->async);
    napi_create_external(env, binding, finalize, NULL, &handle);
    napi_create_reference(env, handle, 1, &binding->self);
    napi_add_async_cleanup_hook(env, on_cleanup, binding, &binding->cleanup);
    binding->is_open = true;
    return handle;
}

napi_value binding_close(napi_env env, napi_callback_info info) {
    napi_value values[1];
    struct binding *binding = binding_arguments(env, info, values, 1);

    if (binding) {
        close_binding(binding);
    }
    return NULL;
}
