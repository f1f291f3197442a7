/*
 * A request, and the reply of the library in nginx's terms. Ranges, conditions and entity tags are settled by
 * then, so the filters of nginx that would do the same are kept away.
 */
#include "ngx_http_holdall.h"

static ngx_int_t is_called(const ngx_table_elt_t *header, const char *name, size_t len) {
    return header->key.len == len && ngx_memcmp(header->lowcase_key, name, len) == 0;
}

/* Whether the library looks at a header: at Range, at all that begin with If-, and at what pages of other
 * origins send. */
static ngx_int_t matters(const ngx_table_elt_t *header) {
    return is_called(header, HOLDALL_STR("range")) || is_called(header, HOLDALL_STR("origin")) ||
           is_called(header, HOLDALL_STR("access-control-request-method")) ||
           (header->key.len > 3 && ngx_memcmp(header->lowcase_key, "if-", 3) == 0);
}

/* Collects the headers that matter. What a page includes is included whole: the ranges and conditions are of the
 * page, and a part of it or a 304 has no place in another. */
static ngx_int_t collect_headers(ngx_http_request_t *r, ngx_array_t *found) {
    ngx_list_part_t *part = &r->headers_in.headers.part;
    ngx_table_elt_t *header = part->elts;
    holdall_header *out;
    ngx_uint_t at;

    if (r != r->main) return NGX_OK;
    for (at = 0;; at++) {
        if (at >= part->nelts) {
            if (part->next == NULL) return NGX_OK;
            part = part->next;
            header = part->elts;
            at = 0;
        }
        if (!matters(&header[at])) continue;
        out = ngx_array_push(found);
        if (out == NULL) return NGX_ERROR;
        out->name = (const char *)header[at].key.data;
        out->name_len_bytes = header[at].key.len;
        out->value = (const char *)header[at].value.data;
        out->value_len_bytes = header[at].value.len;
    }
}

/* The target as the client sent it, or, where nginx was sent elsewhere (a rewrite, X-Accel-Redirect),
 * that one. */
static ngx_int_t target_of(ngx_http_request_t *r, ngx_str_t *target) {
    uintptr_t escapes;
    u_char *end;

    if (r->valid_unparsed_uri) {
        *target = r->unparsed_uri;
        return NGX_OK;
    }
    escapes = 2 * ngx_escape_uri(NULL, r->uri.data, r->uri.len, NGX_ESCAPE_URI);
    target->data = ngx_pnalloc(r->pool, r->uri.len + escapes + 1 + r->args.len);
    if (target->data == NULL) return NGX_ERROR;
    end = (u_char *)ngx_escape_uri(target->data, r->uri.data, r->uri.len, NGX_ESCAPE_URI);
    if (r->args.len > 0) {
        *end++ = '?';
        end = ngx_cpymem(end, r->args.data, r->args.len);
    }
    target->len = end - target->data;
    return NGX_OK;
}

/* Says what is asked of the library; all that it points to lives as long as the request. */
static ngx_int_t describe(ngx_http_request_t *r, holdall_request *asked) {
    ngx_array_t headers;
    ngx_str_t target;

    if (ngx_array_init(&headers, r->pool, 4, sizeof(holdall_header)) != NGX_OK ||
        collect_headers(r, &headers) != NGX_OK || target_of(r, &target) != NGX_OK)
        return NGX_ERROR;
    asked->size = sizeof *asked;
    asked->method = (const char *)r->method_name.data;
    asked->method_len_bytes = r->method_name.len;
    asked->target = (const char *)target.data;
    asked->target_len_bytes = target.len;
    asked->headers = headers.elts;
    asked->header_count = headers.nelts;
    if (r->connection->sockaddr->sa_family != AF_UNIX) {
        asked->client = (const char *)r->connection->addr_text.data;
        asked->client_len_bytes = r->connection->addr_text.len;
    }
    return NGX_OK;
}

#define IS(header, literal)                              \
    ((header)->name_len_bytes == sizeof(literal) - 1 && \
     ngx_strncasecmp((u_char *)(header)->name, (u_char *)(literal), sizeof(literal) - 1) == 0)

/* Takes over one header. Its text lives as long as the request. */
static ngx_int_t take_header(ngx_http_request_t *r, const holdall_header *header) {
    ngx_http_headers_out_t *out = &r->headers_out;
    ngx_table_elt_t *taken;
    u_char *end;

    if (IS(header, "Content-Length")) {
        out->content_length_n = ngx_atoof((u_char *)header->value, header->value_len_bytes);
        return out->content_length_n == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }
    if (IS(header, "Content-Type")) {
        out->content_type.data = (u_char *)header->value;
        out->content_type.len = header->value_len_bytes;
        end = ngx_strlchr(out->content_type.data, out->content_type.data + out->content_type.len, ';');
        out->content_type_len = end == NULL ? out->content_type.len : (size_t)(end - out->content_type.data);
        return NGX_OK;
    }
    taken = ngx_list_push(&out->headers);
    if (taken == NULL) return NGX_ERROR;
    ngx_memzero(taken, sizeof *taken);
    taken->hash = 1;
    taken->key.data = (u_char *)header->name;
    taken->key.len = header->name_len_bytes;
    taken->value.data = (u_char *)header->value;
    taken->value.len = header->value_len_bytes;
    if (IS(header, "ETag")) out->etag = taken;
    if (IS(header, "Last-Modified")) out->last_modified = taken;
    if (IS(header, "Accept-Ranges")) out->accept_ranges = taken;
    if (IS(header, "Content-Range")) out->content_range = taken;
    return NGX_OK;
}

/* Keeps nginx's filters away: what has an encoding is not compressed again. This one is not sent. */
static ngx_int_t keep_as_it_is(ngx_http_request_t *r) {
    ngx_table_elt_t *encoding = ngx_pcalloc(r->pool, sizeof *encoding);
    if (encoding == NULL) return NGX_ERROR;
    ngx_str_set(&encoding->key, "Content-Encoding");
    ngx_str_set(&encoding->value, "identity");
    r->headers_out.content_encoding = encoding;
    r->disable_not_modified = 1;
    r->allow_ranges = 0;
    return NGX_OK;
}

/* Keeps to the slower of the URL's pace and the configured rate. */
static void set_pace(ngx_http_request_t *r, uint64_t pace) {
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    size_t rate = ngx_http_complex_value_size(r, core->limit_rate, 0);

    if (pace == 0) return;
    r->limit_rate = rate > 0 && rate < pace ? rate : (size_t)pace;
    r->limit_rate_set = 1;
}

/* Takes over status, headers, pace and body. */
static ngx_int_t take_reply(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx) {
    const holdall_header *headers = NULL;
    uint32_t status = 500;
    uint64_t pace = 0;
    size_t count = 0, at;

    if (holdall_reply_status(ctx->reply, &status) != HOLDALL_OK ||
        holdall_reply_headers(ctx->reply, &headers, &count) != HOLDALL_OK ||
        holdall_reply_pace(ctx->reply, &pace) != HOLDALL_OK ||
        holdall_reply_body(ctx->reply, &ctx->body) != HOLDALL_OK ||
        holdall_body_len(ctx->body, &ctx->len) != HOLDALL_OK)
        return NGX_ERROR;
    r->headers_out.status = status;
    for (at = 0; at < count; at++)
        if (take_header(r, &headers[at]) != NGX_OK) return NGX_ERROR;
    set_pace(r, pace);
    return keep_as_it_is(r);
}

/* Forgets the reply for one that tells of an error. Nothing was sent yet. */
static ngx_int_t reply_of_code(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx, int32_t code) {
    ngx_http_holdall_cleanup(ctx);
    ngx_memzero(ctx, sizeof *ctx);
    ngx_http_clean_header(r);
    if (holdall_reply_of_code(code, &ctx->reply) != HOLDALL_OK) return NGX_ERROR;
    return take_reply(r, ctx);
}

ngx_int_t ngx_http_holdall_answer(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx, int32_t code) {
    ngx_int_t done;

    if (code == HOLDALL_OK) {
        if (take_reply(r, ctx) != NGX_OK) return NGX_HTTP_INTERNAL_SERVER_ERROR;
        /* What cannot be read is known before the first header. */
        code = ngx_http_holdall_fill(r, ctx);
        if (code != HOLDALL_OK) ngx_http_holdall_log_error(r->connection->log, "answering a request", code);
    }
    if (code != HOLDALL_OK &&
        (reply_of_code(r, ctx, code) != NGX_OK || ngx_http_holdall_fill(r, ctx) != HOLDALL_OK))
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    done = ngx_http_send_header(r);
    if (done == NGX_ERROR || done > NGX_OK || r->header_only) return done;
    return ngx_http_holdall_send(r, ctx);
}

ngx_int_t ngx_http_holdall_handler(ngx_http_request_t *r) {
    ngx_http_holdall_loc_conf_t *own = ngx_http_get_module_loc_conf(r, ngx_http_holdall_module);
    ngx_http_holdall_ctx_t *ctx;
    ngx_pool_cleanup_t *cleanup;
    holdall_store *store;
    ngx_int_t done = ngx_http_discard_request_body(r);
    int32_t code;

    if (done != NGX_OK) return done;
    if (own->store == NULL) return NGX_HTTP_NOT_FOUND;
    cleanup = ngx_pool_cleanup_add(r->pool, sizeof *ctx);
    if (cleanup == NULL) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ctx = cleanup->data;
    ngx_memzero(ctx, sizeof *ctx);
    cleanup->handler = ngx_http_holdall_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_holdall_module);
    if (describe(r, &ctx->asked) != NGX_OK) return NGX_HTTP_INTERNAL_SERVER_ERROR;

    store = ngx_http_holdall_open(own->store, r->connection->log, &code);
    if (code != HOLDALL_OK) return ngx_http_holdall_answer(r, ctx, code);
    if (own->pool != NULL && ngx_http_holdall_may_write(r, own->store, &ctx->asked)) {
        if (ngx_http_holdall_post(r, ctx, own->pool, store) == NGX_OK) return NGX_DONE;
        /* The queue of the pool is full. To write here would make everybody wait. */
        return ngx_http_holdall_answer(r, ctx, HOLDALL_LOCKED);
    }
    code = holdall_serve(store, &ctx->asked, &ctx->reply);
    if (code != HOLDALL_OK) ngx_http_holdall_log_error(r->connection->log, "answering a request", code);
    return ngx_http_holdall_answer(r, ctx, code);
}
