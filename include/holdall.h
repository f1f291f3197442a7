/*
 * holdall: an embedded storage engine for the files that a web server keeps and hands out.
 *
 * This header is the reference of libholdall. It is made from the library's sources, and a test holds it to them.
 * docs/c-rules.md has its rules at length; holdall-plain.h has the same declarations without a preprocessor.
 *
 *     holdall_store *store;
 *     if (holdall_open(HOLDALL_STR("files"), NULL, &store) != HOLDALL_OK)
 *         fprintf(stderr, "%s\n", holdall_last_error());
 *
 * Codes
 *   A function that can fail returns HOLDALL_OK or the code of what went wrong; holdall_last_error() has a sentence
 *   then, and holdall_handle_error() has it for programs whose calls move between threads. Outputs are written only on
 *   HOLDALL_OK. The codes stand with each function, without their HOLDALL_, some under a common name:
 *     READ     IO, CORRUPT;
 *     WRITE    IO, CORRUPT, POISONED, LOCKED, READ_ONLY;
 *     PATH     NOT_FOUND when nothing is at a path that should lead somewhere; INVALID_ARGUMENT when a path breaks
 *              the rules of names, or leads to a folder where a file belongs, or to a file where a folder does;
 *     VERSION  NOT_FOUND for an id that no version ever had; GONE for a version that was removed.
 *   Any function can return INVALID_ARGUMENT for an argument that breaks a rule below, UNSUPPORTED for a flag or an
 *   option of a later version, TOO_LARGE at four million handles, FORKED for work that was in progress when the
 *   process forked, and BUG for a defect of the library, after which it is safe to go on.
 *
 * Rules
 *   Text goes in as a pointer and a length in bytes, UTF-8, without NUL; NULL with a length of 0 is empty text, or
 *   where stated, no text. Text that comes out has a NUL behind it. A path is names joined by '/'; "" is the root.
 *   Options and records begin with their size: set it to sizeof before the call. Everything else in options may be
 *   0 or NULL for its default, and NULL for options is all defaults. Times are microseconds since 1970 in UTC.
 *   A handle is freed once, in any order and from any thread; what needs another to live keeps it alive. To use one
 *   that was freed is INVALID_ARGUMENT, and to free NULL is nothing.
 *   const T * may be used by many threads at once; T * by one at a time. A thread needs 256 KiB of stack.
 *   A forked child may use every handle but a holdall_writer * and an archive's body. Do not use vfork or dlclose.
 *   A page of a mapped file that the file has lost is SIGBUS, unless the store was opened with HOLDALL_OPEN_NO_MAP.
 *   A callback is called on the thread of its call, except that of the log. No exception may leave one.
 */

#ifndef HOLDALL_H
#define HOLDALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A literal as the two arguments of a text. */
#define HOLDALL_STR(literal) ("" literal), (sizeof(literal) - 1)

#define HOLDALL_OK 0 // Success
#define HOLDALL_INVALID_ARGUMENT 1 // A value that is never valid, such as a freed handle
#define HOLDALL_NOT_FOUND 2 // The thing named does not exist
#define HOLDALL_EXISTS 3 // Something with that name already exists
#define HOLDALL_DENIED 4 // The signature, the password or the caller does not permit it
#define HOLDALL_EXPIRED 5 // The URL, share or archive was valid and has expired
#define HOLDALL_RANGE_NOT_SATISFIABLE 6 // No byte of the requested range exists
#define HOLDALL_MISMATCH 7 // Content is not what was declared: a length, a hash or an expected version
#define HOLDALL_TOO_LARGE 8 // A limit on size or count would be exceeded
#define HOLDALL_LOCKED 9 // Another process or call holds what is needed; retrying later may succeed
#define HOLDALL_CORRUPT 10 // Bytes on disk are not what was written
#define HOLDALL_IO 11 // The operating system refused a read, a write or a sync
#define HOLDALL_POISONED 12 // An earlier write failed, so writes are refused; reopen the store
#define HOLDALL_UNSUPPORTED 13 // A format version, option or feature unknown to this build
#define HOLDALL_BUG 14 // A defect of this library. The process may continue
#define HOLDALL_GONE 15 // It existed and was deliberately removed or revoked
#define HOLDALL_FORKED 16 // Work in progress when the process forked cannot continue in the child
#define HOLDALL_READ_ONLY 17 // The store was opened for reading, or its disk has become read-only
#define HOLDALL_VERSION_MAJOR 0 // The first number of the version of this header
#define HOLDALL_VERSION_MINOR 1 // The second number
#define HOLDALL_VERSION_PATCH 0 // The third number
// The version in one number that grows: 1002003 is 1.2.3.
#define HOLDALL_VERSION (((HOLDALL_VERSION_MAJOR * 1000000) + (HOLDALL_VERSION_MINOR * 1000)) + HOLDALL_VERSION_PATCH)
#define HOLDALL_OPEN_EXCLUSIVE 1 // One process opens the store alone and commits several times faster
#define HOLDALL_OPEN_EXISTING 2 // Fails if there is no store, instead of creating one
#define HOLDALL_OPEN_DEDUP_DRIVE 4 // Deduplicates per drive: put times reveal no other drive
#define HOLDALL_OPEN_NO_MAP 8 // Content is read, not mapped: a file that loses bytes is IO and not SIGBUS
#define HOLDALL_EXPECT_ANY 0 // Anything but a folder: an existing file gets another version
#define HOLDALL_EXPECT_ABSENT 1 // Nothing may be at the path
#define HOLDALL_EXPECT_VERSION 2 // The file at the path must have the current version expected_version_id
#define HOLDALL_RENAME_REPLACE 1 // Replaces a file at the new path; without this flag the call returns HOLDALL_EXISTS
#define HOLDALL_COPY_ALL 1 // Copies all versions, not just the current one
#define HOLDALL_URL_INLINE 1 // Lets a browser show the content, if its type is harmless
#define HOLDALL_URL_NEVER_EXPIRES 2 // Valid until it is revoked or its key is removed. Use with care
#define HOLDALL_URL_PUBLIC_CACHE 4 // Lets shared caches keep the reply while the URL is valid
#define HOLDALL_URL_CLOUDREVE 8 // The form of Cloudreve v4: no network, use limit, media type or revocation
#define HOLDALL_SHARE_PURCHASE 1 // The host asks a visitor for a ticket before a download starts
#define HOLDALL_BODY_NONE 0 // No body is sent
#define HOLDALL_BODY_MEMORY 1 // All of it is at `data`: at most 64 KiB
#define HOLDALL_BODY_FILE 2 // It is one range of a file, which holdall_body_file gives in one piece
#define HOLDALL_BODY_PIECES 3 // It is made of several pieces
#define HOLDALL_ATTACHMENT 0 // Save as a file
#define HOLDALL_INLINE 1 // Show in the browser
#define HOLDALL_API_DIRECT 1 // A direct link serves the content itself instead of redirecting to a signed URL
#define HOLDALL_API_DEBUG 2 // Replies say what went wrong internally
#define HOLDALL_API_NO_RAPID 4 // PDS rapid upload is off: content is always sent
#define HOLDALL_API_RAPID_ACROSS 8 // Rapid upload also finds content of other drives, with a holdall-1 proof
#define HOLDALL_CALLER_ADMINISTRATOR 1 // Has an administrator's rights, and may create 1,000 links
#define HOLDALL_CALLER_NO_ARCHIVE 2 // May not create zips of several files
#define HOLDALL_CALLER_NO_SHARES 4 // May not download from shares of others
#define HOLDALL_CALLER_NO_LINKS 8 // May not create direct links
#define HOLDALL_CALLER_NEW_LINKS 16 // Always gets a new direct link, even if an equal one exists
#define HOLDALL_CALLER_ARCHIVE 32 // May create zips though anonymous: they take space in the store
#define HOLDALL_CHECK_CONTENT 1 // Read all content and compute its BLAKE3 again
#define HOLDALL_CHECK_DIGESTS 2 // Also compute SHA-1 and the CRCs of all content again
#define HOLDALL_LOG_ERROR 1 // A failure that no result reports
#define HOLDALL_LOG_WARN 2 // Something an operator should look at
#define HOLDALL_LOG_INFO 3 // Rare events
#define HOLDALL_LOG_DEBUG 4 // Details, such as why a request was refused
#define HOLDALL_FILE 1 // A file
#define HOLDALL_FOLDER 2 // A folder

typedef struct holdall_api holdall_api; // Answers calls of Cloudreve v4 and PDS; keeps its store open
typedef struct holdall_body holdall_body; // Bytes of an exact length, readable at any offset any number of times
typedef struct holdall_drive holdall_drive; // A named tree of files
typedef struct holdall_page holdall_page; // Results of one call, all of one kind; immutable, independent of the store
typedef struct holdall_pin holdall_pin; // Keeps the bytes of a segment valid
typedef struct holdall_reply holdall_reply; // What to send: a status, headers and a body of known length
typedef struct holdall_store holdall_store; // An open store
typedef struct holdall_text holdall_text; // A text made by the library, such as a URL
typedef struct holdall_visit holdall_visit; // A visitor admitted to a share
typedef struct holdall_writer holdall_writer; // A put in progress

typedef struct { // What a call failed with
    size_t size; // sizeof this
    int32_t code; // The code; HOLDALL_OK where none failed
    uint64_t retry_after_s; // Seconds to wait if a rate limit refused the call (429, Retry-After), or 0
    char text[1024]; // The sentence of holdall_last_error, cut to this length
} holdall_error;

typedef struct { // Options for opening a store. 0 or NULL selects the default
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_OPEN_* combined with |
    const char *base_url; size_t base_url_len_bytes; // The base of URLs, which ends with "/"; "/" by default
    uint64_t threshold_bytes; // Content of at least this size gets its own file: 4 KiB to 16 MiB, 1 MiB by default
    uint64_t segment_bytes; // The length at which a new segment is started: 256 MiB by default
    uint64_t cache_bytes; // Memory for cached rows: 64 MiB by default
    uint64_t max_put_bytes; // The longest content that a put accepts: 1 TiB by default
    uint64_t grace_s; // The grace period to set; 0 leaves it unchanged, 24 hours in a new store
    uint64_t max_lifetime_s; // The longest lifetime of a URL: 7 days by default
    uint64_t max_archive_entries; // The most entries of an archive: 100,000 by default
    uint64_t max_archive_bytes; // The longest archive: 1 TiB by default
    uint64_t lock_timeout_ms; // How long to wait for another process that is opening it: 10 s by default
    uint64_t drive_archive_quota_bytes; // The most that the lists of a drive's archives take: 1 GiB by default
    uint64_t share_archive_quota_bytes; // The same for the visitors of a share: 64 MiB by default
    uint32_t wrong_passwords_of_client; // Of a client for a share: 10 by default, then one a minute
    uint32_t wrong_passwords_of_all; // Of all clients together: 100 by default, then one every 6 s
    // Pages that may show it: "same-origin", "same-site" (the default), "cross-origin"; or that may read it as well:
    // "*" is all, "https://a.example https://b.example" these.
    const char *cross_origin; size_t cross_origin_len_bytes;
} holdall_open_options;

typedef struct { // A drive, as of one point in time
    size_t size; // sizeof this
    uint64_t id; // The id of the drive
    uint64_t root_id; // The root folder of the drive
    uint64_t files; // Files, not counting folders, but counting the trash
    uint64_t len_bytes; // Bytes of all versions of those files
    int64_t created_unix_us; // When it was created
    uint32_t max_versions; // How many versions a file keeps besides those marked to be kept; 0 is all
    char name[256]; // The name it was opened by
} holdall_drive_info;

// Reports progress, on the thread that does the job: bytes done and bytes in all, or 0 if unknown. A return value other
// than 0 ends the job, which returns it, or INVALID_ARGUMENT if it is not a code.
typedef int32_t (*holdall_progress)(void *context, uint64_t done_bytes, uint64_t total_bytes);

typedef struct { // Options for a put. 0 or NULL selects the default
    size_t size; // sizeof this
    int32_t expect; // HOLDALL_EXPECT_*: what must be at the path, or the put is refused
    uint64_t expected_version_id; // With HOLDALL_EXPECT_VERSION
    const char *media_type; size_t media_type_len_bytes; // By default it follows from the name
    const int64_t *modified_unix_us; // The content's modification time; now by default
    const uint64_t *len_bytes; // The length that the content must have
    const uint8_t *sha1; // The SHA-1 that the content must have, 20 bytes
    const uint8_t *blake3; // The BLAKE3 that the content must have, 32 bytes
    holdall_progress progress; void *progress_context; // Reports the progress of the put
    bool executable; // Whether it may be run: its mode is 0755 in an archive then, otherwise 0644
    const int64_t *created_unix_us; // When the content was made; now by default
} holdall_put_options;

typedef struct { // One immutable content of a file, as of one point in time
    size_t size; // sizeof this
    uint64_t id; // The id of the version
    uint64_t file_id; // The file that it is a version of
    uint64_t len_bytes; // Length of the content
    uint64_t crc64; // CRC-64/XZ of the content, as Alibaba's services use it
    int64_t created_unix_us; // When it was put
    int64_t modified_unix_us; // The content's modification time: Last-Modified of a download
    uint32_t crc32; // CRC-32 of the content, as zip uses it
    uint8_t sha1[20]; // SHA-1 of the content
    uint8_t blake3[32]; // BLAKE3 of the content
    bool keep; // Whether the version limit leaves it alone
    bool current; // Whether it is the file's current version
    char media_type[256]; // The media type, such as "application/pdf"
    bool executable; // Whether it may be run
} holdall_version;

typedef struct { // A path and its content, for holdall_put_many. Its layout never changes
    const char *path; size_t path_len_bytes; // The path
    const void *data; size_t data_len_bytes; // The content
} holdall_item;

typedef struct { // A file or folder, as of one point in time
    size_t size; // sizeof this
    uint64_t id; // Its id, which a move does not change
    uint64_t drive_id; // The drive that it is in
    uint64_t parent_id; // Its parent folder; 0 for a root and for a trashed item
    uint64_t version_id; // The current version; 0 for a folder
    uint64_t len_bytes; // Length of the current version; 0 for a folder
    int64_t created_unix_us; // When it was created
    int64_t modified_unix_us; // When its content or attributes last changed
    int64_t trashed_unix_us; // When it was trashed; 0 if it was not
    int32_t kind; // HOLDALL_FILE or HOLDALL_FOLDER
    char name[256]; // Its name; "" for the root of a drive
} holdall_file;

typedef struct { // One row of a listing
    size_t size; // sizeof this
    uint64_t file_id; // The id of the file or folder
    uint64_t version_id; // The current version; 0 for a folder
    uint64_t len_bytes; // Length of the current version; 0 for a folder
    int64_t modified_unix_us; // When the content was modified
    int32_t kind; // HOLDALL_FILE or HOLDALL_FOLDER
    uint32_t crc32; // CRC-32 of the current version
    size_t name_len_bytes; // The length of the name; the last name of a page is the cursor of the next
    char name[256]; // The name
} holdall_row;

// Receives one entry below a folder: its path, NUL-terminated, and its row, valid during the call. Returns as
// holdall_progress does.
typedef int32_t (*holdall_walk)(void *context, const char *path, size_t path_len_bytes, const holdall_row *row);

typedef struct { // A header of a request or a reply. Its layout never changes. In a reply both texts are NUL-terminated
    const char *name; size_t name_len_bytes; // The name
    const char *value; size_t value_len_bytes; // The value
} holdall_header;

// A contiguous run of a body: its bytes in memory and, if they are part of a file, their position there for sendfile.
typedef struct {
    size_t size; // sizeof this
    const void *data; size_t len_bytes; // The bytes, valid until the pin is freed
    uint64_t offset_bytes; // Their offset in the file
    int32_t fd; // The file, open until the pin is freed; do not close it; -1 if there is none
    holdall_pin *pin; // Free it when the bytes are no longer needed
} holdall_segment;

typedef struct { // A run of a body as a range of a file
    size_t size; // sizeof this
    uint64_t offset_bytes; // Where in the file it begins; the descriptor is there
    uint64_t len_bytes; // Its bytes, at least 1
    int32_t fd; // A descriptor for reading, to be closed by the caller; -1 for a run that is in no file and to be read
} holdall_file_range;

typedef struct { // An item in the trash
    size_t size; // sizeof this
    uint64_t file_id; // Its id, for holdall_trash_restore
    int64_t trashed_unix_us; // When it was trashed
    int32_t kind; // HOLDALL_FILE or HOLDALL_FOLDER
    char path[4104]; // The path it had, up to 4096 bytes
} holdall_trashed;

typedef struct { // A direct link
    size_t size; // sizeof this
    uint64_t id; // The id of the link
    uint64_t file_id; // The file it serves
    int64_t created_unix_us; // When it was created
    uint64_t pace_bytes_per_s; // The rate limit of a download; 0 is unlimited
    uint64_t downloads; // Downloads so far
    char name[256]; // The name in the URL and of the download
} holdall_link;

typedef struct { // A share
    size_t size; // sizeof this
    uint64_t id; // The id of the share
    uint64_t drive_id; // The drive that the file is in
    uint64_t file_id; // The file or folder that is shared
    int64_t created_unix_us; // When it was created
    int64_t expires_unix_us; // When it expires: from then on nobody is let in; 0 is never
    uint64_t max_downloads; // Downloads allowed in total; 0 is unlimited
    uint64_t downloads; // Downloads counted so far
    uint64_t views; // How often it was entered
    bool has_password; // Whether a password is required
    bool purchase; // Whether a visitor needs a ticket from the host
} holdall_share;

typedef struct { // A key that signs or verifies URLs. The secret is never revealed
    size_t size; // sizeof this
    int64_t created_unix_us; // When it was created
    uint16_t id; // The id of the key
    bool signs; // Whether it signs; all keys verify
} holdall_key;

// Options for a URL. 0 or NULL selects the default: 15 minutes, saved under the file's own name and type.
typedef struct {
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_URL_* combined with |
    uint32_t max_uses; // How many downloads: each by one client, in 24 hours and 4 times its length; 0 is any number
    uint32_t max_requests; // Instead: how many GET requests with content, ranges alike; 0 is any number
    uint64_t lifetime_s; // How long it is valid, from now on: at most the store's limit
    uint64_t window_s; // Rounds the expiry up to a multiple of this, so that equal calls within it give one URL
    uint64_t pace_bytes_per_s; // The rate limit that the host is asked to keep
    const char *name; size_t name_len_bytes; // The name to save it under
    const char *media_type; size_t media_type_len_bytes; // The media type to serve it as
    const char *network; size_t network_len_bytes; // Serves only clients in this network, such as "192.0.2.0/24"
    const char *cross_origin; size_t cross_origin_len_bytes; // Overrides the policy of the store
} holdall_url_options;

typedef struct { // A text with its length. Its layout never changes
    const char *data; size_t len_bytes; // The text, UTF-8
} holdall_string;

typedef struct { // Options for an archive. 0 or NULL selects the default
    size_t size; // sizeof this
    const char *name; size_t name_len_bytes; // The name of the download; "archive.zip" by default
    uint64_t lifetime_s; // The archive's lifetime: 15 minutes by default, at most the store's grace period
    // The offset from UTC for readers that show only the local time of a zip: -1439 to 1439 minutes.
    int32_t utc_offset_min;
} holdall_archive_options;

typedef struct { // An archive
    size_t size; // sizeof this
    uint64_t id; // The id of the archive
    uint64_t entries; // Files and folders in it
    uint64_t len_bytes; // Length of the zip
    int64_t created_unix_us; // When it was created
    int64_t expires_unix_us; // When it expires; its content is kept until then
    char name[256]; // The name of the download
} holdall_archive;

// Receives bytes, valid during the call. Returns as a progress callback does.
typedef int32_t (*holdall_sink)(void *context, const void *data, size_t len_bytes);

typedef struct { // Options for a share. 0 or NULL selects the default: no password, expiry or limit
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_SHARE_* combined with |
    const char *password; size_t password_len_bytes; // The password that a visitor must give
    uint64_t lifetime_s; // The share's lifetime
    uint64_t max_downloads; // The downloads after which the share ends; an archive counts as one
} holdall_share_options;

typedef struct { // A whole reply. Only `body` is to be freed
    size_t size; // sizeof this
    uint32_t status; // The HTTP status
    int32_t kind; // HOLDALL_BODY_*
    uint64_t len_bytes; // The length of the body; for HEAD 0
    const void *data; // For HOLDALL_BODY_MEMORY the bytes, valid until `body` is freed; otherwise NULL
    holdall_body *body; // The body, to be freed; NULL for HOLDALL_BODY_NONE
    uint64_t pace_bytes_per_s; // The rate limit; 0 is unlimited
    int32_t code; // What the host must know of, such as HOLDALL_IO, with a sentence in `error`; else HOLDALL_OK
    char error[1024]; // For its log
    char headers[8192]; // The headers, Content-Length among them: "Name: value" and CR LF each
} holdall_answer;

// A request for a URL of a store, or an API call. Bytes that are not UTF-8 are not an error; they match nothing.
typedef struct {
    size_t size; // sizeof this
    const char *method; size_t method_len_bytes; // The method in upper case
    const char *target; size_t target_len_bytes; // The URL as it came, whole or from its path on
    // All there are. For a URL: Range, If-*, Origin. Names in any case
    const holdall_header *headers; size_t header_count;
    const char *client; size_t client_len_bytes; // Its address, such as "192.0.2.1"; NULL if not known
    const int64_t *now_unix_us; // When the request arrived; NULL is now
} holdall_request;

typedef struct { // What a verified URL permits
    size_t size; // sizeof this
    uint64_t len_bytes; // Length of the content
    uint64_t pace_bytes_per_s; // The rate limit in the URL; 0 is unlimited
    int32_t disposition; // HOLDALL_ATTACHMENT or HOLDALL_INLINE
    char etag[256]; // The entity tag of a reply, without quotes
    char name[256]; // The name to save it under
    char media_type[256]; // The media type of a reply
} holdall_grant;

// Options for answering calls. 0 or NULL selects the default. Times and counts apply to Cloudreve's calls.
typedef struct {
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_API_* combined with |
    uint32_t max_batched_files; // The most URIs of one call: 3,000 by default
    const char *prefix; size_t prefix_len_bytes; // The path under which the host serves them, such as "/files"
    const char *site; size_t site_len_bytes; // The base of URLs, such as "https://files.example"
    const holdall_string *secondary_sites; size_t secondary_site_count; // Other bases that a request may name
    const char *internal_base; size_t internal_base_len_bytes; // The base of URLs in the host's own network
    const char *cdn_base; size_t cdn_base_len_bytes; // The base of URLs on a content delivery network
    uint64_t url_life_s; // The longest lifetime of a URL: 1 hour by default
    uint64_t url_margin_s; // The least lifetime left when a URL is issued: a sixth by default
    uint64_t archive_life_s; // The lifetime of an archive: 10 minutes by default
    uint64_t max_age_s; // How long caches may keep content: 1 day by default
    // Where the host shows a share, with {uri} for its URI: /s/<id> and /s/<id>/<password> lead there.
    const char *share_page; size_t share_page_len_bytes;
} holdall_api_options;

typedef struct { // The caller, as the host has authenticated it; nothing else is trusted. NULL is an anonymous caller
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_CALLER_* combined with |
    uint32_t max_links; // Direct links that one call may create: 10 by default, none for an anonymous caller
    const char *drive; size_t drive_len_bytes; // The name of the caller's drive; NULL for an anonymous caller
    const char *token; size_t token_len_bytes; // The access token that the caller sent, for proofs of content
    uint64_t pace_bytes_per_s; // The caller's rate limit; 0 is unlimited
} holdall_caller;

// Fills in the next bytes of a body and their number; 0 is the end. Returns as a progress callback does.
typedef int32_t (*holdall_source)(void *context, void *buffer, size_t room_bytes, size_t *read_bytes);

typedef struct { // What a store holds, as of one point in time
    size_t size; // sizeof this
    uint64_t drives; // Drives
    uint64_t files; // Files in all drives, not counting folders, but counting the trash
    uint64_t len_bytes; // Bytes of all versions of those files; shared content is counted each time
    uint64_t blobs; // Distinct contents
    uint64_t blob_bytes; // Bytes of those
    uint64_t segments; // Segments
    uint64_t segment_bytes; // Bytes of the segments, including the log
    uint64_t dead_bytes; // Bytes of them that a compaction can reclaim
    uint64_t lsn; // The number of the last group in the log
    int64_t created_unix_us; // When the store was created
    bool exclusive; // Whether this process has the store open alone
    uint64_t grace_s; // How long content outlives its last version; the longest life of an archive
} holdall_stats;

typedef struct { // Options for a check. 0 or NULL selects the default
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_CHECK_* combined with |
    holdall_progress progress; void *progress_context; // Reports the progress of the check
} holdall_check_options;

typedef struct { // What a check found
    size_t size; // sizeof this
    uint64_t problems; // Inconsistencies found; 0 for a sound store
    uint64_t damaged; // Blobs among them whose content is missing or not what was stored
    uint64_t files; // Files, not counting folders
    uint64_t versions; // Versions
    uint64_t blobs; // Blobs
    uint64_t blob_bytes; // Bytes of those
    uint64_t unread; // Blobs among the problems that could not be read, so their state is unknown
} holdall_check_report;

typedef struct { // What a collection or compaction did; for a compaction the first four and the last three are 0
    size_t size; // sizeof this
    uint64_t blobs; // Blobs that were removed
    uint64_t blob_bytes; // Bytes of those
    uint64_t archives; // Expired archives, counted by their parts
    uint64_t orphans; // Files of unfinished puts
    uint64_t segments; // Segments that were compacted away
    uint64_t segment_bytes; // Bytes they occupied
    uint64_t failed; // Items that could not be removed; the next run retries
    uint64_t waiting_blobs; // Blobs that wait for the grace period
    uint64_t waiting_bytes; // Bytes of those
    int64_t next_due_unix_us; // When the first of them may be removed; 0 if none waits
} holdall_gc_report;

typedef struct { // What a repair did
    size_t size; // sizeof this
    uint64_t restored; // Damaged blobs that are sound again
    uint64_t damaged; // Blobs that remain damaged: put their content again, such as from a backup, and repair again
    uint64_t problems; // Inconsistencies found, including those blobs; 0 for a sound store
    uint64_t unread; // Blobs that could not be read, such as when descriptors run out; they were not changed
    uint64_t reinstated; // Sound blobs released from an earlier repair's quarantine
} holdall_repair_report;

typedef struct { // What a rebuild found in the log
    size_t size; // sizeof this
    uint64_t groups; // Groups of changes
    uint64_t segments; // Segments that were read
    uint64_t unreadable; // Segments that could not be read; their content is not in the new index
    uint64_t files; // Files and folders
    uint64_t versions; // Versions
    uint64_t blobs; // Blobs
    uint64_t lost; // Large blobs that no row refers to, moved to the directory "lost"
    uint64_t problems; // Inconsistencies in the new index
} holdall_rebuild_report;

// Receives a line of the log: a level and a NUL-terminated text, valid during the call. It runs on the thread that
// logs, possibly on several at once, and must not call this library.
typedef void (*holdall_log)(void *context, int32_t level, const char *text);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Returns a sentence for people about the last error on the calling thread: lower case, UTF-8, without keys or tokens;
// "" if there was none. It is valid until this thread's next call of this library.
const char *holdall_last_error(void);

uint64_t holdall_last_error_retry_s(void); // Seconds to wait if a rate limit refused the call (429, Retry-After), or 0
const char *holdall_code_name(int32_t code); // Such as "NotFound"; "Ok" for 0, else "Unknown". Always valid
uint32_t holdall_code_status(int32_t code); // The HTTP status: 404 for HOLDALL_NOT_FOUND, 200 for 0, else 500
uint32_t holdall_version_number(void); // The running library's HOLDALL_VERSION. Each 0.x is an interface of its own
const char *holdall_version_text(void); // The version of the loaded library, such as "0.1.0". Always valid

// Fills in the error of the last call that failed with this handle as its first argument, on whatever thread: give
// calls that run at once handles of their own. Codes: INVALID_ARGUMENT.
int32_t holdall_handle_error(const void *handle, holdall_error *error);

// Returns another handle to the same object, to be freed as that is; NULL if there is none.
void *holdall_handle_ref(const void *handle);

uint64_t holdall_handle_count(void); // The number of handles not yet freed; 0 if nothing leaks

// Opens the store in a directory, creating it if it does not exist; for reading, where the directory takes no writes.
// The same directory opened twice in a process is one store. The path is of any bytes but NUL. Codes: READ; LOCKED when
// another process has it open in a mode that excludes this one; NOT_FOUND when there is none and none may be created;
// INVALID_ARGUMENT for a foreign directory or a bad option; UNSUPPORTED when a later version made it.
int32_t holdall_open(const char *path, size_t path_len_bytes, const holdall_open_options *options,
    holdall_store **store);

// Closes the store for all its handles, after a last checkpoint. Bodies and replies stay valid; other uses return
// INVALID_ARGUMENT. The handles must still be freed. Codes: IO when the checkpoint fails; nothing is lost.
int32_t holdall_store_close(const holdall_store *store);

// Opens a drive by name, creating it if it does not exist. The drive keeps its store open. Codes: PATH, WRITE.
int32_t holdall_drive_open(const holdall_store *store, const char *name, size_t name_len_bytes, holdall_drive **drive);

// Opens an existing drive by name. Codes: NOT_FOUND, READ.
int32_t holdall_drive_find(const holdall_store *store, const char *name, size_t name_len_bytes, holdall_drive **drive);

// Describes a drive. Codes: READ; NOT_FOUND when it was deleted.
int32_t holdall_drive_stat(const holdall_drive *drive, holdall_drive_info *info);

// Sets how many versions a file keeps besides the marked ones; 0 is all. Codes: WRITE; NOT_FOUND when it was deleted.
int32_t holdall_drive_set_max_versions(const holdall_drive *drive, uint32_t max_versions);

// Invalidates every URL into the drive. Codes: WRITE; NOT_FOUND when it was deleted.
int32_t holdall_drive_revoke(const holdall_drive *drive);

// Puts content from memory at a path. An existing file gets a new current version; missing folders are created. The
// content is durable when this returns. `version` may be NULL. Codes: PATH, WRITE; EXISTS when a folder is there, or
// anything under HOLDALL_EXPECT_ABSENT; MISMATCH when the content or the file is not as declared; TOO_LARGE beyond the
// store's limit; the callback's.
int32_t holdall_put_memory(const holdall_drive *drive, const char *path, size_t path_len_bytes, const void *data,
    size_t data_len_bytes, const holdall_put_options *options, holdall_version *version);

// Puts a file of the file system at a path. Codes: as holdall_put_memory; IO when it cannot be opened or read.
int32_t holdall_put_file(const holdall_drive *drive, const char *path, size_t path_len_bytes, const char *source,
    size_t source_len_bytes, const holdall_put_options *options, holdall_version *version);

// Puts what a file descriptor yields from its current position to its end, as holdall_put_memory does. It may be a pipe
// or a blocking socket, and stays open. Codes: as holdall_put_memory; IO when it cannot be read.
int32_t holdall_put_fd(const holdall_drive *drive, const char *path, size_t path_len_bytes, int32_t fd,
    const holdall_put_options *options, holdall_version *version);

// Puts many contents at once, at most 16 MiB in total: all of them or none, with a single sync. The options apply to
// each. `versions` receives the versions in order; it may be NULL. Codes: as holdall_put_memory; TOO_LARGE when the
// total is longer.
int32_t holdall_put_many(const holdall_drive *drive, const holdall_item *items, size_t count,
    const holdall_put_options *options, holdall_page **versions);

// Begins a put whose content is written piece by piece. The progress callback is not used. Codes: PATH, READ.
int32_t holdall_writer_open(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    const holdall_put_options *options, holdall_writer **writer);

// Appends the given bytes, all of them. Codes: TOO_LARGE past the store's limit; IO when the spool cannot be written;
// and of every use of a writer: INVALID_ARGUMENT after commit or abort, FORKED in a child of the process that began it.
int32_t holdall_writer_write(holdall_writer *writer, const void *data, size_t data_len_bytes);

// Makes the content a version, durably; ends the put either way. `version` may be NULL. Codes: as holdall_put_memory.
int32_t holdall_writer_commit(holdall_writer *writer, holdall_version *version);

// Abandons the put and leaves nothing behind; the handle must still be freed.
int32_t holdall_writer_abort(holdall_writer *writer);

// Describes what is at a path; "" is the root. `version` may be NULL; for a folder its id is 0. Codes: PATH, READ.
int32_t holdall_file_stat(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_file *file,
    holdall_version *version);

// Opens the current content of the file at a path. Codes: PATH, READ.
int32_t holdall_file_open(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_body **body);

// Creates a folder and its parents. `file_id` may be NULL. Codes: PATH, WRITE; EXISTS for a file in the way.
int32_t holdall_folder_make(const holdall_drive *drive, const char *path, size_t path_len_bytes, uint64_t *file_id);

// Lists at most `limit` rows of a folder in byte order of their names, starting after the name `after`: NULL at first,
// then the last name of the previous page. A page shorter than the limit is the last. Codes: PATH, READ.
int32_t holdall_folder_list(const holdall_drive *drive, const char *path, size_t path_len_bytes, const char *after,
    size_t after_len_bytes, size_t limit, holdall_page **rows);

// Calls back for everything below a folder, each folder before its contents. Concurrent changes may or may not show;
// nothing is blocked. Codes: PATH, READ; the callback's.
int32_t holdall_folder_walk(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_walk callback,
    void *context);

// Lists at most `limit` versions of a file, newest first, older than the version `before`: 0 for the first page, then
// the last id of the previous page. Codes: PATH, READ.
int32_t holdall_file_versions(const holdall_drive *drive, const char *path, size_t path_len_bytes, uint64_t before,
    size_t limit, holdall_page **versions);

// Renames or moves what is at `from` to `to`, creating missing folders. Flags: HOLDALL_RENAME_REPLACE.
// Codes: PATH, WRITE; EXISTS when something at `to` may not or cannot be replaced.
int32_t holdall_file_rename(const holdall_drive *drive, const char *from, size_t from_len_bytes, const char *to,
    size_t to_len_bytes, uint32_t flags);

// Copies what is at `from` to `to`, sharing content; a crash may leave part of a folder copied. Flags:
// HOLDALL_COPY_ALL. `file_id` may be NULL. Codes: PATH, WRITE; EXISTS when something is at `to`.
int32_t holdall_file_copy(const holdall_drive *drive, const char *from, size_t from_len_bytes, const char *to,
    size_t to_len_bytes, uint32_t flags, uint64_t *file_id);

// Permanently deletes what is at a path, a folder with everything in it. Codes: PATH, WRITE.
int32_t holdall_file_delete(const holdall_drive *drive, const char *path, size_t path_len_bytes);

// Replaces the host's attributes of a file: at most 4096, and 64 KiB in total. Codes: PATH, WRITE; TOO_LARGE.
int32_t holdall_file_set_attributes(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    const holdall_header *attributes, size_t count);

// Lists the host's attributes of a file, in order of their names. Codes: PATH, READ.
int32_t holdall_file_attributes(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    holdall_page **attributes);

// Calls back for everything below a folder with an attribute of that name whose value begins with the value given, in
// order of the value; not for the trash. Codes: as holdall_folder_walk.
int32_t holdall_file_find_by_attribute(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    const holdall_header *attribute, holdall_walk callback, void *context);

// Moves what is at a path to the trash. Its path, links and shares stop working; URLs of its versions work until they
// expire or are revoked. `file_id` may be NULL. Codes: PATH, WRITE.
int32_t holdall_trash_put(const holdall_drive *drive, const char *path, size_t path_len_bytes, uint64_t *file_id);

// Lists at most `limit` items of the trash by id, after the id `after`, 0 at first. Codes: READ, NOT_FOUND.
int32_t holdall_trash_list(const holdall_drive *drive, uint64_t after, size_t limit, holdall_page **trashed);

// Takes something out of the trash: to `to`, or if NULL to where it lay. Codes: PATH, WRITE, NOT_FOUND, EXISTS.
int32_t holdall_trash_restore(const holdall_drive *drive, uint64_t file_id, const char *to, size_t to_len_bytes);

// Permanently deletes what was trashed before that time. `count` may be NULL. Codes: WRITE.
int32_t holdall_trash_empty(const holdall_drive *drive, int64_t before_unix_us, uint64_t *count);

// Describes a file or folder by id, wherever it is. Codes: NOT_FOUND, READ.
int32_t holdall_file_find(const holdall_store *store, uint64_t file_id, holdall_file *file);

// Returns the path of a file or folder in its drive. Codes: READ; NOT_FOUND, also for an item in the trash.
int32_t holdall_file_path(const holdall_store *store, uint64_t file_id, holdall_text **path);

// Invalidates all URLs of a file. Codes: NOT_FOUND, WRITE; INVALID_ARGUMENT for a folder.
int32_t holdall_file_revoke(const holdall_store *store, uint64_t file_id);

// Describes a version. Codes: VERSION, READ.
int32_t holdall_version_stat(const holdall_store *store, uint64_t version_id, holdall_version *version);

// Opens the content of a version. Codes: VERSION, READ.
int32_t holdall_version_open(const holdall_store *store, uint64_t version_id, holdall_body **body);

// Makes an older version the current one, without copying. Codes: VERSION, WRITE.
int32_t holdall_version_set_current(const holdall_store *store, uint64_t version_id);

// Removes a version that is not the current one. Codes: VERSION, WRITE; INVALID_ARGUMENT for the current one.
int32_t holdall_version_remove(const holdall_store *store, uint64_t version_id);

// Exempts a version from the version limit, or, with 0, no longer. Codes: VERSION, WRITE.
int32_t holdall_version_keep(const holdall_store *store, uint64_t version_id, int32_t keep);

// Invalidates its URLs. Codes: VERSION, WRITE.
int32_t holdall_version_revoke(const holdall_store *store, uint64_t version_id);

int32_t holdall_body_len(const holdall_body *body, uint64_t *len_bytes); // The exact length

// Fills in the contiguous bytes at an offset: at least 1, at most `limit`. To read a whole body, add each segment's
// length to the offset until it reaches the body's length. Codes: INVALID_ARGUMENT at or past the end, or with a limit
// of 0; READ, after which the transfer must be aborted.
int32_t holdall_body_segment(const holdall_body *body, uint64_t offset_bytes, uint64_t limit_bytes,
    holdall_segment *segment);

// Fills in the run of bytes that begins at an offset as a range of a file, and reads or maps nothing of it. The
// descriptor stands for itself: it is the caller's, who closes it, and it outlives every handle.
// Codes: as holdall_body_segment; IO when the process has no descriptor left.
int32_t holdall_body_file(const holdall_body *body, uint64_t offset_bytes, uint64_t limit_bytes,
    holdall_file_range *range);

// Copies bytes starting at an offset and returns their number: less than the buffer holds only at the end, 0 at or past
// it. Codes: READ, which leaves the buffer undefined.
int32_t holdall_body_read(const holdall_body *body, uint64_t offset_bytes, void *buffer, size_t buffer_len_bytes,
    size_t *read_bytes);

// Gives the bytes from `start` up to and without `end` as a body. Codes: INVALID_ARGUMENT for what is no range of it.
int32_t holdall_body_slice(const holdall_body *body, uint64_t start_bytes, uint64_t end_bytes, holdall_body **slice);

// Returns the number of results on a page. The functions below fill in the result at an index, counted from 0, of a
// page of their kind; pointers in it are valid until the page is freed. Codes: INVALID_ARGUMENT when the index is out
// of range or the page is of another kind.
int32_t holdall_page_count(const holdall_page *page, size_t *count);

int32_t holdall_page_row(const holdall_page *page, size_t index, holdall_row *row); // Of rows
int32_t holdall_page_version(const holdall_page *page, size_t index, holdall_version *version); // Of versions
int32_t holdall_page_trashed(const holdall_page *page, size_t index, holdall_trashed *trashed); // Of the trash
int32_t holdall_page_link(const holdall_page *page, size_t index, holdall_link *link); // Of links
int32_t holdall_page_share(const holdall_page *page, size_t index, holdall_share *share); // Of shares
int32_t holdall_page_key(const holdall_page *page, size_t index, holdall_key *key); // Of keys
int32_t holdall_page_attribute(const holdall_page *page, size_t index, holdall_header *attribute); // Of attributes
int32_t holdall_page_sentence(const holdall_page *page, size_t index, const char **sentence); // Of sentences

// Makes a URL of one version: the same bytes whatever becomes of the file. Codes: VERSION, READ.
int32_t holdall_url_version(const holdall_store *store, uint64_t version_id, const holdall_url_options *options,
    holdall_text **url);

// Signs a URL of the file at a path; it serves the version current at its use. Codes: PATH; as holdall_url_version.
int32_t holdall_url_at_path(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    const holdall_url_options *options, holdall_text **url);

// Makes a URL of a file by its id, wherever it lies. Codes: as holdall_url_version; NOT_FOUND; GONE when deleted.
int32_t holdall_url_by_id(const holdall_store *store, uint64_t file_id, const holdall_url_options *options,
    holdall_text **url);

// Signs a URL of an archive, which it does not outlive. Codes: as holdall_url_version; NOT_FOUND; EXPIRED.
int32_t holdall_url_archive(const holdall_store *store, uint64_t archive_id, const holdall_url_options *options,
    holdall_text **url);

// Makes a stored zip of what is at the paths: folders with all in them (FOLDER/. without its name). Reads no content.
// Codes: PATH, WRITE; TOO_LARGE past the store's limits; INVALID_ARGUMENT for no path and what is out of range.
int32_t holdall_archive_create(const holdall_drive *drive, const holdall_string *paths, size_t count,
    const holdall_archive_options *options, holdall_archive *archive);

// Creates an archive of given versions, each under its file's name. Codes: VERSION; as holdall_archive_create.
int32_t holdall_archive_create_of(const holdall_drive *drive, const uint64_t *version_ids, size_t count,
    const holdall_archive_options *options, holdall_archive *archive);

// Describes an archive. Codes: NOT_FOUND, READ; EXPIRED when it has expired.
int32_t holdall_archive_stat(const holdall_store *store, uint64_t archive_id, holdall_archive *archive);

// Opens the zip of an archive. Codes: as holdall_archive_stat.
int32_t holdall_archive_open(const holdall_store *store, uint64_t archive_id, holdall_body **body);

// Computes the CRC-64/XZ of a whole zip from those of its parts, reading no content. Codes: as holdall_archive_stat.
int32_t holdall_archive_crc64(const holdall_store *store, uint64_t archive_id, uint64_t *crc64);

// Writes an archive compressed into a callback: no length ahead, no resume, and after another code than OK no zip.
// Codes: as holdall_archive_stat; the callback's.
int32_t holdall_archive_write_deflated(const holdall_store *store, uint64_t archive_id, holdall_sink callback,
    void *context);

// Invalidates every URL of an archive. Codes: NOT_FOUND, WRITE.
int32_t holdall_archive_revoke(const holdall_store *store, uint64_t archive_id);

// Fills in the direct link to the file at a path, and creates it if there is none. It leads to whatever version is
// current when it is used. A pace is a rate limit that the host is asked to keep; 0 is unlimited. Codes: PATH, WRITE.
int32_t holdall_link_create(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    uint64_t pace_bytes_per_s, holdall_link *link);

// Lists the direct links to the file at a path, oldest first. Codes: PATH, READ.
int32_t holdall_link_list(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_page **links);

// Describes a direct link and how often it was used. Codes: NOT_FOUND, WRITE.
int32_t holdall_link_stat(const holdall_store *store, uint64_t link_id, holdall_link *link);

// Returns the URL of a direct link. Codes: NOT_FOUND, WRITE.
int32_t holdall_link_url(const holdall_store *store, uint64_t link_id, holdall_text **url);

int32_t holdall_link_remove(const holdall_store *store, uint64_t link_id); // Deletes the link. Codes: NOT_FOUND, WRITE

// Shares what is at a path. Codes: PATH, WRITE; INVALID_ARGUMENT when an option is invalid.
int32_t holdall_share_create(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    const holdall_share_options *options, holdall_share *share);

// Lists the shares of what is at a path, oldest first. Codes: PATH, READ.
int32_t holdall_share_list(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_page **shares);

// Invalidates every URL issued through a share; the share remains. Codes: NOT_FOUND, WRITE.
int32_t holdall_share_revoke(const holdall_store *store, uint64_t share_id);

// Deletes the share. Codes: NOT_FOUND, WRITE.
int32_t holdall_share_remove(const holdall_store *store, uint64_t share_id);

// Lets a visitor into a share; NULL is no password. Wrong ones have a limit, of all and of a client's address, which
// may be NULL. Codes: NOT_FOUND, READ; DENIED for a wrong, a missing or too many passwords; EXPIRED, GONE, also later.
int32_t holdall_visit_open(const holdall_store *store, uint64_t share_id, const char *password,
    size_t password_len_bytes, const char *client, size_t client_len_bytes, holdall_visit **visit);

int32_t holdall_visit_share(const holdall_visit *visit, holdall_share *share); // The share as of the visit

// Describes what is at a path in the share; "" is the shared item itself. Codes: PATH, READ; EXPIRED, GONE.
int32_t holdall_visit_stat(const holdall_visit *visit, const char *path, size_t path_len_bytes, holdall_file *file);

// Lists a folder in the share, as holdall_folder_list does. Codes: PATH, READ; EXPIRED, GONE.
int32_t holdall_visit_list(const holdall_visit *visit, const char *path, size_t path_len_bytes, const char *after,
    size_t after_len_bytes, size_t limit, holdall_page **rows);

// Counts a download; signs a URL that expires with the share. Codes: PATH, WRITE; EXPIRED, GONE; as
// holdall_url_version.
int32_t holdall_visit_url(const holdall_visit *visit, const char *path, size_t path_len_bytes,
    const holdall_url_options *options, holdall_text **url);

// Counts a download; creates an archive that expires with the share. Codes: as holdall_archive_create; EXPIRED, GONE.
int32_t holdall_visit_archive(const holdall_visit *visit, const holdall_string *paths, size_t count,
    const holdall_archive_options *options, holdall_archive *archive);

// Answers as holdall_serve does, in one call and with one thing to free. The headers of the request are a text of
// lines, "Range: bytes=0-9" say; the client's address may be NULL. What holdall_serve gives as a code is an answer too.
// Codes: INVALID_ARGUMENT.
int32_t holdall_serve_text(const holdall_store *store, const char *method, size_t method_len_bytes, const char *target,
    size_t target_len_bytes, const char *headers, size_t headers_len_bytes, const char *client, size_t client_len_bytes,
    holdall_answer *answer);

// Answers a request for a URL of the store. A bad request or URL gives a reply, too, to be sent like any other. Only
// errors that concern the host are codes; holdall_reply_of_code turns them into replies.
// Codes: WRITE; INVALID_ARGUMENT for a client that is not an address.
int32_t holdall_serve(const holdall_store *store, const holdall_request *request, holdall_reply **reply);

// Fills in what a URL permits; nothing is counted. Codes: as holdall_serve; DENIED, EXPIRED, NOT_FOUND, GONE.
int32_t holdall_verify(const holdall_store *store, const holdall_request *request, holdall_grant *grant);

// Makes the reply that reports a code to a client in a short text. Codes: INVALID_ARGUMENT for OK or an unknown code.
int32_t holdall_reply_of_code(int32_t code, holdall_reply **reply);

int32_t holdall_reply_status(const holdall_reply *reply, uint32_t *status); // The HTTP status

// Returns the headers, including Content-Length, in the order to send them; visible ASCII, each text NUL-terminated.
// The array is valid until the reply is freed.
int32_t holdall_reply_headers(const holdall_reply *reply, const holdall_header **headers, size_t *count);

// Returns the body, which is freed separately; it outlives the reply and the store. It is empty for HEAD.
int32_t holdall_reply_body(const holdall_reply *reply, holdall_body **body);

int32_t holdall_reply_pace(const holdall_reply *reply, uint64_t *bytes_per_s); // The rate limit; 0 is unlimited

// Creates a handle that answers calls of Cloudreve v4 and PDS. Codes: INVALID_ARGUMENT for an invalid option.
int32_t holdall_api_new(const holdall_store *store, const holdall_api_options *options, holdall_api **api);

// Answers a call, or a request for a URL that a call issued, as holdall_serve does. The body is the given bytes
// followed by what `source` yields, which may be NULL. An upload's part is stored as it arrives; at most 4 MiB of JSON
// are read; the rest is left unread. Codes: as holdall_serve; the callback's.
int32_t holdall_api_answer(const holdall_api *api, const holdall_caller *who, const holdall_request *request,
    const void *body, size_t body_len_bytes, holdall_source source, void *source_context, holdall_reply **reply);

// Returns whether a target belongs to the API; if not, holdall_serve may answer it.
int32_t holdall_api_is_at(const holdall_api *api, const char *target, size_t target_len_bytes, bool *is_at);

// Returns the URI by which Cloudreve clients name a share; "/" and a path in it may follow. Codes: NOT_FOUND, READ.
int32_t holdall_api_share_uri(const holdall_api *api, uint64_t share_id, holdall_text **uri);

// Makes the ticket (X-Cr-Purchase-Ticket) that opens a share that must be paid for. Codes: NOT_FOUND, READ.
int32_t holdall_api_ticket(const holdall_api *api, uint64_t share_id, uint64_t lifetime_s, holdall_text **ticket);

// Creates a key that signs from now on; earlier keys still verify. `key_id` may be NULL. Codes: WRITE.
int32_t holdall_key_rotate(const holdall_store *store, uint16_t *key_id);

// Adds a key of the host's own, at least 32 bytes, that signs from now on. `key_id` may be NULL. Codes: WRITE, EXISTS.
int32_t holdall_key_add(const holdall_store *store, const void *secret, size_t secret_len_bytes, uint16_t *key_id);

// Removes a key, which invalidates every URL it signed. Codes: NOT_FOUND, WRITE; INVALID_ARGUMENT for the signing key.
int32_t holdall_key_remove(const holdall_store *store, uint16_t key_id);

int32_t holdall_key_list(const holdall_store *store, holdall_page **keys); // Lists the keys. Codes: READ

// Describes the store; costs one row for each drive and each segment. Codes: READ.
int32_t holdall_store_stats(const holdall_store *store, holdall_stats *stats);

// Checks the store while it is in use, changing nothing. Damage is not an error: it is in the report, and as sentences
// in `problems`, which may be NULL. Codes: READ; the callback's.
int32_t holdall_store_check(const holdall_store *store, const holdall_check_options *options,
    holdall_check_report *report, holdall_page **problems);

// Removes what nothing refers to once the grace period is over, and compacts, in short steps; call it now and then from
// a thread of the host. `failed`, which may be NULL, says what could not be removed. Codes: WRITE.
int32_t holdall_store_gc(const holdall_store *store, holdall_gc_report *report, holdall_page **failed);

// Sets the store's grace period; a shorter one applies once existing archives have expired. 0 is none. Codes: WRITE.
int32_t holdall_store_set_grace(const holdall_store *store, uint64_t grace_s);

// Copies live content out of segments more than half dead and removes them. `failed`: as holdall_store_gc. Codes:
// WRITE.
int32_t holdall_store_compact(const holdall_store *store, holdall_gc_report *report, holdall_page **failed);

// Copies a consistent snapshot of the store into a directory, while it is in use; the copy opens as a store. The
// directory of an earlier backup is brought up to date. `copied_bytes` may be NULL. Codes: READ; INVALID_ARGUMENT when
// the directory holds something else; LOCKED when the copy is open; the callback's.
int32_t holdall_store_backup(const holdall_store *store, const char *path, size_t path_len_bytes,
    holdall_progress progress, void *progress_context, uint64_t *copied_bytes);

// Reads all content, and restores damaged content from a sound copy if the store has one. Nothing is removed.
// `problems`, which may be NULL, says what remains. Codes: WRITE.
int32_t holdall_store_repair(const holdall_store *store, holdall_repair_report *report, holdall_page **problems);

// Rebuilds the index of the store in a directory from its log alone, for when holdall_open returns CORRUPT; the old
// index is kept as "meta.redb.bad". The store must not be open. `problems`, which may be NULL, says what is
// inconsistent. Codes: READ; NOT_FOUND when there is no store; LOCKED when it is open; UNSUPPORTED when a later version
// made it.
int32_t holdall_rebuild(const char *path, size_t path_len_bytes, const holdall_open_options *options,
    holdall_rebuild_report *report, holdall_page **problems);

const char *holdall_text_get(const holdall_text *text); // Valid until the text is freed; NULL if the handle is invalid

// These free one handle each. The store closes with the last handle to it and to its drives, writers, visits and apis;
// an error then goes only to the log, so call holdall_store_close first to learn of it.
int32_t holdall_store_free(holdall_store *store);

int32_t holdall_drive_free(holdall_drive *drive); // A drive
int32_t holdall_writer_free(holdall_writer *writer); // Uncommitted content leaves nothing behind
int32_t holdall_body_free(holdall_body *body); // A body
int32_t holdall_pin_free(holdall_pin *pin); // The segment's bytes and file must no longer be used
int32_t holdall_page_free(holdall_page *page); // Pointers into it become invalid
int32_t holdall_visit_free(holdall_visit *visit); // A visit
int32_t holdall_api_free(holdall_api *api); // An api
int32_t holdall_reply_free(holdall_reply *reply); // Its headers become invalid; its body does not
int32_t holdall_text_free(holdall_text *text); // A text

// Sends the log of the whole process, up to a level, to a callback, or nowhere if that is NULL, as initially. When this
// returns, another thread may still be running the previous callback. Codes: INVALID_ARGUMENT for an invalid level;
// UNSUPPORTED when another part of the process has taken the log of Rust code.
int32_t holdall_log_set(int32_t level, holdall_log callback, void *context);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HOLDALL_H */
