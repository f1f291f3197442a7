// Ships the store in the directory argv[1] to the address argv[2], restores it into argv[3], moves that to the address
// argv[4], and moves it from there into the directory argv[5]. Prints what was done.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <holdall-remote.h>

static void must(int32_t code, const char *doing)
{
    if (code != HOLDALL_OK) {
        fprintf(stderr, "%s: %s\n", doing, holdall_last_error());
        exit(1);
    }
}

static int32_t count(void *context, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    ++*(int *)context;
    return 0;
}

static int32_t stop(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return HOLDALL_DENIED;
}

static holdall_store *open_it(const char *address)
{
    holdall_store *store;

    must(holdall_open(address, strlen(address), NULL, &store), "opening");
    return store;
}

int main(int argc, char **argv)
{
    holdall_store *store;
    holdall_shipper *shipper;
    holdall_page *failed;
    holdall_ship_report shipped = {.size = sizeof shipped};
    holdall_restore_report restored = {.size = sizeof restored};
    holdall_migrate_report moved = {.size = sizeof moved};
    int steps = 0;

    if (argc != 6) {
        fprintf(stderr, "usage: move STORE OBJECTS RESTORED DATABASE BACK\n");
        return 2;
    }
    store = open_it(argv[1]);
    must(holdall_shipper_open(store, argv[2], strlen(argv[2]), 3600, &shipper), "a shipper");
    if (holdall_shipper_ship(shipper, stop, NULL, NULL, NULL) != HOLDALL_DENIED)
        return 1;
    must(holdall_shipper_ship(shipper, count, &steps, &shipped, &failed), "shipping");
    if (shipped.lsn == 0 || shipped.log_bytes == 0 || shipped.content_bytes == 0 || shipped.failed != 0 || steps == 0)
        return 1;
    must(holdall_page_free(failed), "the page");
    must(holdall_shipper_free(shipper), "the shipper");
    must(holdall_store_free(store), "the store");

    if (holdall_restore(argv[2], strlen(argv[2]), argv[3], strlen(argv[3]), 1, NULL, NULL, NULL) != HOLDALL_NOT_FOUND)
        return 1;
    must(holdall_restore(argv[2], strlen(argv[2]), argv[3], strlen(argv[3]), 0, count, &steps, &restored), "restoring");
    if (restored.lsn != shipped.lsn || restored.files == 0 || restored.bytes == 0)
        return 1;

    store = open_it(argv[3]);
    must(holdall_store_migrate(store, argv[4], strlen(argv[4]), count, &steps, &moved), "moving");
    if (moved.bytes == 0 || moved.rows == 0)
        return 1;
    must(holdall_store_free(store), "the store");
    printf("shipped %" PRIu64 " bytes, restored %" PRIu64 " files, moved %" PRIu64 " rows\n",
           shipped.log_bytes + shipped.content_bytes, restored.files, moved.rows);

    store = open_it(argv[4]);
    must(holdall_store_migrate(store, argv[5], strlen(argv[5]), NULL, NULL, NULL), "moving back");
    must(holdall_store_free(store), "the store");
    return fflush(stdout) == 0 && holdall_handle_count() == 0 ? 0 : 1;
}
