/*
 * holdall.hpp: a thin C++17 layer over holdall.h, and no second interface. A handle frees itself;
 * what is not HOLDALL_OK is thrown as a holdall::error; text goes in as std::string_view. Records and
 * options are the structs of holdall.h: make<holdall_url_options>() gives one with its size set.
 *
 *     auto store = holdall::open("files");
 *     auto alice = holdall::drive(store, "alice");
 *     auto version = alice.put("a.txt", "hello");
 *     std::string url = store.url(version.id);
 *     holdall::reply reply = store.serve("GET", url);
 *
 * Everything that C can do, C++ can: get() gives the handle for a function that has no method here,
 * and check() turns its code into an exception.
 */
#ifndef HOLDALL_HPP
#define HOLDALL_HPP

#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdall.h"

namespace holdall {

/* What a function of the library returned, with the sentence that went with it. */
class error : public std::runtime_error {
public:
    explicit error(std::int32_t code)
        : std::runtime_error(holdall_last_error()), code_(code), retry_after_s_(holdall_last_error_retry_s()) {}
    std::int32_t code() const noexcept { return code_; }
    /* 429 where a rate limit refused the call: RFC 6585 section 4. */
    std::uint32_t http_status() const noexcept { return retry_after_s_ ? 429 : holdall_code_status(code_); }
    /* Seconds to wait if a rate limit refused the call (Retry-After), or 0. */
    std::uint64_t retry_after_s() const noexcept { return retry_after_s_; }

private:
    std::int32_t code_;
    std::uint64_t retry_after_s_;
};

inline void check(std::int32_t code) {
    if (code != HOLDALL_OK) throw error(code);
}

/* Returns options or a record, all zero but for its size. */
template <typename T> T make() {
    T value;
    std::memset(&value, 0, sizeof value);
    value.size = sizeof value;
    return value;
}

/* Lets a callback throw: that ends the job, and goes on where the function of the library was called. */
template <typename Act> class callback {
public:
    explicit callback(Act &act) noexcept : act_(act) {}
    template <typename... Given> std::int32_t run(Given &&...given) noexcept {
        try {
            act_(std::forward<Given>(given)...);
            return HOLDALL_OK;
        } catch (...) {
            thrown_ = std::current_exception();
            return HOLDALL_INVALID_ARGUMENT;
        }
    }
    void check(std::int32_t code) const {
        if (thrown_) std::rethrow_exception(thrown_);
        holdall::check(code);
    }

private:
    Act &act_;
    std::exception_ptr thrown_;
};

/* Owns a handle. It moves and is not copied. */
template <typename T, std::int32_t (*Free)(T *)> class handle {
public:
    handle() = default;
    explicit handle(T *raw) noexcept : raw_(raw) {}
    handle(handle &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    handle &operator=(handle &&other) noexcept {
        if (this != &other) {
            Free(raw_);
            raw_ = std::exchange(other.raw_, nullptr);
        }
        return *this;
    }
    handle(const handle &) = delete;
    handle &operator=(const handle &) = delete;
    ~handle() { Free(raw_); }

    T *get() const noexcept { return raw_; }
    explicit operator bool() const noexcept { return raw_ != nullptr; }
    /* For a function that makes a handle; what is here is freed before. */
    T **out() noexcept {
        Free(std::exchange(raw_, nullptr));
        return &raw_;
    }

private:
    T *raw_ = nullptr;
};

using page = handle<holdall_page, holdall_page_free>;
using pin = handle<holdall_pin, holdall_pin_free>;
using text = handle<holdall_text, holdall_text_free>;

inline std::string to_string(const text &from) {
    const char *found = holdall_text_get(from.get());
    if (found == nullptr) throw error(HOLDALL_INVALID_ARGUMENT);
    return found;
}

/* Takes all results off a page, with the function for their kind: rows<holdall_row>(page,
 * holdall_page_row). */
template <typename T>
std::vector<T> rows(const page &from, std::int32_t (*take)(const holdall_page *, std::size_t, T *)) {
    std::size_t count = 0;
    check(holdall_page_count(from.get(), &count));
    std::vector<T> all(count, make<T>());
    for (std::size_t at = 0; at < count; at++) check(take(from.get(), at, &all[at]));
    return all;
}

class body : public handle<holdall_body, holdall_body_free> {
public:
    using handle::handle;

    std::uint64_t size() const {
        std::uint64_t len = 0;
        check(holdall_body_len(get(), &len));
        return len;
    }
    std::size_t read(std::uint64_t offset, void *buffer, std::size_t len) const {
        std::size_t got = 0;
        check(holdall_body_read(get(), offset, buffer, len, &got));
        return got;
    }
    body slice(std::uint64_t start, std::uint64_t end) const {
        body made;
        check(holdall_body_slice(get(), start, end, made.out()));
        return made;
    }
    std::string str() const {
        std::string all(static_cast<std::size_t>(size()), '\0');
        all.resize(read(0, all.data(), all.size()));
        return all;
    }
    /* Calls visit(const holdall_segment &) for each segment; its bytes are valid during the call. */
    template <typename Visit> void segments(Visit visit, std::uint64_t limit = 1 << 20) const {
        const std::uint64_t end = size();
        for (std::uint64_t at = 0; at < end;) {
            auto segment = make<holdall_segment>();
            check(holdall_body_segment(get(), at, limit, &segment));
            pin held(segment.pin);
            visit(static_cast<const holdall_segment &>(segment));
            at += segment.len_bytes;
        }
    }
};

/* Returns a request; it leads to what it was made of. */
inline holdall_request request(std::string_view method, std::string_view target,
                               const std::vector<holdall_header> &headers = {}) {
    auto made = make<holdall_request>();
    made.method = method.data();
    made.method_len_bytes = method.size();
    made.target = target.data();
    made.target_len_bytes = target.size();
    made.headers = headers.data();
    made.header_count = headers.size();
    return made;
}

class reply : public handle<holdall_reply, holdall_reply_free> {
public:
    using handle::handle;

    /* What tells a client of a code. */
    static reply of_code(std::int32_t code) {
        reply made;
        check(holdall_reply_of_code(code, made.out()));
        return made;
    }

    std::uint32_t status() const {
        std::uint32_t status = 0;
        check(holdall_reply_status(get(), &status));
        return status;
    }
    /* The texts live as long as the reply. */
    std::vector<std::pair<std::string_view, std::string_view>> headers() const {
        const holdall_header *list = nullptr;
        std::size_t count = 0;
        check(holdall_reply_headers(get(), &list, &count));
        std::vector<std::pair<std::string_view, std::string_view>> all;
        all.reserve(count);
        for (std::size_t at = 0; at < count; at++) {
            all.emplace_back(std::string_view(list[at].name, list[at].name_len_bytes),
                             std::string_view(list[at].value, list[at].value_len_bytes));
        }
        return all;
    }
    holdall::body body() const {
        holdall::body made;
        check(holdall_reply_body(get(), made.out()));
        return made;
    }
    /* Bytes in a second that the URL asks the host to keep to; 0 is any number. */
    std::uint64_t pace() const {
        std::uint64_t pace = 0;
        check(holdall_reply_pace(get(), &pace));
        return pace;
    }
};

class store : public handle<holdall_store, holdall_store_free> {
public:
    using handle::handle;

    void close() const { check(holdall_store_close(get())); }
    std::string url(std::uint64_t version_id, const holdall_url_options *options = nullptr) const {
        text made;
        check(holdall_url_version(get(), version_id, options, made.out()));
        return to_string(made);
    }
    std::string archive_url(std::uint64_t archive_id, const holdall_url_options *options = nullptr) const {
        text made;
        check(holdall_url_archive(get(), archive_id, options, made.out()));
        return to_string(made);
    }
    /* Calls take(std::string_view) for each piece of a compressed zip. */
    template <typename Take> void write_deflated(std::uint64_t archive_id, Take take) const {
        callback<Take> taking(take);
        auto call = [](void *context, const void *data, std::size_t len) -> std::int32_t {
            return static_cast<callback<Take> *>(context)->run(
                std::string_view(static_cast<const char *>(data), len));
        };
        taking.check(holdall_archive_write_deflated(get(), archive_id, call, &taking));
    }
    holdall::reply serve(const holdall_request &request) const {
        holdall::reply made;
        check(holdall_serve(get(), &request, made.out()));
        return made;
    }
    holdall::reply serve(std::string_view method, std::string_view target,
                         const std::vector<holdall_header> &headers = {}) const {
        return serve(request(method, target, headers));
    }
};

/* Returns who calls: the owner of a drive, as the host has made sure. The name must outlive it. */
inline holdall_caller caller(std::string_view drive) {
    auto made = make<holdall_caller>();
    made.drive = drive.data();
    made.drive_len_bytes = drive.size();
    return made;
}

/* Answers the calls of Cloudreve v4 and of PDS. A caller of nullptr is nobody known. */
class api : public handle<holdall_api, holdall_api_free> {
public:
    using handle::handle;
    explicit api(const store &over, const holdall_api_options *options = nullptr) {
        check(holdall_api_new(over.get(), options, out()));
    }

    bool is_at(std::string_view target) const {
        bool found = false;
        check(holdall_api_is_at(get(), target.data(), target.size(), &found));
        return found;
    }
    reply answer(const holdall_request &request, const holdall_caller *who, std::string_view body = {}) const {
        reply made;
        check(holdall_api_answer(get(), who, &request, body.data(), body.size(), nullptr, nullptr, made.out()));
        return made;
    }
    /* Behind what was read of the body before, read(char *buffer, std::size_t room) gives the rest: it returns how
     * many bytes it put there, 0 at the end. What it throws ends the call. */
    template <typename Read>
    reply answer(const holdall_request &request, const holdall_caller *who, std::string_view begun, Read read) const {
        auto act = [&](char *buffer, std::size_t room, std::size_t *got) { *got = read(buffer, room); };
        using reading = callback<decltype(act)>;
        reading pulling(act);
        auto call = [](void *context, void *buffer, std::size_t room, std::size_t *got) -> std::int32_t {
            return static_cast<reading *>(context)->run(static_cast<char *>(buffer), room, got);
        };
        reply made;
        pulling.check(holdall_api_answer(get(), who, &request, begun.data(), begun.size(), call, &pulling, made.out()));
        return made;
    }
    std::string share_uri(std::uint64_t share_id) const {
        text made;
        check(holdall_api_share_uri(get(), share_id, made.out()));
        return to_string(made);
    }
    std::string ticket(std::uint64_t share_id, std::uint64_t lifetime_s) const {
        text made;
        check(holdall_api_ticket(get(), share_id, lifetime_s, made.out()));
        return to_string(made);
    }
};

class writer : public handle<holdall_writer, holdall_writer_free> {
public:
    using handle::handle;

    void write(std::string_view data) { check(holdall_writer_write(get(), data.data(), data.size())); }
    holdall_version commit() {
        auto version = make<holdall_version>();
        check(holdall_writer_commit(get(), &version));
        return version;
    }
};

class drive : public handle<holdall_drive, holdall_drive_free> {
public:
    using handle::handle;
    drive(const store &in, std::string_view name) {
        check(holdall_drive_open(in.get(), name.data(), name.size(), out()));
    }

    holdall_version put(std::string_view path, std::string_view data,
                        const holdall_put_options *options = nullptr) const {
        auto version = make<holdall_version>();
        check(holdall_put_memory(get(), path.data(), path.size(), data.data(), data.size(), options, &version));
        return version;
    }
    holdall::writer writer(std::string_view path, const holdall_put_options *options = nullptr) const {
        holdall::writer made;
        check(holdall_writer_open(get(), path.data(), path.size(), options, made.out()));
        return made;
    }
    holdall::body open(std::string_view path) const {
        holdall::body made;
        check(holdall_file_open(get(), path.data(), path.size(), made.out()));
        return made;
    }
    holdall_file stat(std::string_view path) const {
        auto file = make<holdall_file>();
        check(holdall_file_stat(get(), path.data(), path.size(), &file, nullptr));
        return file;
    }
    std::vector<holdall_row> list(std::string_view path, std::string_view after = {},
                                  std::size_t limit = 1000) const {
        page made;
        check(holdall_folder_list(get(), path.data(), path.size(), after.data(), after.size(), limit,
                                  made.out()));
        return rows<holdall_row>(made, holdall_page_row);
    }
    /* Calls visit(std::string_view path, const holdall_row &) for everything below a folder. */
    template <typename Visit> void walk(std::string_view path, Visit visit) const {
        callback<Visit> visiting(visit);
        auto call = [](void *context, const char *found, std::size_t len, const holdall_row *row) -> std::int32_t {
            return static_cast<callback<Visit> *>(context)->run(std::string_view(found, len), *row);
        };
        visiting.check(holdall_folder_walk(get(), path.data(), path.size(), call, &visiting));
    }
    /* Calls visit(std::string_view path, const holdall_row &) for everything below a folder with an attribute of that
       name whose value begins so. */
    template <typename Visit>
    void find_by_attribute(std::string_view path, std::string_view name, std::string_view value, Visit visit) const {
        callback<Visit> visiting(visit);
        auto call = [](void *context, const char *found, std::size_t len, const holdall_row *row) -> std::int32_t {
            return static_cast<callback<Visit> *>(context)->run(std::string_view(found, len), *row);
        };
        holdall_header wanted = {name.data(), name.size(), value.data(), value.size()};
        visiting.check(holdall_file_find_by_attribute(get(), path.data(), path.size(), &wanted, call, &visiting));
    }
    std::string url(std::string_view path, const holdall_url_options *options = nullptr) const {
        text made;
        check(holdall_url_at_path(get(), path.data(), path.size(), options, made.out()));
        return to_string(made);
    }
    holdall_archive archive(const std::vector<std::string_view> &paths,
                            const holdall_archive_options *options = nullptr) const {
        std::vector<holdall_string> list;
        list.reserve(paths.size());
        for (std::string_view path : paths) list.push_back({path.data(), path.size()});
        auto made = make<holdall_archive>();
        check(holdall_archive_create(get(), list.data(), list.size(), options, &made));
        return made;
    }
};

inline store open(std::string_view path, const holdall_open_options *options = nullptr) {
    store made;
    check(holdall_open(path.data(), path.size(), options, made.out()));
    return made;
}

} // namespace holdall

#endif
