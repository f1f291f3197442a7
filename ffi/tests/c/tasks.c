/* What a host asks for whose calls run on threads of a pool: errors that stay with the handle of the call, an
 * answer in one struct, and descriptors that stand for themselves. */
#include "check.h"

#include <pthread.h>
#include <unistd.h>

enum { CALLS = 8, LONG = 3000000 };

struct task {
    holdall_drive *drive;
    char path[32];
    int32_t code;
};

static void *put(void *context) {
    struct task *task = context;
    task->code = holdall_put_memory(task->drive, Z(task->path), S("x"), NULL, NULL);
    return NULL;
}

/* Each call failed on a thread of its own, which is gone; what it said is there. */
static void errors(const holdall_drive *alice) {
    struct task tasks[CALLS];
    pthread_t threads[CALLS];
    RECORD(holdall_error, error);
    int at;
    OK(holdall_handle_error(alice, &error));
    CHECK(error.code == HOLDALL_OK && error.text[0] == '\0');
    OK(holdall_put_memory(alice, S("file"), S("x"), NULL, NULL));
    for (at = 0; at < CALLS; at++) {
        CHECK((tasks[at].drive = holdall_handle_ref(alice)) != NULL);
        snprintf(tasks[at].path, sizeof tasks[at].path, "file/below%d/..", at);
        CHECK(pthread_create(&threads[at], NULL, put, &tasks[at]) == 0);
    }
    for (at = 0; at < CALLS; at++) CHECK(pthread_join(threads[at], NULL) == 0);
    for (at = 0; at < CALLS; at++) {
        CHECK(tasks[at].code == HOLDALL_INVALID_ARGUMENT);
        OK(holdall_handle_error(tasks[at].drive, &error));
        CHECK(error.code == tasks[at].code && error.retry_after_s == 0);
        CHECK(strstr(error.text, "..") != NULL);
        OK(holdall_drive_free(tasks[at].drive));
        FAILS(HOLDALL_INVALID_ARGUMENT, holdall_handle_error(tasks[at].drive, &error));
    }
    OK(holdall_handle_error(alice, &error));
    CHECK(error.code == HOLDALL_OK);
    /* Before the handle is looked at, too. */
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_folder_make(alice, "\xff", 1, NULL));
    OK(holdall_handle_error(alice, &error));
    CHECK(error.code == HOLDALL_INVALID_ARGUMENT && strstr(error.text, "UTF-8") != NULL);
    CHECK(holdall_handle_ref(NULL) == NULL && holdall_handle_ref("no handle") == NULL);
}

static holdall_answer ask(const holdall_store *store, const char *method, const char *url, const char *headers) {
    RECORD(holdall_answer, answer);
    OK(holdall_serve_text(store, Z(method), Z(url), Z(headers), S("192.0.2.1"), &answer));
    return answer;
}

static const char *url_of(const holdall_drive *alice, const char *path, holdall_text **text) {
    OK(holdall_url_at_path(alice, Z(path), NULL, text));
    return holdall_text_get(*text);
}

static void small_answers(const holdall_store *store, const holdall_drive *alice) {
    holdall_text *text = NULL;
    holdall_answer answer;
    const char *url;
    OK(holdall_put_memory(alice, S("small"), S("hello, world"), NULL, NULL));
    url = url_of(alice, "small", &text);
    answer = ask(store, "GET", url, "Host: x\r\nRANGE:bytes=7-\r\nno colon\r\n\xff: \xff");
    CHECK(answer.status == 206 && answer.kind == HOLDALL_BODY_MEMORY && answer.len_bytes == 5);
    CHECK(memcmp(answer.data, "world", 5) == 0 && answer.code == HOLDALL_OK && answer.error[0] == '\0');
    CHECK(strstr(answer.headers, "Content-Range: bytes 7-11/12\r\n") != NULL);
    CHECK(strstr(answer.headers, "Content-Length: 5\r\n") != NULL);
    OK(holdall_body_free(answer.body));
    answer = ask(store, "HEAD", url, "");
    CHECK(answer.status == 200 && answer.kind == HOLDALL_BODY_NONE && answer.body == NULL);
    CHECK(strstr(answer.headers, "Content-Length: 12\r\n") != NULL);
    answer = ask(store, "GET", "/d/AQAB/x", "");
    CHECK(answer.status == 403 && answer.code == HOLDALL_OK);
    OK(holdall_body_free(answer.body));
    OK(holdall_text_free(text));
}

/* The descriptor goes on when all handles are freed, and has a position of its own. */
static void long_answers(const holdall_store *store, const holdall_drive *alice) {
    static char content[LONG], got[LONG];
    holdall_text *text = NULL;
    holdall_answer answer;
    RECORD(holdall_file_range, first);
    RECORD(holdall_file_range, second);
    size_t at;
    for (at = 0; at < LONG; at++) content[at] = (char)(at * 2654435761U >> 24);
    OK(holdall_put_memory(alice, S("dir/long"), content, LONG, NULL, NULL));
    url_of(alice, "dir/long", &text);
    answer = ask(store, "GET", holdall_text_get(text), "Range: bytes=0-9,2000000-2000009");
    CHECK(answer.status == 206 && answer.kind == HOLDALL_BODY_MEMORY);
    CHECK(strstr(answer.headers, "multipart/byteranges") != NULL);
    OK(holdall_body_free(answer.body));
    answer = ask(store, "GET", holdall_text_get(text), "Range: bytes=1000-");
    CHECK(answer.status == 206 && answer.kind == HOLDALL_BODY_FILE && answer.data == NULL);
    CHECK(answer.len_bytes == LONG - 1000);
    OK(holdall_body_file(answer.body, 0, UINT64_MAX, &first));
    OK(holdall_body_file(answer.body, 500, 1000, &second));
    CHECK(first.len_bytes == LONG - 1000 && second.len_bytes == 1000 && first.fd >= 0 && second.fd >= 0);
    CHECK(second.offset_bytes == first.offset_bytes + 500);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_file(answer.body, LONG, 1, &first));
    OK(holdall_body_free(answer.body));
    OK(holdall_file_delete(alice, S("dir/long")));
    CHECK(read(second.fd, got, 1000) == 1000 && memcmp(got, content + 1500, 1000) == 0);
    CHECK(read(first.fd, got, 7) == 7 && memcmp(got, content + 1000, 7) == 0);
    CHECK(pread(first.fd, got, LONG, (off_t)first.offset_bytes) >= LONG - 1000);
    CHECK(memcmp(got, content + 1000, LONG - 1000) == 0);
    CHECK(close(first.fd) == 0 && close(second.fd) == 0);
    OK(holdall_text_free(text));
}

/* Goes through a body of pieces, and tells how many are ranges of files and how many are not. */
static void go_through(const holdall_answer *answer, int *in_files, int *elsewhere) {
    uint64_t at = 0;
    *in_files = *elsewhere = 0;
    while (at < answer->len_bytes) {
        RECORD(holdall_file_range, range);
        OK(holdall_body_file(answer->body, at, answer->len_bytes, &range));
        CHECK(range.len_bytes >= 1);
        at += range.len_bytes;
        *(range.fd < 0 ? elsewhere : in_files) += 1;
        if (range.fd >= 0) CHECK(range.len_bytes == 100000 && close(range.fd) == 0);
    }
    CHECK(at == answer->len_bytes);
}

static void pieces(const holdall_store *store, const holdall_drive *alice) {
    static char content[LONG];
    holdall_string path = {S("zip")};
    holdall_text *text = NULL;
    holdall_answer answer;
    int in_files, elsewhere;
    RECORD(holdall_archive, archive);
    OK(holdall_put_memory(alice, S("zip/a"), content, sizeof content, NULL, NULL));
    answer = ask(store, "GET", url_of(alice, "zip/a", &text), "Range: bytes=0-99999,2000000-2099999");
    CHECK(answer.status == 206 && answer.kind == HOLDALL_BODY_PIECES);
    go_through(&answer, &in_files, &elsewhere);
    CHECK(in_files == 2 && elsewhere >= 3);
    OK(holdall_body_free(answer.body));
    OK(holdall_text_free(text));
    /* The members of an archive are checked as they are read, so they are read. */
    OK(holdall_archive_create(alice, &path, 1, NULL, &archive));
    OK(holdall_url_archive(store, archive.id, NULL, &text));
    answer = ask(store, "GET", holdall_text_get(text), "");
    CHECK(answer.status == 200 && answer.kind == HOLDALL_BODY_PIECES && answer.len_bytes == archive.len_bytes);
    go_through(&answer, &in_files, &elsewhere);
    CHECK(in_files == 0 && elsewhere >= 3);
    OK(holdall_body_free(answer.body));
    OK(holdall_text_free(text));
}

/* A store that maps nothing has long content in one piece for sendfile, where its segments are short. */
static void without_maps(const char *path) {
    static char content[LONG];
    holdall_store *store = NULL;
    holdall_drive *alice;
    holdall_body *body = NULL;
    RECORD(holdall_open_options, options);
    RECORD(holdall_file_range, range);
    options.flags = HOLDALL_OPEN_NO_MAP;
    OK(holdall_open(Z(path), &options, &store));
    alice = open_drive(store);
    OK(holdall_put_memory(alice, S("long"), content, LONG, NULL, NULL));
    OK(holdall_file_open(alice, S("long"), &body));
    OK(holdall_body_file(body, 0, UINT64_MAX, &range));
    CHECK(range.len_bytes == LONG && close(range.fd) == 0);
    OK(holdall_body_free(body));
    OK(holdall_drive_free(alice));
    OK(holdall_store_free(store));
}

int main(int argc, char **argv) {
    char path[4096];
    holdall_store *store;
    holdall_drive *alice;
    CHECK(argc == 2);
    snprintf(path, sizeof path, "%s/store", argv[1]);
    store = open_store(path);
    alice = open_drive(store);
    errors(alice);
    small_answers(store, alice);
    long_answers(store, alice);
    pieces(store, alice);
    OK(holdall_drive_free(alice));
    OK(holdall_store_free(store));
    snprintf(path, sizeof path, "%s/read", argv[1]);
    without_maps(path);
    CHECK(holdall_handle_count() == 0);
    return 0;
}
