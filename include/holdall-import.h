/*
 * holdall-import: imports a Cloudreve v4 server into a holdall store.
 *
 * The functions are in a libholdall that was built with the feature "import" (cmake -DHOLDALL_IMPORT=ON, or
 * cargo build -p holdall-ffi --features import), which brings SQLite; holdall.h has the rules. An import runs on
 * the calling thread and may take hours: call it on a thread of its own.
 *
 *     holdall_import_report report = {.size = sizeof report};
 *     if (holdall_import_cloudreve(store, HOLDALL_STR("/srv/cloudreve"), NULL, &report, NULL) != HOLDALL_OK)
 *         fprintf(stderr, "%s\n", holdall_last_error());
 */

#ifndef HOLDALL_IMPORT_H
#define HOLDALL_IMPORT_H

#include "holdall.h"

#define HOLDALL_IMPORT_SKIP_MISSING 1 // Leaves out single files whose content is missing or has another length
// Makes the newest readable version current where the current one cannot be read, instead of leaving the file out.
#define HOLDALL_IMPORT_OLDER_VERSIONS 2

// Says that content whose path in the database begins with `old` is in the folder `new_folder`. Its layout never
// changes.
typedef struct {
    const char *old; size_t old_len_bytes; // What the path begins with
    const char *new_folder; size_t new_folder_len_bytes; // The folder that the content is in now
} holdall_import_map;

typedef struct { // Options for an import. 0 or NULL selects the default, which is enough for a default installation
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_IMPORT_* combined with |
    // The database, or its dump as text or gzip; by default the one in the server's folder
    const char *database; size_t database_len_bytes;
    const char *uploads; size_t uploads_len_bytes; // The folder of the content, by default the server's
    const holdall_import_map *maps; size_t map_count; // Other folders that content is in
    // The key that the server signs URLs with, by default the database's
    const char *secret_key; size_t secret_key_len_bytes;
    const char *hash_salt; size_t hash_salt_len_bytes; // The salt of its ids, by default the database's
    // The master key of encrypted content in base64, by default the database's
    const char *master_key; size_t master_key_len_bytes;
    // The server's UTC offset or zone, such as "+08:00": MySQL's times lack it, and not all databases tell.
    const char *utc_offset; size_t utc_offset_len_bytes;
    // A file to write: a line of JSON for each item that was not imported, with the cause
    const char *report; size_t report_len_bytes;
    holdall_progress progress; void *progress_context; // Reports the progress of the import
} holdall_import_options;

typedef struct { // What an import did
    size_t size; // sizeof this
    uint64_t drives; // Drives, one for each user
    uint64_t folders; // Folders
    uint64_t files; // Files, counting the trash
    uint64_t versions; // Versions of those files
    uint64_t trashed; // Items in the trash
    uint64_t links; // Direct links
    uint64_t shares; // Shares
    uint64_t attributes; // Attributes of files and folders
    uint64_t left_out; // Items that were left out
    uint64_t no_place; // Settings and the like for which a store has no field
    uint64_t renamed; // Files and folders that were renamed
} holdall_import_report;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Imports the Cloudreve v4 server in a folder, which must not be running, into a store that holds no drive. Its files,
// versions, trash, links and shares are imported, and its links, shares and signed URLs stay valid. A fault of the
// server is found before the store is changed; after a later error the store holds a part of it and takes no second
// import: delete it. `json`, which may be NULL, is the report with what was left out by cause. Codes: WRITE; NOT_FOUND
// when the database, its keys or content are missing, with the remedy; INVALID_ARGUMENT when the database cannot be
// read or lacks the UTC offset; UNSUPPORTED for Cloudreve v3; EXISTS when the store holds drives; MISMATCH when content
// changes meanwhile; the callback's.
int32_t holdall_import_cloudreve(const holdall_store *store, const char *folder, size_t folder_len_bytes,
    const holdall_import_options *options, holdall_import_report *report, holdall_text **json);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HOLDALL_IMPORT_H */
