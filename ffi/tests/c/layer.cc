// The C++ layer: handles free themselves, codes are exceptions.
#include <holdall.hpp>

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);  \
            std::exit(1);                                                         \
        }                                                                         \
    } while (0)

/* Calls of Cloudreve, with a body from memory and one that is read. */
static void call(const holdall::store &store, const holdall::drive &alice) {
    const holdall::api api(store);
    CHECK(api.is_at("/v2/file/get") && !api.is_at("/d/x"));
    const std::string ask = "{\"uris\":[\"cloudreve://my/a.txt\"]}";
    const holdall_request request = holdall::request("POST", "/api/v4/file/url");
    const holdall_caller who = holdall::caller("alice");
    const std::string message = api.answer(request, &who, ask).body().str();
    const std::string before = "\"url\":\"";
    const std::size_t start = message.find(before) + before.size();
    CHECK(message.find("\"code\":0") != std::string::npos && start > before.size());
    const std::string url = message.substr(start, message.find('"', start) - start);
    CHECK(api.answer(holdall::request("GET", url), nullptr).body().str() == "hello");
    std::size_t at = 3;
    auto read = [&](char *buffer, std::size_t room) {
        std::size_t len = ask.copy(buffer, room < 5 ? room : 5, at);
        at += len;
        return len;
    };
    CHECK(api.answer(request, &who, ask.substr(0, 3), read).body().str() == message && at == ask.size());
    try {
        api.answer(request, &who, {}, [](char *, std::size_t) -> std::size_t { throw 7; });
        CHECK(false);
    } catch (int thrown) {
        CHECK(thrown == 7);
    }
    auto terms = holdall::make<holdall_share_options>();
    auto share = holdall::make<holdall_share>();
    terms.flags = HOLDALL_SHARE_PURCHASE;
    holdall::check(holdall_share_create(alice.get(), HOLDALL_STR("a.txt"), &terms, &share));
    CHECK(api.share_uri(share.id).find("@share") != std::string::npos && !api.ticket(share.id, 60).empty());
}

/* A rate limit is an error with a time to wait and the status for it. */
static void guess(const holdall::store &store, const holdall::drive &drive) {
    auto terms = holdall::make<holdall_share_options>();
    auto share = holdall::make<holdall_share>();
    terms.password = "secret";
    terms.password_len_bytes = 6;
    holdall::check(holdall_share_create(drive.get(), "a.txt", 5, &terms, &share));
    std::uint32_t status = 0;
    for (int tries = 0; tries < 1000 && status != 429; tries++) {
        try {
            holdall_visit *visit = nullptr;
            holdall::check(holdall_visit_open(store.get(), share.id, "wrong", 5, "192.0.2.1", 9, &visit));
            CHECK(false);
        } catch (const holdall::error &error) {
            status = error.http_status();
            CHECK(error.code() == HOLDALL_DENIED && (status == 429 ? error.retry_after_s() > 0 : status == 403));
        }
    }
    CHECK(status == 429);
}

static void use(const std::string &path) {
    holdall::body kept;
    {
        holdall::store store = holdall::open(path);
        holdall::drive alice(store, "alice");
        holdall_version version = alice.put("a.txt", "hello");
        CHECK(version.len_bytes == 5);
        holdall::writer writer = alice.writer("folder/b.txt");
        writer.write("piece by ");
        writer.write("piece");
        CHECK(writer.commit().len_bytes == 14);
        { holdall::writer dropped = alice.writer("never"); dropped.write("x"); }
        CHECK(alice.list("").size() == 2);
        CHECK(std::string_view(alice.list("folder").at(0).name) == "b.txt");
        CHECK(alice.stat("a.txt").len_bytes == 5);
        kept = alice.open("a.txt");
        CHECK(kept.slice(1, 3).str() == "el");

        auto options = holdall::make<holdall_url_options>();
        options.lifetime_s = 60;
        std::string url = store.url(version.id, &options);
        holdall::reply reply = store.serve("GET", url, {{"Range", 5, "bytes=1-", 8}});
        CHECK(reply.status() == 206 && reply.body().str() == "ello");
        bool ranged = false;
        for (auto [name, value] : reply.headers()) ranged |= name == "Content-Range" && value == "bytes 1-4/5";
        CHECK(ranged);
        CHECK(store.serve("GET", alice.url("a.txt")).status() == 200);

        holdall_archive archive = alice.archive({"a.txt", "folder"});
        holdall::body zip = store.serve("GET", store.archive_url(archive.id)).body();
        std::string joined;
        zip.segments([&](const holdall_segment &segment) {
            joined.append(static_cast<const char *>(segment.data), segment.len_bytes);
        }, 7);
        CHECK(joined == zip.str() && joined.size() == archive.len_bytes);

        std::string smaller;
        store.write_deflated(archive.id, [&](std::string_view piece) { smaller += piece; });
        CHECK(smaller.substr(0, 4) == "PK\3\4" && smaller != joined);
        std::string found;
        alice.walk("", [&](std::string_view path, const holdall_row &row) {
            found.append(path).append(row.kind == HOLDALL_FOLDER ? "/ " : " ");
        });
        CHECK(found == "a.txt folder/ folder/b.txt ");
        try {
            alice.walk("", [](std::string_view, const holdall_row &) { throw 7; });
            CHECK(false);
        } catch (int thrown) {
            CHECK(thrown == 7);
        }
        call(store, alice);
        CHECK(reply.pace() == 0 && holdall::reply::of_code(HOLDALL_LOCKED).status() == 503);

        try {
            alice.open("nothing");
            CHECK(false);
        } catch (const holdall::error &error) {
            CHECK(error.code() == HOLDALL_NOT_FOUND && error.http_status() == 404);
            CHECK(std::string_view(error.what()).find("nothing") != std::string_view::npos);
        }
        guess(store, alice);
        holdall::drive moved = std::move(alice);
        CHECK(!alice && moved);
    }
    CHECK(kept.str() == "hello"); // outlives its store
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    use(std::string(argv[1]) + "/store");
    CHECK(holdall_handle_count() == 0);
    return 0;
}
