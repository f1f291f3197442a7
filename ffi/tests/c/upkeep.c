/* Caring for a store: numbers, checks, collections, backups, repairs, rebuilds, and compressed archives. */
#include "check.h"

#include <dirent.h>
#include <unistd.h>

static int32_t count_calls(void *context, uint64_t done, uint64_t total) {
    CHECK(total == 0 || done <= total);
    ++*(int *)context;
    return HOLDALL_OK;
}

static int32_t stop(void *context, uint64_t done, uint64_t total) {
    (void)context;
    (void)done;
    (void)total;
    return HOLDALL_TOO_LARGE;
}

static void sound(const holdall_store *store) {
    RECORD(holdall_check_options, options);
    RECORD(holdall_check_report, report);
    options.flags = HOLDALL_CHECK_CONTENT;
    OK(holdall_store_check(store, &options, &report, NULL));
    CHECK(report.problems == 0 && report.damaged == 0 && report.files == 3);
}

static void numbers(const holdall_store *store) {
    holdall_page *page = NULL;
    size_t count = 1;
    int calls = 0;
    RECORD(holdall_stats, stats);
    RECORD(holdall_check_options, options);
    RECORD(holdall_check_report, report);
    RECORD(holdall_gc_report, collected);
    RECORD(holdall_gc_report, compacted);
    OK(holdall_store_stats(store, &stats));
    CHECK(stats.grace_s == 24 * 3600 && stats.drives == 1 && stats.files == 3 && !stats.exclusive && stats.created_unix_us > 0);
    options.flags = HOLDALL_CHECK_CONTENT;
    options.progress = count_calls;
    options.progress_context = &calls;
    OK(holdall_store_check(store, &options, &report, &page));
    OK(holdall_page_count(page, &count));
    CHECK(report.problems == 0 && count == 0 && report.files == 3 && calls > 0);
    OK(holdall_page_free(page));
    options.progress = stop;
    FAILS(HOLDALL_TOO_LARGE, holdall_store_check(store, &options, &report, NULL));
    OK(holdall_store_set_grace(store, 7200));
    OK(holdall_store_stats(store, &stats));
    CHECK(stats.grace_s == 7200);
    OK(holdall_store_gc(store, &collected, NULL));
    CHECK((collected.waiting_blobs == 0) == (collected.next_due_unix_us == 0));
    OK(holdall_store_compact(store, &compacted, NULL));
    CHECK(collected.failed == 0 && compacted.failed == 0);
}

static void backup(const holdall_store *store, const char *dir) {
    char path[4096];
    int calls = 0;
    uint64_t copied = 0;
    holdall_store *copy;
    snprintf(path, sizeof path, "%s/backup", dir);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_store_backup(store, Z(dir), NULL, NULL, NULL));
    OK(holdall_store_backup(store, Z(path), count_calls, &calls, &copied));
    CHECK(copied > 0);
    copy = open_store(path);
    sound(copy);
    OK(holdall_store_free(copy));
}

struct zip {
    unsigned char bytes[1 << 16];
    size_t len, room;
};

static int32_t take(void *context, const void *data, size_t len) {
    struct zip *zip = context;
    if (zip->len + len > zip->room) return HOLDALL_TOO_LARGE;
    memcpy(zip->bytes + zip->len, data, len);
    zip->len += len;
    return HOLDALL_OK;
}

static void deflated(const holdall_store *store, const holdall_drive *drive) {
    static struct zip zip;
    holdall_string all = {S("")};
    RECORD(holdall_archive, archive);
    OK(holdall_archive_create(drive, &all, 1, NULL, &archive));
    zip.room = sizeof zip.bytes;
    OK(holdall_archive_write_deflated(store, archive.id, take, &zip));
    CHECK(zip.len > 100 && zip.len < archive.len_bytes / 10); /* most of it is one letter */
    CHECK(memcmp(zip.bytes, "PK\3\4", 4) == 0 && memcmp(zip.bytes + zip.len - 22, "PK\5\6", 4) == 0);
    zip.len = 0;
    zip.room = 100;
    FAILS(HOLDALL_TOO_LARGE, holdall_archive_write_deflated(store, archive.id, take, &zip));
    CHECK(zip.len <= 100);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_archive_write_deflated(store, archive.id, NULL, NULL));
    FAILS(HOLDALL_NOT_FOUND, holdall_archive_write_deflated(store, 1, take, &zip));
}

/* Flips a bit of the first of a text that is found in the segments. */
static void damage(const char *store, const char *text) {
    static char bytes[1 << 22];
    char path[4096];
    struct dirent *entry;
    DIR *dir;
    snprintf(path, sizeof path, "%s/seg", store);
    dir = opendir(path);
    CHECK(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        size_t len, at;
        FILE *file;
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/seg/%s", store, entry->d_name);
        file = fopen(path, "r+b");
        CHECK(file != NULL);
        len = fread(bytes, 1, sizeof bytes, file);
        for (at = 0; at + strlen(text) <= len; at++) {
            if (memcmp(bytes + at, text, strlen(text)) != 0) continue;
            CHECK(fseek(file, (long)at, SEEK_SET) == 0 && fputc(text[0] ^ 1, file) != EOF);
            fclose(file);
            closedir(dir);
            return;
        }
        fclose(file);
    }
    CHECK(!"the text is in a segment");
}

static void repair(const char *path) {
    holdall_store *store = open_store(path);
    holdall_drive *drive = open_drive(store);
    holdall_page *problems = NULL;
    const char *sentence = NULL;
    RECORD(holdall_repair_report, report);
    OK(holdall_store_repair(store, &report, NULL));
    CHECK(report.restored == 0 && report.damaged == 0 && report.problems == 0);
    damage(path, "to be damaged");
    OK(holdall_store_repair(store, &report, &problems));
    CHECK(report.restored == 0 && report.damaged == 1 && report.problems >= 1);
    OK(holdall_page_sentence(problems, 0, &sentence));
    CHECK(strstr(sentence, "damaged") != NULL);
    OK(holdall_page_free(problems));
    OK(holdall_put_memory(drive, S("damaged.txt"), S("to be damaged"), NULL, NULL));
    OK(holdall_store_repair(store, &report, NULL));
    CHECK(report.damaged == 0 && report.problems == 0);
    OK(holdall_drive_free(drive));
    OK(holdall_store_close(store));
    OK(holdall_store_free(store));
}

static void rebuild(const char *path) {
    char rows[4096];
    holdall_store *store = open_store(path);
    holdall_page *problems = NULL;
    size_t count = 1;
    RECORD(holdall_rebuild_report, report);
    RECORD(holdall_open_options, options);
    FAILS(HOLDALL_LOCKED, holdall_rebuild(Z(path), NULL, &report, NULL));
    OK(holdall_store_close(store));
    OK(holdall_store_free(store));
    snprintf(rows, sizeof rows, "%s/meta.redb", path);
    CHECK(unlink(rows) == 0);
    FAILS(HOLDALL_CORRUPT, holdall_open(Z(path), NULL, &store));
    options.threshold_bytes = 1;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_rebuild(Z(path), &options, &report, NULL));
    OK(holdall_rebuild(Z(path), NULL, &report, &problems));
    CHECK(report.groups > 0 && report.segments > 0 && report.versions >= 3 && report.problems == 0);
    OK(holdall_page_count(problems, &count));
    CHECK(count == 0);
    OK(holdall_page_free(problems));
    store = open_store(path);
    sound(store);
    OK(holdall_store_free(store));
    snprintf(rows, sizeof rows, "%s/spool", path);
    FAILS(HOLDALL_NOT_FOUND, holdall_rebuild(Z(rows), NULL, &report, NULL));
}

int main(int argc, char **argv) {
    static char long_text[100000];
    char path[4096];
    holdall_store *store;
    holdall_drive *drive;
    CHECK(argc == 2);
    snprintf(path, sizeof path, "%s/store", argv[1]);
    store = open_store(path);
    drive = open_drive(store);
    memset(long_text, 'a', sizeof long_text);
    OK(holdall_put_memory(drive, S("long.txt"), long_text, sizeof long_text, NULL, NULL));
    OK(holdall_put_memory(drive, S("damaged.txt"), S("to be damaged"), NULL, NULL));
    OK(holdall_put_memory(drive, S("other.txt"), S("hello"), NULL, NULL));
    numbers(store);
    backup(store, argv[1]);
    deflated(store, drive);
    OK(holdall_drive_free(drive));
    OK(holdall_store_close(store));
    OK(holdall_store_free(store));
    repair(path);
    rebuild(path);
    CHECK(holdall_handle_count() == 0);
    return 0;
}
