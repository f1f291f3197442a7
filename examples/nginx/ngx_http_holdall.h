/*
 * The module in three parts: the configuration and the stores, a request and its reply, a body on its way out.
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
    off_t cache;
    holdall_store *handle; /* NULL until it is open */
} ngx_http_holdall_store_t;

typedef struct {
    ngx_http_holdall_store_t *store; /* NULL where there is no directive */
} ngx_http_holdall_loc_conf_t;

/* What is held for a request until its pool is destroyed. */
typedef struct {
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

/* Makes the buffers of the next step; none are busy. A code when the content cannot be read. */
int32_t ngx_http_holdall_fill(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx);

/* Sends the buffers of the first step, and what follows them for as long as that takes. */
ngx_int_t ngx_http_holdall_send(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx);

/* Frees what a request holds. */
void ngx_http_holdall_cleanup(void *data);

#endif
