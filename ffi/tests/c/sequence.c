/* Calls at random, in any order: with handles that are live, freed, of another kind, made up or NULL, with texts and
 * structs that break the rules, and with outputs that are NULL. Every call returns a code of the header, writes its
 * outputs only on HOLDALL_OK and is never a defect; afterwards the store is sound and no handle is left.
 *
 * program FOLDER [CALLS [SEED]] */
#include "random.h"

/* Calls on the store and its drives. */

static int32_t call_open(void) {
    OPTIONS(holdall_open_options, open);
    open.flags = HOLDALL_OPEN_EXCLUSIVE;
    open.threshold_bytes = one_in(10) ? throw(UINT64_MAX) : 4096;
    open.grace_s = 3600;
    if (one_in(20)) open.flags = (uint32_t)throw(64);
    if (one_in(20)) open.max_put_bytes = throw(UINT64_MAX);
    return took(STORE, holdall_open(T(literal(store_path)), &open, OUT(holdall_store)));
}

static int32_t call_drive_open(void) {
    struct text name = a_name();
    return took(DRIVE, one_in(3) ? holdall_drive_find(H(STORE), T(name), OUT(holdall_drive))
                                 : holdall_drive_open(H(STORE), T(name), OUT(holdall_drive)));
}

static int32_t call_drive_stat(void) {
    RECORD_OUT(holdall_drive_info, info);
    int32_t code = holdall_drive_stat(H(DRIVE), info_out);
    SAME_UNLESS_OK(code, info);
    return code;
}

static int32_t call_put(void) {
    struct text path = a_path();
    size_t len;
    struct text source = one_in(4) ? odd() : literal(source_path);
    const char *bytes = content(&len);
    int32_t code;
    RECORD_OUT(holdall_version, version);
    OPTIONS(holdall_put_options, put);
    put_options(&put);
    switch (throw(8)) {
    case 0: code = holdall_put_file(H(DRIVE), T(path), T(source), put_or_null, version_out); break;
    case 1: code = holdall_put_fd(H(DRIVE), T(path), one_in(2) ? -1 : (int32_t)throw(3000) + 1000, put_or_null, version_out); break;
    case 2: code = holdall_put_memory(H(DRIVE), T(path), NULL, len, put_or_null, version_out); break;
    default: code = holdall_put_memory(H(DRIVE), T(path), bytes, len, put_or_null, version_out);
    }
    SAME_UNLESS_OK(code, version);
    if (code == HOLDALL_OK && version_out && version.size == sizeof version) {
        note(version.id);
        note(version.file_id);
    }
    return code;
}

static int32_t call_put_many(void) {
    holdall_item items[4];
    size_t at, count = throw(5);
    OPTIONS(holdall_put_options, put);
    put_options(&put);
    for (at = 0; at < 4; at++) {
        struct text path = a_path();
        items[at].path = path.data;
        items[at].path_len_bytes = path.len;
        items[at].data = content(&items[at].data_len_bytes);
    }
    return took(PAGE, holdall_put_many(H(DRIVE), one_in(20) ? NULL : items, count, put_or_null, OUT(holdall_page)));
}

static int32_t call_writer(void) {
    struct text path = a_path();
    size_t len;
    const char *bytes = content(&len);
    int32_t code;
    OPTIONS(holdall_put_options, put);
    RECORD_OUT(holdall_version, version);
    put_options(&put);
    switch (throw(6)) {
    case 0: return holdall_writer_abort(H(WRITER));
    case 1:
        code = holdall_writer_commit(H(WRITER), version_out);
        SAME_UNLESS_OK(code, version);
        return code;
    case 2: return took(WRITER, holdall_writer_open(H(DRIVE), T(path), put_or_null, OUT(holdall_writer)));
    default: return holdall_writer_write(H(WRITER), one_in(16) ? NULL : bytes, len);
    }
}

static int32_t call_file(void) {
    struct text path = a_path(), other = a_path();
    uint64_t id = 7, *id_out = one_in(8) ? NULL : &id;
    int32_t code;
    RECORD_OUT(holdall_file, file);
    RECORD_OUT(holdall_version, version);
    switch (throw(8)) {
    case 0: code = holdall_folder_make(H(DRIVE), T(path), id_out); break;
    case 1: return holdall_file_rename(H(DRIVE), T(path), T(other), (uint32_t)throw(3));
    case 2: code = holdall_file_copy(H(DRIVE), T(path), T(other), (uint32_t)throw(3), id_out); break;
    case 3: return holdall_file_delete(H(DRIVE), T(path));
    case 4: code = holdall_trash_put(H(DRIVE), T(path), id_out); break;
    case 5: return holdall_trash_restore(H(DRIVE), an_id(), T(path));
    default:
        code = one_in(3) ? holdall_file_find(H(STORE), an_id(), file_out)
                         : holdall_file_stat(H(DRIVE), T(path), file_out, version_out);
        SAME_UNLESS_OK(code, file);
        return code;
    }
    HOLDS(code == HOLDALL_OK || id == 7);
    if (code == HOLDALL_OK && id_out) note(id);
    return code;
}

static int32_t call_by_id(void) {
    uint64_t number = 7;
    RECORD_OUT(holdall_version, version);
    switch (throw(9)) {
    case 0: return holdall_version_set_current(H(STORE), an_id());
    case 1: return holdall_version_remove(H(STORE), an_id());
    case 2: return holdall_version_keep(H(STORE), an_id(), (int32_t)throw(3));
    case 3: return holdall_version_revoke(H(STORE), an_id());
    case 4: return holdall_file_revoke(H(STORE), an_id());
    case 5: return took(TEXT, holdall_file_path(H(STORE), an_id(), OUT(holdall_text)));
    case 6: return holdall_trash_empty(H(DRIVE), (int64_t)throw(1000), &number);
    case 7: return holdall_drive_set_max_versions(H(DRIVE), (uint32_t)throw(4));
    default: {
        int32_t code = holdall_version_stat(H(STORE), an_id(), version_out);
        SAME_UNLESS_OK(code, version);
        return code;
    }
    }
}

static int32_t walked(void *context, const char *path, size_t len, const holdall_row *row) {
    HOLDS(context == &state && strlen(path) == len && row->size > 0);
    return one_in(8) ? HOLDALL_DENIED : HOLDALL_OK;
}

static int32_t call_list(void) {
    struct text path = a_path(), after = one_in(2) ? literal("") : a_path();
    size_t limit = one_in(10) ? SIZE_MAX : throw(20);
    holdall_header pair = {"name", 4, "", 0};
    switch (throw(9)) {
    case 0: return took(PAGE, holdall_folder_list(H(DRIVE), T(path), T(after), limit, OUT(holdall_page)));
    case 1: return took(PAGE, holdall_file_versions(H(DRIVE), T(path), an_id(), limit, OUT(holdall_page)));
    case 2: return took(PAGE, holdall_trash_list(H(DRIVE), an_id(), limit, OUT(holdall_page)));
    case 3: return took(PAGE, holdall_link_list(H(DRIVE), T(path), OUT(holdall_page)));
    case 4: return took(PAGE, holdall_share_list(H(DRIVE), T(path), OUT(holdall_page)));
    case 5: return took(PAGE, holdall_key_list(H(STORE), OUT(holdall_page)));
    case 6: return took(PAGE, holdall_file_attributes(H(DRIVE), T(path), OUT(holdall_page)));
    case 7: return holdall_folder_walk(H(DRIVE), T(path), one_in(20) ? NULL : walked, &state);
    default: return holdall_file_find_by_attribute(H(DRIVE), T(path), one_in(20) ? NULL : &pair, walked, &state);
    }
}

static int32_t call_page(void) {
    const holdall_page *page = H(PAGE);
    size_t count = 0, at = throw(6);
    int32_t code;
    RECORD_OUT(holdall_row, row);
    RECORD_OUT(holdall_version, version);
    RECORD_OUT(holdall_trashed, trashed);
    RECORD_OUT(holdall_link, link);
    RECORD_OUT(holdall_share, share);
    RECORD_OUT(holdall_key, key);
    holdall_header attribute;
    const char *sentence = NULL;
    switch (throw(8)) {
    case 0: code = holdall_page_row(page, at, row_out); SAME_UNLESS_OK(code, row); return code;
    case 1: code = holdall_page_version(page, at, version_out); SAME_UNLESS_OK(code, version); return code;
    case 2: code = holdall_page_trashed(page, at, trashed_out); SAME_UNLESS_OK(code, trashed); return code;
    case 3: code = holdall_page_link(page, at, link_out); SAME_UNLESS_OK(code, link); return code;
    case 4: code = holdall_page_share(page, at, share_out); SAME_UNLESS_OK(code, share); return code;
    case 5: code = holdall_page_key(page, at, key_out); SAME_UNLESS_OK(code, key); return code;
    case 6:
        code = holdall_page_attribute(page, at, one_in(20) ? NULL : &attribute);
        return code;
    default:
        code = one_in(2) ? holdall_page_count(page, &count) : holdall_page_sentence(page, at, &sentence);
        if (sentence) HOLDS(code == HOLDALL_OK && strlen(sentence) > 0);
        return code;
    }
}

/* Calls on bodies: what they say is read. */

static int32_t call_body(void) {
    static char buffer[9000];
    static volatile unsigned sum;
    const holdall_body *body = H(BODY);
    uint64_t len = 0, from = one_in(10) ? throw(UINT64_MAX) : throw(9000), to = from + throw(5000);
    size_t got = 0, at;
    struct text path = a_path();
    int32_t code;
    RECORD_OUT(holdall_segment, segment);
    RECORD_OUT(holdall_file_range, range);
    switch (throw(9)) {
    case 8:
        code = holdall_body_file(body, from, throw(10000), range_out);
        SAME_UNLESS_OK(code, range);
        if (code == HOLDALL_OK && range.fd >= 0) {
            HOLDS(pread(range.fd, buffer, 1, (off_t)range.offset_bytes) == 1);
            HOLDS(close(range.fd) == 0);
        }
        return code;
    case 0: return holdall_body_len(body, one_in(20) ? NULL : &len);
    case 1: return took(BODY, holdall_body_slice(body, from, to, OUT(holdall_body)));
    case 2: {
        void *again = holdall_handle_ref(body);
        if (again == NULL) return HOLDALL_INVALID_ARGUMENT;
        adopt(kind_of(body), again);
        return HOLDALL_OK;
    }
    case 3: return took(BODY, holdall_version_open(H(STORE), an_id(), OUT(holdall_body)));
    case 4: return took(BODY, holdall_file_open(H(DRIVE), T(path), OUT(holdall_body)));
    case 5:
        code = holdall_body_segment(body, from, throw(10000), segment_out);
        SAME_UNLESS_OK(code, segment);
        if (code == HOLDALL_OK) {
            for (at = 0; at < segment.len_bytes; at++) sum += ((const unsigned char *)segment.data)[at];
            if (segment.pin) adopt(PIN, segment.pin);
        }
        return code;
    default:
        code = holdall_body_read(body, from, one_in(20) ? NULL : buffer, throw(sizeof buffer), &got);
        HOLDS(code == HOLDALL_OK || got == 0);
        return code;
    }
}

/* URLs, what they lead to, and what is handed out. */

static void url_options(holdall_url_options *url) {
    struct text text = one_in(3) ? odd() : literal("name.txt");
    url->flags = one_in(2) ? 0 : (uint32_t)throw(20);
    url->lifetime_s = one_in(4) ? throw(UINT64_MAX) : throw(4000);
    url->max_uses = one_in(3) ? (uint32_t)throw(3) : 0;
    url->window_s = one_in(8) ? throw(UINT64_MAX) : 0;
    if (one_in(3)) {
        url->name = text.data;
        url->name_len_bytes = text.len;
    }
    if (one_in(8)) {
        text = one_in(3) ? odd() : literal("192.0.2.0/24");
        url->network = text.data;
        url->network_len_bytes = text.len;
    }
}

static int32_t call_url(void) {
    struct text path = a_path();
    OPTIONS(holdall_url_options, url);
    url_options(&url);
    switch (throw(6)) {
    case 0: return took(TEXT, holdall_url_version(H(STORE), an_id(), url_or_null, OUT(holdall_text)));
    case 1: return took(TEXT, holdall_url_by_id(H(STORE), an_id(), url_or_null, OUT(holdall_text)));
    case 2: return took(TEXT, holdall_url_archive(H(STORE), an_id(), url_or_null, OUT(holdall_text)));
    case 3: return took(TEXT, holdall_link_url(H(STORE), an_id(), OUT(holdall_text)));
    case 4: return took(TEXT, holdall_visit_url(H(VISIT), T(path), url_or_null, OUT(holdall_text)));
    default: return took(TEXT, holdall_url_at_path(H(DRIVE), T(path), url_or_null, OUT(holdall_text)));
    }
}

static struct text a_target(void) {
    const char *target = one_in(6) ? NULL : holdall_text_get(H(TEXT));
    static const char *const TARGETS[] = {"/", "/d/x", "/f/1", "/api/v4/file/url", "/v2/file/get", "/d/%zz", ""};
    if (target && *target) return literal(target);
    return one_in(4) ? odd() : literal(TARGETS[throw(sizeof TARGETS / sizeof *TARGETS)]);
}

static int32_t call_serve(void) {
    static const char *const VALUES[] = {"bytes=0-9", "bytes=5-,-3", "bytes=99999-", "junk", "\"x\"", ""};
    static const char *const NAMES[] = {"Range", "if-none-match", "If-Range", "If-Modified-Since", "x"};
    struct text method = literal(one_in(4) ? "HEAD" : one_in(8) ? "BREW" : "GET"), target = a_target();
    holdall_header headers[3];
    int64_t now = (int64_t)throw(UINT64_MAX);
    size_t at;
    int32_t code;
    RECORD_OUT(holdall_grant, grant);
    RECORD_OUT(holdall_answer, answer);
    struct text lines = one_in(4) ? odd() : literal("Range: bytes=1-3\r\nIf-None-Match: \"x\"\r\n");
    OPTIONS(holdall_request, request);
    request.method = method.data;
    request.method_len_bytes = method.len;
    request.target = target.data;
    request.target_len_bytes = target.len;
    for (at = 0; at < 3; at++) {
        struct text name = literal(NAMES[throw(5)]), value = one_in(10) ? odd() : literal(VALUES[throw(6)]);
        headers[at].name = name.data;
        headers[at].name_len_bytes = name.len;
        headers[at].value = value.data;
        headers[at].value_len_bytes = value.len;
    }
    request.headers = headers;
    request.header_count = throw(4);
    if (one_in(10)) request.now_unix_us = &now;
    switch (throw(8)) {
    case 6:
    case 7:
        code = holdall_serve_text(H(STORE), T(method), T(target), T(lines), NULL, 0, answer_out);
        SAME_UNLESS_OK(code, answer);
        if (code == HOLDALL_OK) {
            HOLDS(answer.status >= 200 && answer.status < 600 && strlen(answer.headers) > 0);
            if (answer.body) adopt(BODY, answer.body);
        }
        return code;
    case 0:
        code = holdall_verify(H(STORE), request_or_null, grant_out);
        SAME_UNLESS_OK(code, grant);
        return code;
    case 1: return took(REPLY, holdall_reply_of_code((int32_t)throw(40) - 10, OUT(holdall_reply)));
    default: return took(REPLY, holdall_serve(H(STORE), &request, OUT(holdall_reply)));
    }
}

static int32_t call_reply(void) {
    const holdall_reply *reply = H(REPLY);
    const holdall_header *headers = NULL;
    uint32_t status = 0;
    uint64_t pace = 0;
    size_t count = 0, at;
    int32_t code;
    switch (throw(5)) {
    case 0:
        code = holdall_reply_status(reply, one_in(20) ? NULL : &status);
        HOLDS(code != HOLDALL_OK || (status >= 200 && status < 600));
        return code;
    case 1: return holdall_reply_pace(reply, one_in(20) ? NULL : &pace);
    case 2:
        code = holdall_reply_headers(reply, one_in(20) ? NULL : &headers, &count);
        for (at = 0; code == HOLDALL_OK && at < count; at++)
            HOLDS(strlen(headers[at].name) == headers[at].name_len_bytes &&
                  strlen(headers[at].value) == headers[at].value_len_bytes);
        return code;
    default: return took(BODY, holdall_reply_body(reply, OUT(holdall_body)));
    }
}

static int32_t sink(void *context, const void *data, size_t len) {
    HOLDS(context == &state && (data != NULL || len == 0));
    return one_in(20) ? HOLDALL_EXPIRED : HOLDALL_OK;
}

static int32_t call_archive(void) {
    holdall_string paths[3];
    uint64_t versions[3], crc64;
    size_t at;
    int32_t code;
    RECORD_OUT(holdall_archive, archive);
    OPTIONS(holdall_archive_options, made);
    made.lifetime_s = one_in(4) ? throw(UINT64_MAX) : 0;
    for (at = 0; at < 3; at++) {
        struct text path = a_path();
        paths[at].data = path.data;
        paths[at].len_bytes = path.len;
        versions[at] = an_id();
    }
    switch (throw(8)) {
    case 0: return took(BODY, holdall_archive_open(H(STORE), an_id(), OUT(holdall_body)));
    case 1: return holdall_archive_crc64(H(STORE), an_id(), one_in(20) ? NULL : &crc64);
    case 2: return holdall_archive_write_deflated(H(STORE), an_id(), one_in(20) ? NULL : sink, &state);
    case 3: return holdall_archive_revoke(H(STORE), an_id());
    case 4: code = holdall_archive_stat(H(STORE), an_id(), archive_out); break;
    case 5: code = holdall_archive_create_of(H(DRIVE), versions, throw(4), made_or_null, archive_out); break;
    case 6: code = holdall_visit_archive(H(VISIT), paths, throw(4), made_or_null, archive_out); break;
    default: code = holdall_archive_create(H(DRIVE), one_in(20) ? NULL : paths, throw(4), made_or_null, archive_out);
    }
    SAME_UNLESS_OK(code, archive);
    if (code == HOLDALL_OK && archive_out && archive.size == sizeof archive) note(archive.id);
    return code;
}

static int32_t call_link(void) {
    struct text path = a_path();
    int32_t code;
    RECORD_OUT(holdall_link, link);
    switch (throw(3)) {
    case 0: return holdall_link_remove(H(STORE), an_id());
    case 1: code = holdall_link_stat(H(STORE), an_id(), link_out); break;
    default: code = holdall_link_create(H(DRIVE), T(path), throw(3), link_out);
    }
    SAME_UNLESS_OK(code, link);
    if (code == HOLDALL_OK && link_out && link.size == sizeof link) note(link.id);
    return code;
}

static int32_t call_share(void) {
    struct text password = one_in(4) ? odd() : literal("sesame"), path = a_path();
    struct text given = one_in(2) ? literal(NULL) : password;
    int32_t code;
    RECORD_OUT(holdall_share, share);
    RECORD_OUT(holdall_file, file);
    OPTIONS(holdall_share_options, made);
    made.flags = one_in(8) ? (uint32_t)throw(4) : 0;
    made.max_downloads = throw(3);
    if (one_in(6)) {
        made.password = password.data;
        made.password_len_bytes = password.len;
    }
    switch (throw(8)) {
    case 0: return holdall_share_revoke(H(STORE), an_id());
    case 1: return one_in(3) ? holdall_share_remove(H(STORE), an_id()) : HOLDALL_OK;
    case 2: case 3: return took(VISIT, holdall_visit_open(H(STORE), an_id(), T(given), NULL, 0, OUT(holdall_visit)));
    case 4: code = holdall_visit_share(H(VISIT), share_out); break;
    case 5:
        code = holdall_visit_stat(H(VISIT), T(path), file_out);
        SAME_UNLESS_OK(code, file);
        return code;
    case 6: return took(PAGE, holdall_visit_list(H(VISIT), T(path), NULL, 0, throw(10), OUT(holdall_page)));
    default: code = holdall_share_create(H(DRIVE), T(path), made_or_null, share_out);
    }
    SAME_UNLESS_OK(code, share);
    if (code == HOLDALL_OK && share_out && share.size == sizeof share) note(share.id);
    return code;
}

static int32_t pull(void *context, void *buffer, size_t room, size_t *got) {
    HOLDS(context == &state && room > 0);
    *got = throw(room < 100 ? room : 100);
    memset(buffer, '{', *got);
    return one_in(10) ? HOLDALL_DENIED : HOLDALL_OK;
}

static int32_t call_api(void) {
    static const char *const BODIES[] = {"{}", "{\"uris\":[\"cloudreve://my/a\"]}", "[", "", "{\"drive_id\":\"1\",\"file_id\":\"1\"}"};
    struct text target = a_target(), drive = a_name(), body = one_in(8) ? odd() : literal(BODIES[throw(5)]);
    bool is_at;
    OPTIONS(holdall_api_options, made);
    OPTIONS(holdall_caller, caller);
    OPTIONS(holdall_request, request);
    made.flags = one_in(3) ? (uint32_t)throw(20) : 0;
    caller.flags = one_in(3) ? (uint32_t)throw(70) : 0;
    caller.drive = drive.data;
    caller.drive_len_bytes = drive.len;
    request.method = "POST";
    request.method_len_bytes = 4;
    request.target = target.data;
    request.target_len_bytes = target.len;
    switch (throw(6)) {
    case 0: return took(API, holdall_api_new(H(STORE), made_or_null, OUT(holdall_api)));
    case 1: return holdall_api_is_at(H(API), T(target), one_in(20) ? NULL : &is_at);
    case 2: return took(TEXT, holdall_api_share_uri(H(API), an_id(), OUT(holdall_text)));
    case 3: return took(TEXT, holdall_api_ticket(H(API), an_id(), throw(1000), OUT(holdall_text)));
    default:
        return took(REPLY, holdall_api_answer(H(API), caller_or_null, &request, T(body), one_in(3) ? pull : NULL, &state,
                                              OUT(holdall_reply)));
    }
}

/* Keys and upkeep. */

static int32_t call_upkeep(void) {
    static const char SECRET[64] = "a secret of enough bytes for a key, and of no interest to anyone";
    uint16_t key = 0;
    uint64_t copied;
    char path[sizeof folder + 16];
    int32_t code;
    RECORD_OUT(holdall_stats, stats);
    RECORD_OUT(holdall_check_report, checked);
    RECORD_OUT(holdall_gc_report, collected);
    RECORD_OUT(holdall_repair_report, repaired);
    RECORD_OUT(holdall_rebuild_report, rebuilt);
    OPTIONS(holdall_check_options, check);
    check.flags = (uint32_t)throw(3);
    switch (throw(12)) {
    case 0: return holdall_key_rotate(H(STORE), &key);
    case 1: return holdall_key_add(H(STORE), one_in(10) ? NULL : SECRET, one_in(4) ? throw(40) : 64, &key);
    case 2: return holdall_key_remove(H(STORE), (uint16_t)throw(5));
    case 3: return took(PAGE, holdall_store_check(H(STORE), check_or_null, checked_out, OUT(holdall_page)));
    case 4: return took(PAGE, holdall_store_gc(H(STORE), collected_out, OUT(holdall_page)));
    case 5: return took(PAGE, holdall_store_compact(H(STORE), collected_out, OUT(holdall_page)));
    case 6: return took(PAGE, holdall_store_repair(H(STORE), repaired_out, OUT(holdall_page)));
    case 7: /* Of an open store: refused. */
        if (of_kind(STORE) == NULL) return HOLDALL_OK;
        return took(PAGE, holdall_rebuild(T(literal(store_path)), NULL, rebuilt_out, OUT(holdall_page)));
    case 8:
        if (!one_in(4)) return holdall_store_set_grace(H(STORE), one_in(3) ? throw(UINT64_MAX) : 3600);
        snprintf(path, sizeof path, "%s/copy%d", folder, (int)throw(2));
        return holdall_store_backup(H(STORE), T(literal(path)), one_in(2) ? stop_or_go : NULL, &state, &copied);
    case 9: return one_in(12) ? holdall_store_close(H(STORE)) : HOLDALL_OK;
    case 10: return holdall_drive_revoke(H(DRIVE));
    default:
        code = holdall_store_stats(H(STORE), stats_out);
        SAME_UNLESS_OK(code, stats);
        return code;
    }
}

/* Frees what is live, and what is not. */
static int32_t call_free(void) {
    enum kind kind = (enum kind)throw(KINDS);
    if (lives && one_in(2)) {
        drop(throw(lives));
        return HOLDALL_OK;
    }
    if (frees && one_in(2)) {
        void *gone = freed[throw(frees < 64 ? frees : 64)];
        size_t at;
        for (at = 0; at < lives; at++)
            if (live[at].handle == gone) return HOLDALL_OK; /* given out again */
        HOLDS(give_back(kind, gone) == HOLDALL_INVALID_ARGUMENT);
        return HOLDALL_OK;
    }
    return give_back(kind, NULL);
}

int main(int argc, char **argv) {
    static int32_t (*const CALLS[])(void) = {
        call_drive_open, call_drive_stat, call_put,   call_put,   call_put,     call_put_many, call_writer, call_writer,
        call_file,       call_file,       call_by_id, call_list,  call_list,    call_page,     call_body,   call_body,
        call_url,        call_serve,      call_serve, call_reply, call_archive, call_link,     call_share,  call_share,
        call_api,        call_upkeep,     call_free,
    };
    unsigned long long calls = argc > 2 ? strtoull(argv[2], NULL, 10) : 4000, good = 0;
    FILE *source;
    holdall_store *store = NULL;
    holdall_page *problems = NULL;
    RECORD(holdall_check_report, report);
    RECORD(holdall_check_options, check);
    CHECK(argc >= 2);
    seed = argc > 3 ? strtoull(argv[3], NULL, 10) : (unsigned long long)getpid() << 20 ^ (unsigned long long)(uintptr_t)&calls;
    state = seed;
    printf("seed %llu\n", seed);
    snprintf(folder, sizeof folder, "%s", argv[1]);
    snprintf(store_path, sizeof store_path, "%s/store", argv[1]);
    snprintf(source_path, sizeof source_path, "%s/source", argv[1]);
    memset(long_name, 'n', sizeof long_name);
    CHECK((source = fopen(source_path, "w")) != NULL);
    CHECK(fputs("from a file", source) >= 0 && fclose(source) == 0);
    for (step = 0; step < calls; step++) {
        int32_t code;
        while (lives >= MOST - 2) drop(throw(lives));
        code = of_kind(STORE) == NULL ? call_open() : CALLS[throw(sizeof CALLS / sizeof *CALLS)]();
        good += code == HOLDALL_OK;
        HOLDS(strcmp(holdall_code_name(code), "Unknown") != 0);
        if (one_in(4)) {
            RECORD_OUT(holdall_error, error);
            int32_t asked = holdall_handle_error(H((enum kind)throw(KINDS)), error_out);
            SAME_UNLESS_OK(asked, error);
        }
        HOLDS(code != HOLDALL_BUG && code != HOLDALL_CORRUPT && code != HOLDALL_POISONED && code != HOLDALL_FORKED);
    }
    HOLDS(holdall_handle_count() == lives);
    while (lives) drop(throw(lives));
    HOLDS(holdall_handle_count() == 0);
    store = open_store(store_path);
    check.flags = HOLDALL_CHECK_CONTENT;
    OK(holdall_store_check(store, &check, &report, &problems));
    HOLDS(report.problems == 0);
    printf("%llu calls, %llu of them with success; %llu files, %llu versions\n", calls, good,
           (unsigned long long)report.files, (unsigned long long)report.versions);
    OK(holdall_page_free(problems));
    return holdall_store_free(store);
}
