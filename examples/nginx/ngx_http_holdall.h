/*
 * The module in four parts: the configuration and the stores, a request and its reply, the thread that a request
 * waits for, a body on its way out.
 */
#ifndef NGX_HTTP_HOLDALL_H
#define NGX_HTTP_HOLDALL_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <holdall.h>

/* A store that the configuration names; each worker opens it for itself. */
typedef struct {
    ngx_str_t path;
    ngx_str_t base_url;
    ngx_str_t base_path; /* the path of base_url */
    off_t cache;
    holdall_store *handle; /* NULL until it is open */
} ngx_http_holdall_store_t;

typedef struct {
    ngx_http_holdall_store_t *store; /* NULL where there is no directive */
    struct ngx_thread_pool_s *pool;  /* NULL where everything is answered in the event loop */
} ngx_http_holdall_loc_conf_t;

/* What is held for a request until its pool is destroyed. */
typedef struct {
    holdall_request asked;
    holdall_reply *reply;
    holdall_body *body;
    uint64_t at;  /* the offset in the body of what is handed to nginx next */
    uint64_t len; /* of the body */
    ngx_chain_t *free;
    ngx_chain_t *busy; /* what nginx has and has not sent yet */
} ngx_http_holdall_ctx_t;

extern ngx_module_t ngx_http_holdall_module;

/* Returns the store, opening it where that failed before; NULL with a code when it cannot be opened. */
holdall_store *ngx_http_holdall_open(ngx_http_holdall_store_t *store, ngx_log_t *log, int32_t *code);

/* Tells the log of the last error of the library. */
void ngx_http_holdall_log_error(ngx_log_t *log, const char *doing, int32_t code);

/* The content handler. */
ngx_int_t ngx_http_holdall_handler(ngx_http_request_t *r);

/* Sends the reply that the library gave, or one that tells of its code. The request is to be finalized with what
 * this returns. */
ngx_int_t ngx_http_holdall_answer(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx, int32_t code);

/* Whether the library may have to write before it answers: it counts what has a limit, and direct links. */
ngx_uint_t ngx_http_holdall_may_write(const ngx_http_request_t *r, const ngx_http_holdall_store_t *store,
                                      const holdall_request *asked);

/* Lets a thread of the pool ask the library; then the reply is sent and the request finalized. */
ngx_int_t ngx_http_holdall_post(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx, struct ngx_thread_pool_s *pool,
                                const holdall_store *store);

/* Takes a line of the library's log that came on a thread of the pool, for the event loop to write it. */
ngx_uint_t ngx_http_holdall_take_line(ngx_uint_t level, const char *text);

/* Makes the buffers of the next step; none are busy. A code when the content cannot be read. */
int32_t ngx_http_holdall_fill(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx);

/* Sends the buffers of the first step, and what follows them for as long as that takes. */
ngx_int_t ngx_http_holdall_send(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx);

/* Frees what a request holds. */
void ngx_http_holdall_cleanup(void *data);

#endif
