/* The calls of Cloudreve v4 and of PDS from C: an exchange of each, and what is wrong with them. */
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


#define ASK "/files/api/v4/file/url"

static void cloudreve(const holdall_store *store, const holdall_drive *drive) {
    char url[4096], link[4096];
    holdall_api *api = NULL;
    holdall_reply *reply;
    const char *ask = "{\"uris\":[\"cloudreve://my/docs/a%20b.txt\"]}";
    const holdall_string others[] = {{S("https://other.example")}};
    RECORD(holdall_api_options, options);
    OK(holdall_put_memory(drive, S("docs/a b.txt"), S("hello"), NULL, NULL));
    options.prefix = "/files";
    options.prefix_len_bytes = 6;
    options.site = "https://files.example";
    options.site_len_bytes = strlen(options.site);
    options.secondary_sites = others;
    options.secondary_site_count = 1;
    OK(holdall_api_new(store, &options, &api));

    reply = answer(api, "alice", "POST", ASK, ask);
    CHECK(status_of(reply) == 200 && strstr(header_of(reply, "Content-Type"), "json") != NULL);
    CHECK(holds(reply, "\"code\":0"));
    take(reply, "\"url\":\"https://files.example", url, sizeof url);
    OK(holdall_reply_free(reply));
    reply = answer(api, NULL, "GET", url, "");
    CHECK(status_of(reply) == 200 && says(reply, "hello"));
    OK(holdall_reply_free(reply));
    {
        holdall_header range = {S("range"), S("bytes=1-2")}, host = {S("host"), S("other.example")};
        holdall_request request = request_of("GET", url);
        request.headers = &range;
        request.header_count = 1;
        OK(holdall_api_answer(api, NULL, &request, NULL, 0, NULL, NULL, &reply));
        CHECK(status_of(reply) == 206 && says(reply, "el"));
        OK(holdall_reply_free(reply));
        reply = serve(store, "GET", url, NULL, NULL); /* its path has the prefix, which the store knows not */
        CHECK(status_of(reply) >= 400);
        OK(holdall_reply_free(reply));
        request = request_of("POST", ASK);
        request.headers = &host;
        request.header_count = 1;
        {
            holdall_caller alice = owner("alice");
            OK(holdall_api_answer(api, &alice, &request, ask, strlen(ask), NULL, NULL, &reply));
        }
        CHECK(holds(reply, "\"url\":\"https://other.example/files/api/v4/file/content/"));
        OK(holdall_reply_free(reply));
    }
    /* Nobody has no files of his own, and Bob none of that name. */
    reply = answer(api, NULL, "POST", ASK, ask);
    CHECK(!strstr(text_of(reply), "\"code\":0") && !strstr(text_of(reply), "https://"));
    OK(holdall_reply_free(reply));
    reply = answer(api, "bob", "POST", ASK, ask);
    CHECK(!strstr(text_of(reply), "\"code\":0") && !strstr(text_of(reply), "https://"));
    OK(holdall_reply_free(reply));

    /* A direct link, followed; and callers that may make none, or not so many. */
    reply = answer(api, "alice", "PUT", "/files/api/v4/file/source", ask);
    take(reply, "\"link\":\"https://files.example", link, sizeof link);
    OK(holdall_reply_free(reply));
    reply = answer(api, NULL, "GET", link, "");
    CHECK(status_of(reply) == 302 && strstr(header_of(reply, "Location"), "/files/api/v4/file/content/") != NULL);
    OK(holdall_reply_free(reply));
    {
        static const struct {
            uint32_t flags, max_links;
            int made;
        } ROWS[] = {
            {0, 0, 1},
            {0, 1, 1},
            {HOLDALL_CALLER_NO_LINKS, 0, 0},
            {HOLDALL_CALLER_NO_LINKS, 7, 0},
            {HOLDALL_CALLER_ADMINISTRATOR, 0, 1},
            {HOLDALL_CALLER_ADMINISTRATOR | HOLDALL_CALLER_NO_LINKS, 0, 0},
            {HOLDALL_CALLER_NEW_LINKS | HOLDALL_CALLER_NO_ARCHIVE | HOLDALL_CALLER_NO_SHARES, 0, 1},
        };
        size_t at;
        for (at = 0; at < sizeof ROWS / sizeof ROWS[0]; at++) {
            holdall_request request = request_of("PUT", "/files/api/v4/file/source");
            holdall_caller caller = owner("alice");
            caller.flags = ROWS[at].flags;
            caller.max_links = ROWS[at].max_links;
            OK(holdall_api_answer(api, &caller, &request, ask, strlen(ask), NULL, NULL, &reply));
            CHECK((strstr(text_of(reply), "\"code\":0") != NULL) == ROWS[at].made);
            CHECK((strstr(text_of(reply), "\"link\"") != NULL) == ROWS[at].made);
            OK(holdall_reply_free(reply));
        }
    }
    /* The same link gives the content itself where the host says so. */
    options.flags = HOLDALL_API_DIRECT;
    OK(holdall_api_free(api));
    OK(holdall_api_new(store, &options, &api));
    reply = answer(api, NULL, "GET", link, "");
    CHECK(status_of(reply) == 200 && says(reply, "hello"));
    OK(holdall_reply_free(reply));
    OK(holdall_api_free(api));
}

/* A share that is to be paid for opens with a ticket alone. */
static void ticket(const holdall_store *store, const holdall_drive *drive) {
    char ask[4096];
    holdall_api *api = NULL;
    holdall_text *uri = NULL, *paid = NULL;
    holdall_reply *reply = NULL;
    holdall_request request = request_of("POST", "/api/v4/file/url");
    holdall_header shown = {S("X-Cr-Purchase-Ticket"), "", 0};
    RECORD(holdall_share_options, terms);
    RECORD(holdall_share, share);
    terms.flags = HOLDALL_SHARE_PURCHASE;
    OK(holdall_share_create(drive, S("docs"), &terms, &share));
    OK(holdall_api_new(store, NULL, &api));
    OK(holdall_api_share_uri(api, share.id, &uri));
    snprintf(ask, sizeof ask, "{\"uris\":[\"%s/a%%20b.txt\"]}", holdall_text_get(uri));
    reply = answer(api, NULL, "POST", "/api/v4/file/url", ask);
    CHECK(holds(reply, "\"code\":40083"));
    OK(holdall_reply_free(reply));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_ticket(api, share.id, 0, &paid));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_ticket(api, share.id, UINT64_MAX, &paid));
    FAILS(HOLDALL_NOT_FOUND, holdall_api_ticket(api, share.id + 1000, 60, &paid));
    FAILS(HOLDALL_NOT_FOUND, holdall_api_share_uri(api, share.id + 1000, &paid));
    CHECK(paid == NULL);
    OK(holdall_api_ticket(api, share.id, 60, &paid));
    shown.value = holdall_text_get(paid);
    shown.value_len_bytes = strlen(shown.value);
    request.headers = &shown;
    request.header_count = 1;
    OK(holdall_api_answer(api, NULL, &request, ask, strlen(ask), NULL, NULL, &reply));
    CHECK(holds(reply, "\"code\":0"));
    OK(holdall_reply_free(reply));
    {
        RECORD(holdall_caller, kept);
        kept.flags = HOLDALL_CALLER_NO_SHARES;
        OK(holdall_api_answer(api, &kept, &request, ask, strlen(ask), NULL, NULL, &reply));
        CHECK(strstr(text_of(reply), "\"code\":0") == NULL);
        OK(holdall_reply_free(reply));
    }
    OK(holdall_text_free(uri));
    OK(holdall_text_free(paid));
    OK(holdall_api_free(api));
}

/* Puts a part as it comes from a callback, behind what was read before, and returns the code. */
static int32_t put_part(const holdall_api *api, const char *url, const char *begun, struct stream *stream,
                        holdall_reply **reply) {
    holdall_request request = request_of("PUT", url);
    return holdall_api_answer(api, NULL, &request, begun, strlen(begun), pull, stream, reply);
}

static void pds(const holdall_store *store, const holdall_drive *drive) {
    enum { PART = 24 << 20 };
    char call[1024], first[2048], second[2048], file[64], upload[64], url[4096];
    const char *rest;
    holdall_api *api = NULL;
    holdall_reply *reply = NULL;
    holdall_body *body = NULL;
    struct stream stream = {PART, 0, 0, 0, 0, 0, drive}, again = {PART, 0, 0, 0, 0, 0, NULL};
    struct stream broken = {PART, 0, 0, HOLDALL_IO, 0, 0, NULL}, odd = {PART, 0, 0, 4711, 0, 0, NULL};
    struct stream lying = {PART, 0, 0, 0, 0, 1, NULL};
    uint64_t len = 0, at;
    RECORD(holdall_drive_info, info);
    OK(holdall_drive_stat(drive, &info));
    OK(holdall_api_new(store, NULL, &api));

    snprintf(call, sizeof call,
             "{\"drive_id\":\"%llu\",\"parent_file_id\":\"root\",\"name\":\"big.bin\",\"type\":\"file\","
             "\"size\":%d,\"part_info_list\":[{\"part_number\":1},{\"part_number\":2}]}",
             (unsigned long long)info.id, PART + 10);
    reply = answer(api, "alice", "POST", "/v2/file/create", call);
    CHECK(status_of(reply) == 200);
    take(reply, "\"file_id\":\"", file, sizeof file);
    take(reply, "\"upload_id\":\"", upload, sizeof upload);
    take(reply, "\"upload_url\":\"", first, sizeof first);
    rest = strstr(text_of(reply), first) + strlen(first);
    rest = strstr(rest, "\"upload_url\":\"") + strlen("\"upload_url\":\"");
    CHECK(strcspn(rest, "\"") < sizeof second);
    memcpy(second, rest, strcspn(rest, "\""));
    second[strcspn(rest, "\"")] = '\0';
    OK(holdall_reply_free(reply));
    reply = NULL;

    /* A source that fails ends the call with its code, and the part is not there. */
    FAILS(HOLDALL_IO, put_part(api, first, "hello", &broken, &reply));
    CHECK(strstr(holdall_last_error(), "source callback") != NULL && reply == NULL);
    FAILS(HOLDALL_INVALID_ARGUMENT, put_part(api, first, "hello", &odd, &reply));
    FAILS(HOLDALL_INVALID_ARGUMENT, put_part(api, first, "hello", &lying, &reply));
    CHECK(strstr(holdall_last_error(), "room for") != NULL && reply == NULL);
    CHECK(lying.calls == 1);
    snprintf(call, sizeof call, "{\"drive_id\":\"%llu\",\"file_id\":\"%s\",\"upload_id\":\"%s\"}",
             (unsigned long long)info.id, file, upload);
    reply = answer(api, "alice", "POST", "/v2/file/list_uploaded_parts", call);
    CHECK(holds(reply, "\"uploaded_parts\":[]"));
    OK(holdall_reply_free(reply));

    /* The URL says which part it is for, and nobody is asked who calls. */
    OK(put_part(api, first, "hello", &stream, &reply));
    CHECK(status_of(reply) == 200 && header_of(reply, "ETag") != NULL);
    CHECK(stream.at == PART && stream.most <= 4 << 20);
    OK(holdall_reply_free(reply));
    reply = answer(api, NULL, "PUT", second, "world");
    CHECK(status_of(reply) == 200);
    OK(holdall_reply_free(reply));
    reply = answer(api, "bob", "POST", "/v2/file/complete", call);
    CHECK(status_of(reply) >= 400);
    OK(holdall_reply_free(reply));
    reply = answer(api, "alice", "POST", "/v2/file/complete", call);
    CHECK(status_of(reply) == 200 && holds(reply, "\"name\":\"big.bin\""));
    OK(holdall_reply_free(reply));

    /* Its download URL is the store's own, and its content what came in. */
    snprintf(call, sizeof call, "{\"drive_id\":\"%llu\",\"file_id\":\"%s\"}", (unsigned long long)info.id, file);
    reply = answer(api, "alice", "POST", "/v2/file/get_download_url", call);
    CHECK(status_of(reply) == 200);
    take(reply, "\"url\":\"", url, sizeof url);
    OK(holdall_reply_free(reply));
    reply = serve(store, "GET", url, NULL, NULL);
    CHECK(status_of(reply) == 200);
    OK(holdall_reply_body(reply, &body));
    OK(holdall_reply_free(reply));
    OK(holdall_body_len(body, &len));
    CHECK(len == PART + 10);
    for (at = 0; at < len;) {
        static unsigned char got[50000], wanted[50000];
        size_t read = 0, made = 0;
        if (at < 5 || at == PART + 5) {
            OK(holdall_body_read(body, at, got, 5, &read));
            CHECK(read == 5 && memcmp(got, at < 5 ? "hello" : "world", 5) == 0);
        } else {
            OK(pull(&again, wanted, sizeof wanted, &made));
            OK(holdall_body_read(body, at, got, made, &read));
            CHECK(read == made && memcmp(got, wanted, made) == 0);
        }
        at += read;
    }
    OK(holdall_body_free(body));
    OK(holdall_api_free(api));
}

/* What is NULL, freed, of another kind, too long or out of range. */
static void wrong(holdall_store *store) {
    holdall_api *api = NULL, *freed;
    holdall_reply *reply = NULL;
    holdall_text *text = NULL;
    holdall_caller caller = owner("alice");
    holdall_request request = request_of("POST", "/api/v4/file/url");
    holdall_string nowhere = {S("files.example")};
    struct stream endless = {UINT64_MAX, 0, 0, 0, 0, 0, NULL};
    bool is_at = true;
    RECORD(holdall_api_options, options);

    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_new(NULL, NULL, &api));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_new(store, NULL, NULL));
    options.size = 0;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_new(store, &options, &api));
    options.size = sizeof options;
    options.flags = 1024;
    FAILS(HOLDALL_UNSUPPORTED, holdall_api_new(store, &options, &api));
    options.flags = 0;
    options.prefix = "files";
    options.prefix_len_bytes = 5;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_new(store, &options, &api));
    options.prefix = NULL;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_new(store, &options, &api)); /* NULL with a length */
    options.prefix_len_bytes = 0;
    options.secondary_sites = &nowhere;
    options.secondary_site_count = 1;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_new(store, &options, &api));
    options.secondary_sites = NULL;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_new(store, &options, &api));
    options.secondary_site_count = 0;
    options.url_life_s = 1;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_new(store, &options, &api));
    options.url_life_s = 60;
    options.url_margin_s = 60;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_new(store, &options, &api));
    CHECK(api == NULL);
    options.url_margin_s = 0;
    options.max_age_s = options.archive_life_s = 60;
    options.max_batched_files = 1;
    OK(holdall_api_new(store, &options, &api));
    reply = answer(api, "alice", "POST", "/api/v4/file/url",
                   "{\"uris\":[\"cloudreve://my/docs/a%20b.txt\",\"cloudreve://my/docs/a%20b.txt\"]}");
    CHECK(strstr(text_of(reply), "\"code\":0") == NULL);
    OK(holdall_reply_free(reply));
    reply = NULL;
    OK(holdall_api_free(api));
    freed = api;
    OK(holdall_api_new(store, NULL, &api));

    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_free(freed));
    OK(holdall_api_free(NULL));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_free((holdall_api *)store));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_store_free((holdall_store *)api));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_answer(NULL, &caller, &request, NULL, 0, NULL, NULL, &reply));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_answer(freed, &caller, &request, NULL, 0, NULL, NULL, &reply));
    FAILS(HOLDALL_INVALID_ARGUMENT,
          holdall_api_answer((holdall_api *)store, &caller, &request, NULL, 0, NULL, NULL, &reply));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_answer(api, &caller, NULL, NULL, 0, NULL, NULL, &reply));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_answer(api, &caller, &request, NULL, 0, NULL, NULL, NULL));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_answer(api, &caller, &request, NULL, 7, NULL, NULL, &reply));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_answer(api, &caller, &request, "x", SIZE_MAX, NULL, NULL, &reply));
    caller.size = 3;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_answer(api, &caller, &request, NULL, 0, NULL, NULL, &reply));
    caller = owner("alice");
    caller.flags = 1024;
    FAILS(HOLDALL_UNSUPPORTED, holdall_api_answer(api, &caller, &request, NULL, 0, NULL, NULL, &reply));
    caller = owner("\xff");
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_answer(api, &caller, &request, NULL, 0, NULL, NULL, &reply));
    caller = owner("alice");
    caller.token_len_bytes = 5;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_answer(api, &caller, &request, NULL, 0, NULL, NULL, &reply));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_is_at(api, S("/v2/x"), NULL));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_is_at(freed, S("/v2/x"), &is_at));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_is_at(api, NULL, 5, &is_at));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_ticket(freed, 1, 60, &text));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_ticket(api, 1, 60, NULL));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_share_uri(freed, 1, &text));
    CHECK(is_at && reply == NULL && text == NULL);
    caller = owner("alice");
    caller.size = sizeof caller.size; /* of a header that knew nothing more: nobody */
    OK(holdall_api_answer(api, &caller, &request, S("{\"uris\":[\"cloudreve://my/docs/a%20b.txt\"]}"), NULL, NULL, &reply));
    CHECK(strstr(text_of(reply), "\"code\":0") == NULL);
    OK(holdall_reply_free(reply));
    reply = answer(api, "", "POST", "/api/v4/file/url", "{\"uris\":[\"cloudreve://my/docs/a%20b.txt\"]}");
    CHECK(strstr(text_of(reply), "\"code\":0") == NULL);
    OK(holdall_reply_free(reply));
    reply = NULL;
    OK(holdall_api_is_at(api, S("/v2/file/get"), &is_at));
    CHECK(is_at);
    OK(holdall_api_is_at(api, S("/d/\xff"), &is_at));
    CHECK(!is_at);

    /* Of a body without end no more is read than the formats take; what is no JSON is a reply. */
    caller = owner("alice");
    OK(holdall_api_answer(api, &caller, &request, NULL, 0, pull, &endless, &reply));
    CHECK(strstr(text_of(reply), "\"code\":0") == NULL);
    CHECK(endless.at > 4 << 20 && endless.at < 5 << 20);
    OK(holdall_reply_free(reply));
    request = request_of("POST", "/v2/file/get");
    endless.at = 0;
    OK(holdall_api_answer(api, &caller, &request, S("{"), pull, &endless, &reply));
    CHECK(status_of(reply) == 400 && endless.at < 5 << 20);
    OK(holdall_reply_free(reply));
    reply = answer(api, "alice", "POST", "/nowhere", "");
    CHECK(status_of(reply) == 404);
    OK(holdall_reply_free(reply));
    reply = NULL;

    /* The api keeps its store open; of one that was closed the host is told. */
    {
        holdall_store *again = NULL;
        OK(holdall_store_ref(store, &again));
        OK(holdall_store_free(store));
        reply = answer(api, "alice", "POST", "/api/v4/file/url", "{\"uris\":[\"cloudreve://my/docs/a%20b.txt\"]}");
        CHECK(holds(reply, "\"code\":0"));
        OK(holdall_reply_free(reply));
        reply = NULL;
        OK(holdall_store_close(again));
        OK(holdall_store_free(again));
        FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_answer(api, &caller, &request, S("{}"), NULL, NULL, &reply));
        CHECK(reply == NULL);
    }
    OK(holdall_api_free(api));
}

int main(int argc, char **argv) {
    char path[4096];
    holdall_store *store;
    holdall_drive *drive;
    CHECK(argc >= 2);
    snprintf(path, sizeof path, "%s/store", argv[1]);
    store = open_store(path);
    drive = open_drive(store);
    cloudreve(store, drive);
    ticket(store, drive);
    pds(store, drive);
    OK(holdall_drive_free(drive));
    wrong(store);
    CHECK(holdall_handle_count() == 0);
    return 0;
}
