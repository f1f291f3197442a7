/* Calls with what is NULL, freed, of another kind, too long or out of range. */
#include "call.h"

static void misuse(holdall_store *store) {
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
    /* Sizes that cut a field: half a pointer would be one to anywhere. */
    for (caller.size = 0; caller.size < 2 * sizeof caller; caller.size++)
        if (caller.size % sizeof caller.size != 0)
            FAILS(HOLDALL_INVALID_ARGUMENT, holdall_api_answer(api, &caller, &request, NULL, 0, NULL, NULL, &reply));
    holdall_drive *drive = NULL;
    holdall_version cut;
    memset(&cut, 0, sizeof cut);
    OK(holdall_drive_open(store, S("cut"), &drive));
    /* In the text of the media type, which would have no NUL behind it. */
    for (cut.size = (offsetof(holdall_version, media_type) + 15) / 8 * 8; cut.size < sizeof cut; cut.size += 8)
        FAILS(HOLDALL_INVALID_ARGUMENT, holdall_put_memory(drive, S("cut"), S("x"), NULL, &cut));
    cut.size = sizeof cut;
    OK(holdall_put_memory(drive, S("cut"), S("x"), NULL, &cut));
    OK(holdall_drive_free(drive));
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

    /* Of a body without end no more is read than the formats take; what is not JSON is a reply. */
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
        CHECK((again = holdall_handle_ref(store)) != NULL);
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
    OK(holdall_put_memory(drive, S("docs/a b.txt"), S("hello"), NULL, NULL));
    OK(holdall_drive_free(drive));
    misuse(store);
    CHECK(holdall_handle_count() == 0);
    return 0;
}
