/* What the programs of this folder share. */
#ifndef CHECK_H
#define CHECK_H

#include <holdall.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                              \
    do {                                                                                              \
        if (!(condition)) {                                                                           \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, holdall_last_error()); \
            exit(1);                                                                                  \
        }                                                                                             \
    } while (0)

#define OK(call) CHECK((call) == HOLDALL_OK)
#define FAILS(code, call) CHECK((call) == (code))

#define S HOLDALL_STR

/* A text that is no literal, as two arguments. */
#define Z(text) (text), strlen(text)

/* Declares a record or options, all zero but for the size. */
#define RECORD(type, name)         \
    type name;                     \
    memset(&name, 0, sizeof name); \
    name.size = sizeof name

static holdall_store *open_store(const char *path) {
    holdall_store *store = NULL;
    OK(holdall_open(Z(path), NULL, &store));
    CHECK(store != NULL);
    return store;
}

static holdall_drive *open_drive(const holdall_store *store) {
    holdall_drive *drive = NULL;
    OK(holdall_drive_open(store, S("alice"), &drive));
    return drive;
}

/* Asks for a URL with one header or none. */
static holdall_reply *serve(const holdall_store *store, const char *method, const char *url,
                            const char *name, const char *value) {
    holdall_header header = {name, name ? strlen(name) : 0, value, value ? strlen(value) : 0};
    holdall_reply *reply = NULL;
    RECORD(holdall_request, request);
    request.method = method;
    request.method_len_bytes = strlen(method);
    request.target = url;
    request.target_len_bytes = strlen(url);
    request.headers = &header;
    request.header_count = name != NULL;
    OK(holdall_serve(store, &request, &reply));
    return reply;
}

static uint32_t status_of(const holdall_reply *reply) {
    uint32_t status = 0;
    OK(holdall_reply_status(reply, &status));
    return status;
}

/* Whether the body of a reply is a text. */
static int says(const holdall_reply *reply, const char *text) {
    char buffer[4096];
    size_t got = 0;
    holdall_body *body = NULL;
    OK(holdall_reply_body(reply, &body));
    OK(holdall_body_read(body, 0, buffer, sizeof buffer, &got));
    OK(holdall_body_free(body));
    return got == strlen(text) && memcmp(buffer, text, got) == 0;
}

static const char *header_of(const holdall_reply *reply, const char *name) {
    const holdall_header *headers = NULL;
    size_t count = 0, at;
    OK(holdall_reply_headers(reply, &headers, &count));
    for (at = 0; at < count; at++)
        if (strcmp(headers[at].name, name) == 0) return headers[at].value;
    return NULL;
}

#endif
