/*
 * A download and upload server on libmicrohttpd, in C.
 *
 *     server DIRECTORY [PORT]
 *
 *     GET, HEAD                  answer every URL of the store: downloads, archives, direct links, ranges
 *     PUT /upload/DRIVE/PATH     puts the body at PATH of a drive and answers 201 with a URL as text
 *
 * Where HOLDALL_API_DRIVE names a drive, it answers the calls of Cloudreve v4 and of PDS too, under /api/v4,
 * /f and /v2, as if the owner of that drive made them. That is for development only: a real host knows its
 * users, and says with each call who makes it.
 *
 * It listens on 127.0.0.1, on any free port where PORT is 0 or missing, and says on which with one line,
 * "listening on http://127.0.0.1:PORT". SIGTERM ends it. Where UPLOAD_TOKEN stands in the environment, an
 * upload needs "Authorization: Bearer" and it, and so does a call to be the owner's; without, a call is the
 * owner's unless a page of another site made it or a proxy passed it on.
 *
 * A reply of one range of a file goes out by sendfile, a reply of several pieces by writev from the map,
 * and a long one, an archive of many files perhaps, is read as the client takes it.
 */
#include <holdall.h>
#include <microhttpd.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"

#define UPLOADS "/upload/"

enum { MAX_HEADERS = 64, MAX_PIECES = 256 };

static holdall_store *store;
static holdall_api *api;  /* NULL: no calls */
static holdall_caller owner = {.size = sizeof owner};
static const char *token; /* NULL: anyone may upload */

/* A request as the library takes it. It leads to what MHD keeps until the request's end. */
struct asked {
    holdall_request request;
    holdall_header headers[MAX_HEADERS];
    char client[INET6_ADDRSTRLEN];
    struct call call;
};

/* What is known of one request, from its first line to its end. */
struct request {
    char *target; /* as it came, not decoded */
    holdall_writer *writer;
    struct asked *asked; /* of a call */
    int begun;
    int32_t failed;   /* what kept an upload from going on */
    char reason[512]; /* and the sentence about it */
};

/* The segments of a reply that is sent from memory. */
struct pieces {
    holdall_segment list[MAX_PIECES];
    struct MHD_IoVec vectors[MAX_PIECES];
    unsigned count;
};

static void *begin(void *context, const char *uri, struct MHD_Connection *connection) {
    struct request *request = calloc(1, sizeof *request);
    (void)context;
    (void)connection;
    if (request != NULL) request->target = strdup(uri);
    return request;
}

static void end(void *context, struct MHD_Connection *connection, void **state,
                enum MHD_RequestTerminationCode why) {
    struct request *request = *state;
    (void)context;
    (void)connection;
    (void)why;
    if (request == NULL) return;
    holdall_writer_free(request->writer); /* what was not committed leaves nothing behind */
    if (request->asked != NULL) call_end(&request->asked->call);
    free(request->asked);
    free(request->target);
    free(request);
}

static void free_pieces(void *context) {
    struct pieces *pieces = context;
    unsigned at;
    for (at = 0; at < pieces->count; at++) holdall_pin_free(pieces->list[at].pin);
    free(pieces);
}

static void free_body(void *context) {
    holdall_body_free(context);
}

static ssize_t read_body(void *context, uint64_t offset, char *buffer, size_t room) {
    size_t got = 0;
    int32_t code = holdall_body_read(context, offset, buffer, room, &got);
    if (code == HOLDALL_OK) return got == 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)got;
    /* The connection breaks: never a whole reply with damaged content. */
    complain(code);
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* Takes the body, and makes a response of it by the cheapest way there is. */
static struct MHD_Response *response_of(holdall_body *body, uint64_t len) {
    struct MHD_Response *response = NULL;
    struct pieces *pieces = calloc(1, sizeof *pieces);
    uint64_t at = 0;

    while (pieces != NULL && at < len && pieces->count < MAX_PIECES) {
        holdall_segment *piece = &pieces->list[pieces->count];
        piece->size = sizeof *piece;
        if (holdall_body_segment(body, at, len - at, piece) != HOLDALL_OK) break;
        pieces->vectors[pieces->count].iov_base = piece->data;
        pieces->vectors[pieces->count].iov_len = piece->len_bytes;
        pieces->count++;
        at += piece->len_bytes;
        if (piece->fd < 0 || piece->len_bytes != len) continue;
        /* All of it is one range of a file. The response closes its descriptor. */
        response = MHD_create_response_from_fd_at_offset64(len, dup(piece->fd), piece->offset_bytes);
        free_pieces(pieces);
        holdall_body_free(body);
        return response;
    }
    if (pieces != NULL && at == len)
        response = MHD_create_response_from_iovec(pieces->vectors, pieces->count, free_pieces, pieces);
    if (response != NULL) {
        holdall_body_free(body);
        return response;
    }
    if (pieces != NULL) free_pieces(pieces);
    return MHD_create_response_from_callback(len, 256 << 10, read_body, body, free_body);
}

/* Never called: it is of the length that a GET would have, and sent without a body. */
static ssize_t nothing(void *context, uint64_t offset, char *buffer, size_t room) {
    (void)context;
    (void)offset;
    (void)buffer;
    (void)room;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, int head, const holdall_reply *reply) {
    struct MHD_Response *response = NULL;
    const holdall_header *headers = NULL;
    holdall_body *body = NULL;
    enum MHD_Result queued;
    size_t count = 0, at;
    uint32_t status = 500;
    uint64_t len = 0, declared = 0;

    if (holdall_reply_status(reply, &status) != HOLDALL_OK ||
        holdall_reply_headers(reply, &headers, &count) != HOLDALL_OK ||
        holdall_reply_body(reply, &body) != HOLDALL_OK || holdall_body_len(body, &len) != HOLDALL_OK) {
        holdall_body_free(body);
        return MHD_NO;
    }
    for (at = 0; at < count; at++)
        if (strcmp(headers[at].name, "Content-Length") == 0) declared = strtoull(headers[at].value, NULL, 10);
    if (head && declared > 0) {
        response = MHD_create_response_from_callback(declared, 1024, nothing, NULL, NULL);
        holdall_body_free(body);
    } else {
        response = response_of(body, len);
    }
    if (response == NULL) return MHD_NO;
    for (at = 0; at < count; at++)
        if (strcmp(headers[at].name, "Content-Length") != 0) /* which libmicrohttpd sends itself */
            MHD_add_response_header(response, headers[at].name, headers[at].value);
    queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status, const char *text) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result queued;
    MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
    if (status == 405) MHD_add_response_header(response, "Allow", "PUT");
    queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Tells the client as much of a code as is good for it. */
static enum MHD_Result send_code(struct MHD_Connection *connection, int32_t code) {
    enum MHD_Result queued = MHD_NO;
    holdall_reply *reply = NULL;
    if (holdall_reply_of_code(code, &reply) == HOLDALL_OK) queued = send_reply(connection, 0, reply);
    holdall_reply_free(reply);
    return queued;
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    struct asked *asked = context;
    (void)kind;
    if (asked->request.header_count < MAX_HEADERS && value != NULL) {
        holdall_header *header = &asked->headers[asked->request.header_count++];
        header->name = name;
        header->name_len_bytes = strlen(name);
        header->value = value;
        header->value_len_bytes = strlen(value);
    }
    return MHD_YES;
}

/* Makes the request of the library's out of MHD's. */
static void ask(struct MHD_Connection *connection, const char *method, const char *target, struct asked *asked) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    memset(asked, 0, sizeof *asked);
    asked->request.size = sizeof asked->request;
    asked->request.headers = asked->headers;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, asked);
    if (info != NULL && info->client_addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr, asked->client,
                  sizeof asked->client);
    asked->request.method = method;
    asked->request.method_len_bytes = strlen(method);
    asked->request.target = target;
    asked->request.target_len_bytes = strlen(target);
    asked->request.client = asked->client[0] != '\0' ? asked->client : NULL;
    asked->request.client_len_bytes = strlen(asked->client);
}

static enum MHD_Result download(struct MHD_Connection *connection, const char *method, const char *target) {
    struct asked asked;
    holdall_reply *reply = NULL;
    enum MHD_Result queued;
    int32_t code;

    ask(connection, method, target, &asked);
    code = holdall_serve(store, &asked.request, &reply);
    if (code != HOLDALL_OK) {
        complain(code);
        return send_code(connection, code);
    }
    queued = send_reply(connection, strcmp(method, "HEAD") == 0, reply);
    holdall_reply_free(reply);
    return queued;
}

/* Whether a program or a page of this machine asks, and not a page of another site in a browser on it,
 * or somebody behind a proxy. */
static int is_from_here(struct MHD_Connection *connection) {
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    const char *origin = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Origin");
    static const char *const passed_on[] = {"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host",
                                            "X-Real-IP"};
    for (size_t at = 0; at < sizeof passed_on / sizeof passed_on[0]; at++)
        if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND, passed_on[at]) != NULL) return 0;
    if (host == NULL || (strncmp(host, "127.0.0.1:", 10) != 0 && strncmp(host, "localhost:", 10) != 0)) return 0;
    return origin == NULL || (strncmp(origin, "http://", 7) == 0 && strcmp(origin + 7, host) == 0);
}

/* Whether a caller is the owner: by the token, which is compared without telling by the time where the first
 * difference is; if there is none, whoever is on this machine. */
static int allowed(struct MHD_Connection *connection) {
    const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    size_t at, len = token != NULL ? strlen(token) : 0;
    unsigned char differs = 0;
    if (token == NULL) return is_from_here(connection);
    if (given == NULL || strncmp(given, "Bearer ", 7) != 0 || strlen(given + 7) != len) return 0;
    for (at = 0; at < len; at++) differs |= (unsigned char)(given[7 + at] ^ token[at]);
    return differs == 0;
}

/* Begins a call if the target is one of a call. */
static struct asked *begin_call(struct MHD_Connection *connection, const char *method, const char *target) {
    struct asked *asked = NULL;
    bool is_at = false;
    if (api != NULL && holdall_api_is_at(api, target, strlen(target), &is_at) == HOLDALL_OK && is_at)
        asked = malloc(sizeof *asked);
    if (asked == NULL) return NULL;
    ask(connection, method, target, asked);
    asked->call.api = api;
    asked->call.request = &asked->request;
    if (allowed(connection)) asked->call.who = &owner;
    return asked;
}

static enum MHD_Result answer_call(struct MHD_Connection *connection, const char *method, struct call *call) {
    if (call_answer(call) != HOLDALL_OK) return send_code(connection, call->code);
    return send_reply(connection, strcmp(method, "HEAD") == 0, call->reply);
}

static int hex(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Decodes the escapes of a path in place, and tells its length: it may hold a NUL then. */
static int decode(char *path, size_t *len) {
    size_t from, to = 0;
    for (from = 0; path[from] != '\0'; from++) {
        char decoded = path[from];
        if (decoded == '%') {
            int high = hex(path[from + 1]);
            int low = high >= 0 ? hex(path[from + 2]) : -1;
            if (low < 0) return 0;
            decoded = (char)(high * 16 + low);
            from += 2;
        }
        path[to++] = decoded;
    }
    *len = to;
    return 1;
}

/* Begins to put at a path of a drive, both decoded. */
static int32_t begin_upload(struct MHD_Connection *connection, holdall_string name, holdall_string path,
                            holdall_writer **writer) {
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    holdall_put_options options = {.size = sizeof options};
    uint64_t declared = length != NULL ? strtoull(length, NULL, 10) : 0;
    holdall_drive *drive = NULL;
    int32_t code;

    if (length != NULL) options.len_bytes = &declared;
    code = holdall_drive_open(store, name.data, name.len_bytes, &drive);
    if (code == HOLDALL_OK) code = holdall_writer_open(drive, path.data, path.len_bytes, &options, writer);
    holdall_drive_free(drive);
    return code;
}

/* Notes what kept an upload from going on. */
static int32_t note(struct request *request, int32_t code) {
    request->failed = code;
    if (code != HOLDALL_OK) {
        complain(code);
        snprintf(request->reason, sizeof request->reason, "%s\n", holdall_last_error());
    }
    return code;
}

/* Tells whoever uploads why not, unless it is the server's affair. */
static enum MHD_Result refuse(struct MHD_Connection *connection, const struct request *request) {
    uint32_t status = holdall_code_status(request->failed);
    return status < 500 ? send_text(connection, status, request->reason) : send_code(connection, request->failed);
}

static enum MHD_Result upload(struct MHD_Connection *connection, struct request *request, const char *data,
                              size_t *len) {
    holdall_version version = {.size = sizeof version};
    holdall_text *url = NULL;
    enum MHD_Result queued;

    if (!request->begun) {
        char *target = request->target + strlen(UPLOADS), *slash;
        holdall_string name = {target, 0}, path = {NULL, 0};
        request->begun = 1;
        target[strcspn(target, "?")] = '\0';
        slash = strchr(target, '/');
        if (!allowed(connection))
            return token != NULL ? send_text(connection, 401, "Uploads need the token.\n")
                                 : send_text(connection, 403, "Uploads without a token come from this machine.\n");
        if (slash == NULL) return send_text(connection, 404, "Uploads go to /upload/DRIVE/PATH.\n");
        *slash = '\0';
        path.data = slash + 1;
        if (!decode(target, &name.len_bytes) || !decode(slash + 1, &path.len_bytes))
            return send_text(connection, 400, "A '%' is followed by no two hex digits; write it as %25.\n");
        if (note(request, begin_upload(connection, name, path, &request->writer)) == HOLDALL_OK) return MHD_YES;
        return refuse(connection, request);
    }
    if (*len > 0) {
        if (request->failed == HOLDALL_OK) note(request, holdall_writer_write(request->writer, data, *len));
        *len = 0;
        return MHD_YES;
    }
    if (request->failed == HOLDALL_OK) note(request, holdall_writer_commit(request->writer, &version));
    if (request->failed == HOLDALL_OK) note(request, holdall_url_version(store, version.id, NULL, &url));
    if (request->failed != HOLDALL_OK) return refuse(connection, request);
    queued = send_text(connection, 201, holdall_text_get(url));
    holdall_text_free(url);
    return queued;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data, size_t *len,
                              void **state) {
    struct request *request = *state;
    (void)context;
    (void)url; /* which is decoded: see begin() */
    (void)version;
    if (request == NULL || request->target == NULL) return MHD_NO;
    if (strncmp(request->target, UPLOADS, strlen(UPLOADS)) == 0) {
        if (strcmp(method, "PUT") == 0) return upload(connection, request, data, len);
        return send_text(connection, 405, "Only PUT is answered here.\n");
    }
    if (!request->begun) {
        request->begun = 1; /* the headers are here; a body may follow */
        request->asked = begin_call(connection, method, request->target);
        return MHD_YES;
    }
    if (*len > 0) {
        if (request->asked != NULL) call_body(&request->asked->call, data, *len);
        *len = 0;
        return MHD_YES;
    }
    if (request->asked != NULL) return answer_call(connection, method, &request->asked->call);
    return download(connection, method, request->target);
}

/* Reads a port; 0 is any that is free. */
static int read_port(const char *text, uint16_t *port) {
    size_t digits = strspn(text, "0123456789");
    unsigned long number = strtoul(text, NULL, 10);
    *port = (uint16_t)number;
    return digits > 0 && digits < 6 && text[digits] == '\0' && number <= UINT16_MAX;
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    const union MHD_DaemonInfo *info;
    struct MHD_Daemon *daemon;
    sigset_t stop;
    uint16_t port = 0;
    int got = 0;

    if ((argc != 2 && argc != 3) || (argc == 3 && !read_port(argv[2], &port))) {
        fprintf(stderr, "usage: %s DIRECTORY [PORT], a number up to 65535\n", argv[0]);
        return 2;
    }
    token = getenv("UPLOAD_TOKEN");
    owner.drive = getenv("HOLDALL_API_DRIVE");
    owner.drive_len_bytes = owner.drive != NULL ? strlen(owner.drive) : 0;
    owner.token = token; /* for proofs of content */
    owner.token_len_bytes = token != NULL ? strlen(token) : 0;
    if (holdall_open(argv[1], strlen(argv[1]), NULL, &store) != HOLDALL_OK ||
        (owner.drive != NULL && holdall_api_new(store, NULL, &api) != HOLDALL_OK)) {
        fprintf(stderr, "%s\n", holdall_last_error());
        return 1;
    }
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0,
                              NULL, NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, &address,
                              MHD_OPTION_URI_LOG_CALLBACK, begin, NULL, MHD_OPTION_NOTIFY_COMPLETED, end, NULL,
                              MHD_OPTION_END);
    info = daemon != NULL ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (info == NULL) {
        fprintf(stderr, "127.0.0.1:%d cannot be listened on; is another server there?\n", port);
        return 1;
    }
    printf("listening on http://127.0.0.1:%d\n", info->port);
    fflush(stdout);
    sigwait(&stop, &got);
    MHD_stop_daemon(daemon);
    holdall_api_free(api);
    holdall_store_close(store);
    return holdall_store_free(store);
}
