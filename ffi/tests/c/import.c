/* An import of a real server: what it needs, what it reports, and that its URLs go on. Arguments: a folder for
 * stores, and the server's. */
#include "check.h"

#include <holdall-import.h>

struct seen {
    uint64_t calls, done, total;
};

static int32_t watch(void *context, uint64_t done, uint64_t total) {
    struct seen *seen = context;
    CHECK(done >= seen->done && done <= total);
    seen->calls++;
    seen->done = done;
    seen->total = total;
    return HOLDALL_OK;
}

static int32_t stop(void *context, uint64_t done, uint64_t total) {
    (void)context;
    return done > 0 && total > 0 ? HOLDALL_GONE : HOLDALL_OK;
}

static holdall_store *store_in(const char *dir, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return open_store(path);
}

/* Whatever is wrong with the server is told before anything is made. */
static void faults(const char *dir, const char *server) {
    holdall_store *store = store_in(dir, "faults");
    holdall_text *json = NULL;
    char map[4096];
    RECORD(holdall_import_options, options);
    RECORD(holdall_import_report, report);
    RECORD(holdall_stats, stats);
    FAILS(HOLDALL_NOT_FOUND, holdall_import_cloudreve(store, Z(dir), NULL, &report, &json));
    CHECK(strstr(holdall_last_error(), "cloudreve.db") != NULL && json == NULL);
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_import_cloudreve(store, NULL, 0, NULL, &report, NULL));
    /* Three contents of this server are not there: without a word of the caller's that is an error. */
    FAILS(HOLDALL_NOT_FOUND, holdall_import_cloudreve(store, Z(server), NULL, &report, NULL));
    CHECK(strstr(holdall_last_error(), "3 of ") != NULL);
    options.flags = 8;
    FAILS(HOLDALL_UNSUPPORTED, holdall_import_cloudreve(store, Z(server), &options, &report, NULL));
    options.flags = HOLDALL_IMPORT_SKIP_MISSING;
    options.utc_offset = "late";
    options.utc_offset_len_bytes = 4;
    FAILS(HOLDALL_INVALID_ARGUMENT, holdall_import_cloudreve(store, Z(server), &options, &report, NULL));
    options.utc_offset = NULL;
    options.utc_offset_len_bytes = 0;
    /* A wrong folder for all content is never skipped. */
    options.uploads = dir;
    options.uploads_len_bytes = strlen(dir);
    snprintf(map, sizeof map, "%s/faults", dir);
    {
        holdall_import_map one = {S("/cloudreve/data"), map, strlen(map)};
        options.maps = &one;
        options.map_count = 1;
        FAILS(HOLDALL_NOT_FOUND, holdall_import_cloudreve(store, Z(server), &options, &report, NULL));
        CHECK(strstr(holdall_last_error(), "--skip-missing") == NULL);
    }
    OK(holdall_store_stats(store, &stats));
    CHECK(stats.drives == 0);
    OK(holdall_store_free(store));
}

static void stopped(const char *dir, const char *server) {
    holdall_store *store = store_in(dir, "stopped");
    RECORD(holdall_import_options, options);
    RECORD(holdall_import_report, report);
    options.flags = HOLDALL_IMPORT_SKIP_MISSING;
    options.progress = stop;
    FAILS(HOLDALL_GONE, holdall_import_cloudreve(store, Z(server), &options, &report, NULL));
    options.progress = NULL;
    FAILS(HOLDALL_EXISTS, holdall_import_cloudreve(store, Z(server), &options, &report, NULL));
    OK(holdall_store_free(store));
}

static void imported(const char *dir, const char *server) {
    holdall_store *store = store_in(dir, "imported");
    holdall_drive *drive = NULL;
    holdall_text *json = NULL;
    holdall_page *versions = NULL;
    struct seen seen = {0, 0, 0};
    char lines[4096], line[8192];
    size_t count = 0;
    FILE *file;
    RECORD(holdall_import_options, options);
    RECORD(holdall_import_report, report);
    snprintf(lines, sizeof lines, "%s/report.jsonl", dir);
    options.flags = HOLDALL_IMPORT_SKIP_MISSING;
    options.progress = watch;
    options.progress_context = &seen;
    options.report = lines;
    options.report_len_bytes = strlen(lines);
    OK(holdall_import_cloudreve(store, Z(server), &options, &report, &json));
    CHECK(report.drives == 4 && report.files == 79 && report.versions == 98 && report.trashed == 11);
    CHECK(report.links == 25 && report.shares == 11 && report.left_out > 0 && report.no_place > 0);
    CHECK(seen.calls > 90 && seen.done == seen.total && seen.total > 0);
    CHECK(strstr(holdall_text_get(json), "\"content-missing\":6") != NULL);
    OK(holdall_text_free(json));
    file = fopen(lines, "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) count += strstr(line, "\"kind\":\"file\"") != NULL;
    fclose(file);
    CHECK(count >= 4); /* three whose content is not there, and an upload that was not finished */
    OK(holdall_drive_find(store, S("admin@example.com"), &drive));
    OK(holdall_file_versions(drive, S("many.txt"), 0, 99, &versions));
    OK(holdall_page_count(versions, &count));
    CHECK(count == 10);
    OK(holdall_page_free(versions));
    OK(holdall_drive_free(drive));
    OK(holdall_store_free(store));
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    faults(argv[1], argv[2]);
    stopped(argv[1], argv[2]);
    imported(argv[1], argv[2]);
    CHECK(holdall_handle_count() == 0);
    return 0;
}
