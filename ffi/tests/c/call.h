/* Making calls of Cloudreve and PDS, and reading what they say. */
#ifndef CALL_H
#define CALL_H

#include "check.h"

#include <stdint.h>

/* The body of a reply as text, until the next call. */
static const char *text_of(const holdall_reply *reply) {
    static char text[65536];
    size_t got = 0;
    holdall_body *body = NULL;
    OK(holdall_reply_body(reply, &body));
    OK(holdall_body_read(body, 0, text, sizeof text - 1, &got));
    OK(holdall_body_free(body));
    text[got] = '\0';
    return text;
}

static int holds(const holdall_reply *reply, const char *part) {
    const char *text = text_of(reply);
    if (strstr(text, part) == NULL) fprintf(stderr, "%s is not in %s\n", part, text);
    return strstr(text, part) != NULL;
}

/* Copies what stands between `before` and the next `"` of a body. */
static void take(const holdall_reply *reply, const char *before, char *to, size_t room) {
    const char *start;
    size_t len;
    CHECK(holds(reply, before));
    start = strstr(text_of(reply), before) + strlen(before);
    len = strcspn(start, "\"");
    CHECK(len < room);
    memcpy(to, start, len);
    to[len] = '\0';
}

static holdall_request request_of(const char *method, const char *target) {
    RECORD(holdall_request, request);
    request.method = method;
    request.method_len_bytes = strlen(method);
    request.target = target;
    request.target_len_bytes = strlen(target);
    return request;
}

static holdall_caller owner(const char *drive) {
    RECORD(holdall_caller, caller);
    caller.drive = drive;
    caller.drive_len_bytes = strlen(drive);
    return caller;
}

/* Answers a call whose body is text. */
static holdall_reply *answer(const holdall_api *api, const char *drive, const char *method, const char *target,
                             const char *body) {
    holdall_request request = request_of(method, target);
    holdall_caller caller = owner(drive ? drive : "");
    holdall_reply *reply = NULL;
    OK(holdall_api_answer(api, drive ? &caller : NULL, &request, body, strlen(body), NULL, NULL, &reply));
    return reply;
}

/* A body that is made as it is read: `len` bytes, a few at a time, and what went on. */
struct stream {
    uint64_t len, at;
    size_t most;       /* the longest piece that was asked for */
    int32_t failure;   /* what the callback answers after half of it */
    int calls, lies;
    const holdall_drive *drive; /* where something is put meanwhile */
};

static int32_t pull(void *context, void *buffer, size_t room, size_t *read) {
    struct stream *stream = context;
    size_t len = room < 50000 ? room : 50000, at;
    CHECK(room > 0);
    stream->calls++;
    if (room > stream->most) stream->most = room;
    if (stream->drive != NULL && stream->calls == 5)
        OK(holdall_put_memory(stream->drive, S("meanwhile"), S("put by the callback"), NULL, NULL));
    if (stream->lies) {
        *read = room + 1;
        return HOLDALL_OK;
    }
    if (stream->failure != 0 && stream->at > stream->len / 2) return stream->failure;
    if (len > stream->len - stream->at) len = (size_t)(stream->len - stream->at);
    for (at = 0; at < len; at++) ((unsigned char *)buffer)[at] = (unsigned char)((stream->at + at) * 7 >> 3);
    stream->at += len;
    *read = len;
    return HOLDALL_OK;
}

#endif
