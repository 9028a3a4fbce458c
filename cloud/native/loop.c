/* The event loop's part, see loop.h. */
#include "loop.h"

#include <stdlib.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)
/* It is busy when so many looks found something within a pause; and no longer when a look finds fewer sockets. */
#define BUSY_LOOKS 4

static void on_timer(uv_timer_t *timer);

static uv_handle_t *handle_of_poll(uv_poll_t *poll) {
    return (uv_handle_t *)poll;
}
static uv_handle_t *handle_of_timer(uv_timer_t *timer) {
    return (uv_handle_t *)timer;
}

static bool is_dense(struct loop *loop) {
    uint64_t now = uv_hrtime();

    if (now - loop->window_started_ns > loop->pause_ms * NS_PER_MS) {
        loop->window_started_ns = now;
        loop->looks_in_window = 0;
    }
    return ++loop->looks_in_window >= BUSY_LOOKS;
}

static void look_again_in(struct loop *loop, uint64_t ms) {
    uv_update_time(loop->uv);
    uv_timer_start(loop->timer, on_timer, ms, 0);
}

static void open_gate(struct loop *loop, bool open) {
    struct epoll_event event = {.events = open ? (uint32_t)EPOLLIN : 0};

    epoll_ctl(loop->gate, EPOLL_CTL_MOD, loop->sockets->epoll, &event);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct loop *loop = uv_handle_get_data(handle_of_poll(poll));

    (void)status;
    (void)events;
    sockets_look(loop->sockets);
    if (loop->is_closing || loop->pause_ms == 0 || !is_dense(loop)) {
        return;
    }
    loop->is_pausing = true;
    open_gate(loop, false);
    look_again_in(loop, loop->sockets->has_more ? 0 : loop->pause_ms);
}

static void on_timer(uv_timer_t *timer) {
    struct loop *loop = uv_handle_get_data(handle_of_timer(timer));
    size_t ready = sockets_look(loop->sockets);

    if (loop->is_closing || !loop->is_pausing) {
        return;
    }
    if (ready >= BUSY_LOOKS || loop->sockets->has_more) {
        look_again_in(loop, loop->sockets->has_more ? 0 : loop->pause_ms);
        return;
    }
    loop->is_pausing = false;
    loop->looks_in_window = 0;
    open_gate(loop, true);
}

static bool make_gate(struct loop *loop) {
    struct epoll_event event = {.events = EPOLLIN};

    loop->gate = epoll_create1(EPOLL_CLOEXEC);
    return loop->gate >= 0 && epoll_ctl(loop->gate, EPOLL_CTL_ADD, loop->sockets->epoll, &event) == 0;
}

static int give_up(struct loop *loop) {
    free(loop->poll);
    free(loop->timer);
    if (loop->gate >= 0) {
        close(loop->gate);
    }
    return -1;
}

int loop_open(struct loop *loop) {
    loop->poll = calloc(1, uv_handle_size(UV_POLL));
    loop->timer = calloc(1, uv_handle_size(UV_TIMER));
    if (!make_gate(loop) || !loop->poll || !loop->timer || uv_poll_init(loop->uv, loop->poll, loop->gate) != 0) {
        return give_up(loop);
    }
    uv_timer_init(loop->uv, loop->timer);
    loop->handles = 2;
    uv_handle_set_data(handle_of_poll(loop->poll), loop);
    uv_handle_set_data(handle_of_timer(loop->timer), loop);
    loop_keep_alive(loop, false);
    return uv_poll_start(loop->poll, UV_READABLE, on_poll);
}

void loop_wake(struct loop *loop) {
    if (!loop->is_closing) {
        uv_timer_start(loop->timer, on_timer, 0, 0);
    }
}

void loop_keep_alive(struct loop *loop, bool alive) {
    if (alive) {
        uv_ref(handle_of_poll(loop->poll));
        uv_ref(handle_of_timer(loop->timer));
    } else {
        uv_unref(handle_of_poll(loop->poll));
        uv_unref(handle_of_timer(loop->timer));
    }
}

static void on_closed(uv_handle_t *handle) {
    struct loop *loop = uv_handle_get_data(handle);

    free(handle);
    if (--loop->handles == 0) {
        close(loop->gate);
        loop->closed(loop);
    }
}

void loop_close(struct loop *loop) {
    if (loop->is_closing) {
        return;
    }
    loop->is_closing = true;
    uv_close(handle_of_poll(loop->poll), on_closed);
    uv_close(handle_of_timer(loop->timer), on_closed);
}
