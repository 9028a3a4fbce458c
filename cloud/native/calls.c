/* What JavaScript calls with a handle that is open, and the list of all calls; see binding.h. */
#include "binding.h"

/* Never NULL, which an empty buffer has. */
static uint8_t *bytes_of(napi_env env, napi_value value, size_t *length) {
    static uint8_t nothing[1];
    void *data = NULL;

    *length = 0;
    (void)napi_get_buffer_info(env, value, &data, length);
    return data ? data : nothing;
}

/* adopt(handle, descriptor, early): id, or 0 */
static napi_value adopt(napi_env env, napi_callback_info info) {
    napi_value values[3];
    napi_value result;
    struct binding *binding = binding_arguments(env, info, values, 3);
    uint32_t id = 0;

    if (binding) {
        size_t length;
        const uint8_t *early = bytes_of(env, values[2], &length);

        id = sockets_adopt(&binding->sockets, (int)binding_number(env, values[1]), early, length);
    }
    napi_create_uint32(env, id, &result);
    return result;
}

/* flush(handle) */
static napi_value flush(napi_env env, napi_callback_info info) {
    napi_value values[1];
    struct binding *binding = binding_arguments(env, info, values, 1);

    if (binding) {
        sockets_flush(&binding->sockets);
    }
    return NULL;
}

/* keepAlive(handle, alive) */
static napi_value keep_alive(napi_env env, napi_callback_info info) {
    napi_value values[2];
    struct binding *binding = binding_arguments(env, info, values, 2);

    if (binding) {
        loop_keep_alive(&binding->loop, binding_number(env, values[1]) != 0);
    }
    return NULL;
}

/* setReading(handle, id, reading) */
static napi_value set_reading(napi_env env, napi_callback_info info) {
    napi_value values[3];
    struct binding *binding = binding_arguments(env, info, values, 3);

    if (binding) {
        sockets_set_reading(&binding->sockets, binding_number(env, values[1]), binding_number(env, values[2]) != 0);
    }
    return NULL;
}

/* send(handle, id, bytes) */
static napi_value send_bytes(napi_env env, napi_callback_info info) {
    napi_value values[3];
    struct binding *binding = binding_arguments(env, info, values, 3);

    if (binding) {
        size_t length;
        uint8_t *bytes = bytes_of(env, values[2], &length);

        sockets_send(&binding->sockets, binding_number(env, values[1]), bytes, length);
    }
    return NULL;
}

/* closeConnection(handle, id, code, reason) */
static napi_value close_connection(napi_env env, napi_callback_info info) {
    napi_value values[4];
    struct binding *binding = binding_arguments(env, info, values, 4);

    if (binding) {
        size_t length;
        const uint8_t *reason = bytes_of(env, values[3], &length);

        sockets_close(&binding->sockets, binding_number(env, values[1]), (uint16_t)binding_number(env, values[2]),
                      reason, length);
    }
    return NULL;
}

/* terminate(handle, id) */
static napi_value terminate(napi_env env, napi_callback_info info) {
    napi_value values[2];
    struct binding *binding = binding_arguments(env, info, values, 2);

    if (binding) {
        sockets_terminate(&binding->sockets, binding_number(env, values[1]));
    }
    return NULL;
}

static napi_value init(napi_env env, napi_value exports) {
    static const struct {
        const char *name;
        napi_callback function;
    } functions[] = {{"open", binding_open},    {"close", binding_close},
                     {"adopt", adopt},          {"flush", flush},
                     {"keepAlive", keep_alive}, {"setReading", set_reading},
                     {"send", send_bytes},      {"closeConnection", close_connection},
                     {"terminate", terminate}};

    for (size_t index = 0; index < sizeof functions / sizeof functions[0]; index++) {
        napi_value function;

        napi_create_function(env, functions[index].name, NAPI_AUTO_LENGTH, functions[index].function, NULL, &function);
        napi_set_named_property(env, exports, functions[index].name, function);
    }
    return exports;
}

NAPI_MODULE(earl_native, init)
