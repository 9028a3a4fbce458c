/* When sockets are looked at: at once while it is quiet, and every millisecond while messages come thick and fast.
 *
 * As network drivers in Linux do (NAPI): the first message wakes the loop; when wake-ups come densely they are switched
 * off and a timer looks instead, so that one look finds tens of messages and shares the cost of waking up among them.
 */
#ifndef EARL_NATIVE_LOOP_H
#define EARL_NATIVE_LOOP_H

#include "sockets.h"
#include "uv-abi.h"

struct loop {
    struct sockets *sockets;
    uv_loop_t *uv;
    uv_poll_t *poll;
    uv_timer_t *timer;
    /* Time between looks while it is busy, 0 to look at once always. */
    uint32_t pause_ms;
    /* An epoll set with nothing in it but that of the sockets: libuv watches this one. To switch it off and on is then
     * a change of one entry, where taking the sockets' own set out and in again would make the kernel walk over all
     * sockets. */
    int gate;
    bool is_pausing;
    bool is_closing;
    uint64_t window_started_ns;
    uint32_t looks_in_window;
    uint32_t handles;
    /* Called when the handles are gone, after loop_close. */
    void (*closed)(struct loop *loop);
};

/* 0, or -1. `sockets`, `uv`, `pause_ms` and `closed` are set; all else is zero. */
int loop_open(struct loop *loop);
/* Looks soon, once, although nothing may be ready. */
void loop_wake(struct loop *loop);
/* Whether open connections keep the process alive. */
void loop_keep_alive(struct loop *loop, bool alive);
void loop_close(struct loop *loop);

#endif
