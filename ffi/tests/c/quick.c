#include <holdall.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "files";
    holdall_store *store = NULL;
    holdall_drive *alice = NULL;
    holdall_version version = {.size = sizeof version};
    holdall_url_options options = {.size = sizeof options, .lifetime_s = 3600};
    holdall_request request = {.size = sizeof request, .method = "GET", .method_len_bytes = 3};
    holdall_text *url = NULL;
    holdall_reply *reply = NULL;
    uint32_t status = 0;
    int32_t code;

    if ((code = holdall_open(path, strlen(path), NULL, &store)) == HOLDALL_OK &&
        (code = holdall_drive_open(store, HOLDALL_STR("alice"), &alice)) == HOLDALL_OK &&
        (code = holdall_put_memory(alice, HOLDALL_STR("notes/a.txt"), HOLDALL_STR("hello"), NULL, &version)) == HOLDALL_OK &&
        (code = holdall_url_version(store, version.id, &options, &url)) == HOLDALL_OK) {
        request.target = holdall_text_get(url);
        request.target_len_bytes = strlen(request.target);
        if ((code = holdall_serve(store, &request, &reply)) == HOLDALL_OK) holdall_reply_status(reply, &status);
    }
    if (code == HOLDALL_OK)
        printf("%u for %llu bytes\n", (unsigned)status, (unsigned long long)version.len_bytes);
    else
        fprintf(stderr, "%s: %s\n", holdall_code_name(code), holdall_last_error());
    holdall_reply_free(reply);
    holdall_text_free(url);
    holdall_drive_free(alice);
    holdall_store_free(store);
    return code != HOLDALL_OK;
}
