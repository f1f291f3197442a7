/* Serves a URL 20,000 times, and prints the nanoseconds of processor time that one reply takes:
 *
 *     serve DIRECTORY URL
 */
#include <holdall.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COUNT = 20000 };

static void check(int32_t code) {
    if (code == HOLDALL_OK) return;
    fprintf(stderr, "%s\n", holdall_last_error());
    exit(1);
}

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char **argv) {
    char buffer[8192];
    holdall_store *store = NULL;
    holdall_request request = {.size = sizeof request, .method = "GET", .method_len_bytes = 3};
    double begun;

    if (argc != 3) return 2;
    check(holdall_open(argv[1], strlen(argv[1]), NULL, &store));
    request.target = argv[2];
    request.target_len_bytes = strlen(argv[2]);
    begun = now_ns();
    for (int at = 0; at < COUNT; at++) {
        holdall_reply *reply = NULL;
        holdall_body *body = NULL;
        const holdall_header *headers;
        size_t headers_count, got = 0;
        check(holdall_serve(store, &request, &reply));
        check(holdall_reply_headers(reply, &headers, &headers_count));
        check(holdall_reply_body(reply, &body));
        check(holdall_body_read(body, 0, buffer, sizeof buffer, &got));
        if (got != 4096) return 1;
        holdall_body_free(body);
        holdall_reply_free(reply);
    }
    printf("%.0f\n", (now_ns() - begun) / COUNT);
    return holdall_store_free(store);
}
