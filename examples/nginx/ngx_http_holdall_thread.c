/*
 * Requests whose answer may write, on a thread of a pool of nginx. A write is durable before its reply begins, and
 * however slow the disk is, the event loop and everybody else in it does not wait for it.
 */
#include "ngx_http_holdall.h"

/* The layout of a token is that of docs/format.md. */
enum {
    TOKEN_VERSION = 1,
    TOKEN_FLAGS_AT = 4, /* the byte of the flags: behind version, key and purpose */
    TOKEN_USES = 1 << 6 /* there is a limit on uses */
};

/* Whether a token says so, genuine or not. What cannot be read is left to the library, which refuses it. */
static ngx_uint_t has_use_limit(const u_char *token, size_t len) {
    u_char bytes[6];
    ngx_str_t head = {8, (u_char *)(uintptr_t)token}, decoded = {0, bytes};

    if (len < head.len || ngx_decode_base64url(&decoded, &head) != NGX_OK || decoded.len != sizeof bytes) return 0;
    return bytes[0] != TOKEN_VERSION || (bytes[TOKEN_FLAGS_AT] & TOKEN_USES) != 0;
}

ngx_uint_t ngx_http_holdall_may_write(const ngx_http_request_t *r, const ngx_http_holdall_store_t *store,
                                      const holdall_request *asked) {
    const u_char *at = (const u_char *)asked->target;
    size_t len = asked->target_len_bytes, base = store->base_path.len;

    /* Only a GET is counted. */
    if (r->method != NGX_HTTP_GET || len < base + 2 || ngx_memcmp(at, store->base_path.data, base) != 0) return 0;
    at += base;
    if (at[1] != '/') return 0;
    /* Downloads by direct links are counted in memory, and all that were, once a second, by one of them. */
    return at[0] == 'f' || (at[0] == 'd' && has_use_limit(at + 2, len - base - 2));
}

#if (NGX_THREADS)

enum {
    LONG_MS = 60000,
    WHY_BYTES = 512 /* what of the library's sentence for an error is logged */
};

/* A line of the library's log. */
typedef struct line_s {
    struct line_s *next;
    ngx_uint_t level;
    char text[];
} line_t;

/* What a thread of the pool has while it works, and the event loop before and after. */
typedef struct {
    ngx_http_request_t *r;
    ngx_http_holdall_ctx_t *ctx;
    const holdall_store *store;
    holdall_reply *reply;
    int32_t code;
    u_char why[WHY_BYTES]; /* the last error, which every thread has its own of */
    line_t *lines;
    line_t **last;
} work_t;

/* What this thread works on. The logs of nginx are the event loop's alone. */
static __thread work_t *current;

ngx_uint_t ngx_http_holdall_take_line(ngx_uint_t level, const char *text) {
    size_t len = ngx_strlen(text);
    line_t *line;

    if (current == NULL) return 0;
    line = malloc(sizeof *line + len + 1);
    if (line == NULL) return 1;
    line->next = NULL;
    line->level = level;
    ngx_memcpy(line->text, text, len + 1);
    *current->last = line;
    current->last = &line->next;
    return 1;
}

/* On a thread of the pool. */
static void ask(void *data, ngx_log_t *log) {
    work_t *work = data;

    (void)log;
    current = work;
    work->code = holdall_serve(work->store, &work->ctx->asked, &work->reply);
    if (work->code != HOLDALL_OK) ngx_cpystrn(work->why, (u_char *)(uintptr_t)holdall_last_error(), WHY_BYTES);
    current = NULL;
}

static void log_lines(work_t *work, ngx_log_t *log) {
    line_t *line;

    while ((line = work->lines) != NULL) {
        work->lines = line->next;
        ngx_log_error(line->level, ngx_cycle->log, 0, "holdall: %s", line->text);
        free(line);
    }
    if (work->code != HOLDALL_OK)
        ngx_log_error(NGX_LOG_ERR, log, 0, "holdall: answering a request: %s: %s", holdall_code_name(work->code),
                      work->why);
}

/* In the event loop again: the work is done, or takes long. */
static void go_on(ngx_event_t *event) {
    ngx_thread_task_t *task = event->data;
    work_t *work = task->ctx;
    ngx_http_request_t *r = work->r;
    ngx_connection_t *c = r->connection;
    ngx_int_t done = NGX_ERROR;

    ngx_http_set_log_request(c->log, r);
    if (!event->complete) {
        ngx_log_error(NGX_LOG_WARN, c->log, 0, "holdall: the store has been writing for a minute");
        event->timedout = 0;
        ngx_add_timer(event, LONG_MS);
        return;
    }
    if (event->timer_set) ngx_del_timer(event);
    r->main->blocked--;
    r->aio = 0;
    work->ctx->reply = work->reply;
    log_lines(work, c->log);
    /* Whoever wanted to end the request meanwhile could not, and left a mark. */
    if (!c->error && !c->timedout && !c->close) done = ngx_http_holdall_answer(r, work->ctx, work->code);
    ngx_http_finalize_request(r, done);
    ngx_http_run_posted_requests(c);
}

ngx_int_t ngx_http_holdall_post(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx, struct ngx_thread_pool_s *pool,
                                const holdall_store *store) {
    ngx_thread_task_t *task = ngx_thread_task_alloc(r->pool, sizeof(work_t));
    work_t *work;

    if (task == NULL) return NGX_ERROR;
    work = task->ctx;
    work->r = r;
    work->ctx = ctx;
    work->store = store;
    work->last = &work->lines;
    task->handler = ask;
    task->event.data = task;
    task->event.handler = go_on;
    task->event.log = r->connection->log;
    if (ngx_thread_task_post(pool, task) != NGX_OK) return NGX_ERROR;
    /* A worker that is to end waits for those who have a timer. */
    ngx_add_timer(&task->event, LONG_MS);
    r->write_event_handler = ngx_http_request_empty_handler;
    r->main->count++;
    r->main->blocked++;
    r->aio = 1;
    return NGX_OK;
}

#else

ngx_uint_t ngx_http_holdall_take_line(ngx_uint_t level, const char *text) {
    (void)level, (void)text;
    return 0;
}

ngx_int_t ngx_http_holdall_post(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx, struct ngx_thread_pool_s *pool,
                                const holdall_store *store) {
    (void)r, (void)ctx, (void)pool, (void)store;
    return NGX_ERROR;
}

#endif
