// Opens the store at the address in argv[1], puts what the file argv[2] holds at the path argv[3], and writes what is
// at the path argv[4] to its output.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <holdall.h>

static void must(int32_t code, const char *doing)
{
    if (code != HOLDALL_OK) {
        fprintf(stderr, "%s: %s\n", doing, holdall_last_error());
        exit(1);
    }
}

int main(int argc, char **argv)
{
    holdall_store *store;
    holdall_drive *drive;
    holdall_body *body;
    uint64_t len;

    if (argc != 5) {
        fprintf(stderr, "usage: by_url ADDRESS FILE PATH PATH\n");
        return 2;
    }
    must(holdall_open(argv[1], strlen(argv[1]), NULL, &store), "opening");
    must(holdall_drive_open(store, HOLDALL_STR("main"), &drive), "the drive");
    must(holdall_put_file(drive, argv[3], strlen(argv[3]), argv[2], strlen(argv[2]), NULL, NULL), "putting");
    must(holdall_file_open(drive, argv[4], strlen(argv[4]), &body), "finding");
    must(holdall_body_len(body, &len), "the length");
    for (uint64_t at = 0; at < len;) {
        char buffer[65536];
        size_t got;

        must(holdall_body_read(body, at, buffer, sizeof buffer, &got), "reading");
        if (got == 0 || fwrite(buffer, 1, got, stdout) != got)
            return 1;
        at += got;
    }
    must(holdall_body_free(body), "the body");
    must(holdall_drive_free(drive), "the drive");
    must(holdall_store_close(store), "closing");
    must(holdall_store_free(store), "the store");
    return fflush(stdout) == 0 ? 0 : 1;
}
