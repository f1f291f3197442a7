/* 100,000 replies, and calls among them, take no more memory than 10,000, and the handles are all free again. */
#include "check.h"

#include <unistd.h>

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &pages, &resident) == 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int argc, char **argv) {
    char path[4096];
    long at, before = 0, after;
    long count = argc == 3 ? atol(argv[2]) : 100000;
    holdall_store *store;
    holdall_drive *drive;
    holdall_api *api = NULL;
    holdall_text *url = NULL, *zip = NULL;
    const char *ask = "{\"uris\":[\"cloudreve://my/a\"]}";
    holdall_string paths[1] = {{S("")}};
    RECORD(holdall_archive, archive);
    RECORD(holdall_request, call);
    RECORD(holdall_caller, caller);
    CHECK(argc >= 2);
    snprintf(path, sizeof path, "%s/store", argv[1]);
    store = open_store(path);
    drive = open_drive(store);
    OK(holdall_put_memory(drive, S("a"), S("hello"), NULL, NULL));
    OK(holdall_put_memory(drive, S("b"), S("world"), NULL, NULL));
    OK(holdall_url_at_path(drive, S("a"), NULL, &url));
    OK(holdall_archive_create(drive, paths, 1, NULL, &archive));
    OK(holdall_url_archive(store, archive.id, NULL, &zip));
    OK(holdall_api_new(store, NULL, &api));
    call.method = "POST";
    call.method_len_bytes = 4;
    call.target = "/api/v4/file/url";
    call.target_len_bytes = strlen(call.target);
    caller.drive = "alice";
    caller.drive_len_bytes = 5;
    for (at = 0; at < count; at++) {
        const char *target = holdall_text_get(at % 8 == 0 ? zip : url);
        holdall_reply *reply = serve(store, "GET", target, "Range", "bytes=1-3");
        holdall_body *body = NULL;
        RECORD(holdall_segment, segment);
        CHECK(status_of(reply) == 206);
        OK(holdall_reply_body(reply, &body));
        OK(holdall_body_segment(body, 0, 100, &segment));
        OK(holdall_pin_free(segment.pin));
        OK(holdall_body_free(body));
        OK(holdall_reply_free(reply));
        if (at % 64 == 1) {
            OK(holdall_api_answer(api, &caller, &call, ask, strlen(ask), NULL, NULL, &reply));
            CHECK(status_of(reply) == 200);
            OK(holdall_reply_free(reply));
        }
        if (at == count / 10) before = resident_kib();
    }
    after = resident_kib();
    printf("%ld replies: %ld KiB at a tenth, %ld KiB at the end\n", count, before, after);
    /* Under valgrind, with fewer replies, its own memory grows. */
    if (count >= 10000) CHECK(after - before < 1024);
    OK(holdall_api_free(api));
    OK(holdall_text_free(url));
    OK(holdall_text_free(zip));
    OK(holdall_drive_free(drive));
    OK(holdall_store_free(store));
    CHECK(holdall_handle_count() == 0);
    return 0;
}
