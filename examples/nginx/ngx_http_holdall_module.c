/*
 * Serves the URLs of a holdall store.
 *
 *     location / {
 *         holdall /srv/files [base_url=URL] [cache=SIZE];
 *         holdall_thread_pool NAME | off;
 *     }
 *
 * The store is opened by each worker, beside other processes. It must be there, and one that is not yet, or
 * that is held by another process alone, is tried again with each request.
 */
#include "ngx_http_holdall.h"

static void *create_main_conf(ngx_conf_t *cf);
static void *create_loc_conf(ngx_conf_t *cf);
static char *merge_loc_conf(ngx_conf_t *cf, void *above, void *conf);
static char *set_store(ngx_conf_t *cf, ngx_command_t *command, void *conf);
static char *set_pool(ngx_conf_t *cf, ngx_command_t *command, void *conf);
static ngx_int_t init_process(ngx_cycle_t *cycle);
static void exit_process(ngx_cycle_t *cycle);

static ngx_command_t commands[] = {
    {ngx_string("holdall"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE123, set_store, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    {ngx_string("holdall_thread_pool"),
     NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, set_pool,
     NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    ngx_null_command,
};

static ngx_http_module_t context = {
    NULL, NULL, create_main_conf, NULL, NULL, NULL, create_loc_conf, merge_loc_conf,
};

ngx_module_t ngx_http_holdall_module = {
    NGX_MODULE_V1, &context, commands,     NGX_HTTP_MODULE, NULL, NULL,
    init_process,  NULL,     NULL,         exit_process,    NULL, NGX_MODULE_V1_PADDING,
};

/* The main configuration is the list of all stores, which are pointed to and so do not move. */
static void *create_main_conf(ngx_conf_t *cf) {
    return ngx_array_create(cf->pool, 2, sizeof(ngx_http_holdall_store_t *));
}

static void *create_loc_conf(ngx_conf_t *cf) {
    ngx_http_holdall_loc_conf_t *conf = ngx_pcalloc(cf->pool, sizeof *conf);
    if (conf != NULL) conf->pool = NGX_CONF_UNSET_PTR;
    return conf;
}

/* What a thread of a pool needs for calls of the library. */
enum { STACK_BYTES = 256 << 10 };

/* Finds the pool of that name, or with NULL the default one. NULL where threads are of no use, with the reason. */
static struct ngx_thread_pool_s *pool_of(ngx_conf_t *cf, ngx_str_t *name, const char **why) {
#if (NGX_THREADS)
    pthread_attr_t attributes;
    size_t stack = 0;

    /* nginx gives its threads what is the default of the system: 128 KiB with musl. */
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &stack);
        pthread_attr_destroy(&attributes);
    }
    *why = "needs threads with 256 KiB of stack, and these have less";
    if (stack < STACK_BYTES) return NULL;
    *why = "finds no memory";
    return ngx_thread_pool_add(cf, name);
#else
    (void)cf, (void)name;
    *why = "needs an nginx that was built --with-threads";
    return NULL;
#endif
}

static char *set_pool(ngx_conf_t *cf, ngx_command_t *command, void *conf) {
    ngx_http_holdall_loc_conf_t *own = conf;
    ngx_str_t *words = cf->args->elts;
    const char *why;

    (void)command;
    if (own->pool != NGX_CONF_UNSET_PTR) return "is duplicate";
    own->pool = NULL;
    if (ngx_strcmp(words[1].data, "off") == 0) return NGX_CONF_OK;
    own->pool = pool_of(cf, &words[1], &why);
    return own->pool != NULL ? NGX_CONF_OK : (char *)why;
}

/* What stands in a location has a configuration of its own: the blocks of an `if`, which keep the handler, and of
 * a limit_except, which get it here. */
static char *merge_loc_conf(ngx_conf_t *cf, void *above, void *conf) {
    ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    ngx_http_holdall_loc_conf_t *outer = above, *own = conf;
    const char *why;

    if (own->store == NULL && outer->store != NULL && (core->noname || core->lmt_excpt)) {
        own->store = outer->store;
        if (core->lmt_excpt && core->handler == NULL) core->handler = ngx_http_holdall_handler;
    }
    ngx_conf_merge_ptr_value(own->pool, outer->pool, NGX_CONF_UNSET_PTR);
    /* Only for a store: a pool is threads in every worker. */
    if (own->store == NULL || own->pool != NGX_CONF_UNSET_PTR) return NGX_CONF_OK;
    own->pool = pool_of(cf, NULL, &why);
    if (own->pool == NULL)
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"holdall_thread_pool\" %s; it is off, and a worker waits for every write", why);
    return NGX_CONF_OK;
}

/* Finds the store of that path, or adds one. A store has one base URL. */
static ngx_http_holdall_store_t *store_of(ngx_conf_t *cf, const ngx_http_holdall_store_t *wanted) {
    ngx_array_t *stores = ngx_http_conf_get_module_main_conf(cf, ngx_http_holdall_module);
    ngx_http_holdall_store_t **known = stores->elts, **place, *store;
    ngx_uint_t at;

    for (at = 0; at < stores->nelts; at++) {
        store = known[at];
        if (store->path.len != wanted->path.len ||
            ngx_strncmp(store->path.data, wanted->path.data, store->path.len) != 0)
            continue;
        if (store->base_url.len == wanted->base_url.len && store->cache == wanted->cache &&
            ngx_strncmp(store->base_url.data, wanted->base_url.data, store->base_url.len) == 0)
            return store;
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the store \"%V\" is named with other parameters before",
                           &wanted->path);
        return NULL;
    }
    store = ngx_pcalloc(cf->pool, sizeof *store);
    place = ngx_array_push(stores);
    if (store == NULL || place == NULL) return NULL;
    *store = *wanted;
    *place = store;
    return store;
}

/* The path of a base URL, as the library has it. */
static ngx_str_t path_of(const ngx_str_t *url) {
    static const ngx_str_t root = ngx_string("/");
    u_char *end = url->data + url->len, *host, *slash;
    ngx_str_t path = *url;

    if (url->len == 0) return root;
    host = url->data[0] == '/' ? NULL : ngx_strnstr(url->data, "://", url->len);
    if (host == NULL) return path;
    slash = ngx_strlchr(host + 3, end, '/');
    if (slash == NULL) return root;
    path.data = slash;
    path.len = end - slash;
    return path;
}

static char *set_store(ngx_conf_t *cf, ngx_command_t *command, void *conf) {
    ngx_http_holdall_loc_conf_t *own = conf;
    ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    ngx_str_t *words = cf->args->elts, size;
    ngx_http_holdall_store_t wanted;
    ngx_uint_t at;

    (void)command;
    if (own->store != NULL) return "is duplicate";
    ngx_memzero(&wanted, sizeof wanted);
    wanted.path = words[1];
    if (ngx_conf_full_name(cf->cycle, &wanted.path, 0) != NGX_OK) return NGX_CONF_ERROR;
    for (at = 2; at < cf->args->nelts; at++) {
        if (ngx_strncmp(words[at].data, "base_url=", 9) == 0) {
            wanted.base_url.data = words[at].data + 9;
            wanted.base_url.len = words[at].len - 9;
        } else if (ngx_strncmp(words[at].data, "cache=", 6) == 0) {
            size.data = words[at].data + 6;
            size.len = words[at].len - 6;
            wanted.cache = ngx_parse_offset(&size);
            if (wanted.cache == NGX_ERROR) return "has a cache of no size; one looks like 64m";
        } else {
            return "has an unknown parameter; they are base_url= and cache=";
        }
    }
    wanted.base_path = path_of(&wanted.base_url);
    own->store = store_of(cf, &wanted);
    if (own->store == NULL) return NGX_CONF_ERROR;
    core->handler = ngx_http_holdall_handler;
    return NGX_CONF_OK;
}

void ngx_http_holdall_log_error(ngx_log_t *log, const char *doing, int32_t code) {
    ngx_log_error(NGX_LOG_ERR, log, 0, "holdall: %s: %s: %s", doing, holdall_code_name(code), holdall_last_error());
}

/* Opens a store; a request does not wait for whoever holds it. */
static int32_t open_store(ngx_http_holdall_store_t *store, uint64_t wait_ms, ngx_log_t *log) {
    holdall_open_options options = {.size = sizeof options, .flags = HOLDALL_OPEN_EXISTING};
    int32_t code;

    options.base_url = (const char *)store->base_url.data;
    options.base_url_len_bytes = store->base_url.len;
    options.cache_bytes = (uint64_t)store->cache;
    options.lock_timeout_ms = wait_ms;
    code = holdall_open((const char *)store->path.data, store->path.len, &options, &store->handle);
    if (code != HOLDALL_OK) ngx_http_holdall_log_error(log, "opening the store", code);
    return code;
}

holdall_store *ngx_http_holdall_open(ngx_http_holdall_store_t *store, ngx_log_t *log, int32_t *code) {
    *code = store->handle != NULL ? HOLDALL_OK : open_store(store, 1, log);
    /* A store that is not there yet is not a page that is not found. */
    if (*code == HOLDALL_NOT_FOUND) *code = HOLDALL_LOCKED;
    return store->handle;
}

/* Sends a line of the library's log to nginx's. */
static void log_line(void *nothing, int32_t level, const char *text) {
    static const ngx_uint_t levels[] = {NGX_LOG_ERR, NGX_LOG_ERR, NGX_LOG_WARN, NGX_LOG_INFO, NGX_LOG_INFO};
    (void)nothing;
    if (level < 0 || level > HOLDALL_LOG_DEBUG) level = HOLDALL_LOG_ERROR;
    if (ngx_http_holdall_take_line(levels[level], text)) return;
    ngx_log_error(levels[level], ngx_cycle->log, 0, "holdall: %s", text);
}

static ngx_array_t *stores_of(ngx_cycle_t *cycle) {
    return ngx_http_cycle_get_module_main_conf(cycle, ngx_http_holdall_module);
}

static ngx_int_t init_process(ngx_cycle_t *cycle) {
    ngx_array_t *stores = stores_of(cycle);
    ngx_http_holdall_store_t **store;
    ngx_uint_t at;

    if (stores == NULL || (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)) return NGX_OK;
    /* At the level info of the error log, the reasons for refused URLs are logged too. */
    if (holdall_log_set(cycle->log->log_level >= NGX_LOG_INFO ? HOLDALL_LOG_DEBUG : HOLDALL_LOG_WARN, log_line,
                        NULL) != HOLDALL_OK)
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0, "holdall: %s", holdall_last_error());
    store = stores->elts;
    for (at = 0; at < stores->nelts; at++) open_store(store[at], 0, cycle->log);
    return NGX_OK;
}

static void exit_process(ngx_cycle_t *cycle) {
    ngx_array_t *stores = stores_of(cycle);
    ngx_http_holdall_store_t **store;
    ngx_uint_t at;
    int32_t code;

    if (stores == NULL) return;
    store = stores->elts;
    for (at = 0; at < stores->nelts; at++) {
        if (store[at]->handle == NULL) continue;
        code = holdall_store_close(store[at]->handle);
        if (code != HOLDALL_OK) ngx_http_holdall_log_error(cycle->log, "closing the store", code);
        holdall_store_free(store[at]->handle);
        store[at]->handle = NULL;
    }
    holdall_log_set(HOLDALL_LOG_ERROR, NULL, NULL);
}
