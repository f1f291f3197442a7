/* A process forks with an open store and a put under way; both go on. */
#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char path[4096], room[16], zipped[1024];
    size_t got = 0;
    int status = 0;
    pid_t child;
    holdall_store *store;
    holdall_drive *drive;
    holdall_writer *writer = NULL;
    holdall_api *api = NULL;
    holdall_reply *reply = NULL;
    holdall_body *body = NULL, *zip = NULL;
    holdall_string all = {S("")};
    RECORD(holdall_archive, archive);
    RECORD(holdall_check_report, report);
    RECORD(holdall_request, call);
    RECORD(holdall_caller, caller);
    CHECK(argc == 2);
    snprintf(path, sizeof path, "%s/store", argv[1]);
    store = open_store(path);
    drive = open_drive(store);
    OK(holdall_put_memory(drive, S("before"), S("hello"), NULL, NULL));
    OK(holdall_file_open(drive, S("before"), &body));
    OK(holdall_writer_open(drive, S("parents"), NULL, &writer));
    OK(holdall_writer_write(writer, S("begun ")));
    OK(holdall_archive_create(drive, &all, 1, NULL, &archive));
    OK(holdall_archive_open(store, archive.id, &zip));
    OK(holdall_api_new(store, NULL, &api));
    call.method = "POST";
    call.method_len_bytes = 4;
    call.target = "/v2/drive/get_default_drive";
    call.target_len_bytes = strlen(call.target);
    caller.drive = "alice";
    caller.drive_len_bytes = 5;
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        OK(holdall_body_read(body, 0, room, sizeof room, &got));
        CHECK(got == 5 && memcmp(room, "hello", 5) == 0);
        FAILS(HOLDALL_FORKED, holdall_body_read(zip, 0, zipped, sizeof zipped, &got));
        OK(holdall_body_free(zip));
        OK(holdall_archive_open(store, archive.id, &zip));
        OK(holdall_body_read(zip, 0, zipped, sizeof zipped, &got));
        CHECK(got == archive.len_bytes && memcmp(zipped, "PK\3\4", 4) == 0);
        OK(holdall_body_free(zip));
        FAILS(HOLDALL_FORKED, holdall_writer_write(writer, S("by the child")));
        FAILS(HOLDALL_FORKED, holdall_writer_commit(writer, NULL));
        OK(holdall_writer_free(writer)); /* the parent's spool file stays */
        OK(holdall_put_memory(drive, S("childs"), S("from the child"), NULL, NULL));
        OK(holdall_api_answer(api, &caller, &call, S("{}"), NULL, NULL, &reply));
        CHECK(status_of(reply) == 200);
        OK(holdall_reply_free(reply));
        OK(holdall_api_free(api));
        OK(holdall_drive_free(drive));
        OK(holdall_store_free(store));
        OK(holdall_body_free(body));
        CHECK(holdall_handle_count() == 0);
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    OK(holdall_body_read(zip, 0, zipped, sizeof zipped, &got));
    CHECK(got == archive.len_bytes && memcmp(zipped, "PK\3\4", 4) == 0);
    OK(holdall_body_free(zip));
    OK(holdall_writer_write(writer, S("and ended")));
    OK(holdall_writer_commit(writer, NULL));
    OK(holdall_writer_free(writer));
    OK(holdall_body_free(body));
    OK(holdall_file_open(drive, S("parents"), &body));
    OK(holdall_body_read(body, 0, room, sizeof room, &got));
    CHECK(got == 15 && memcmp(room, "begun and ended", 15) == 0);
    OK(holdall_body_free(body));
    OK(holdall_file_open(drive, S("childs"), &body));
    OK(holdall_body_read(body, 0, room, sizeof room, &got));
    CHECK(got == 14);
    OK(holdall_body_free(body));
    OK(holdall_api_answer(api, &caller, &call, S("{}"), NULL, NULL, &reply));
    CHECK(status_of(reply) == 200);
    OK(holdall_reply_free(reply));
    OK(holdall_api_free(api));
    OK(holdall_store_check(store, NULL, &report, NULL));
    CHECK(report.problems == 0);
    OK(holdall_drive_free(drive));
    OK(holdall_store_free(store));
    return 0;
}
