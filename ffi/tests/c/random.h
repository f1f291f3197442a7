/* What sequence.c draws at random: handles that are live, freed, of another kind, made up or NULL, texts and structs that
 * break the rules, and outputs that are NULL. Everything follows from `seed`. */
#include "check.h"

#include <stdint.h>
#include <unistd.h>

enum kind { STORE, DRIVE, WRITER, BODY, PIN, PAGE, VISIT, API, REPLY, TEXT, KINDS };

#define MOST 48
static struct {
    enum kind kind;
    void *handle;
} live[MOST + 1];
static size_t lives;
static void *freed[64];
static size_t frees;
static uint64_t ids[32];
static size_t id_count;
static uint64_t state, step;
static unsigned long long seed;
static char folder[4096], store_path[4096 + 8], source_path[4096 + 8];
static char long_name[6000];

/* Fails with what is needed to see it again. */
#define HOLDS(condition)                                                                                             \
    do {                                                                                                             \
        if (!(condition)) {                                                                                          \
            fprintf(stderr, "%s:%d: seed %llu, call %llu: %s: %s\n", __FILE__, __LINE__, seed, (unsigned long long)step, \
                    #condition, holdall_last_error());                                                               \
            exit(1);                                                                                                 \
        }                                                                                                            \
    } while (0)

static uint64_t throw(uint64_t below) { /* splitmix64 */
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % below;
}

static int one_in(uint64_t many) { return throw(many) == 0; }

/* Handles. */

static void adopt(enum kind kind, void *handle) {
    HOLDS(handle != NULL && lives < MOST + 1);
    live[lives].kind = kind;
    live[lives++].handle = handle;
}

static int32_t give_back(enum kind kind, void *handle) {
    switch (kind) {
    case STORE: return holdall_store_free(handle);
    case DRIVE: return holdall_drive_free(handle);
    case WRITER: return holdall_writer_free(handle);
    case BODY: return holdall_body_free(handle);
    case PIN: return holdall_pin_free(handle);
    case PAGE: return holdall_page_free(handle);
    case VISIT: return holdall_visit_free(handle);
    case API: return holdall_api_free(handle);
    case REPLY: return holdall_reply_free(handle);
    default: return holdall_text_free(handle);
    }
}

static void drop(size_t at) {
    void *handle = live[at].handle;
    HOLDS(give_back(live[at].kind, handle) == HOLDALL_OK);
    freed[frees++ % 64] = handle;
    live[at] = live[--lives];
}

static void *of_kind(enum kind kind) {
    size_t tries;
    for (tries = 0; tries < 4 * lives; tries++) {
        size_t at = throw(lives);
        if (live[at].kind == kind) return live[at].handle;
    }
    return NULL;
}

/* A handle of a kind, most often. */
static void *handle(enum kind kind) {
    switch (throw(24)) {
    case 0: return NULL;
    case 1: return frees ? freed[throw(frees < 64 ? frees : 64)] : NULL;
    case 2: return lives ? live[throw(lives)].handle : NULL;
    case 3: return (void *)(uintptr_t)throw(UINT64_MAX);
    default: return of_kind(kind);
    }
}

#define H(kind) handle(kind)

/* The kind of a live handle. */
static enum kind kind_of(const void *handle) {
    size_t at;
    for (at = 0; at < lives && live[at].handle != handle; at++) continue;
    HOLDS(at < lives);
    return live[at].kind;
}

/* Texts: a pointer and a length. T names its argument twice. */
struct text {
    const char *data;
    size_t len;
};

static struct text literal(const char *data) {
    struct text text = {data, data ? strlen(data) : 0};
    return text;
}

static struct text odd(void) {
    struct text text = {NULL, 0};
    switch (throw(8)) {
    case 0: return text;
    case 1: text.len = 5; return text;
    case 2: text.data = "x"; text.len = SIZE_MAX - throw(4); return text;
    case 3: return literal("a//b");
    case 4: return literal("../x");
    case 5: return literal("\xff\xfe");
    case 6: text.data = "a\0b"; text.len = 3; return text;
    default: text.data = long_name; text.len = throw(sizeof long_name); return text;
    }
}

static struct text a_path(void) {
    static const char *const PATHS[] = {"", "a", "b", "a.txt", "d", "d/a", "d/b", "d/e/f", "d/e", "x/y", "\xc3\xa9.pdf"};
    return one_in(12) ? odd() : literal(PATHS[throw(sizeof PATHS / sizeof *PATHS)]);
}

static struct text a_name(void) { return one_in(10) ? odd() : literal(one_in(3) ? "bob" : "alice"); }

#define T(text) (text).data, (text).len

static uint64_t an_id(void) {
    if (one_in(12)) return throw(UINT64_MAX);
    return id_count == 0 || one_in(20) ? throw(3) : ids[throw(id_count < 32 ? id_count : 32)];
}

static void note(uint64_t id) { ids[id_count++ % 32] = id; }

/* The size of a struct: also one that was not set, or of a header that knew nothing more. */
static size_t a_size(size_t whole) { return one_in(20) ? throw(sizeof(size_t) + 1) : whole; }

#define OPTIONS(type, name)        \
    type name, *name##_or_null;    \
    memset(&name, 0, sizeof name); \
    name.size = a_size(sizeof name); \
    name##_or_null = one_in(3) ? NULL : &name; \
    (void)name##_or_null

/* Outputs, which may be NULL: on any code but OK they are as they were. */
#define RECORD_OUT(type, name)               \
    type name, name##_before, *name##_out;   \
    memset(&name, 0x5a, sizeof name);        \
    name.size = a_size(sizeof name);         \
    name##_before = name;                    \
    name##_out = one_in(24) ? NULL : &name;  \
    (void)name##_before
#define SAME_UNLESS_OK(code, name) \
    HOLDS((code) == HOLDALL_OK || memcmp(&name, &name##_before, sizeof name) == 0)

static void *new_handle;
static int new_given;
static void *const UNTOUCHED = &new_given;

/* Where a call puts a handle. */
static void **out(void) {
    new_handle = UNTOUCHED;
    new_given = !one_in(24);
    return new_given ? &new_handle : NULL;
}

#define OUT(type) ((type **)out())

static int32_t took(enum kind kind, int32_t code) {
    if (code == HOLDALL_OK) {
        HOLDS(new_given || kind == PAGE); /* some pages of problems need not be asked for */
        if (new_given) adopt(kind, new_handle);
    } else {
        HOLDS(new_handle == UNTOUCHED);
    }
    return code;
}

static const char *content(size_t *len) {
    static char bytes[20000];
    static const size_t LENS[] = {0, 1, 100, 4095, 4096, 4097, 20000};
    *len = LENS[throw(sizeof LENS / sizeof *LENS)];
    memset(bytes, 'a' + (int)throw(4), sizeof bytes);
    return bytes;
}

static int32_t stop_or_go(void *context, uint64_t done, uint64_t total) {
    HOLDS(context == &state && (total == 0 || done <= total));
    return one_in(8) ? HOLDALL_DENIED : HOLDALL_OK;
}

static void put_options(holdall_put_options *put) {
    static int64_t modified;
    static uint64_t len;
    put->expect = (int32_t)throw(5) - (one_in(10) ? 2 : 0);
    if (!one_in(3)) put->expect = HOLDALL_EXPECT_ANY;
    put->expected_version_id = an_id();
    if (one_in(4)) {
        struct text type = one_in(2) ? odd() : literal("text/plain");
        put->media_type = type.data;
        put->media_type_len_bytes = type.len;
    }
    modified = (int64_t)throw(UINT64_MAX);
    len = throw(5000);
    if (one_in(6)) put->modified_unix_us = &modified;
    if (one_in(8)) put->len_bytes = &len;
    if (one_in(4)) {
        put->progress = stop_or_go;
        put->progress_context = &state;
    }
}
