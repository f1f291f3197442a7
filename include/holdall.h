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
 *   then, and holdall_handle_error() has it for whoever moves between threads. Outputs are written only on
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
 *   where it says so none. Text that comes out has a NUL behind it. A path is names joined by '/'; "" is the root.
 *   Options and records begin with their size: set it to sizeof before the call. Everything else in options may be
 *   0 or NULL for its default, and NULL for options is all defaults. Times are microseconds since 1970 in UTC.
 *   A handle is freed once, in any order and from any thread; what needs another to live keeps it alive. To use one
 *   that was freed is INVALID_ARGUMENT, and to free NULL is nothing.
 *   const T * may be used by many threads at once; T * by one at a time. A thread needs 256 KiB of stack.
 *   A forked child may use every handle but a holdall_writer * and an archive's body. Do not use vfork or dlclose.
 *   A page of a mapped file that the file has lost is SIGBUS, unless the store was opened with HOLDALL_OPEN_NO_MAP.
 *   A callback is called on the thread of its call, but that of the log. Nothing may be thrown out of one.
 */

#ifndef HOLDALL_H
#define HOLDALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A literal as the two arguments of a text. */
#define HOLDALL_STR(literal) ("" literal), (sizeof(literal) - 1)

#define HOLDALL_OK 0 // It went well
#define HOLDALL_INVALID_ARGUMENT 1 // A value that can never be right, such as a handle that was freed
#define HOLDALL_NOT_FOUND 2 // The thing named does not exist
#define HOLDALL_EXISTS 3 // Something of that name exists already
#define HOLDALL_DENIED 4 // The signature, the password or the caller does not permit it
#define HOLDALL_EXPIRED 5 // The URL, share or archive was valid once and its time is over
#define HOLDALL_RANGE_NOT_SATISFIABLE 6 // No byte of the requested range exists
#define HOLDALL_MISMATCH 7 // Content is not what was declared: a length, a hash or an expected version
#define HOLDALL_TOO_LARGE 8 // A limit on size or count would be passed
#define HOLDALL_LOCKED 9 // Another process or call holds what is needed; trying again later may succeed
#define HOLDALL_CORRUPT 10 // Bytes on disk are not what was written
#define HOLDALL_IO 11 // The operating system refused a read, a write or a sync
#define HOLDALL_POISONED 12 // A write failed before, and more are refused; open the store again
#define HOLDALL_UNSUPPORTED 13 // A format version, option or feature that this build does not know
#define HOLDALL_BUG 14 // A defect of this library. The process may go on
#define HOLDALL_GONE 15 // It existed and was removed or revoked on purpose
#define HOLDALL_FORKED 16 // Work that was in progress when the process forked cannot go on in the child
#define HOLDALL_READ_ONLY 17 // The store was opened for reading, or its disk has become read-only
#define HOLDALL_VERSION_MAJOR 0 // The first number of the version of this header
#define HOLDALL_VERSION_MINOR 1 // The second number
#define HOLDALL_VERSION_PATCH 0 // The third number
// The version in one number that grows: 1002003 is 1.2.3.
#define HOLDALL_VERSION (((HOLDALL_VERSION_MAJOR * 1000000) + (HOLDALL_VERSION_MINOR * 1000)) + HOLDALL_VERSION_PATCH)
#define HOLDALL_OPEN_EXCLUSIVE 1 // One process has the store for itself and commits several times faster
#define HOLDALL_OPEN_EXISTING 2 // A store must be there already: none is made
#define HOLDALL_OPEN_DEDUP_DRIVE 4 // Equal content is stored once a drive: the time of a put tells of no other one
#define HOLDALL_OPEN_NO_MAP 8 // Content is read, not mapped: a file that loses bytes is IO and not SIGBUS
#define HOLDALL_EXPECT_ANY 0 // Whatever is at the path but a folder: a file gets one more version
#define HOLDALL_EXPECT_ABSENT 1 // Nothing is at the path
#define HOLDALL_EXPECT_VERSION 2 // A file whose current version is expected_version_id is at the path
#define HOLDALL_RENAME_REPLACE 1 // A file at the new path gives way; without this flag it is HOLDALL_EXISTS
#define HOLDALL_COPY_ALL 1 // All versions are copied, and not the current one alone
#define HOLDALL_URL_INLINE 1 // Lets a browser show the content, if its type is one that cannot do harm
#define HOLDALL_URL_NEVER_EXPIRES 2 // Valid until it is revoked or its key is removed. Think twice
#define HOLDALL_URL_PUBLIC_CACHE 4 // Lets shared caches keep the reply for as long as the URL lives
#define HOLDALL_URL_CLOUDREVE 8 // The form of Cloudreve v4: without network, use limit, media type and revocation
#define HOLDALL_SHARE_PURCHASE 1 // The host asks a visitor for a ticket before it lets him download
#define HOLDALL_BODY_NONE 0 // No body is sent
#define HOLDALL_BODY_MEMORY 1 // All of it is at `data`: at most 64 KiB
#define HOLDALL_BODY_FILE 2 // It is one range of a file, which holdall_body_file gives in one piece
#define HOLDALL_BODY_PIECES 3 // It is made of several pieces
#define HOLDALL_ATTACHMENT 0 // To be saved as a file
#define HOLDALL_INLINE 1 // To be shown
#define HOLDALL_API_DIRECT 1 // A direct link gives the content itself, and leads to no signed URL
#define HOLDALL_API_DEBUG 2 // A client is told what was wrong inside
#define HOLDALL_API_NO_RAPID 4 // Content is never proven to PDS but sent
#define HOLDALL_API_RAPID_ACROSS 8 // Content of other drives is given to who proves by holdall-1 to have it
#define HOLDALL_CALLER_ADMINISTRATOR 1 // May do what administrators may, and make 1,000 links
#define HOLDALL_CALLER_NO_ARCHIVE 2 // Gets no zip of several files
#define HOLDALL_CALLER_NO_SHARES 4 // Downloads nothing from shares of others
#define HOLDALL_CALLER_NO_LINKS 8 // Makes no direct links
#define HOLDALL_CALLER_NEW_LINKS 16 // Gets a new direct link where there is an equal one
#define HOLDALL_CALLER_ARCHIVE 32 // Gets zips though nobody knows him: they take room in the store
#define HOLDALL_CHECK_CONTENT 1 // All content is read and hashed again
#define HOLDALL_LOG_ERROR 1 // Something went wrong that no result tells
#define HOLDALL_LOG_WARN 2 // Something that an operator should look at
#define HOLDALL_LOG_INFO 3 // What happens seldom
#define HOLDALL_LOG_DEBUG 4 // Why a request was refused, for instance
#define HOLDALL_FILE 1 // It is a file
#define HOLDALL_FOLDER 2 // It is a folder

typedef struct holdall_api holdall_api; // The calls of Cloudreve v4 and of PDS, over a store that it keeps open
typedef struct holdall_body holdall_body; // Bytes of an exact length, to be read at any place and any number of times
typedef struct holdall_drive holdall_drive; // A named tree of files
typedef struct holdall_page holdall_page; // Results of one call, all of one kind. It never changes, and holds no store
typedef struct holdall_pin holdall_pin; // Keeps the bytes of a segment where they are
typedef struct holdall_reply holdall_reply; // What to send: a status, headers and a body of known length
typedef struct holdall_store holdall_store; // An open store
typedef struct holdall_text holdall_text; // A text that the library made, such as a URL
typedef struct holdall_visit holdall_visit; // A visitor of a share, whose password was right
typedef struct holdall_writer holdall_writer; // A put under way

typedef struct { // What a call failed with
    size_t size; // sizeof this
    int32_t code; // The code; HOLDALL_OK where none failed
    uint64_t retry_after_s; // Seconds to wait if a limit refused it (429, Retry-After), else 0
    char text[1024]; // The sentence of holdall_last_error, cut to this length
} holdall_error;

typedef struct { // How a store is opened. What is 0 or NULL has the default
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_OPEN_* put together
    const char *base_url; size_t base_url_len_bytes; // What URLs begin with; ends with "/". "/" by default
    uint64_t threshold_bytes; // Content so long gets a file of its own: 4 KiB to 16 MiB, 1 MiB by default
    uint64_t segment_bytes; // After this length a segment is left for a new one: 256 MiB by default
    uint64_t cache_bytes; // Memory for rows: 64 MiB by default
    uint64_t max_put_bytes; // The longest content that a put takes: 1 TiB by default
    uint64_t grace_s; // The grace, set as by holdall_store_set_grace; 0 leaves it, and a new store has 24 hours
    uint64_t max_lifetime_s; // The longest that a URL may live: 7 days by default
    uint64_t max_archive_entries; // The most entries of an archive: 100,000 by default
    uint64_t max_archive_bytes; // The longest archive: 1 TiB by default
    uint64_t lock_timeout_ms; // How long to wait for a process that is opening it: 10 s by default
    uint64_t drive_archive_quota_bytes; // The most that the lists of a drive's archives take: 1 GiB by default
    uint64_t share_archive_quota_bytes; // The same for the visitors of a share: 64 MiB by default
    uint32_t wrong_passwords_of_client; // Of a client for a share: 10 by default, then one a minute
    uint32_t wrong_passwords_of_all; // Of all clients together: 100 by default, then one every 6 s
    // Pages that may show it: "same-origin", "same-site" (the default), "cross-origin"; or that may read it as well:
    // "*" is all, "https://a.example https://b.example" these.
    const char *cross_origin; size_t cross_origin_len_bytes;
} holdall_open_options;

typedef struct { // A drive, as it was at one moment
    size_t size; // sizeof this
    uint64_t id; // Names the drive
    uint64_t root_id; // The folder that everything of the drive lies in
    uint64_t files; // Files, without folders; those in the trash count
    uint64_t len_bytes; // Bytes of all versions of those files
    int64_t created_unix_us; // When it was made
    uint32_t max_versions; // How many versions a file keeps beside those marked to be kept; 0 is all of them
    char name[256]; // The name that it was opened by
} holdall_drive_info;

// Is told how far a job is, on the thread that does it: bytes done, and in all, or 0 where that is not known. Another
// answer than 0 ends the job, which returns it, or INVALID_ARGUMENT for what is no code.
typedef int32_t (*holdall_progress)(void *context, uint64_t done_bytes, uint64_t total_bytes);

typedef struct { // What is said of content that is put. What is 0 or NULL has the default
    size_t size; // sizeof this
    int32_t expect; // HOLDALL_EXPECT_*: what must be at the path for the put to go ahead
    uint64_t expected_version_id; // With HOLDALL_EXPECT_VERSION
    const char *media_type; size_t media_type_len_bytes; // By default it follows from the name
    const int64_t *modified_unix_us; // How old the content is; now by default
    const uint64_t *len_bytes; // The length that the content must turn out to have
    const uint8_t *sha1; // The 20 bytes of SHA-1 that the content must turn out to have
    const uint8_t *blake3; // The 32 bytes of BLAKE3 that the content must turn out to have
    holdall_progress progress; void *progress_context; // Is told how far the put is
    bool executable; // Whether it may be run: its mode is 0755 in an archive then, otherwise 0644
} holdall_put_options;

typedef struct { // One immutable content of a file, as it was at one moment
    size_t size; // sizeof this
    uint64_t id; // Names the version
    uint64_t file_id; // The file that it is a version of
    uint64_t len_bytes; // Length of the content
    uint64_t crc64; // CRC-64/XZ of the content, as Alibaba's services use it
    int64_t created_unix_us; // When it was put
    int64_t modified_unix_us; // How old the content is: Last-Modified of a download
    uint32_t crc32; // CRC-32 of the content, as zip uses it
    uint8_t sha1[20]; // SHA-1 of the content
    uint8_t blake3[32]; // BLAKE3 of the content
    bool keep; // Whether it is kept whatever the limit on their number
    bool current; // Whether it is the file's current one
    char media_type[256]; // The media type, such as "application/pdf"
    bool executable; // Whether it may be run
} holdall_version;

typedef struct { // A path and its content, for holdall_put_many. Its layout never changes
    const char *path; size_t path_len_bytes; // The path
    const void *data; size_t data_len_bytes; // The content
} holdall_item;

typedef struct { // A file or folder, as it was at one moment
    size_t size; // sizeof this
    uint64_t id; // Names it; it stays the same when it is moved
    uint64_t drive_id; // The drive that it is in
    uint64_t parent_id; // The folder that it lies in; 0 for a root and for what was put in the trash
    uint64_t version_id; // The current version; 0 for a folder
    uint64_t len_bytes; // Length of the current version; 0 for a folder
    int64_t created_unix_us; // When it was made
    int64_t modified_unix_us; // When its content or attributes last changed
    int64_t trashed_unix_us; // When it was put in the trash; 0 when it was not
    int32_t kind; // HOLDALL_FILE or HOLDALL_FOLDER
    char name[256]; // Its name; "" for the root of a drive
} holdall_file;

typedef struct { // One row of a listing
    size_t size; // sizeof this
    uint64_t file_id; // Names the file or folder
    uint64_t version_id; // The current version; 0 for a folder
    uint64_t len_bytes; // Length of the current version; 0 for a folder
    int64_t modified_unix_us; // When the content was modified
    int32_t kind; // HOLDALL_FILE or HOLDALL_FOLDER
    uint32_t crc32; // CRC-32 of the current version
    size_t name_len_bytes; // The length of the name: the last one of a page is the cursor of the next page
    char name[256]; // The name
} holdall_row;

// Is shown one thing below a folder: path (a NUL behind it) and row, alive in the call; answers as holdall_progress.
typedef int32_t (*holdall_walk)(void *context, const char *path, size_t path_len_bytes, const holdall_row *row);

// A header of a request or a reply. Its layout never changes. In a reply both texts have a NUL behind them.
typedef struct {
    const char *name; size_t name_len_bytes; // The name
    const char *value; size_t value_len_bytes; // The value
} holdall_header;

// One contiguous run of a body: its bytes in memory and, where they are part of a file, there too, for sendfile.
typedef struct {
    size_t size; // sizeof this
    const void *data; size_t len_bytes; // The bytes, valid until the pin is freed; mapped where they are part of a file
    uint64_t offset_bytes; // Where in the file they begin
    int32_t fd; // The file, open for reading until the pin is freed, not to be closed; -1 where there is none
    holdall_pin *pin; // To be freed when the bytes are no longer needed
} holdall_segment;

typedef struct { // A run of a body as a range of a file
    size_t size; // sizeof this
    uint64_t offset_bytes; // Where in the file it begins; the descriptor is there
    uint64_t len_bytes; // Its bytes, at least 1
    int32_t fd; // A descriptor for reading, to be closed by the caller; -1 for a run that is in no file and to be read
} holdall_file_range;

typedef struct { // Something in the trash
    size_t size; // sizeof this
    uint64_t file_id; // Names it, for holdall_trash_restore
    int64_t trashed_unix_us; // When it was put there
    int32_t kind; // HOLDALL_FILE or HOLDALL_FOLDER
    char path[4104]; // The path that it had, of up to 4096 bytes
} holdall_trashed;

typedef struct { // A direct link
    size_t size; // sizeof this
    uint64_t id; // Names the link
    uint64_t file_id; // The file that it leads to
    int64_t created_unix_us; // When it was made
    uint64_t pace_bytes_per_s; // How fast a download should go; 0 is unlimited
    uint64_t downloads; // Downloads so far
    char name[256]; // The name in the URL and of the download
} holdall_link;

typedef struct { // A share
    size_t size; // sizeof this
    uint64_t id; // Names the share
    uint64_t drive_id; // The drive that the file is in
    uint64_t file_id; // The file or folder that is shared
    int64_t created_unix_us; // When it was made
    int64_t expires_unix_us; // The first moment at which it lets nobody in; 0 is never
    uint64_t max_downloads; // Downloads allowed in all; 0 is any number
    uint64_t downloads; // Downloads counted so far
    uint64_t views; // Times that it was entered
    bool has_password; // Whether entering takes a password
    bool purchase; // Whether a visitor needs a ticket from the host
} holdall_share;

typedef struct { // A key that signs or verifies URLs. The secret is never shown
    size_t size; // sizeof this
    int64_t created_unix_us; // When it was made
    uint16_t id; // Names the key
    bool signs; // Whether it signs; the others verify
} holdall_key;

// What a URL permits. What is 0 or NULL has the default: 15 minutes, saved under the file's own name and type.
typedef struct {
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_URL_* put together
    uint32_t max_uses; // How many downloads: each by one client, in 24 hours and 4 times its length; 0 is any number
    uint32_t max_requests; // Instead: how many GET requests with content, ranges alike; 0 is any number
    uint64_t lifetime_s; // How long it is valid, from now on: at most the store's limit
    uint64_t window_s; // Rounds the expiry up to such a window, so that the URL is the same within it
    uint64_t pace_bytes_per_s; // Asks the host to send no faster
    const char *name; size_t name_len_bytes; // The name that it is saved under
    const char *media_type; size_t media_type_len_bytes; // The media type that it is served as
    const char *network; size_t network_len_bytes; // Serves only clients of a network, such as "192.0.2.0/24"
    const char *cross_origin; size_t cross_origin_len_bytes; // In place of the store's
} holdall_url_options;

typedef struct { // A text with its length. Its layout never changes
    const char *data; size_t len_bytes; // The text, UTF-8
} holdall_string;

typedef struct { // What is said of an archive. What is 0 or NULL has the default
    size_t size; // sizeof this
    const char *name; size_t name_len_bytes; // The name of the download; "archive.zip" by default
    uint64_t lifetime_s; // How long the archive lives: 15 minutes by default, at most the store's grace
    int32_t utc_offset_min; // What readers that know no other time are ahead of UTC: -1439 to 1439 minutes
} holdall_archive_options;

typedef struct { // An archive
    size_t size; // sizeof this
    uint64_t id; // Names the archive
    uint64_t entries; // Files and folders in it
    uint64_t len_bytes; // Length of the zip
    int64_t created_unix_us; // When it was made
    int64_t expires_unix_us; // When it ends; its content is kept until then
    char name[256]; // The name of the download
} holdall_archive;

// Takes bytes, which live during the call. It answers as a progress callback does.
typedef int32_t (*holdall_sink)(void *context, const void *data, size_t len_bytes);

typedef struct { // On what terms something is shared. What is 0 or NULL has the default: no password, end or limit
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_SHARE_* put together
    const char *password; size_t password_len_bytes; // What a visitor must know
    uint64_t lifetime_s; // Ends the share after a while
    uint64_t max_downloads; // Ends the share after so many downloads, an archive counting as one
} holdall_share_options;

typedef struct { // What to send, with all that a host asks for. What is to be freed is `body`
    size_t size; // sizeof this
    uint32_t status; // The HTTP status
    int32_t kind; // HOLDALL_BODY_*
    uint64_t len_bytes; // The length of the body; for HEAD 0
    const void *data; // The body where it is of HOLDALL_BODY_MEMORY, until `body` is freed; else NULL
    holdall_body *body; // The body, to be freed; NULL for HOLDALL_BODY_NONE
    uint64_t pace_bytes_per_s; // What the URL asks for; 0 is any
    int32_t code; // What the host must know of, such as HOLDALL_IO, with a sentence in `error`; else HOLDALL_OK
    char error[1024]; // For its log
    char headers[8192]; // The headers, Content-Length among them: "Name: value" and CR LF each
} holdall_answer;

// A request for a URL of a store, or a call. Bytes of it that are not UTF-8 are no error but lead nowhere.
typedef struct {
    size_t size; // sizeof this
    const char *method; size_t method_len_bytes; // The method, in upper case
    const char *target; size_t target_len_bytes; // The URL as it came, whole or from its path on
    // All there are. For a URL: Range, If-*, Origin. Names in any case
    const holdall_header *headers; size_t header_count;
    const char *client; size_t client_len_bytes; // Its address, such as "192.0.2.1"; NULL if not known
    const int64_t *now_unix_us; // When the request came; now where it is NULL
} holdall_request;

typedef struct { // What a verified URL permits
    size_t size; // sizeof this
    uint64_t len_bytes; // Length of the content
    uint64_t pace_bytes_per_s; // The speed that the URL asks for; 0 is any
    int32_t disposition; // HOLDALL_ATTACHMENT or HOLDALL_INLINE
    char etag[256]; // The entity tag of a reply, without quotes
    char name[256]; // The name that it is saved under
    char media_type[256]; // The media type of a reply
} holdall_grant;

// How calls are answered. What is 0 or NULL has the default. What tells of times and counts is Cloudreve's.
typedef struct {
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_API_* put together
    uint32_t max_batched_files; // The most URIs of one call: 3,000 by default
    const char *prefix; size_t prefix_len_bytes; // The path that the host has them under, such as "/files"
    const char *site; size_t site_len_bytes; // What URLs begin with, such as "https://files.example"
    const holdall_string *secondary_sites; size_t secondary_site_count; // Others: URLs begin with the one that is asked
    const char *internal_base; size_t internal_base_len_bytes; // What URLs in the host's own network begin with
    const char *cdn_base; size_t cdn_base_len_bytes; // What URLs at a content network begin with
    uint64_t url_life_s; // The longest that a URL lives: 1 hour by default
    uint64_t url_margin_s; // What is left of its life at least when it is handed out: a sixth by default
    uint64_t archive_life_s; // How long an archive lives: 10 minutes by default
    uint64_t max_age_s; // How long caches may keep content: 1 day by default
    // Where the host shows a share, with {uri} for its URI: /s/<id> and /s/<id>/<password> lead there.
    const char *share_page; size_t share_page_len_bytes;
} holdall_api_options;

typedef struct { // Who calls: the host has made sure of it, and nothing else is believed. NULL is nobody known
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_CALLER_* put together
    uint32_t max_links; // Direct links that one call may make: 10 by default, and none for nobody known
    const char *drive; size_t drive_len_bytes; // The name of his own drive; NULL for nobody known
    const char *token; size_t token_len_bytes; // The access token that he showed, for proofs of content
    uint64_t pace_bytes_per_s; // The speed of his downloads; 0 is any
} holdall_caller;

// Fills in the next bytes of a body and how many they are; 0 is the end. It answers as a progress callback does.
typedef int32_t (*holdall_source)(void *context, void *buffer, size_t room_bytes, size_t *read_bytes);

typedef struct { // What a store holds, as it was at one moment
    size_t size; // sizeof this
    uint64_t drives; // Drives
    uint64_t files; // Files in all drives, without folders; those in the trash count
    uint64_t len_bytes; // Bytes of all versions of those files; content that two share counts twice
    uint64_t blobs; // Contents that differ
    uint64_t blob_bytes; // Bytes of those
    uint64_t segments; // Segments
    uint64_t segment_bytes; // Bytes that the segments take, the log among them
    uint64_t dead_bytes; // Bytes of them that a compaction may get back
    uint64_t lsn; // The number of the last group in the log
    int64_t created_unix_us; // When the store was made
    bool exclusive; // Whether this process has the store for itself
    uint64_t grace_s; // How long content outlives its last version, and the most that an archive may live
} holdall_stats;

typedef struct { // How a store is checked. What is 0 or NULL has the default
    size_t size; // sizeof this
    uint32_t flags; // HOLDALL_CHECK_* put together
    holdall_progress progress; void *progress_context; // Is told how far the check is
} holdall_check_options;

typedef struct { // What a check found
    size_t size; // sizeof this
    uint64_t problems; // What is not as it must be; 0 for a sound store
    uint64_t damaged; // The blobs among it whose content is missing or not what was stored
    uint64_t files; // Files, without folders
    uint64_t versions; // Versions
    uint64_t blobs; // Blobs
    uint64_t blob_bytes; // Bytes of those
    uint64_t unread; // Blobs among the problems that could not be read: whether they are sound is not known
} holdall_check_report;

typedef struct { // What a collection or a compaction did; of a compaction the first four and the last three are 0
    size_t size; // sizeof this
    uint64_t blobs; // Blobs that were removed
    uint64_t blob_bytes; // Bytes of those
    uint64_t archives; // Archives that expired, counted by their parts
    uint64_t orphans; // Files of puts that came to nothing
    uint64_t segments; // Segments that were compacted away
    uint64_t segment_bytes; // Bytes that they took
    uint64_t failed; // What could not be removed; the next run tries again
    uint64_t waiting_blobs; // Blobs that wait for the grace, after a collection
    uint64_t waiting_bytes; // Bytes of those
    int64_t next_due_unix_us; // When the first of them may be removed; 0 when none waits
} holdall_gc_report;

typedef struct { // What a repair did
    size_t size; // sizeof this
    uint64_t restored; // Blobs that were damaged and are sound again
    uint64_t damaged; // Blobs that remain damaged: put their content again, from a backup say, and repair once more
    uint64_t problems; // What is not as it must be, those blobs among it; 0 for a sound store
    uint64_t unread; // Blobs that could not be read, as when descriptors are short; nothing about them was changed
    uint64_t reinstated; // Blobs that an earlier repair had set aside and that are sound
} holdall_repair_report;

typedef struct { // What a rebuild found in the log and made rows of
    size_t size; // sizeof this
    uint64_t groups; // Groups of changes
    uint64_t segments; // Segments that were read
    uint64_t unreadable; // Segments that could not be read: nothing of them is in the new rows
    uint64_t files; // Files and folders
    uint64_t versions; // Versions
    uint64_t blobs; // Blobs
    uint64_t lost; // Large blobs that no row speaks of; they are in the directory "lost" now
    uint64_t problems; // Where the new rows do not agree with each other
} holdall_rebuild_report;

// Is told a line of the log: a level and a text with a NUL behind it, valid during the call. It is called on the thread
// that the line is of, perhaps several at once, and must not call this library.
typedef void (*holdall_log)(void *context, int32_t level, const char *text);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Returns a sentence about the last error on the calling thread, for people: lower case, UTF-8, without key or token;
// "" before the first. It is valid until the next call of this library on this thread.
const char *holdall_last_error(void);

uint64_t holdall_last_error_retry_s(void); // Seconds to wait if a limit refused it (429, Retry-After), else 0
const char *holdall_code_name(int32_t code); // "NotFound", say; "Ok" for 0, "Unknown" for none. Valid for ever
uint32_t holdall_code_status(int32_t code); // HTTP status: 404 for HOLDALL_NOT_FOUND, 200 for 0, 500 for none
uint32_t holdall_version_number(void); // The running library's HOLDALL_VERSION. Each 0.x is an interface of its own
const char *holdall_version_text(void); // "0.1.0", say, of the library that runs. Valid for ever

// Fills in what the last call on a handle that failed says, of whatever thread it was: its first argument is the handle
// that it is on. Who has several calls under way gives each a handle of its own. Codes: INVALID_ARGUMENT.
int32_t holdall_handle_error(const void *handle, holdall_error *error);

// Returns another handle to the same thing, to be freed as that is; NULL where there is none.
void *holdall_handle_ref(const void *handle);

uint64_t holdall_handle_count(void); // Handles of all kinds that are not freed: 0 without a leak

// Opens the store in a directory, and makes it where there is none; for reading, where the directory takes no writes.
// The same directory opened twice in a process is one store. The path is of any bytes but NUL.
// Codes: READ; LOCKED when another process has it in a mode that excludes this one; NOT_FOUND when there is none and
// none may be made; INVALID_ARGUMENT for a foreign directory or a bad option; UNSUPPORTED when a later version made it.
int32_t holdall_open(const char *path, size_t path_len_bytes, const holdall_open_options *options,
    holdall_store **store);

// Closes the store for all its handles, with a last checkpoint. Bodies and replies stay whole; every other use is
// INVALID_ARGUMENT from now on. The handles are still to be freed.
// Codes: IO when the checkpoint cannot be written; nothing is lost, and the store is closed.
int32_t holdall_store_close(const holdall_store *store);

// Opens a drive by its name, and makes it where there is none. It keeps its store open. Codes: PATH, WRITE.
int32_t holdall_drive_open(const holdall_store *store, const char *name, size_t name_len_bytes, holdall_drive **drive);

// Opens a drive by its name where there is one. Codes: NOT_FOUND, READ.
int32_t holdall_drive_find(const holdall_store *store, const char *name, size_t name_len_bytes, holdall_drive **drive);

// Fills in what the drive is and holds. Codes: READ; NOT_FOUND when it was deleted.
int32_t holdall_drive_stat(const holdall_drive *drive, holdall_drive_info *info);

// Sets how many versions a file keeps beside those marked; 0 is all. Codes: WRITE; NOT_FOUND when it was deleted.
int32_t holdall_drive_set_max_versions(const holdall_drive *drive, uint32_t max_versions);

// Makes every URL into the drive invalid. Codes: WRITE; NOT_FOUND when it was deleted.
int32_t holdall_drive_revoke(const holdall_drive *drive);

// Puts content that is in memory at a path. A file that is there gets one more version, current from now on; missing
// folders are made. The content is durable when this returns. `version` may be NULL.
// Codes: PATH, WRITE; EXISTS when a folder is there, or anything against HOLDALL_EXPECT_ABSENT; MISMATCH when the
// content or the file is not what was declared; TOO_LARGE past the store's limit; the callback's.
int32_t holdall_put_memory(const holdall_drive *drive, const char *path, size_t path_len_bytes, const void *data,
    size_t data_len_bytes, const holdall_put_options *options, holdall_version *version);

// Puts a file of the system's at a path. Codes: as holdall_put_memory; IO when it cannot be opened or read.
int32_t holdall_put_file(const holdall_drive *drive, const char *path, size_t path_len_bytes, const char *source,
    size_t source_len_bytes, const holdall_put_options *options, holdall_version *version);

// Puts what a descriptor gives, from where it is to its end, as holdall_put_memory does. It may be a pipe or a blocking
// socket, and stays open. Codes: as holdall_put_memory; IO when it cannot be read.
int32_t holdall_put_fd(const holdall_drive *drive, const char *path, size_t path_len_bytes, int32_t fd,
    const holdall_put_options *options, holdall_version *version);

// Puts many contents, together at most 16 MiB, at once: all of them or none, for the price of one sync. The options
// hold for each. The versions come in order on a page; `versions` may be NULL.
// Codes: as holdall_put_memory; TOO_LARGE when the contents together are longer.
int32_t holdall_put_many(const holdall_drive *drive, const holdall_item *items, size_t count,
    const holdall_put_options *options, holdall_page **versions);

// Begins a put whose content comes piece by piece. Of the options the callback is not used. Codes: PATH, READ.
int32_t holdall_writer_open(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    const holdall_put_options *options, holdall_writer **writer);

// Takes the next bytes, all of them.
// Codes: TOO_LARGE past the store's limit; IO when the spool cannot be written; and of every use of a writer:
// INVALID_ARGUMENT after commit or abort, FORKED in a child of the process that began the put.
int32_t holdall_writer_write(holdall_writer *writer, const void *data, size_t data_len_bytes);

// Makes the content a version, durably, and ends the put either way. `version` may be NULL. Codes: as
// holdall_put_memory.
int32_t holdall_writer_commit(holdall_writer *writer, holdall_version *version);

// Ends the put and leaves nothing behind; the handle is still to be freed.
int32_t holdall_writer_abort(holdall_writer *writer);

// Fills in what is at a path, "" being the root. `version` may be NULL; a folder gives it the id 0. Codes: PATH, READ.
int32_t holdall_file_stat(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_file *file,
    holdall_version *version);

// Opens the current content of the file at a path. Codes: PATH, READ.
int32_t holdall_file_open(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_body **body);

// Makes a folder and its parents. `file_id` may be NULL. Codes: PATH, WRITE; EXISTS for a file in the way.
int32_t holdall_folder_make(const holdall_drive *drive, const char *path, size_t path_len_bytes, uint64_t *file_id);

// Lists at most `limit` rows of a folder in byte order of their names, from behind the name `after` on: NULL at first,
// then the last name of the page before. A page shorter than the limit is the last. Codes: PATH, READ.
int32_t holdall_folder_list(const holdall_drive *drive, const char *path, size_t path_len_bytes, const char *after,
    size_t after_len_bytes, size_t limit, holdall_page **rows);

// Shows everything below a folder to a callback, a folder before what is in it. What changes meanwhile is shown or not;
// nothing is held up. Codes: PATH, READ; the callback's.
int32_t holdall_folder_walk(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_walk callback,
    void *context);

// Lists at most `limit` versions of a file, newest first, from before the version `before` on: 0 for the first page,
// the last id of this page for the next. Codes: PATH, READ.
int32_t holdall_file_versions(const holdall_drive *drive, const char *path, size_t path_len_bytes, uint64_t before,
    size_t limit, holdall_page **versions);

// Moves what is at `from` to `to`, and makes missing folders. Flags: HOLDALL_RENAME_REPLACE.
// Codes: PATH, WRITE; EXISTS when something is at `to` that may not or cannot give way.
int32_t holdall_file_rename(const holdall_drive *drive, const char *from, size_t from_len_bytes, const char *to,
    size_t to_len_bytes, uint32_t flags);

// Copies what is at `from` to `to`, sharing content; of a folder a crash may leave a part. Flags: HOLDALL_COPY_ALL.
// `file_id` may be NULL. Codes: PATH, WRITE; EXISTS when something is at `to`.
int32_t holdall_file_copy(const holdall_drive *drive, const char *from, size_t from_len_bytes, const char *to,
    size_t to_len_bytes, uint32_t flags, uint64_t *file_id);

// Deletes what is at a path for good, a folder with everything in it. Codes: PATH, WRITE.
int32_t holdall_file_delete(const holdall_drive *drive, const char *path, size_t path_len_bytes);

// Sets all that the host keeps with a file: together at most 16 KiB. Codes: PATH, WRITE; TOO_LARGE past them.
int32_t holdall_file_set_attributes(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    const holdall_header *attributes, size_t count);

// Lists what the host keeps with a file, in order of the names. Codes: PATH, READ.
int32_t holdall_file_attributes(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    holdall_page **attributes);

// Puts what is at a path in the trash. It is no longer found by its path; links and shares to it rest, and URLs of its
// versions go on until they expire or are revoked. `file_id` may be NULL. Codes: PATH, WRITE.
int32_t holdall_trash_put(const holdall_drive *drive, const char *path, size_t path_len_bytes, uint64_t *file_id);

// Lists at most `limit` of the trash by id, from behind `after`, 0 at first. Codes: READ, NOT_FOUND.
int32_t holdall_trash_list(const holdall_drive *drive, uint64_t after, size_t limit, holdall_page **trashed);

// Takes something out of the trash: to `to`, or if NULL to where it lay. Codes: PATH, WRITE, NOT_FOUND, EXISTS.
int32_t holdall_trash_restore(const holdall_drive *drive, uint64_t file_id, const char *to, size_t to_len_bytes);

// Deletes for good what lies in the trash since before that moment. `count` may be NULL. Codes: WRITE.
int32_t holdall_trash_empty(const holdall_drive *drive, int64_t before_unix_us, uint64_t *count);

// Fills in what a file or folder is, by its id, wherever it lies. Codes: NOT_FOUND, READ.
int32_t holdall_file_find(const holdall_store *store, uint64_t file_id, holdall_file *file);

// Gives the path of a file or folder in its drive. Codes: READ; NOT_FOUND, also for what is in the trash.
int32_t holdall_file_path(const holdall_store *store, uint64_t file_id, holdall_text **path);

// Ends all its URLs. Codes: NOT_FOUND, WRITE; INVALID_ARGUMENT for a folder.
int32_t holdall_file_revoke(const holdall_store *store, uint64_t file_id);

// Fills in what a version is. Codes: VERSION, READ.
int32_t holdall_version_stat(const holdall_store *store, uint64_t version_id, holdall_version *version);

// Opens the content of a version. Codes: VERSION, READ.
int32_t holdall_version_open(const holdall_store *store, uint64_t version_id, holdall_body **body);

// Makes an older version the current one. Nothing is copied. Codes: VERSION, WRITE.
int32_t holdall_version_set_current(const holdall_store *store, uint64_t version_id);

// Removes a version that is not the current one. Codes: VERSION, WRITE; INVALID_ARGUMENT for the current one.
int32_t holdall_version_remove(const holdall_store *store, uint64_t version_id);

// Marks a version to be kept whatever the limit on their number, or, with 0, no longer. Codes: VERSION, WRITE.
int32_t holdall_version_keep(const holdall_store *store, uint64_t version_id, int32_t keep);

int32_t holdall_version_revoke(const holdall_store *store, uint64_t version_id); // Ends its URLs. Codes: VERSION, WRITE
int32_t holdall_body_len(const holdall_body *body, uint64_t *len_bytes); // Tells the exact length

// Fills in the run of bytes that begins at an offset: at least 1 byte, at most `limit`. To go through a body, add the
// length of each segment to the offset until it is the length of the body.
// Codes: INVALID_ARGUMENT at or past the end, or with a limit of 0; READ, and then the transfer must be broken off.
int32_t holdall_body_segment(const holdall_body *body, uint64_t offset_bytes, uint64_t limit_bytes,
    holdall_segment *segment);

// Fills in the run of bytes that begins at an offset as a range of a file, and reads or maps nothing of it. The
// descriptor stands for itself: it is the caller's, who closes it, and it outlives every handle.
// Codes: as holdall_body_segment; IO when the process has no descriptor left.
int32_t holdall_body_file(const holdall_body *body, uint64_t offset_bytes, uint64_t limit_bytes,
    holdall_file_range *range);

// Copies bytes from an offset on, and tells how many: fewer than there is room for only at the end, 0 at or past it.
// Codes: READ; what is in the buffer is then undefined.
int32_t holdall_body_read(const holdall_body *body, uint64_t offset_bytes, void *buffer, size_t buffer_len_bytes,
    size_t *read_bytes);

// Gives the bytes from `start` up to and without `end` as a body. Codes: INVALID_ARGUMENT for what is no range of it.
int32_t holdall_body_slice(const holdall_body *body, uint64_t start_bytes, uint64_t end_bytes, holdall_body **slice);

// Tells how many results are on the page. The functions after this one fill in the result of a number, counted from 0,
// of a page of one kind; the pointers in it live until the page is freed.
// Codes: INVALID_ARGUMENT when there is none of that number, or the page holds something else.
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

// Makes a URL of the file at a path: of what is current when it is used. Codes: PATH; as holdall_url_version.
int32_t holdall_url_at_path(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    const holdall_url_options *options, holdall_text **url);

// Makes a URL of a file by its id, wherever it lies. Codes: as holdall_url_version; NOT_FOUND; GONE when it was
// deleted.
int32_t holdall_url_by_id(const holdall_store *store, uint64_t file_id, const holdall_url_options *options,
    holdall_text **url);

// Makes a URL of an archive, which ends with it at the latest. Codes: as holdall_url_version; NOT_FOUND; EXPIRED.
int32_t holdall_url_archive(const holdall_store *store, uint64_t archive_id, const holdall_url_options *options,
    holdall_text **url);

// Makes a stored zip of what is at the paths: folders with all in them (FOLDER/. without its name). Reads no content.
// Codes: PATH, WRITE; TOO_LARGE past the store's limits; INVALID_ARGUMENT for no path and what is out of range.
int32_t holdall_archive_create(const holdall_drive *drive, const holdall_string *paths, size_t count,
    const holdall_archive_options *options, holdall_archive *archive);

// Makes an archive of chosen versions, each under its file's name. Codes: VERSION; as holdall_archive_create.
int32_t holdall_archive_create_of(const holdall_drive *drive, const uint64_t *version_ids, size_t count,
    const holdall_archive_options *options, holdall_archive *archive);

// Fills in what an archive is. Codes: NOT_FOUND, READ; EXPIRED when its time is over.
int32_t holdall_archive_stat(const holdall_store *store, uint64_t archive_id, holdall_archive *archive);

// Opens the zip of an archive. Codes: as holdall_archive_stat.
int32_t holdall_archive_open(const holdall_store *store, uint64_t archive_id, holdall_body **body);

// Computes the CRC-64/XZ of a whole zip from those of its parts; no content is read. Codes: as holdall_archive_stat.
int32_t holdall_archive_crc64(const holdall_store *store, uint64_t archive_id, uint64_t *crc64);

// Writes an archive compressed into a callback: no length ahead, no resume, and after another code than OK no zip.
// Codes: as holdall_archive_stat; the callback's.
int32_t holdall_archive_write_deflated(const holdall_store *store, uint64_t archive_id, holdall_sink callback,
    void *context);

// Makes every URL of an archive invalid. Codes: NOT_FOUND, WRITE.
int32_t holdall_archive_revoke(const holdall_store *store, uint64_t archive_id);

// Fills in the direct link to the file at a path, and makes it where there is none. It leads to whatever version is
// current when it is used. A pace asks the host to send no faster; 0 is unlimited. Codes: PATH, WRITE.
int32_t holdall_link_create(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    uint64_t pace_bytes_per_s, holdall_link *link);

// Lists the direct links to the file at a path, oldest first. Codes: PATH, READ.
int32_t holdall_link_list(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_page **links);

// Fills in what a direct link is and how often it was used. Codes: NOT_FOUND, WRITE.
int32_t holdall_link_stat(const holdall_store *store, uint64_t link_id, holdall_link *link);

// Gives the URL of a direct link. Codes: NOT_FOUND, WRITE.
int32_t holdall_link_url(const holdall_store *store, uint64_t link_id, holdall_text **url);

int32_t holdall_link_remove(const holdall_store *store, uint64_t link_id); // Deletes the link. Codes: NOT_FOUND, WRITE

// Shares what is at a path. Codes: PATH, WRITE; INVALID_ARGUMENT when the terms can never be right.
int32_t holdall_share_create(const holdall_drive *drive, const char *path, size_t path_len_bytes,
    const holdall_share_options *options, holdall_share *share);

// Lists the shares of what is at a path, oldest first. Codes: PATH, READ.
int32_t holdall_share_list(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_page **shares);

// Makes every URL that was made through a share invalid; the share goes on. Codes: NOT_FOUND, WRITE.
int32_t holdall_share_revoke(const holdall_store *store, uint64_t share_id);

int32_t holdall_share_remove(const holdall_store *store, uint64_t share_id); // Deletes it. Codes: NOT_FOUND, WRITE

// Lets a visitor into a share; NULL is no password. Wrong ones have a limit, of all and of a client's address, which
// may be NULL. Codes: NOT_FOUND, READ; DENIED for a wrong, a missing or too many passwords; EXPIRED, GONE, also later.
int32_t holdall_visit_open(const holdall_store *store, uint64_t share_id, const char *password,
    size_t password_len_bytes, const char *client, size_t client_len_bytes, holdall_visit **visit);

int32_t holdall_visit_share(const holdall_visit *visit, holdall_share *share); // What the share was at the visit

// Fills in what is at a path in the share; "" is what was shared. Codes: PATH, READ; EXPIRED, GONE.
int32_t holdall_visit_stat(const holdall_visit *visit, const char *path, size_t path_len_bytes, holdall_file *file);

// Lists a folder in the share, as holdall_folder_list does. Codes: PATH, READ; EXPIRED, GONE.
int32_t holdall_visit_list(const holdall_visit *visit, const char *path, size_t path_len_bytes, const char *after,
    size_t after_len_bytes, size_t limit, holdall_page **rows);

// Counts a download and makes a URL; it ends with the share. Codes: PATH, WRITE; EXPIRED, GONE; as holdall_url_version.
int32_t holdall_visit_url(const holdall_visit *visit, const char *path, size_t path_len_bytes,
    const holdall_url_options *options, holdall_text **url);

// Counts a download and makes an archive that ends with the share. Codes: as holdall_archive_create; EXPIRED, GONE.
int32_t holdall_visit_archive(const holdall_visit *visit, const holdall_string *paths, size_t count,
    const holdall_archive_options *options, holdall_archive *archive);

// Answers as holdall_serve does, in one call and with one thing to free. The headers of the request are a text of
// lines, "Range: bytes=0-9" say; the client's address may be NULL. What holdall_serve gives as a code is an answer too.
// Codes: INVALID_ARGUMENT.
int32_t holdall_serve_text(const holdall_store *store, const char *method, size_t method_len_bytes, const char *target,
    size_t target_len_bytes, const char *headers, size_t headers_len_bytes, const char *client, size_t client_len_bytes,
    holdall_answer *answer);

// Answers a request for a URL of the store. Whatever is wrong with the request or the URL is a reply too, to be sent
// like any other. Only what the host must know of is a code; holdall_reply_of_code makes replies of them.
// Codes: WRITE; INVALID_ARGUMENT for a client that is no address.
int32_t holdall_serve(const holdall_store *store, const holdall_request *request, holdall_reply **reply);

// Fills in what a URL permits; nothing is counted. Codes: as holdall_serve; DENIED, EXPIRED, NOT_FOUND, GONE.
int32_t holdall_verify(const holdall_store *store, const holdall_request *request, holdall_grant *grant);

// Makes the reply that tells a client of a code, in a short text. Codes: INVALID_ARGUMENT for none, and HOLDALL_OK.
int32_t holdall_reply_of_code(int32_t code, holdall_reply **reply);

int32_t holdall_reply_status(const holdall_reply *reply, uint32_t *status); // Tells the HTTP status

// Gives the headers, Content-Length among them, in the order to send them in; visible ASCII, with a NUL behind each
// text. The array lives until the reply is freed.
int32_t holdall_reply_headers(const holdall_reply *reply, const holdall_header **headers, size_t *count);

// Gives the body, to be freed by itself; it outlives the reply and the store. It is empty for HEAD.
int32_t holdall_reply_body(const holdall_reply *reply, holdall_body **body);

int32_t holdall_reply_pace(const holdall_reply *reply, uint64_t *bytes_per_s); // What the URL asks for; 0 is any

// Makes what answers calls of Cloudreve v4 and PDS. Codes: INVALID_ARGUMENT for an option that can never be right.
int32_t holdall_api_new(const holdall_store *store, const holdall_api_options *options, holdall_api **api);

// Answers a call as holdall_serve answers a URL, and what holdall_api_is_at tells of the URLs that calls gave. The body
// is what is given and, behind it, what `source` gives, which may be NULL: the part of an upload is stored as it comes,
// of JSON 4 MiB are read at most, and what is not wanted is left. Codes: as holdall_serve; the callback's.
int32_t holdall_api_answer(const holdall_api *api, const holdall_caller *who, const holdall_request *request,
    const void *body, size_t body_len_bytes, holdall_source source, void *source_context, holdall_reply **reply);

// Tells whether a target is one of a call; holdall_serve may have an answer to another.
int32_t holdall_api_is_at(const holdall_api *api, const char *target, size_t target_len_bytes, bool *is_at);

// Gives the URI that Cloudreve clients name a share by; "/" and a path in the share follow. Codes: NOT_FOUND, READ.
int32_t holdall_api_share_uri(const holdall_api *api, uint64_t share_id, holdall_text **uri);

// Makes the ticket (X-Cr-Purchase-Ticket) that opens a share which is to be paid for. Codes: NOT_FOUND, READ.
int32_t holdall_api_ticket(const holdall_api *api, uint64_t share_id, uint64_t lifetime_s, holdall_text **ticket);

// Makes a new key that signs from now on; those before go on verifying. `key_id` may be NULL. Codes: WRITE.
int32_t holdall_key_rotate(const holdall_store *store, uint16_t *key_id);

// Adds a key of the host's own, at least 32 bytes, that signs from now on. `key_id` may be NULL. Codes: WRITE, EXISTS.
int32_t holdall_key_add(const holdall_store *store, const void *secret, size_t secret_len_bytes, uint16_t *key_id);

// Removes a key and every URL that it signed. Codes: NOT_FOUND, WRITE; INVALID_ARGUMENT for the one that signs.
int32_t holdall_key_remove(const holdall_store *store, uint16_t key_id);

int32_t holdall_key_list(const holdall_store *store, holdall_page **keys); // Lists the keys. Codes: READ

// Fills in what the store holds, at the price of a row for each drive and each segment. Codes: READ.
int32_t holdall_store_stats(const holdall_store *store, holdall_stats *stats);

// Checks the store while it is in use; nothing is changed. Damage is no error but in the report, and as sentences on
// the page `problems`, which may be NULL. Codes: READ; the callback's.
int32_t holdall_store_check(const holdall_store *store, const holdall_check_options *options,
    holdall_check_report *report, holdall_page **problems);

// Removes what nothing refers to once its grace is over, and compacts, in short steps: for a thread of the host's, now
// and then. What could not be removed is told on the page `failed`, which may be NULL. Codes: WRITE.
int32_t holdall_store_gc(const holdall_store *store, holdall_gc_report *report, holdall_page **failed);

// Sets the grace of the store; a shorter one counts when archives of before are over. 0 is none. Codes: WRITE.
int32_t holdall_store_set_grace(const holdall_store *store, uint64_t grace_s);

// Copies what lives out of segments that are more than half dead, and removes them. `failed`: as before. Codes: WRITE.
int32_t holdall_store_compact(const holdall_store *store, holdall_gc_report *report, holdall_page **failed);

// Copies the store as it is at one moment into a directory, while it is in use; the copy opens as a store. A directory
// of an earlier backup is brought up to date. `copied_bytes` may be NULL.
// Codes: READ; INVALID_ARGUMENT when the directory holds something else; LOCKED when the copy is open; the callback's.
int32_t holdall_store_backup(const holdall_store *store, const char *path, size_t path_len_bytes,
    holdall_progress progress, void *progress_context, uint64_t *copied_bytes);

// Reads all content, and restores what is damaged from a sound copy where the store has one. Nothing is removed. What
// remains is told on the page `problems`, which may be NULL. Codes: WRITE.
int32_t holdall_store_repair(const holdall_store *store, holdall_repair_report *report, holdall_page **problems);

// Makes the rows of the store in a directory anew from its log alone, when holdall_open answers CORRUPT; the old ones
// are kept as "meta.redb.bad". Nobody may have it open. `problems`, which may be NULL, gets what does not agree.
// Codes: READ; NOT_FOUND when there is no store; LOCKED when it is open; UNSUPPORTED when a later version made it.
int32_t holdall_rebuild(const char *path, size_t path_len_bytes, const holdall_open_options *options,
    holdall_rebuild_report *report, holdall_page **problems);

const char *holdall_text_get(const holdall_text *text); // Valid until the text is freed; NULL for no such handle

// These free a handle each. The store closes with the last handle to it and to its drives, writers, visits and apis;
// what goes wrong then is told only to the log, so a host that wants to know calls holdall_store_close before.
int32_t holdall_store_free(holdall_store *store);

int32_t holdall_drive_free(holdall_drive *drive); // A drive
int32_t holdall_writer_free(holdall_writer *writer); // What was not committed leaves nothing behind
int32_t holdall_body_free(holdall_body *body); // A body
int32_t holdall_pin_free(holdall_pin *pin); // The bytes and the file of its segment are no longer to be used
int32_t holdall_page_free(holdall_page *page); // What was read of it by pointers goes too
int32_t holdall_visit_free(holdall_visit *visit); // A visit
int32_t holdall_api_free(holdall_api *api); // An api
int32_t holdall_reply_free(holdall_reply *reply); // Its headers go with it; its body does not
int32_t holdall_text_free(holdall_text *text); // A text

// Sends the log of the whole process, up to a level, to a callback, or with NULL nowhere, as at the start. When this
// returns, another thread may still be in the callback before.
// Codes: INVALID_ARGUMENT for what is no level; UNSUPPORTED when another part of the process has the log of Rust code.
int32_t holdall_log_set(int32_t level, holdall_log callback, void *context);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HOLDALL_H */
