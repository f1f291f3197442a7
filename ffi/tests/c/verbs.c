/* The verbs of a server, one after the other. */
#include "check.h"

#include <fcntl.h>
#include <unistd.h>

static int32_t count_calls(void *context, uint64_t done, uint64_t total) {
    (void)done;
    (void)total;
    ++*(int *)context;
    return HOLDALL_OK;
}

static int32_t stop(void *context, uint64_t done, uint64_t total) {
    (void)context;
    (void)done;
    (void)total;
    return HOLDALL_TOO_LARGE;
}

static void putting(const holdall_drive *drive, const char *dir) {
    char path[4096];
    int fd, calls = 0;
    size_t count = 0;
    holdall_writer *writer = NULL;
    holdall_page *page = NULL;
    holdall_item items[2] = {{S("many/1"), S("one")}, {S("many/2"), S("two")}};
    uint64_t declared = 4;
    RECORD(holdall_put_options, options);
    RECORD(holdall_version, version);

    OK(holdall_put_memory(drive, S("a.txt"), S("hello"), NULL, &version));
    CHECK(version.len_bytes == 5 && version.crc32 == 0x3610a686u && version.current && version.id != 0);
    CHECK(strcmp(version.media_type, "text/plain") == 0);
    OK(holdall_put_memory(drive, S("a.txt"), S("hello again"), NULL, NULL));
    OK(holdall_put_memory(drive, S("empty"), NULL, 0, NULL, NULL));

    snprintf(path, sizeof path, "%s/source", dir);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, "from a file", 11) == 11);
    options.progress = count_calls;
    options.progress_context = &calls;
    options.executable = true;
    OK(holdall_put_file(drive, S("file"), Z(path), &options, &version));
    CHECK(version.len_bytes == 11 && calls > 0 && version.executable);
    CHECK(lseek(fd, 5, SEEK_SET) == 5);
    OK(holdall_put_fd(drive, S("fd"), fd, NULL, &version));
    CHECK(version.len_bytes == 6 && !version.executable);
    CHECK(close(fd) == 0);
    FAILS(HOLDALL_IO, holdall_put_fd(drive, S("fd"), fd, NULL, NULL));
    options.progress = stop;
    FAILS(HOLDALL_TOO_LARGE, holdall_put_file(drive, S("stopped"), Z(path), &options, NULL));
    FAILS(HOLDALL_IO, holdall_put_file(drive, S("none"), S("/nowhere/at/all"), NULL, NULL));

    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.expect = HOLDALL_EXPECT_ABSENT;
    FAILS(HOLDALL_EXISTS, holdall_put_memory(drive, S("a.txt"), S("x"), &options, NULL));
    options.expect = HOLDALL_EXPECT_VERSION;
    options.expected_version_id = 1;
    FAILS(HOLDALL_MISMATCH, holdall_put_memory(drive, S("a.txt"), S("x"), &options, NULL));
    options.expect = 77;
    FAILS(HOLDALL_UNSUPPORTED, holdall_put_memory(drive, S("a.txt"), S("x"), &options, NULL));
    options.expect = HOLDALL_EXPECT_ANY;
    options.len_bytes = &declared;
    FAILS(HOLDALL_MISMATCH, holdall_put_memory(drive, S("a.txt"), S("x"), &options, NULL));

    OK(holdall_writer_open(drive, S("written"), NULL, &writer));
    OK(holdall_writer_write(writer, S("piece by ")));
    OK(holdall_writer_write(writer, S("piece")));
    OK(holdall_writer_commit(writer, &version));
    CHECK(version.len_bytes == 14);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_writer_write(writer, S("late")));
    OK(holdall_writer_free(writer));
    OK(holdall_writer_open(drive, S("aborted"), NULL, &writer));
    OK(holdall_writer_write(writer, S("never seen")));
    OK(holdall_writer_abort(writer));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_writer_commit(writer, NULL));
    OK(holdall_writer_free(writer));

    OK(holdall_put_many(drive, items, 2, NULL, &page));
    OK(holdall_page_count(page, &count));
    CHECK(count == 2);
    OK(holdall_page_version(page, 1, &version));
    CHECK(version.len_bytes == 3);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_page_version(page, 2, &version));
    OK(holdall_page_free(page));
}

/* Stops a walk at its third step, which is the second thing below the folder "many". */
static int32_t third(void *context, const char *path, size_t path_len, const holdall_row *row) {
    int *calls = context;
    CHECK(strlen(path) == path_len && row->size == sizeof *row && row->name_len_bytes > 0);
    ++*calls;
    if (*calls == 2) CHECK(strcmp(path, "er") == 0 && row->kind == HOLDALL_FOLDER);
    return *calls == 3 ? HOLDALL_GONE : HOLDALL_OK;
}

static void walking(const holdall_store *store, const holdall_drive *drive) {
    int calls = 1;
    holdall_drive *found = NULL;
    OK(holdall_folder_walk(drive, S("deep"), third, &calls));
    CHECK(calls == 2);
    OK(holdall_put_memory(drive, S("deep/er/still"), S("x"), NULL, NULL));
    calls = 1;
    FAILS(HOLDALL_GONE, holdall_folder_walk(drive, S("deep"), third, &calls));
    CHECK(calls == 3);
    FAILS(HOLDALL_NOT_FOUND, holdall_folder_walk(drive, S("nothing"), third, &calls));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_folder_walk(drive, S("deep"), NULL, NULL));
    FAILS(HOLDALL_NOT_FOUND, holdall_drive_find(store, S("nobody"), &found));
    OK(holdall_drive_find(store, S("alice"), &found));
    OK(holdall_drive_free(found));
}

/* Counts what was found, and ends the search where it is wrong. */
static int32_t counted(void *context, const char *path, size_t path_len, const holdall_row *row) {
    int *calls = context;
    ++*calls;
    if (*calls == 1) CHECK(strcmp(path, "tags/2") == 0 && path_len == 6 && strcmp(row->name, "2") == 0);
    if (*calls == 2) CHECK(row->kind == HOLDALL_FILE && row->len_bytes == 1 && row->version_id != 0);
    return *calls == 3 ? HOLDALL_GONE : HOLDALL_OK;
}

static void searching(const holdall_drive *drive) {
    int calls = 0;
    int64_t when = 7;
    holdall_header pair = {S("tag"), S("red")}, wanted = {S("tag"), S("r")};
    RECORD(holdall_put_options, options);
    RECORD(holdall_version, version);
    options.created_unix_us = &when;
    OK(holdall_put_memory(drive, S("tags/1"), S("x"), &options, &version));
    CHECK(version.created_unix_us == 7);
    OK(holdall_put_memory(drive, S("tags/2"), S("y"), NULL, NULL));
    OK(holdall_file_set_attributes(drive, S("tags/1"), &pair, 1));
    pair.value = "rat";
    OK(holdall_file_set_attributes(drive, S("tags/2"), &pair, 1));
    OK(holdall_file_find_by_attribute(drive, S(""), &wanted, counted, &calls));
    CHECK(calls == 2);
    FAILS(HOLDALL_GONE, holdall_file_find_by_attribute(drive, S("tags"), &wanted, counted, &calls));
    OK(holdall_file_find_by_attribute(drive, S("deep"), &wanted, counted, &calls));
    wanted.value_len_bytes = 0;
    calls = 3;
    OK(holdall_file_find_by_attribute(drive, S(""), &wanted, counted, &calls));
    CHECK(calls == 5);
    FAILS(HOLDALL_NOT_FOUND, holdall_file_find_by_attribute(drive, S("nothing"), &wanted, counted, &calls));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_file_find_by_attribute(drive, S(""), NULL, counted, &calls));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_file_find_by_attribute(drive, S(""), &wanted, NULL, NULL));
    OK(holdall_file_delete(drive, S("tags")));
}

static void looking(const holdall_store *store, const holdall_drive *drive) {
    size_t count = 0;
    uint64_t newest;
    holdall_page *page = NULL;
    holdall_text *path = NULL;
    holdall_header pair = {S("owner"), S("alice")}, got;
    RECORD(holdall_file, file);
    RECORD(holdall_row, row);
    RECORD(holdall_version, version);
    RECORD(holdall_drive_info, info);

    OK(holdall_file_stat(drive, S("a.txt"), &file, &version));
    CHECK(file.kind == HOLDALL_FILE && file.len_bytes == 11 && version.len_bytes == 11);
    CHECK(strcmp(file.name, "a.txt") == 0 && file.version_id == version.id);
    newest = version.id;
    FAILS(HOLDALL_NOT_FOUND, holdall_file_stat(drive, S("nothing"), &file, NULL));
    CHECK(strstr(holdall_last_error(), "nothing") != NULL);
    OK(holdall_folder_make(drive, S("deep/er"), NULL));
    OK(holdall_file_stat(drive, S("deep"), &file, &version));
    CHECK(file.kind == HOLDALL_FOLDER && version.id == 0 && version.size == sizeof version);

    OK(holdall_folder_list(drive, S(""), NULL, 0, 2, &page));
    OK(holdall_page_count(page, &count));
    CHECK(count == 2);
    OK(holdall_page_row(page, 1, &row));
    CHECK(strcmp(row.name, "deep") == 0);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_page_version(page, 0, &version));
    OK(holdall_page_free(page));
    OK(holdall_folder_list(drive, S(""), row.name, row.name_len_bytes, 1, &page));
    OK(holdall_page_row(page, 0, &row));
    CHECK(strcmp(row.name, "empty") == 0);
    OK(holdall_page_free(page));

    OK(holdall_file_versions(drive, S("a.txt"), 0, 10, &page));
    OK(holdall_page_count(page, &count));
    CHECK(count == 2);
    OK(holdall_page_version(page, 1, &version));
    CHECK(version.len_bytes == 5 && !version.current);
    OK(holdall_page_free(page));
    OK(holdall_version_keep(store, version.id, 1));
    OK(holdall_version_set_current(store, version.id));
    OK(holdall_version_stat(store, version.id, &version));
    CHECK(version.current && version.keep);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_version_remove(store, version.id));
    OK(holdall_version_remove(store, newest));
    FAILS(HOLDALL_GONE, holdall_version_stat(store, newest, &version));

    OK(holdall_file_path(store, file.id, &path));
    CHECK(strcmp(holdall_text_get(path), "deep") == 0);
    OK(holdall_text_free(path));
    OK(holdall_file_set_attributes(drive, S("a.txt"), &pair, 1));
    OK(holdall_file_attributes(drive, S("a.txt"), &page));
    OK(holdall_page_attribute(page, 0, &got));
    CHECK(strcmp(got.name, "owner") == 0 && strcmp(got.value, "alice") == 0);
    OK(holdall_page_free(page));
    OK(holdall_drive_stat(drive, &info));
    CHECK(strcmp(info.name, "alice") == 0 && info.files > 0);
}

static void moving(const holdall_drive *drive) {
    uint64_t file = 0, count = 0;
    size_t found = 0;
    holdall_page *page = NULL;
    RECORD(holdall_trashed, trashed);

    OK(holdall_file_copy(drive, S("a.txt"), S("copies/b.txt"), HOLDALL_COPY_ALL, &file));
    CHECK(file != 0);
    OK(holdall_file_rename(drive, S("copies/b.txt"), S("copies/c.txt"), 0));
    FAILS(HOLDALL_EXISTS, holdall_file_rename(drive, S("copies/c.txt"), S("a.txt"), 0));
    FAILS(HOLDALL_UNSUPPORTED, holdall_file_rename(drive, S("copies/c.txt"), S("x"), 64));
    OK(holdall_trash_put(drive, S("copies/c.txt"), &file));
    OK(holdall_trash_list(drive, 0, 10, &page));
    OK(holdall_page_count(page, &found));
    CHECK(found == 1);
    OK(holdall_page_trashed(page, 0, &trashed));
    CHECK(trashed.file_id == file && strcmp(trashed.path, "copies/c.txt") == 0);
    OK(holdall_page_free(page));
    OK(holdall_trash_restore(drive, file, S("back.txt")));
    OK(holdall_trash_put(drive, S("back.txt"), NULL));
    OK(holdall_trash_empty(drive, INT64_MAX, &count));
    CHECK(count == 1);
    OK(holdall_file_delete(drive, S("copies")));
    FAILS(HOLDALL_NOT_FOUND, holdall_file_delete(drive, S("copies")));
}

static void serving(const holdall_store *store, const holdall_drive *drive) {
    holdall_text *url = NULL;
    holdall_reply *reply = NULL;
    holdall_string paths[2] = {{S("many")}, {S("a.txt")}};
    holdall_body *body = NULL;
    uint64_t at, len = 0, crc64 = 0;
    uint16_t key = 0;
    size_t count = 0;
    holdall_page *page = NULL;
    RECORD(holdall_url_options, options);
    RECORD(holdall_archive_options, terms);
    RECORD(holdall_archive, archive);
    RECORD(holdall_link, link);
    RECORD(holdall_grant, grant);
    RECORD(holdall_request, request);
    RECORD(holdall_file, file);

    OK(holdall_file_stat(drive, S("a.txt"), &file, NULL));
    options.name = "b.txt";
    options.name_len_bytes = 5;
    options.lifetime_s = 60;
    options.pace_bytes_per_s = 1000;
    OK(holdall_url_version(store, file.version_id, &options, &url));
    reply = serve(store, "GET", holdall_text_get(url), "range", "bytes=1-2");
    CHECK(status_of(reply) == 206 && says(reply, "el"));
    CHECK(strcmp(header_of(reply, "Content-Range"), "bytes 1-2/5") == 0);
    CHECK(strstr(header_of(reply, "Content-Disposition"), "b.txt") != NULL);
    OK(holdall_reply_pace(reply, &len));
    CHECK(len == 1000);
    OK(holdall_reply_free(reply));
    reply = serve(store, "HEAD", holdall_text_get(url), NULL, NULL);
    CHECK(status_of(reply) == 200 && says(reply, ""));
    CHECK(strcmp(header_of(reply, "Content-Length"), "5") == 0);
    OK(holdall_reply_free(reply));
    request.method = "GET";
    request.method_len_bytes = 3;
    request.target = holdall_text_get(url);
    request.target_len_bytes = strlen(request.target);
    OK(holdall_verify(store, &request, &grant));
    CHECK(grant.len_bytes == 5 && strcmp(grant.name, "b.txt") == 0 && grant.disposition == HOLDALL_ATTACHMENT);
    request.client = "not an address";
    request.client_len_bytes = 14;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_verify(store, &request, &grant));
    OK(holdall_version_revoke(store, file.version_id));
    reply = serve(store, "GET", holdall_text_get(url), NULL, NULL);
    CHECK(status_of(reply) == 403 || status_of(reply) == 410);
    OK(holdall_reply_free(reply));
    OK(holdall_text_free(url));

    /* Bytes that are no UTF-8 come from the network, and are no mistake of the host's. */
    reply = serve(store, "GET", "/d/\xff\xfe", "If-None-Match", "\"\xff\"");
    CHECK(status_of(reply) == 403 || status_of(reply) == 404);
    OK(holdall_reply_free(reply));
    reply = serve(store, "POST", "/", NULL, NULL);
    CHECK(status_of(reply) == 405);
    OK(holdall_reply_free(reply));
    OK(holdall_reply_of_code(HOLDALL_LOCKED, &reply));
    CHECK(status_of(reply) == 503);
    OK(holdall_reply_free(reply));

    terms.name = "all.zip";
    terms.name_len_bytes = 7;
    terms.utc_offset_min = 1440;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_archive_create(drive, paths, 2, &terms, &archive));
    terms.utc_offset_min = 70000;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_archive_create(drive, paths, 2, &terms, &archive));
    terms.utc_offset_min = -345;
    OK(holdall_archive_create(drive, paths, 2, &terms, &archive));
    CHECK(archive.entries == 4 && strcmp(archive.name, "all.zip") == 0);
    OK(holdall_archive_crc64(store, archive.id, &crc64));
    OK(holdall_url_archive(store, archive.id, NULL, &url));
    reply = serve(store, "GET", holdall_text_get(url), NULL, NULL);
    CHECK(status_of(reply) == 200);
    OK(holdall_reply_body(reply, &body));
    OK(holdall_reply_free(reply));
    OK(holdall_body_len(body, &len));
    CHECK(len == archive.len_bytes);
    for (at = 0; at < len;) {
        RECORD(holdall_segment, segment);
        OK(holdall_body_segment(body, at, 1 << 20, &segment));
        if (at == 0) CHECK(memcmp(segment.data, "PK\3\4", 4) == 0);
        if (segment.fd >= 0) {
            char *again = malloc(segment.len_bytes);
            CHECK(pread(segment.fd, again, segment.len_bytes, (off_t)segment.offset_bytes) ==
                  (ssize_t)segment.len_bytes);
            CHECK(memcmp(again, segment.data, segment.len_bytes) == 0);
            free(again);
            count++;
        }
        at += segment.len_bytes;
        OK(holdall_pin_free(segment.pin));
    }
    CHECK(at == len && count == 3);
    OK(holdall_body_free(body));
    OK(holdall_text_free(url));
    OK(holdall_archive_revoke(store, archive.id));

    OK(holdall_link_create(drive, S("a.txt"), 0, &link));
    OK(holdall_link_url(store, link.id, &url));
    reply = serve(store, "GET", holdall_text_get(url), NULL, NULL);
    CHECK(status_of(reply) == 200 && says(reply, "hello"));
    OK(holdall_reply_free(reply));
    OK(holdall_text_free(url));
    OK(holdall_link_stat(store, link.id, &link));
    CHECK(link.downloads == 1);
    OK(holdall_link_list(drive, S("a.txt"), &page));
    OK(holdall_page_link(page, 0, &link));
    OK(holdall_page_free(page));
    OK(holdall_link_remove(store, link.id));
    FAILS(HOLDALL_NOT_FOUND, holdall_link_stat(store, link.id, &link));

    OK(holdall_url_by_id(store, file.id, NULL, &url));
    reply = serve(store, "GET", holdall_text_get(url), NULL, NULL);
    CHECK(status_of(reply) == 200 && says(reply, "hello"));
    OK(holdall_reply_free(reply));
    OK(holdall_text_free(url));
    FAILS(HOLDALL_NOT_FOUND, holdall_url_by_id(store, UINT64_C(1) << 60, NULL, &url));
    OK(holdall_url_at_path(drive, S("a.txt"), NULL, &url));
    OK(holdall_key_list(store, &page));
    {
        RECORD(holdall_key, first);
        OK(holdall_page_key(page, 0, &first));
        CHECK(first.signs);
        FAILS(HOLDALL_INVALID_ARGUMENT, holdall_key_remove(store, first.id));
        OK(holdall_key_rotate(store, &key));
        CHECK(key != first.id);
        reply = serve(store, "GET", holdall_text_get(url), NULL, NULL);
        CHECK(status_of(reply) == 200);
        OK(holdall_reply_free(reply));
        OK(holdall_key_remove(store, first.id));
    }
    reply = serve(store, "GET", holdall_text_get(url), NULL, NULL);
    CHECK(status_of(reply) == 403);
    OK(holdall_reply_free(reply));
    OK(holdall_page_free(page));
    OK(holdall_text_free(url));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_key_add(store, S("short"), NULL));
    options.lifetime_s = UINT64_MAX;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_url_at_path(drive, S("a.txt"), &options, &url));
    options.lifetime_s = 0;
    options.network = "no network";
    options.network_len_bytes = 10;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_url_at_path(drive, S("a.txt"), &options, &url));
}

/* Tries wrong passwords until a client has to wait, and returns how many were looked at. */
static int wrong_until_refused(const holdall_store *store, uint64_t share) {
    holdall_visit *visit = NULL;
    int tries;
    for (tries = 0; tries < 1000; tries++) {
        FAILS(HOLDALL_DENIED, holdall_visit_open(store, share, S("wrong"), S("192.0.2.1"), &visit));
        if (holdall_last_error_retry_s() > 0) {
            break;
        }
    }
    CHECK(holdall_last_error_retry_s() > 0 && holdall_last_error_retry_s() <= 60);
    return tries;
}

/* One client's tries come to an end, at the earliest after so many, also that of the right password. Where
 * a try takes long, the client may have one more by the time the next is made: then it is made again. */
static void lock_out(const holdall_store *store, uint64_t share, int tries) {
    holdall_visit *visit = NULL;
    int rounds = 0;
    CHECK(wrong_until_refused(store, share) >= tries);
    while (holdall_visit_open(store, share, S("secret"), S("192.0.2.1"), &visit) == HOLDALL_OK) {
        OK(holdall_visit_free(visit));
        CHECK(++rounds < 100);
        wrong_until_refused(store, share);
    }
    CHECK(holdall_last_error_retry_s() > 0 && holdall_last_error_retry_s() <= 60);
}

/* Another client than the one that is locked out is let in. */
static void guess(const holdall_store *store, uint64_t share) {
    holdall_visit *visit = NULL;
    lock_out(store, share, 10);
    OK(holdall_visit_open(store, share, S("secret"), S("192.0.2.2"), &visit));
    OK(holdall_visit_free(visit));
    FAILS(HOLDALL_NOT_FOUND, holdall_visit_open(store, 1, NULL, 0, NULL, 0, &visit));
    CHECK(holdall_last_error_retry_s() == 0);
}

static void sharing(const holdall_store *store, const holdall_drive *drive) {
    holdall_visit *visit = NULL;
    holdall_text *url = NULL;
    holdall_reply *reply = NULL;
    holdall_page *page = NULL;
    holdall_string all = {S("")};
    RECORD(holdall_share_options, terms);
    RECORD(holdall_share, share);
    RECORD(holdall_row, row);
    RECORD(holdall_file, file);
    RECORD(holdall_archive, archive);

    terms.password = "secret";
    terms.password_len_bytes = 6;
    terms.max_downloads = 2;
    OK(holdall_share_create(drive, S("many"), &terms, &share));
    CHECK(share.has_password && share.max_downloads == 2);
    FAILS(HOLDALL_DENIED, holdall_visit_open(store, share.id, NULL, 0, NULL, 0, &visit));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_visit_open(store, share.id, S("secret"), S("here"), &visit));
    OK(holdall_visit_open(store, share.id, S("secret"), NULL, 0, &visit));
    guess(store, share.id);
    memset(&share.id, 0, sizeof share - sizeof share.size);
    OK(holdall_visit_share(visit, &share));
    CHECK(share.has_password && share.max_downloads == 2 && share.expires_unix_us == 0);
    OK(holdall_visit_stat(visit, S("1"), &file));
    CHECK(file.len_bytes == 3);
    OK(holdall_visit_list(visit, S(""), NULL, 0, 10, &page));
    OK(holdall_page_row(page, 0, &row));
    CHECK(strcmp(row.name, "1") == 0);
    OK(holdall_page_free(page));
    OK(holdall_visit_url(visit, S("1"), NULL, &url));
    reply = serve(store, "GET", holdall_text_get(url), NULL, NULL);
    CHECK(status_of(reply) == 200 && says(reply, "one"));
    OK(holdall_reply_free(reply));
    OK(holdall_text_free(url));
    OK(holdall_visit_archive(visit, &all, 1, NULL, &archive));
    OK(holdall_visit_free(visit));
    OK(holdall_share_list(drive, S("many"), &page));
    OK(holdall_page_share(page, 0, &share));
    CHECK(share.downloads == 2);
    OK(holdall_page_free(page));
    OK(holdall_share_revoke(store, share.id));
    OK(holdall_share_remove(store, share.id));
}

/* What a store is opened with, and a URL says in its place: other sites, wrong passwords, uses. */
static void limits(const char *dir) {
    holdall_store *store = NULL;
    holdall_drive *drive = NULL;
    holdall_text *url = NULL;
    holdall_reply *reply = NULL;
    int at;
    char path[4096];
    RECORD(holdall_open_options, options);
    RECORD(holdall_url_options, terms);
    RECORD(holdall_share_options, secret);
    RECORD(holdall_share, share);

    snprintf(path, sizeof path, "%s/limits", dir);
    options.cross_origin = "no origin";
    options.cross_origin_len_bytes = 9;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_open(Z(path), &options, &store));
    options.cross_origin = "https://a.example";
    options.cross_origin_len_bytes = 17;
    options.wrong_passwords_of_client = 1;
    options.drive_archive_quota_bytes = 1;
    OK(holdall_open(Z(path), &options, &store));
    drive = open_drive(store);
    OK(holdall_put_memory(drive, S("a.txt"), S("hello"), NULL, NULL));

    secret.password = "secret";
    secret.password_len_bytes = 6;
    OK(holdall_share_create(drive, S("a.txt"), &secret, &share));
    lock_out(store, share.id, 1);

    OK(holdall_url_at_path(drive, S("a.txt"), NULL, &url));
    reply = serve(store, "GET", holdall_text_get(url), "Origin", "https://a.example");
    CHECK(strcmp(header_of(reply, "Access-Control-Allow-Origin"), "https://a.example") == 0);
    OK(holdall_reply_free(reply));
    OK(holdall_text_free(url));
    terms.cross_origin = "same-origin";
    terms.cross_origin_len_bytes = 11;
    terms.max_requests = 1;
    OK(holdall_url_at_path(drive, S("a.txt"), &terms, &url));
    reply = serve(store, "GET", holdall_text_get(url), "Origin", "https://a.example");
    CHECK(status_of(reply) == 200 && header_of(reply, "Access-Control-Allow-Origin") == NULL);
    CHECK(strcmp(header_of(reply, "Cross-Origin-Resource-Policy"), "same-origin") == 0);
    OK(holdall_reply_free(reply));
    reply = serve(store, "GET", holdall_text_get(url), "Range", "bytes=1-");
    CHECK(status_of(reply) == 410);
    OK(holdall_reply_free(reply));
    OK(holdall_text_free(url));
    terms.max_requests = 0;
    terms.max_uses = 1;
    OK(holdall_url_at_path(drive, S("a.txt"), &terms, &url));
    for (at = 0; at < 5; at++) {
        reply = serve(store, "GET", holdall_text_get(url), NULL, NULL);
        CHECK(status_of(reply) == (at < 4 ? 200 : 410));
        OK(holdall_reply_free(reply));
    }
    OK(holdall_text_free(url));
    OK(holdall_drive_free(drive));
    OK(holdall_store_free(store));
}

static void nothing(void *context, int32_t level, const char *text) {
    (void)text;
    CHECK(level >= HOLDALL_LOG_ERROR && level <= HOLDALL_LOG_DEBUG);
    ++*(int *)context;
}

int main(int argc, char **argv) {
    holdall_store *store;
    holdall_drive *drive;
    char path[4096];
    int lines = 0;
    CHECK(argc == 2);
    CHECK(holdall_version_number() == HOLDALL_VERSION);
    CHECK(HOLDALL_VERSION == HOLDALL_VERSION_MAJOR * 1000000 + HOLDALL_VERSION_MINOR * 1000 + HOLDALL_VERSION_PATCH);
    snprintf(path, sizeof path, "%d.%d.%d", HOLDALL_VERSION_MAJOR, HOLDALL_VERSION_MINOR, HOLDALL_VERSION_PATCH);
    CHECK(strcmp(holdall_version_text(), path) == 0);
    CHECK(strcmp(holdall_code_name(HOLDALL_GONE), "Gone") == 0 && holdall_code_status(HOLDALL_GONE) == 410);
    CHECK(strcmp(holdall_last_error(), "") == 0);
    snprintf(path, sizeof path, "%s/store", argv[1]);
    OK(holdall_log_set(HOLDALL_LOG_DEBUG, nothing, &lines));
    store = open_store(path);
    drive = open_drive(store);
    putting(drive, argv[1]);
    looking(store, drive);
    walking(store, drive);
    searching(drive);
    moving(drive);
    serving(store, drive);
    CHECK(lines > 0); /* the requests that were refused */
    OK(holdall_log_set(HOLDALL_LOG_DEBUG, NULL, NULL));
    sharing(store, drive);
    limits(argv[1]);
    OK(holdall_drive_revoke(drive));
    OK(holdall_drive_free(drive));
    OK(holdall_store_close(store));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_drive_open(store, S("alice"), &drive));
    OK(holdall_store_free(store));
    CHECK(holdall_handle_count() == 0);
    return 0;
}
