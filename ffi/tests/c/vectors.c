/* The shared vectors: hashes of content, native tokens, URLs of the Cloudreve form. vectors.inc is made from
 * tests/vectors by the test that builds this. */
#include "check.h"
#include "sha256.h"

struct hash {
    const char *data;
    size_t len;
    uint64_t crc64;
    const char *sha1;
};

/* A token, and what the library makes of it: HOLDALL_OK is that its signature and its claims are good. */
struct token {
    const char *text, *purpose, *client;
    int64_t now;
    int32_t code;
};

struct sign {
    const char *path;
    int64_t expires;
    const char *sign;
};

#include "vectors.inc"

enum { KEY_ID = 258 };

/* The secret of a purpose: HMAC of the label, the purpose and the uuid of the store. */
static void secret_of(const char *purpose, uint8_t out[32]) {
    char text[64];
    int len = snprintf(text, sizeof text, "holdall/v1/%s", purpose);
    memcpy(text + len, UUID, 16);
    hmac(SECRET, sizeof SECRET, text, (size_t)len + 16, out);
}

/* Whether a token is signed as its format says: how many bytes of its MAC, from the first on, are those of its
 * claims, with the key of the purpose. */
static size_t signed_bytes(const char *text, size_t len, const char *purpose) {
    uint8_t token[1024], secret[32], mac[32];
    size_t got = base64_to(text, len, token), at;
    CHECK(got > 35 && token[0] == 1);
    secret_of(purpose, secret);
    hmac(secret, 32, token, got - 32, mac);
    for (at = 0; at < 32 && mac[at] == token[got - 32 + at]; at++) continue;
    return at;
}

/* Whether a text has the alphabet, the length and the version of a token. */
static int is_token(const char *text) {
    uint8_t token[1024];
    size_t len = strlen(text);
    return len < 1024 && strspn(text, BASE64) == len && base64_to(text, len, token) > 35 && token[0] == 1;
}

/* Writes the token as it stands beside a name: the second half of its MAC is over a NUL and the name too. */
static void name_token(const char *text, const char *purpose, const char *name, char out[1400]) {
    uint8_t token[1024], secret[32], mac[32];
    size_t got = base64_to(text, strlen(text), token), len = got - 32;
    secret_of(purpose, secret);
    token[len] = 0;
    memcpy(token + len + 1, name, strlen(name));
    hmac(secret, 32, token, len + 1 + strlen(name), mac);
    base64_to(text, strlen(text), token);
    memcpy(token + len + 16, mac + 16, 16);
    base64_from(token, got, out);
}

static void sign_cloudreve(const uint8_t *secret, const char *path, int64_t expires, char out[80]) {
    char text[1024];
    uint8_t mac[32];
    int len = snprintf(text, sizeof text, "%s:%lld", path, (long long)expires);
    hmac(secret, 32, text, (size_t)len, mac);
    base64_of(mac, out);
    snprintf(out + 44, 36, ":%lld", (long long)expires);
}

static uint32_t crc32(const uint8_t *data, size_t len) {
    uint32_t crc = ~0u;
    int bit;
    while (len-- > 0)
        for (crc ^= *data++, bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    return ~crc;
}

/* Makes an empty store of the uuid of the vectors, with their key under its id: a new store's file STORE says
 * another uuid, and nothing of its log is left to rebuild it from. */
static holdall_store *store_of_the_vectors(const char *dir) {
    char path[4096], place[5000];
    uint8_t bytes[64] = "HOLDALL\n\2";
    uint32_t crc;
    uint16_t id = 0;
    FILE *file;
    holdall_store *store;
    RECORD(holdall_open_options, options);
    RECORD(holdall_rebuild_report, report);
    snprintf(path, sizeof path, "%s/known", dir);
    store = open_store(path);
    OK(holdall_store_close(store));
    OK(holdall_store_free(store));
    snprintf(place, sizeof place, "cd %s && rm seg/* meta.redb", path);
    CHECK(system(place) == 0);
    memcpy(bytes + 16, UUID, 16);
    crc = crc32(bytes, 60);
    for (id = 0; id < 4; id++) bytes[60 + id] = (uint8_t)(crc >> 8 * id);
    snprintf(place, sizeof place, "%s/STORE", path);
    file = fopen(place, "wb");
    CHECK(file != NULL && fwrite(bytes, 64, 1, file) == 1 && fclose(file) == 0);
    OK(holdall_rebuild(Z(path), NULL, &report, NULL));
    CHECK(report.files == 0 && report.problems == 0);
    options.flags = HOLDALL_OPEN_EXISTING | HOLDALL_OPEN_EXCLUSIVE;
    OK(holdall_open(Z(path), &options, &store));
    do OK(holdall_key_rotate(store, &id));
    while (id < KEY_ID - 1);
    OK(holdall_key_add(store, SECRET, sizeof SECRET, &id));
    CHECK(id == KEY_ID);
    return store;
}

static int32_t verify(const holdall_store *store, const char *text, const char *client, int64_t now_unix_us) {
    char target[1100];
    RECORD(holdall_request, request);
    RECORD(holdall_grant, grant);
    snprintf(target, sizeof target, "/d/%s/x", text);
    request.method = "GET";
    request.method_len_bytes = 3;
    request.target = target;
    request.target_len_bytes = strlen(target);
    request.client = client;
    request.client_len_bytes = client != NULL ? strlen(client) : 0;
    request.now_unix_us = &now_unix_us;
    return holdall_verify(store, &request, &grant);
}

static void hashes(const holdall_drive *drive) {
    char path[32], hex[41];
    size_t at, byte;
    CHECK(sizeof HASHES / sizeof *HASHES >= 4);
    for (at = 0; at < sizeof HASHES / sizeof *HASHES; at++) {
        RECORD(holdall_version, version);
        snprintf(path, sizeof path, "%d", (int)at);
        OK(holdall_put_memory(drive, Z(path), HASHES[at].data, HASHES[at].len, NULL, &version));
        for (byte = 0; byte < 20; byte++) snprintf(hex + 2 * byte, 3, "%02X", version.sha1[byte]);
        CHECK(version.crc64 == HASHES[at].crc64);
        CHECK(strcmp(hex, HASHES[at].sha1) == 0);
    }
}

/* What the vectors lead to is not in the store, which the library says once the signature and the claims are
 * found good, and not before. */
static void tokens(const holdall_store *store) {
    size_t at, bit;
    CHECK(sizeof TOKENS / sizeof *TOKENS >= 16);
    for (at = 0; at < sizeof TOKENS / sizeof *TOKENS; at++) {
        static const char *const PURPOSES[] = {"version", "file", "archive", "share", "upload", "revision"};
        const struct token *one = &TOKENS[at];
        char named[1400];
        int32_t code;
        size_t purpose, genuine = 0;
        snprintf(named, sizeof named, "%s", one->text);
        for (purpose = 0; is_token(one->text) && purpose < 6 && genuine < 16; purpose++) {
            genuine = signed_bytes(one->text, strlen(one->text), PURPOSES[purpose]);
            if (genuine == 32) name_token(one->text, PURPOSES[purpose], "x", named);
        }
        code = verify(store, named, one->client, one->now * 1000000);
        if (genuine >= 16 && genuine < 32) { /* damaged in the half that is the name's */
            CHECK(code == HOLDALL_NOT_FOUND);
            continue;
        }
        CHECK(one->code == HOLDALL_OK ? code == HOLDALL_NOT_FOUND || code == HOLDALL_GONE : code == one->code);
        if (one->code != HOLDALL_OK) continue;
        CHECK(signed_bytes(one->text, strlen(one->text), one->purpose) == 32);
        for (bit = 0; bit < 8 * strlen(named); bit++) {
            /* The half of the MAC behind the claims is the token's own, the last half the name's. */
            int of_name = bit / 8 >= strlen(named) - 22;
            char other[1400];
            snprintf(other, sizeof other, "%s", named);
            other[bit / 8] = (char)(other[bit / 8] ^ 1 << bit % 8);
            /* A token that is cut, or has a question mark in it, is another path. */
            code = verify(store, other, one->client, one->now * 1000000);
            CHECK(code == HOLDALL_DENIED ||
                  ((of_name || strpbrk(other, "/?#") != NULL) && code == HOLDALL_NOT_FOUND));
        }
    }
}

/* What the library signs is of the same formats. */
static void own_urls(const holdall_store *store, const holdall_drive *drive) {
    holdall_text *url = NULL;
    const char *text, *sign;
    char path[256], wanted[80], named[1400];
    uint8_t secret[32];
    RECORD(holdall_version, version);
    RECORD(holdall_url_options, options);

    OK(holdall_put_memory(drive, S("a.txt"), S("hello"), NULL, &version));
    OK(holdall_url_version(store, version.id, NULL, &url));
    text = holdall_text_get(url) + 3;
    snprintf(path, sizeof path, "%.*s", (int)strcspn(text, "/"), text);
    CHECK(strcmp(text + strlen(path), "/a.txt") == 0);
    name_token(path, "version", "a.txt", named);
    CHECK(strcmp(path, named) == 0);
    name_token(path, "version", "b.txt", named);
    CHECK(strcmp(path, named) != 0);
    name_token(path, "file", "a.txt", named);
    CHECK(strcmp(path, named) != 0);
    OK(holdall_text_free(url));

    options.flags = HOLDALL_URL_CLOUDREVE;
    OK(holdall_url_version(store, version.id, &options, &url));
    text = holdall_text_get(url);
    sign = strstr(text, "sign=");
    CHECK(sign != NULL && strstr(sign, "%3D%3A") != NULL);
    snprintf(path, sizeof path, "%.*s", (int)strcspn(text, "?"), text);
    secret_of("cloudreve", secret);
    sign_cloudreve(secret, path, strtoll(strstr(sign, "%3A") + 3, NULL, 10), wanted);
    CHECK(strncmp(sign + 5, wanted, 43) == 0);
    OK(holdall_text_free(url));
}

static void cloudreve(void) {
    size_t at;
    char got[80];
    CHECK(sizeof SIGNS / sizeof *SIGNS >= 5);
    for (at = 0; at < sizeof SIGNS / sizeof *SIGNS; at++) {
        sign_cloudreve((const uint8_t *)CLOUDREVE_KEY, SIGNS[at].path, SIGNS[at].expires, got);
        CHECK(strcmp(got, SIGNS[at].sign) == 0);
    }
}

int main(int argc, char **argv) {
    holdall_store *store;
    holdall_drive *drive;
    CHECK(argc == 2);
    cloudreve();
    store = store_of_the_vectors(argv[1]);
    drive = open_drive(store);
    tokens(store);
    hashes(drive);
    own_urls(store, drive);
    OK(holdall_drive_free(drive));
    OK(holdall_store_free(store));
    return 0;
}
