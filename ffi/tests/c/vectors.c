/* The shared vectors: hashes of content, and URLs of the Cloudreve form. vectors.inc is made from
 * tests/vectors by the test that builds this. */
#include "check.h"

struct hash {
    const char *data;
    size_t len;
    uint64_t crc64;
    const char *sha1;
};

static const struct hash HASHES[] = {
#include "vectors.inc"
};

int main(int argc, char **argv) {
    char path[4096], hex[41];
    size_t at, byte;
    holdall_store *store;
    holdall_drive *drive;
    CHECK(argc == 2);
    snprintf(path, sizeof path, "%s/store", argv[1]);
    store = open_store(path);
    drive = open_drive(store);
    CHECK(sizeof HASHES / sizeof *HASHES >= 4);
    for (at = 0; at < sizeof HASHES / sizeof *HASHES; at++) {
        RECORD(holdall_version, version);
        snprintf(path, sizeof path, "%d", (int)at);
        OK(holdall_put_memory(drive, Z(path), HASHES[at].data, HASHES[at].len, NULL, &version));
        for (byte = 0; byte < 20; byte++) snprintf(hex + 2 * byte, 3, "%02X", version.sha1[byte]);
        CHECK(version.crc64 == HASHES[at].crc64);
        CHECK(strcmp(hex, HASHES[at].sha1) == 0);
    }
    OK(holdall_drive_free(drive));
    OK(holdall_store_free(store));
    return 0;
}
