/* The few functions of libuv 1.x that are needed, which Node exports; its headers are not on every machine.
 *
 * Handles are opaque: their size is asked for (uv_handle_size) and their owner kept by uv_handle_set_data, as libuv
 * offers to bindings of other languages. Names, values and types are those of libuv's documentation, stable
 * through 1.x. */
#ifndef EARL_NATIVE_UV_ABI_H
#define EARL_NATIVE_UV_ABI_H

#include <stddef.h>
#include <stdint.h>

typedef struct uv_loop_s uv_loop_t;
typedef struct uv_handle_s uv_handle_t;
typedef struct uv_poll_s uv_poll_t;
typedef struct uv_timer_s uv_timer_t;

typedef void (*uv_poll_cb)(uv_poll_t *handle, int status, int events);
typedef void (*uv_timer_cb)(uv_timer_t *handle);
typedef void (*uv_close_cb)(uv_handle_t *handle);

/* enum uv_handle_type and enum uv_poll_event */
#define UV_POLL     8
#define UV_TIMER    13
#define UV_READABLE 1

size_t uv_handle_size(int type);
void *uv_handle_get_data(const uv_handle_t *handle);
void uv_handle_set_data(uv_handle_t *handle, void *data);
void uv_ref(uv_handle_t *handle);
void uv_unref(uv_handle_t *handle);
void uv_close(uv_handle_t *handle, uv_close_cb closed);
int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int descriptor);
int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb callback);
int uv_timer_init(uv_loop_t *loop, uv_timer_t *handle);
int uv_timer_start(uv_timer_t *handle, uv_timer_cb callback, uint64_t timeout_ms, uint64_t repeat_ms);
uint64_t uv_hrtime(void);
void uv_update_time(uv_loop_t *loop);

#endif
