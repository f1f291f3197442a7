/* The calls of Cloudreve v4 and of PDS from C: an exchange of each. */
#include "call.h"

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
    CHECK(strstr(holdall_last_error(), "the buffer holds") != NULL && reply == NULL);
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

/* Zips take room in the store: nobody known gets them where the host says so, and not by default. */
static void nobody(const holdall_store *store, const holdall_drive *drive) {
    char call[512];
    holdall_api *api = NULL;
    holdall_text *uri = NULL;
    size_t at;
    RECORD(holdall_share, share);
    OK(holdall_share_create(drive, S("docs"), NULL, &share));
    OK(holdall_api_new(store, NULL, &api));
    OK(holdall_api_share_uri(api, share.id, &uri));
    snprintf(call, sizeof call, "{\"uris\":[\"%s/a%%20b.txt\"],\"archive\":true}", holdall_text_get(uri));
    for (at = 0; at < 4; at++) {
        holdall_request request = request_of("POST", "/api/v4/file/url");
        holdall_reply *reply = NULL;
        RECORD(holdall_caller, caller);
        caller.flags = at == 2 ? HOLDALL_CALLER_ARCHIVE : at == 3 ? HOLDALL_CALLER_ARCHIVE | HOLDALL_CALLER_NO_ARCHIVE : 0;
        OK(holdall_api_answer(api, at == 0 ? NULL : &caller, &request, call, strlen(call), NULL, NULL, &reply));
        CHECK((strstr(text_of(reply), "\"code\":0") != NULL) == (at == 2));
        OK(holdall_reply_free(reply));
    }
    OK(holdall_text_free(uri));
    OK(holdall_api_free(api));
}

/* Content that is there needs not be sent by who proves with the token to have it, if the host wants it so. */
static void rapid(const char *path) {
    enum { LEN = 100000 };
    static char data[LEN];
    static const struct {
        const char *token;
        uint32_t flags;
        int rapid;
        const char *version;
    } ROWS[] = {
        {"token of alice", 0, 1, "v1"},
        {NULL, 0, 0, "v1"},
        {"", 0, 0, "v1"},
        {"token of alice", HOLDALL_API_NO_RAPID, 0, "v1"},
        {"token of alice", HOLDALL_API_RAPID_ACROSS, 1, "v1"},
        {"token of alice", HOLDALL_API_RAPID_ACROSS, 0, "holdall-1"},
        {"token of alice", HOLDALL_API_RAPID_ACROSS | HOLDALL_API_NO_RAPID, 0, "v1"},
    };
    char sha1[41], ask[1024];
    size_t at;
    holdall_store *store;
    holdall_drive *drive;
    RECORD(holdall_version, version);
    RECORD(holdall_drive_info, info);
    OK(holdall_open(Z(path), NULL, &store));
    drive = open_drive(store);
    memset(data, 'a', LEN); /* so that 8 bytes from anywhere are the same */
    OK(holdall_put_memory(drive, S("known"), data, LEN, NULL, &version));
    OK(holdall_drive_stat(drive, &info));
    for (at = 0; at < 20; at++) snprintf(sha1 + 2 * at, 3, "%02X", version.sha1[at]);
    for (at = 0; at < sizeof ROWS / sizeof ROWS[0]; at++) {
        holdall_request request = request_of("POST", "/v2/file/create");
        holdall_caller caller = owner("alice");
        holdall_api *api = NULL;
        holdall_reply *reply = NULL;
        RECORD(holdall_api_options, options);
        snprintf(ask, sizeof ask,
                 "{\"drive_id\":\"%llu\",\"parent_file_id\":\"root\",\"name\":\"rapid\",\"type\":\"file\",\"size\":%d,"
                 "\"content_hash_name\":\"sha1\",\"content_hash\":\"%s\",\"proof_version\":\"%s\","
                 "\"proof_code\":\"YWFhYWFhYWE=\"}",
                 (unsigned long long)info.id, LEN, sha1, ROWS[at].version);
        options.flags = ROWS[at].flags;
        caller.token = ROWS[at].token;
        caller.token_len_bytes = ROWS[at].token != NULL ? strlen(ROWS[at].token) : 0;
        OK(holdall_api_new(store, &options, &api));
        OK(holdall_api_answer(api, &caller, &request, ask, strlen(ask), NULL, NULL, &reply));
        CHECK(status_of(reply) == 200);
        CHECK(holds(reply, ROWS[at].rapid ? "\"rapid_upload\":true" : "\"rapid_upload\":false"));
        OK(holdall_reply_free(reply));
        OK(holdall_api_free(api));
    }
    OK(holdall_drive_free(drive));
    OK(holdall_store_free(store));
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
    nobody(store, drive);
    OK(holdall_drive_free(drive));
    OK(holdall_store_free(store));
    snprintf(path, sizeof path, "%s/alone", argv[1]);
    rapid(path);
    CHECK(holdall_handle_count() == 0);
    return 0;
}
