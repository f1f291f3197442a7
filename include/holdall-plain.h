enum {
    HOLDALL_OK = 0,
    HOLDALL_INVALID_ARGUMENT = 1,
    HOLDALL_NOT_FOUND = 2,
    HOLDALL_EXISTS = 3,
    HOLDALL_DENIED = 4,
    HOLDALL_EXPIRED = 5,
    HOLDALL_RANGE_NOT_SATISFIABLE = 6,
    HOLDALL_MISMATCH = 7,
    HOLDALL_TOO_LARGE = 8,
    HOLDALL_LOCKED = 9,
    HOLDALL_CORRUPT = 10,
    HOLDALL_IO = 11,
    HOLDALL_POISONED = 12,
    HOLDALL_UNSUPPORTED = 13,
    HOLDALL_BUG = 14,
    HOLDALL_GONE = 15,
    HOLDALL_FORKED = 16,
    HOLDALL_READ_ONLY = 17,
    HOLDALL_VERSION_MAJOR = 0,
    HOLDALL_VERSION_MINOR = 1,
    HOLDALL_VERSION_PATCH = 0,
    HOLDALL_OPEN_EXCLUSIVE = 1,
    HOLDALL_OPEN_EXISTING = 2,
    HOLDALL_OPEN_DEDUP_DRIVE = 4,
    HOLDALL_OPEN_NO_MAP = 8,
    HOLDALL_EXPECT_ANY = 0,
    HOLDALL_EXPECT_ABSENT = 1,
    HOLDALL_EXPECT_VERSION = 2,
    HOLDALL_RENAME_REPLACE = 1,
    HOLDALL_COPY_ALL = 1,
    HOLDALL_URL_INLINE = 1,
    HOLDALL_URL_NEVER_EXPIRES = 2,
    HOLDALL_URL_PUBLIC_CACHE = 4,
    HOLDALL_URL_CLOUDREVE = 8,
    HOLDALL_SHARE_PURCHASE = 1,
    HOLDALL_BODY_NONE = 0,
    HOLDALL_BODY_MEMORY = 1,
    HOLDALL_BODY_FILE = 2,
    HOLDALL_BODY_PIECES = 3,
    HOLDALL_ATTACHMENT = 0,
    HOLDALL_INLINE = 1,
    HOLDALL_API_DIRECT = 1,
    HOLDALL_API_DEBUG = 2,
    HOLDALL_API_NO_RAPID = 4,
    HOLDALL_API_RAPID_ACROSS = 8,
    HOLDALL_CALLER_ADMINISTRATOR = 1,
    HOLDALL_CALLER_NO_ARCHIVE = 2,
    HOLDALL_CALLER_NO_SHARES = 4,
    HOLDALL_CALLER_NO_LINKS = 8,
    HOLDALL_CALLER_NEW_LINKS = 16,
    HOLDALL_CALLER_ARCHIVE = 32,
    HOLDALL_CHECK_CONTENT = 1,
    HOLDALL_CHECK_DIGESTS = 2,
    HOLDALL_LOG_ERROR = 1,
    HOLDALL_LOG_WARN = 2,
    HOLDALL_LOG_INFO = 3,
    HOLDALL_LOG_DEBUG = 4,
    HOLDALL_FILE = 1,
    HOLDALL_FOLDER = 2,
};
typedef struct holdall_api holdall_api;
typedef struct holdall_body holdall_body;
typedef struct holdall_drive holdall_drive;
typedef struct holdall_page holdall_page;
typedef struct holdall_pin holdall_pin;
typedef struct holdall_reply holdall_reply;
typedef struct holdall_store holdall_store;
typedef struct holdall_text holdall_text;
typedef struct holdall_visit holdall_visit;
typedef struct holdall_writer holdall_writer;
typedef struct {
size_t size;
int32_t code;
uint64_t retry_after_s;
char text[1024];
} holdall_error;
typedef struct {
size_t size;
uint32_t flags;
const char *base_url; size_t base_url_len_bytes;
uint64_t threshold_bytes;
uint64_t segment_bytes;
uint64_t cache_bytes;
uint64_t max_put_bytes;
uint64_t grace_s;
uint64_t max_lifetime_s;
uint64_t max_archive_entries;
uint64_t max_archive_bytes;
uint64_t lock_timeout_ms;
uint64_t drive_archive_quota_bytes;
uint64_t share_archive_quota_bytes;
uint32_t wrong_passwords_of_client;
uint32_t wrong_passwords_of_all;
const char *cross_origin; size_t cross_origin_len_bytes;
} holdall_open_options;
typedef struct {
size_t size;
uint64_t id;
uint64_t root_id;
uint64_t files;
uint64_t len_bytes;
int64_t created_unix_us;
uint32_t max_versions;
char name[256];
} holdall_drive_info;
typedef int32_t (*holdall_progress)(void *context, uint64_t done_bytes, uint64_t total_bytes);
typedef struct {
size_t size;
int32_t expect;
uint64_t expected_version_id;
const char *media_type; size_t media_type_len_bytes;
const int64_t *modified_unix_us;
const uint64_t *len_bytes;
const uint8_t *sha1;
const uint8_t *blake3;
holdall_progress progress; void *progress_context;
bool executable;
const int64_t *created_unix_us;
} holdall_put_options;
typedef struct {
size_t size;
uint64_t id;
uint64_t file_id;
uint64_t len_bytes;
uint64_t crc64;
int64_t created_unix_us;
int64_t modified_unix_us;
uint32_t crc32;
uint8_t sha1[20];
uint8_t blake3[32];
bool keep;
bool current;
char media_type[256];
bool executable;
} holdall_version;
typedef struct {
const char *path; size_t path_len_bytes;
const void *data; size_t data_len_bytes;
} holdall_item;
typedef struct {
size_t size;
uint64_t id;
uint64_t drive_id;
uint64_t parent_id;
uint64_t version_id;
uint64_t len_bytes;
int64_t created_unix_us;
int64_t modified_unix_us;
int64_t trashed_unix_us;
int32_t kind;
char name[256];
} holdall_file;
typedef struct {
size_t size;
uint64_t file_id;
uint64_t version_id;
uint64_t len_bytes;
int64_t modified_unix_us;
int32_t kind;
uint32_t crc32;
size_t name_len_bytes;
char name[256];
} holdall_row;
typedef int32_t (*holdall_walk)(void *context, const char *path, size_t path_len_bytes, const holdall_row *row);
typedef struct {
const char *name; size_t name_len_bytes;
const char *value; size_t value_len_bytes;
} holdall_header;
typedef struct {
size_t size;
const void *data; size_t len_bytes;
uint64_t offset_bytes;
int32_t fd;
holdall_pin *pin;
} holdall_segment;
typedef struct {
size_t size;
uint64_t offset_bytes;
uint64_t len_bytes;
int32_t fd;
} holdall_file_range;
typedef struct {
size_t size;
uint64_t file_id;
int64_t trashed_unix_us;
int32_t kind;
char path[4104];
} holdall_trashed;
typedef struct {
size_t size;
uint64_t id;
uint64_t file_id;
int64_t created_unix_us;
uint64_t pace_bytes_per_s;
uint64_t downloads;
char name[256];
} holdall_link;
typedef struct {
size_t size;
uint64_t id;
uint64_t drive_id;
uint64_t file_id;
int64_t created_unix_us;
int64_t expires_unix_us;
uint64_t max_downloads;
uint64_t downloads;
uint64_t views;
bool has_password;
bool purchase;
} holdall_share;
typedef struct {
size_t size;
int64_t created_unix_us;
uint16_t id;
bool signs;
} holdall_key;
typedef struct {
size_t size;
uint32_t flags;
uint32_t max_uses;
uint32_t max_requests;
uint64_t lifetime_s;
uint64_t window_s;
uint64_t pace_bytes_per_s;
const char *name; size_t name_len_bytes;
const char *media_type; size_t media_type_len_bytes;
const char *network; size_t network_len_bytes;
const char *cross_origin; size_t cross_origin_len_bytes;
} holdall_url_options;
typedef struct {
const char *data; size_t len_bytes;
} holdall_string;
typedef struct {
size_t size;
const char *name; size_t name_len_bytes;
uint64_t lifetime_s;
int32_t utc_offset_min;
} holdall_archive_options;
typedef struct {
size_t size;
uint64_t id;
uint64_t entries;
uint64_t len_bytes;
int64_t created_unix_us;
int64_t expires_unix_us;
char name[256];
} holdall_archive;
typedef int32_t (*holdall_sink)(void *context, const void *data, size_t len_bytes);
typedef struct {
size_t size;
uint32_t flags;
const char *password; size_t password_len_bytes;
uint64_t lifetime_s;
uint64_t max_downloads;
} holdall_share_options;
typedef struct {
size_t size;
uint32_t status;
int32_t kind;
uint64_t len_bytes;
const void *data;
holdall_body *body;
uint64_t pace_bytes_per_s;
int32_t code;
char error[1024];
char headers[8192];
} holdall_answer;
typedef struct {
size_t size;
const char *method; size_t method_len_bytes;
const char *target; size_t target_len_bytes;
const holdall_header *headers; size_t header_count;
const char *client; size_t client_len_bytes;
const int64_t *now_unix_us;
} holdall_request;
typedef struct {
size_t size;
uint64_t len_bytes;
uint64_t pace_bytes_per_s;
int32_t disposition;
char etag[256];
char name[256];
char media_type[256];
} holdall_grant;
typedef struct {
size_t size;
uint32_t flags;
uint32_t max_batched_files;
const char *prefix; size_t prefix_len_bytes;
const char *site; size_t site_len_bytes;
const holdall_string *secondary_sites; size_t secondary_site_count;
const char *internal_base; size_t internal_base_len_bytes;
const char *cdn_base; size_t cdn_base_len_bytes;
uint64_t url_life_s;
uint64_t url_margin_s;
uint64_t archive_life_s;
uint64_t max_age_s;
const char *share_page; size_t share_page_len_bytes;
} holdall_api_options;
typedef struct {
size_t size;
uint32_t flags;
uint32_t max_links;
const char *drive; size_t drive_len_bytes;
const char *token; size_t token_len_bytes;
uint64_t pace_bytes_per_s;
} holdall_caller;
typedef int32_t (*holdall_source)(void *context, void *buffer, size_t room_bytes, size_t *read_bytes);
typedef struct {
size_t size;
uint64_t drives;
uint64_t files;
uint64_t len_bytes;
uint64_t blobs;
uint64_t blob_bytes;
uint64_t segments;
uint64_t segment_bytes;
uint64_t dead_bytes;
uint64_t lsn;
int64_t created_unix_us;
bool exclusive;
uint64_t grace_s;
} holdall_stats;
typedef struct {
size_t size;
uint32_t flags;
holdall_progress progress; void *progress_context;
} holdall_check_options;
typedef struct {
size_t size;
uint64_t problems;
uint64_t damaged;
uint64_t files;
uint64_t versions;
uint64_t blobs;
uint64_t blob_bytes;
uint64_t unread;
} holdall_check_report;
typedef struct {
size_t size;
uint64_t blobs;
uint64_t blob_bytes;
uint64_t archives;
uint64_t orphans;
uint64_t segments;
uint64_t segment_bytes;
uint64_t failed;
uint64_t waiting_blobs;
uint64_t waiting_bytes;
int64_t next_due_unix_us;
} holdall_gc_report;
typedef struct {
size_t size;
uint64_t restored;
uint64_t damaged;
uint64_t problems;
uint64_t unread;
uint64_t reinstated;
} holdall_repair_report;
typedef struct {
size_t size;
uint64_t groups;
uint64_t segments;
uint64_t unreadable;
uint64_t files;
uint64_t versions;
uint64_t blobs;
uint64_t lost;
uint64_t problems;
} holdall_rebuild_report;
typedef void (*holdall_log)(void *context, int32_t level, const char *text);
const char *holdall_last_error(void);
uint64_t holdall_last_error_retry_s(void);
const char *holdall_code_name(int32_t code);
uint32_t holdall_code_status(int32_t code);
uint32_t holdall_version_number(void);
const char *holdall_version_text(void);
int32_t holdall_handle_error(const void *handle, holdall_error *error);
void *holdall_handle_ref(const void *handle);
uint64_t holdall_handle_count(void);
int32_t holdall_open(const char *path, size_t path_len_bytes, const holdall_open_options *options, holdall_store **store);
int32_t holdall_store_close(const holdall_store *store);
int32_t holdall_drive_open(const holdall_store *store, const char *name, size_t name_len_bytes, holdall_drive **drive);
int32_t holdall_drive_find(const holdall_store *store, const char *name, size_t name_len_bytes, holdall_drive **drive);
int32_t holdall_drive_stat(const holdall_drive *drive, holdall_drive_info *info);
int32_t holdall_drive_set_max_versions(const holdall_drive *drive, uint32_t max_versions);
int32_t holdall_drive_revoke(const holdall_drive *drive);
int32_t holdall_put_memory(const holdall_drive *drive, const char *path, size_t path_len_bytes, const void *data, size_t data_len_bytes, const holdall_put_options *options, holdall_version *version);
int32_t holdall_put_file(const holdall_drive *drive, const char *path, size_t path_len_bytes, const char *source, size_t source_len_bytes, const holdall_put_options *options, holdall_version *version);
int32_t holdall_put_fd(const holdall_drive *drive, const char *path, size_t path_len_bytes, int32_t fd, const holdall_put_options *options, holdall_version *version);
int32_t holdall_put_many(const holdall_drive *drive, const holdall_item *items, size_t count, const holdall_put_options *options, holdall_page **versions);
int32_t holdall_writer_open(const holdall_drive *drive, const char *path, size_t path_len_bytes, const holdall_put_options *options, holdall_writer **writer);
int32_t holdall_writer_write(holdall_writer *writer, const void *data, size_t data_len_bytes);
int32_t holdall_writer_commit(holdall_writer *writer, holdall_version *version);
int32_t holdall_writer_abort(holdall_writer *writer);
int32_t holdall_file_stat(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_file *file, holdall_version *version);
int32_t holdall_file_open(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_body **body);
int32_t holdall_folder_make(const holdall_drive *drive, const char *path, size_t path_len_bytes, uint64_t *file_id);
int32_t holdall_folder_list(const holdall_drive *drive, const char *path, size_t path_len_bytes, const char *after, size_t after_len_bytes, size_t limit, holdall_page **rows);
int32_t holdall_folder_walk(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_walk callback, void *context);
int32_t holdall_file_versions(const holdall_drive *drive, const char *path, size_t path_len_bytes, uint64_t before, size_t limit, holdall_page **versions);
int32_t holdall_file_rename(const holdall_drive *drive, const char *from, size_t from_len_bytes, const char *to, size_t to_len_bytes, uint32_t flags);
int32_t holdall_file_copy(const holdall_drive *drive, const char *from, size_t from_len_bytes, const char *to, size_t to_len_bytes, uint32_t flags, uint64_t *file_id);
int32_t holdall_file_delete(const holdall_drive *drive, const char *path, size_t path_len_bytes);
int32_t holdall_file_set_attributes(const holdall_drive *drive, const char *path, size_t path_len_bytes, const holdall_header *attributes, size_t count);
int32_t holdall_file_attributes(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_page **attributes);
int32_t holdall_file_find_by_attribute(const holdall_drive *drive, const char *path, size_t path_len_bytes, const holdall_header *attribute, holdall_walk callback, void *context);
int32_t holdall_trash_put(const holdall_drive *drive, const char *path, size_t path_len_bytes, uint64_t *file_id);
int32_t holdall_trash_list(const holdall_drive *drive, uint64_t after, size_t limit, holdall_page **trashed);
int32_t holdall_trash_restore(const holdall_drive *drive, uint64_t file_id, const char *to, size_t to_len_bytes);
int32_t holdall_trash_empty(const holdall_drive *drive, int64_t before_unix_us, uint64_t *count);
int32_t holdall_file_find(const holdall_store *store, uint64_t file_id, holdall_file *file);
int32_t holdall_file_path(const holdall_store *store, uint64_t file_id, holdall_text **path);
int32_t holdall_file_revoke(const holdall_store *store, uint64_t file_id);
int32_t holdall_version_stat(const holdall_store *store, uint64_t version_id, holdall_version *version);
int32_t holdall_version_open(const holdall_store *store, uint64_t version_id, holdall_body **body);
int32_t holdall_version_set_current(const holdall_store *store, uint64_t version_id);
int32_t holdall_version_remove(const holdall_store *store, uint64_t version_id);
int32_t holdall_version_keep(const holdall_store *store, uint64_t version_id, int32_t keep);
int32_t holdall_version_revoke(const holdall_store *store, uint64_t version_id);
int32_t holdall_body_len(const holdall_body *body, uint64_t *len_bytes);
int32_t holdall_body_segment(const holdall_body *body, uint64_t offset_bytes, uint64_t limit_bytes, holdall_segment *segment);
int32_t holdall_body_file(const holdall_body *body, uint64_t offset_bytes, uint64_t limit_bytes, holdall_file_range *range);
int32_t holdall_body_read(const holdall_body *body, uint64_t offset_bytes, void *buffer, size_t buffer_len_bytes, size_t *read_bytes);
int32_t holdall_body_slice(const holdall_body *body, uint64_t start_bytes, uint64_t end_bytes, holdall_body **slice);
int32_t holdall_page_count(const holdall_page *page, size_t *count);
int32_t holdall_page_row(const holdall_page *page, size_t index, holdall_row *row);
int32_t holdall_page_version(const holdall_page *page, size_t index, holdall_version *version);
int32_t holdall_page_trashed(const holdall_page *page, size_t index, holdall_trashed *trashed);
int32_t holdall_page_link(const holdall_page *page, size_t index, holdall_link *link);
int32_t holdall_page_share(const holdall_page *page, size_t index, holdall_share *share);
int32_t holdall_page_key(const holdall_page *page, size_t index, holdall_key *key);
int32_t holdall_page_attribute(const holdall_page *page, size_t index, holdall_header *attribute);
int32_t holdall_page_sentence(const holdall_page *page, size_t index, const char **sentence);
int32_t holdall_url_version(const holdall_store *store, uint64_t version_id, const holdall_url_options *options, holdall_text **url);
int32_t holdall_url_at_path(const holdall_drive *drive, const char *path, size_t path_len_bytes, const holdall_url_options *options, holdall_text **url);
int32_t holdall_url_by_id(const holdall_store *store, uint64_t file_id, const holdall_url_options *options, holdall_text **url);
int32_t holdall_url_archive(const holdall_store *store, uint64_t archive_id, const holdall_url_options *options, holdall_text **url);
int32_t holdall_archive_create(const holdall_drive *drive, const holdall_string *paths, size_t count, const holdall_archive_options *options, holdall_archive *archive);
int32_t holdall_archive_create_of(const holdall_drive *drive, const uint64_t *version_ids, size_t count, const holdall_archive_options *options, holdall_archive *archive);
int32_t holdall_archive_stat(const holdall_store *store, uint64_t archive_id, holdall_archive *archive);
int32_t holdall_archive_open(const holdall_store *store, uint64_t archive_id, holdall_body **body);
int32_t holdall_archive_crc64(const holdall_store *store, uint64_t archive_id, uint64_t *crc64);
int32_t holdall_archive_write_deflated(const holdall_store *store, uint64_t archive_id, holdall_sink callback, void *context);
int32_t holdall_archive_revoke(const holdall_store *store, uint64_t archive_id);
int32_t holdall_link_create(const holdall_drive *drive, const char *path, size_t path_len_bytes, uint64_t pace_bytes_per_s, holdall_link *link);
int32_t holdall_link_list(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_page **links);
int32_t holdall_link_stat(const holdall_store *store, uint64_t link_id, holdall_link *link);
int32_t holdall_link_url(const holdall_store *store, uint64_t link_id, holdall_text **url);
int32_t holdall_link_remove(const holdall_store *store, uint64_t link_id);
int32_t holdall_share_create(const holdall_drive *drive, const char *path, size_t path_len_bytes, const holdall_share_options *options, holdall_share *share);
int32_t holdall_share_list(const holdall_drive *drive, const char *path, size_t path_len_bytes, holdall_page **shares);
int32_t holdall_share_revoke(const holdall_store *store, uint64_t share_id);
int32_t holdall_share_remove(const holdall_store *store, uint64_t share_id);
int32_t holdall_visit_open(const holdall_store *store, uint64_t share_id, const char *password, size_t password_len_bytes, const char *client, size_t client_len_bytes, holdall_visit **visit);
int32_t holdall_visit_share(const holdall_visit *visit, holdall_share *share);
int32_t holdall_visit_stat(const holdall_visit *visit, const char *path, size_t path_len_bytes, holdall_file *file);
int32_t holdall_visit_list(const holdall_visit *visit, const char *path, size_t path_len_bytes, const char *after, size_t after_len_bytes, size_t limit, holdall_page **rows);
int32_t holdall_visit_url(const holdall_visit *visit, const char *path, size_t path_len_bytes, const holdall_url_options *options, holdall_text **url);
int32_t holdall_visit_archive(const holdall_visit *visit, const holdall_string *paths, size_t count, const holdall_archive_options *options, holdall_archive *archive);
int32_t holdall_serve_text(const holdall_store *store, const char *method, size_t method_len_bytes, const char *target, size_t target_len_bytes, const char *headers, size_t headers_len_bytes, const char *client, size_t client_len_bytes, holdall_answer *answer);
int32_t holdall_serve(const holdall_store *store, const holdall_request *request, holdall_reply **reply);
int32_t holdall_verify(const holdall_store *store, const holdall_request *request, holdall_grant *grant);
int32_t holdall_reply_of_code(int32_t code, holdall_reply **reply);
int32_t holdall_reply_status(const holdall_reply *reply, uint32_t *status);
int32_t holdall_reply_headers(const holdall_reply *reply, const holdall_header **headers, size_t *count);
int32_t holdall_reply_body(const holdall_reply *reply, holdall_body **body);
int32_t holdall_reply_pace(const holdall_reply *reply, uint64_t *bytes_per_s);
int32_t holdall_api_new(const holdall_store *store, const holdall_api_options *options, holdall_api **api);
int32_t holdall_api_answer(const holdall_api *api, const holdall_caller *who, const holdall_request *request, const void *body, size_t body_len_bytes, holdall_source source, void *source_context, holdall_reply **reply);
int32_t holdall_api_is_at(const holdall_api *api, const char *target, size_t target_len_bytes, bool *is_at);
int32_t holdall_api_share_uri(const holdall_api *api, uint64_t share_id, holdall_text **uri);
int32_t holdall_api_ticket(const holdall_api *api, uint64_t share_id, uint64_t lifetime_s, holdall_text **ticket);
int32_t holdall_key_rotate(const holdall_store *store, uint16_t *key_id);
int32_t holdall_key_add(const holdall_store *store, const void *secret, size_t secret_len_bytes, uint16_t *key_id);
int32_t holdall_key_remove(const holdall_store *store, uint16_t key_id);
int32_t holdall_key_list(const holdall_store *store, holdall_page **keys);
int32_t holdall_store_stats(const holdall_store *store, holdall_stats *stats);
int32_t holdall_store_check(const holdall_store *store, const holdall_check_options *options, holdall_check_report *report, holdall_page **problems);
int32_t holdall_store_gc(const holdall_store *store, holdall_gc_report *report, holdall_page **failed);
int32_t holdall_store_set_grace(const holdall_store *store, uint64_t grace_s);
int32_t holdall_store_compact(const holdall_store *store, holdall_gc_report *report, holdall_page **failed);
int32_t holdall_store_backup(const holdall_store *store, const char *path, size_t path_len_bytes, holdall_progress progress, void *progress_context, uint64_t *copied_bytes);
int32_t holdall_store_repair(const holdall_store *store, holdall_repair_report *report, holdall_page **problems);
int32_t holdall_rebuild(const char *path, size_t path_len_bytes, const holdall_open_options *options, holdall_rebuild_report *report, holdall_page **problems);
const char *holdall_text_get(const holdall_text *text);
int32_t holdall_store_free(holdall_store *store);
int32_t holdall_drive_free(holdall_drive *drive);
int32_t holdall_writer_free(holdall_writer *writer);
int32_t holdall_body_free(holdall_body *body);
int32_t holdall_pin_free(holdall_pin *pin);
int32_t holdall_page_free(holdall_page *page);
int32_t holdall_visit_free(holdall_visit *visit);
int32_t holdall_api_free(holdall_api *api);
int32_t holdall_reply_free(holdall_reply *reply);
int32_t holdall_text_free(holdall_text *text);
int32_t holdall_log_set(int32_t level, holdall_log callback, void *context);
