/* Handles and pointers that are wrong, and handles that are freed in every order. */
#include "check.h"

#include <pthread.h>
#include <stdint.h>

static void wrong_handles(const holdall_store *store, holdall_drive *drive) {
    holdall_drive *other = NULL, *before;
    holdall_body *body = NULL;
    uint64_t len = 77;
    int made_up = 0;

    OK(holdall_store_free(NULL));
    OK(holdall_drive_free(NULL));
    OK(holdall_body_free(NULL));
    OK(holdall_drive_open(store, S("bob"), &other));
    before = other;
    OK(holdall_drive_free(other));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_drive_free(other));
    CHECK(strstr(holdall_last_error(), "it was freed") != NULL);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_file_open(other, S("x"), &body));
    OK(holdall_drive_open(store, S("bob"), &other)); /* in the same slot, perhaps */
    CHECK(other != before);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_drive_free(before));
    OK(holdall_drive_free(other));

    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_len((holdall_body *)drive, &len));
    CHECK(strstr(holdall_last_error(), "no holdall_body") != NULL);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_free((holdall_body *)drive));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_len((holdall_body *)&made_up, &len));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_len((holdall_body *)UINTPTR_MAX, &len));
    CHECK(len == 77);
    CHECK(holdall_text_get((holdall_text *)drive) == NULL);
}

static void wrong_pointers(const holdall_drive *drive) {
    char room[64] = {0};
    size_t got = 99;
    uint64_t len = 77;
    holdall_body *body = NULL;
    holdall_page *page = NULL;
    RECORD(holdall_version, version);
    RECORD(holdall_put_options, options);
    struct {
        holdall_put_options known;
        uint64_t later;
    } future;

    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_file_open(drive, NULL, 5, &body));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_file_open(drive, S("a"), NULL));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_file_open(drive, S("\xff"), &body));
    CHECK(strstr(holdall_last_error(), "UTF-8 at byte 0") != NULL);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_file_open(drive, "a", (size_t)PTRDIFF_MAX + 1, &body));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_file_open(drive, "a", SIZE_MAX, &body));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_file_open(drive, S(""), &body)); /* a folder */
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_put_memory(drive, S("a"), NULL, 1, NULL, NULL));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_put_memory(drive, S("a/../b"), S("x"), NULL, NULL));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_put_fd(drive, S("a"), -1, NULL, NULL));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_put_many(drive, (holdall_item *)(uintptr_t)8, SIZE_MAX / 2, NULL, &page));
    CHECK(body == NULL && page == NULL);

    OK(holdall_put_memory(drive, S("a"), S("hello"), NULL, NULL));
    version.size = 0;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_put_memory(drive, S("b"), S("hello"), NULL, &version));
    CHECK(strstr(holdall_last_error(), "sizeof(holdall_version)") != NULL);
    FAILS(HOLDALL_NOT_FOUND, holdall_file_open(drive, S("b"), &body));
    version.size = 16; /* of a header that knew the id alone */
    version.file_id = 5;
    OK(holdall_put_memory(drive, S("b"), S("hello"), NULL, &version));
    CHECK(version.id != 0 && version.size == 16 && version.file_id == 5);
    options.size = sizeof(size_t);
    OK(holdall_put_memory(drive, S("b"), S("hello"), &options, NULL));
    memset(&future, 0, sizeof future);
    future.known.size = sizeof future;
    OK(holdall_put_memory(drive, S("b"), S("hello"), &future.known, NULL));
    future.later = 1;
    FAILS(HOLDALL_UNSUPPORTED, holdall_put_memory(drive, S("b"), S("hello"), &future.known, NULL));
    FAILS(HOLDALL_INVALID_ARGUMENT,
          holdall_put_memory(drive, S("b"), S("x"), (holdall_put_options *)(room + 1), NULL));

    OK(holdall_file_open(drive, S("a"), &body));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_len(body, (uint64_t *)(void *)(room + 1)));
    CHECK(strstr(holdall_last_error(), "aligned") != NULL);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_read(body, 0, NULL, 5, &got));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_read(body, 0, room, SIZE_MAX, &got));
    CHECK(got == 99);
    OK(holdall_body_read(body, 0, NULL, 0, &got));
    CHECK(got == 0);
    OK(holdall_body_read(body, UINT64_MAX, room, sizeof room, &got));
    CHECK(got == 0);
    OK(holdall_body_read(body, 3, room, sizeof room, &got));
    CHECK(got == 2 && memcmp(room, "lo", 2) == 0);
    {
        holdall_body *slice = NULL;
        RECORD(holdall_segment, segment);
        FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_slice(body, 4, 2, &slice));
        FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_slice(body, 0, UINT64_MAX, &slice));
        FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_segment(body, UINT64_MAX, UINT64_MAX, &segment));
        FAILS(HOLDALL_INVALID_ARGUMENT, holdall_body_segment(body, 0, 0, &segment));
        CHECK(slice == NULL && segment.pin == NULL);
        OK(holdall_body_slice(body, 1, 4, &slice));
        OK(holdall_body_len(slice, &len));
        CHECK(len == 3);
        OK(holdall_body_free(body)); /* before its slice */
        OK(holdall_body_read(slice, 0, room, sizeof room, &got));
        CHECK(got == 3 && memcmp(room, "ell", 3) == 0);
        OK(holdall_body_free(slice));
    }
}

/* A store, a drive, a writer, a body, a segment and a reply, freed in each of the 720 orders. */
static void orders(const char *path, int every) {
    int order, step;
    for (order = 0; order < 720; order += every) {
        int left[6] = {0, 1, 2, 3, 4, 5}, count = 6, rest = order;
        holdall_store *store = open_store(path);
        holdall_drive *drive = open_drive(store);
        holdall_writer *writer = NULL;
        holdall_body *body = NULL;
        holdall_text *url = NULL;
        holdall_reply *reply;
        RECORD(holdall_segment, segment);
        OK(holdall_writer_open(drive, S("w"), NULL, &writer));
        OK(holdall_writer_write(writer, S("x")));
        OK(holdall_file_open(drive, S("a"), &body));
        OK(holdall_body_segment(body, 0, 5, &segment));
        OK(holdall_url_at_path(drive, S("a"), NULL, &url));
        reply = serve(store, "GET", holdall_text_get(url), NULL, NULL);
        OK(holdall_text_free(url));
        for (step = 6; step > 0; step--) {
            int pick = rest % step, what = left[pick];
            rest /= step;
            left[pick] = left[--count];
            switch (what) {
            case 0: OK(holdall_store_free(store)); break;
            case 1: OK(holdall_drive_free(drive)); break;
            case 2: OK(holdall_writer_free(writer)); break;
            case 3:
                CHECK(memcmp(segment.data, "hello", 5) == 0);
                OK(holdall_pin_free(segment.pin));
                break;
            case 4:
                CHECK(says(reply, "hello"));
                OK(holdall_reply_free(reply));
                break;
            default: {
                char room[5];
                size_t got = 0;
                OK(holdall_body_read(body, 0, room, 5, &got));
                CHECK(got == 5 && memcmp(room, "hello", 5) == 0);
                OK(holdall_body_free(body));
            }
            }
        }
        CHECK(holdall_handle_count() == 0);
    }
}

static void *free_body(void *body) {
    /* One of the threads frees it; the text of an error is each thread's own. */
    int32_t code = holdall_body_free(body);
    if (code != HOLDALL_OK) {
        CHECK(strstr(holdall_last_error(), "holdall_body") != NULL);
        return NULL;
    }
    CHECK(strcmp(holdall_last_error(), "") == 0);
    return body;
}

struct freeing {
    int32_t (*function)(void *);
    void *handle;
};

static void *free_one(void *context) {
    struct freeing *one = context;
    OK(one->function(one->handle));
    return NULL;
}

#define FREE_OF(type) \
    static int32_t free_##type##_of(void *handle) { return holdall_##type##_free(handle); }
FREE_OF(store)
FREE_OF(drive)
FREE_OF(writer)
FREE_OF(body)
FREE_OF(pin)
FREE_OF(reply)
FREE_OF(text)
FREE_OF(page)
FREE_OF(api)

/* Nine handles of a store, freed at once by nine threads. */
static void at_once(const char *path, int rounds) {
    int round, at;
    for (round = 0; round < rounds; round++) {
        struct freeing all[9] = {{free_store_of, open_store(path)}, {free_drive_of, NULL}, {free_writer_of, NULL},
                                 {free_body_of, NULL},              {free_pin_of, NULL},   {free_reply_of, NULL},
                                 {free_text_of, NULL},              {free_page_of, NULL}, {free_api_of, NULL}};
        pthread_t thread[9];
        holdall_api *api = NULL;
        holdall_drive *drive = open_drive(all[0].handle);
        holdall_writer *writer = NULL;
        holdall_body *body = NULL;
        holdall_text *url = NULL;
        holdall_page *page = NULL;
        RECORD(holdall_segment, segment);
        OK(holdall_writer_open(drive, S("w"), NULL, &writer));
        OK(holdall_writer_write(writer, S("x")));
        OK(holdall_file_open(drive, S("a"), &body));
        OK(holdall_body_segment(body, 0, 5, &segment));
        OK(holdall_url_at_path(drive, S("a"), NULL, &url));
        OK(holdall_folder_list(drive, S(""), NULL, 0, 10, &page));
        all[1].handle = drive;
        all[2].handle = writer;
        all[3].handle = body;
        all[4].handle = segment.pin;
        all[5].handle = serve(all[0].handle, "GET", holdall_text_get(url), NULL, NULL);
        all[6].handle = url;
        all[7].handle = page;
        OK(holdall_api_new(all[0].handle, NULL, &api));
        all[8].handle = api;
        for (at = 0; at < 9; at++) CHECK(pthread_create(&thread[at], NULL, free_one, &all[at]) == 0);
        for (at = 0; at < 9; at++) CHECK(pthread_join(thread[at], NULL) == 0);
        CHECK(holdall_handle_count() == 0);
    }
}

static void *use_store(void *store) {
    int at;
    holdall_drive *drive = open_drive(store);
    for (at = 0; at < 200; at++) {
        holdall_body *body = NULL;
        uint64_t len = 0;
        OK(holdall_file_open(drive, S("a"), &body));
        OK(holdall_body_len(body, &len));
        CHECK(len == 5);
        OK(holdall_body_free(body));
    }
    OK(holdall_drive_free(drive));
    return NULL;
}

static void threads(const char *path, int rounds) {
    holdall_store *store = open_store(path);
    holdall_drive *drive = open_drive(store);
    pthread_t thread[8];
    int round, at, freed;
    for (round = 0; round < rounds; round++) {
        holdall_body *body = NULL;
        OK(holdall_file_open(drive, S("a"), &body));
        for (at = 0; at < 8; at++) CHECK(pthread_create(&thread[at], NULL, free_body, body) == 0);
        for (at = 0, freed = 0; at < 8; at++) {
            void *got = NULL;
            CHECK(pthread_join(thread[at], &got) == 0);
            freed += got != NULL;
        }
        CHECK(freed == 1);
    }
    for (at = 0; at < 8; at++) CHECK(pthread_create(&thread[at], NULL, use_store, store) == 0);
    for (at = 0; at < 8; at++) CHECK(pthread_join(thread[at], NULL) == 0);
    OK(holdall_drive_free(drive));
    OK(holdall_store_free(store));
}

int main(int argc, char **argv) {
    char path[4096];
    holdall_store *store, *again = NULL;
    holdall_drive *drive;
    RECORD(holdall_open_options, options);
    int few = argc == 3; /* under valgrind, which is slow */
    CHECK(argc >= 2);
    snprintf(path, sizeof path, "%s/store", argv[1]);
    options.flags = HOLDALL_OPEN_EXISTING;
    FAILS(HOLDALL_NOT_FOUND, holdall_open(Z(path), &options, &store));
    options.flags = 1024;
    FAILS(HOLDALL_UNSUPPORTED, holdall_open(Z(path), &options, &store));
    options.flags = 0;
    options.base_url = "no slash";
    options.base_url_len_bytes = 8;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_open(Z(path), &options, &store));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_open("a\0b", 3, NULL, &store));
    store = open_store(path);
    CHECK((again = holdall_handle_ref(store)) != NULL);
    OK(holdall_store_free(store));
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_store_free(store));
    drive = open_drive(again);
    wrong_handles(again, drive);
    wrong_pointers(drive);
    OK(holdall_store_free(again)); /* the drive keeps the store open */
    OK(holdall_put_memory(drive, S("a"), S("hello"), NULL, NULL));
    OK(holdall_drive_free(drive));
    CHECK(holdall_handle_count() == 0);
    orders(path, few ? 60 : 1);
    threads(path, few ? 5 : 50);
    at_once(path, few ? 5 : 100);
    CHECK(holdall_handle_count() == 0);
    return 0;
}
