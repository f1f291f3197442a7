/*
 * holdall-remote: ships a store to object storage, restores it, and moves it into a database and back.
 *
 * The functions are in a libholdall that was built with the feature "remote" (cmake -DHOLDALL_REMOTE=ON, or
 * cargo build -p holdall-ffi --features remote), in which holdall_open takes the address of a database too;
 * holdall.h has the rules. A restore and a move may take hours: call them on threads of their own.
 *
 *     holdall_shipper *shipper;
 *     if (holdall_shipper_open(store, HOLDALL_STR("s3://my-bucket/files"), 7 * 24 * 3600, &shipper) != HOLDALL_OK)
 *         fprintf(stderr, "%s\n", holdall_last_error());
 */

#ifndef HOLDALL_REMOTE_H
#define HOLDALL_REMOTE_H

#include "holdall.h"

typedef struct holdall_shipper holdall_shipper; // A store on its way to object storage

typedef struct { // What a call of holdall_shipper_ship did
    size_t size; // sizeof this
    uint64_t lsn; // The number of the last group that is shipped
    int64_t time_unix_us; // The time of that state: a restore up to it has it
    uint64_t log_bytes; // Bytes of the log that were shipped
    uint64_t contents; // Large contents that were shipped
    uint64_t content_bytes; // Bytes of them
    uint64_t removed; // Shipped objects that were removed, because nothing that is kept needs them
    uint64_t failed; // What could not be shipped because it is damaged, or not be removed; the next call tries again
} holdall_ship_report;

typedef struct { // What a restore made
    size_t size; // sizeof this
    uint64_t lsn; // The number of the last group in it
    int64_t time_unix_us; // The time that the store is of
    uint64_t segments; // Segments in it
    uint64_t contents; // Large contents in it
    uint64_t bytes; // Bytes of both
    uint64_t files; // Files in it, without folders
    uint64_t versions; // Versions in it
} holdall_restore_report;

typedef struct { // What a move did
    size_t size; // sizeof this
    uint64_t segments; // Segments that were copied
    uint64_t contents; // Large contents that were copied
    uint64_t bytes; // Bytes of both
    uint64_t rows; // Rows that were copied
    uint64_t groups; // Groups of the log that were followed while the store was in use
    uint64_t waited_us; // How long writers waited
} holdall_migrate_report;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Begins to ship a store in a directory to object storage, "s3://BUCKET/PREFIX?endpoint=...". States of the last
// `keep_s` seconds can be restored, and the newest. Codes: UNSUPPORTED for a store in a database.
int32_t holdall_shipper_open(const holdall_store *store, const char *address, size_t address_len_bytes, uint64_t keep_s,
    holdall_shipper **shipper);

// Ships what was acknowledged before the call; call it again and again, as every second. `report` and `failed` may be
// NULL. Codes: READ; LOCKED when another ships to the prefix; INVALID_ARGUMENT when another store, or a later state, is
// there; the callback's.
int32_t holdall_shipper_ship(holdall_shipper *shipper, holdall_progress progress, void *progress_context,
    holdall_ship_report *report, holdall_page **failed);

// Makes a store in a new or empty directory of what was shipped: the newest state, or the last one up to
// `until_unix_us` if that is not 0, with all content verified. `report` may be NULL. Codes: READ; NOT_FOUND when
// nothing of that time was shipped; INVALID_ARGUMENT when the directory holds something; the callback's.
int32_t holdall_restore(const char *address, size_t address_len_bytes, const char *path, size_t path_len_bytes,
    int64_t until_unix_us, holdall_progress progress, void *progress_context, holdall_restore_report *report);

// Moves a store, while it is in use, from a directory to a database's address, as holdall_open takes it, or back to a
// new or empty directory. Where it was it takes no writes then: READ_ONLY. Call it again if it was cut off. `report`
// may be NULL; the callback must not write to the store. Codes: WRITE; EXISTS; the callback's.
int32_t holdall_store_migrate(const holdall_store *store, const char *address, size_t address_len_bytes,
    holdall_progress progress, void *progress_context, holdall_migrate_report *report);

int32_t holdall_shipper_free(holdall_shipper *shipper); // What is shipped stays

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HOLDALL_REMOTE_H */
