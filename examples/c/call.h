/*
 * A call of Cloudreve or PDS whose body is pushed by the server, piece by piece, where the library pulls:
 * a thread answers it, and reads the body from a pipe. A client that sends faster than the disk writes
 * waits, and the part of an upload is never held whole.
 */
#ifndef CALL_H
#define CALL_H

#include <holdall.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

struct call {
    const holdall_api *api;
    const holdall_caller *who; /* these lead to what lives as long as the call */
    const holdall_request *request;
    pthread_t thread;
    int ends[2];
    int running;
    atomic_int cut; /* the client went away: what came is not all */
    int32_t code;
    holdall_reply *reply;
};

static void complain(int32_t code) {
    fprintf(stderr, "%s: %s\n", holdall_code_name(code), holdall_last_error());
}

static int32_t pull(void *context, void *buffer, size_t room, size_t *got) {
    struct call *call = context;
    ssize_t len;
    do len = read(call->ends[0], buffer, room);
    while (len < 0 && errno == EINTR);
    if (len < 0 || (len == 0 && atomic_load(&call->cut))) return HOLDALL_IO;
    *got = (size_t)len;
    return HOLDALL_OK;
}

static void *work(void *context) {
    struct call *call = context;
    call->code = holdall_api_answer(call->api, call->who, call->request, NULL, 0, pull, call, &call->reply);
    if (call->code != HOLDALL_OK) complain(call->code);
    close(call->ends[0]); /* what still comes is dropped */
    return NULL;
}

/* Takes the next bytes of the body. */
static void call_body(struct call *call, const char *data, size_t len) {
    if (!call->running && call->code == HOLDALL_OK) {
        call->code = HOLDALL_IO;
        if (pipe(call->ends) != 0) return;
        if (pthread_create(&call->thread, NULL, work, call) == 0) {
            call->running = 1;
        } else {
            close(call->ends[0]);
            close(call->ends[1]);
        }
    }
    while (call->running && len > 0) {
        ssize_t wrote = write(call->ends[1], data, len);
        if (wrote < 0 && errno != EINTR) return; /* the answer is there already */
        if (wrote > 0) {
            data += wrote;
            len -= (size_t)wrote;
        }
    }
}

/* Ends the body, and returns the code of the answer; the reply is the call's. */
static int32_t call_answer(struct call *call) {
    if (call->running) {
        call->running = 0;
        close(call->ends[1]);
        pthread_join(call->thread, NULL);
    } else if (call->code == HOLDALL_OK) {
        call->code = holdall_api_answer(call->api, call->who, call->request, NULL, 0, NULL, NULL, &call->reply);
        if (call->code != HOLDALL_OK) complain(call->code);
    }
    return call->code;
}

/* Ends it whether it was answered or not; of half a body nothing is kept. */
static void call_end(struct call *call) {
    if (call->running) {
        atomic_store(&call->cut, 1);
        call_answer(call);
    }
    holdall_reply_free(call->reply);
}

#endif
