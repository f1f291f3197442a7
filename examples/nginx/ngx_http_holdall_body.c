/*
 * A body on its way out, in steps: an archive of a million members never has more than a few buffers.
 *
 * A long run of a file goes out by sendfile, a short one from the map together with what stands around it, by
 * writev.
 */
#include "ngx_http_holdall.h"

enum {
    STEP_BYTES = 2 << 20, /* what one step hands to nginx at most: the default of sendfile_max_chunk */
    STEP_PIECES = 64,     /* buffers of one step: what one writev of nginx takes */
    SENDFILE_BYTES = 16 << 10,
    ROOM_BYTES = 64 << 10 /* with less room than this a step is full */
};

/* A buffer, and what keeps its bytes where they are. */
typedef struct {
    ngx_buf_t buf; /* first, so that a pointer to it is one to the piece */
    ngx_file_t file;
    holdall_pin *pin;
} piece_t;

static void write_more(ngx_http_request_t *r);

void ngx_http_holdall_cleanup(void *data) {
    ngx_http_holdall_ctx_t *ctx = data;
    ngx_chain_t *link;

    for (link = ctx->busy; link != NULL; link = link->next) holdall_pin_free(((piece_t *)link->buf)->pin);
    ctx->busy = NULL;
    holdall_body_free(ctx->body);
    ctx->body = NULL;
    holdall_reply_free(ctx->reply);
    ctx->reply = NULL;
}

/* Takes a piece that was sent, or makes one. */
static ngx_chain_t *blank_piece(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx) {
    ngx_chain_t *link = ctx->free;
    piece_t *piece;

    if (link != NULL) {
        ctx->free = link->next;
        piece = (piece_t *)link->buf;
    } else {
        link = ngx_alloc_chain_link(r->pool);
        piece = ngx_palloc(r->pool, sizeof *piece);
        if (link == NULL || piece == NULL) return NULL;
        link->buf = &piece->buf;
    }
    ngx_memzero(piece, sizeof *piece);
    link->next = NULL;
    return link;
}

/* Ends a run of a file at a page where it can, so that the next step begins with a whole one. */
static void end_at_page(holdall_segment *segment) {
    uint64_t over = (segment->offset_bytes + segment->len_bytes) % ngx_pagesize;
    if (segment->fd >= 0 && segment->len_bytes >= SENDFILE_BYTES) segment->len_bytes -= over;
}

/* Describes a segment to nginx. */
static void set_piece(ngx_http_request_t *r, piece_t *piece, const holdall_segment *segment) {
    ngx_buf_t *buf = &piece->buf;

    piece->pin = segment->pin;
    buf->tag = (ngx_buf_tag_t)&ngx_http_holdall_module;
    if (segment->fd < 0 || segment->len_bytes < SENDFILE_BYTES) {
        buf->memory = 1;
        buf->start = buf->pos = (u_char *)(uintptr_t)segment->data;
        buf->end = buf->last = buf->pos + segment->len_bytes;
        return;
    }
    piece->file.fd = segment->fd;
    piece->file.log = r->connection->log;
    ngx_str_set(&piece->file.name, "a file of the store");
    buf->in_file = 1;
    buf->file = &piece->file;
    buf->file_pos = (off_t)segment->offset_bytes;
    buf->file_last = buf->file_pos + (off_t)segment->len_bytes;
}

/* The pieces are busy from now on, so that the cleanup finds them whatever happens. */
int32_t ngx_http_holdall_fill(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx) {
    ngx_chain_t **place = &ctx->busy, *link = NULL;
    uint64_t room = STEP_BYTES;
    holdall_segment segment;
    ngx_uint_t count;
    int32_t code;

    for (count = 0; count < STEP_PIECES && room >= ROOM_BYTES && ctx->at < ctx->len; count++) {
        link = blank_piece(r, ctx);
        if (link == NULL) return HOLDALL_IO;
        segment.size = sizeof segment;
        code = holdall_body_segment(ctx->body, ctx->at, room, &segment);
        if (code != HOLDALL_OK) {
            link->next = ctx->free;
            ctx->free = link;
            return code;
        }
        /* There was no room for the rest of it. */
        if (segment.len_bytes == room) end_at_page(&segment);
        set_piece(r, (piece_t *)link->buf, &segment);
        ctx->at += segment.len_bytes;
        room -= segment.len_bytes;
        *place = link;
        place = &link->next;
    }
    if (link == NULL) return HOLDALL_OK;
    if (ctx->at == ctx->len) {
        link->buf->last_buf = r == r->main;
        link->buf->last_in_chain = 1;
    } else {
        link->buf->flush = 1; /* nothing of a step is held back for the next */
    }
    return HOLDALL_OK;
}

/* Takes back the pieces that were sent. */
static void reclaim(ngx_http_holdall_ctx_t *ctx) {
    ngx_chain_t *link;

    while (ctx->busy != NULL && ngx_buf_size(ctx->busy->buf) == 0) {
        link = ctx->busy;
        ctx->busy = link->next;
        holdall_pin_free(((piece_t *)link->buf)->pin);
        link->next = ctx->free;
        ctx->free = link;
    }
}

/* Sends on, a step at most. NGX_BUSY means that there is more to hand over later; with everything else the
 * request is to be finalized, and nginx sends what it still has. */
static ngx_int_t step(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx, ngx_chain_t *out) {
    ngx_connection_t *c = r->connection;
    ngx_int_t sent;
    int32_t code;

    if (out == NULL && ctx->busy == NULL) {
        code = ngx_http_holdall_fill(r, ctx);
        if (code != HOLDALL_OK) {
            /* The connection breaks: never a whole reply with damaged content. */
            ngx_http_holdall_log_error(c->log, "sending a body", code);
            return NGX_ERROR;
        }
        out = ctx->busy;
    }
    sent = ngx_http_output_filter(r, out);
    if (sent == NGX_ERROR) return NGX_ERROR;
    reclaim(ctx);
    if (ctx->at == ctx->len) return sent;
    /* All of the step is out and the client takes more: after others had their turn. */
    if (ctx->busy == NULL && c->write->ready && !c->write->delayed) {
        ngx_post_event(c->write, &ngx_posted_next_events);
    }
    return NGX_BUSY;
}

/* Waits until more can be sent. */
static ngx_int_t wait_for_room(ngx_http_request_t *r) {
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r->main, ngx_http_core_module);
    ngx_event_t *write = r->connection->write;

    if (!write->delayed) ngx_add_timer(write, core->send_timeout);
    return ngx_handle_write_event(write, core->send_lowat);
}

ngx_int_t ngx_http_holdall_send(ngx_http_request_t *r, ngx_http_holdall_ctx_t *ctx) {
    ngx_int_t done;

    if (ctx->len == 0) return ngx_http_send_special(r, NGX_HTTP_LAST);
    done = step(r, ctx, ctx->busy);
    if (done != NGX_BUSY) return done;
    r->read_event_handler = r->discard_body ? ngx_http_discarded_request_body_handler : ngx_http_test_reading;
    r->write_event_handler = write_more;
    if (wait_for_room(r) != NGX_OK) return NGX_ERROR;
    r->main->count++;
    return NGX_DONE;
}

/* The client can take more, or took too long. */
static void write_more(ngx_http_request_t *r) {
    ngx_http_holdall_ctx_t *ctx = ngx_http_get_module_ctx(r, ngx_http_holdall_module);
    ngx_connection_t *c = r->connection;
    ngx_int_t done;

    if (c->write->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT, "client timed out");
        c->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }
    /* Delayed by the pace, or a thread is reading. */
    done = c->write->delayed || r->aio ? NGX_BUSY : step(r, ctx, NULL);
    if (done != NGX_BUSY)
        ngx_http_finalize_request(r, done);
    else if (wait_for_room(r) != NGX_OK)
        ngx_http_finalize_request(r, NGX_ERROR);
}
