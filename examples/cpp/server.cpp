/*
 * A download and upload server on CivetWeb, in C++17.
 *
 *     server DIRECTORY [PORT]
 *
 *     GET, HEAD                  answer every URL of the store: downloads, archives, direct links, ranges
 *     PUT /upload/DRIVE/PATH     puts the body at PATH of a drive and answers 201 with a URL as text
 *
 * Where HOLDALL_API_DRIVE names a drive, it answers the calls of Cloudreve v4 and of PDS too, under /api/v4,
 * /f and /v2, as if the owner of that drive made them. That is for development only: a real host knows its
 * users, and says with each call who makes it.
 *
 * It listens on 127.0.0.1, on any free port where PORT is 0 or missing, and says on which with one line,
 * "listening on http://127.0.0.1:PORT". SIGTERM ends it. Where UPLOAD_TOKEN stands in the environment, an
 * upload needs "Authorization: Bearer" and it, and so does a call to be the owner's; without, a call is the
 * owner's unless a page of another site made it or a proxy passed it on.
 *
 * CivetWeb hands each request over before it looks at it, and sends what it is given: status, headers and
 * body are the library's to the byte. Pieces of a body go out straight from the map.
 */
#include <holdall.hpp>

#include <civetweb.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

namespace {

constexpr std::size_t chunk = 256 << 10;

struct server {
    holdall::store store;
    std::string token; /* empty: anyone may upload */
    std::string drive; /* whose calls are */
    holdall::api api;  /* none: no calls */
};

/* A connection that nothing more can be sent on: the client went away, or the content is damaged. */
struct broken {};

void complain(const holdall::error &error) {
    std::fprintf(stderr, "%s: %s\n", holdall_code_name(error.code()), error.what());
}

std::string_view or_empty(const char *text) { return text == nullptr ? std::string_view() : text; }

/* Sends small pieces together and large ones as they are, no faster than the pace. */
class sender {
public:
    sender(mg_connection *to, std::uint64_t pace) : to_(to), pace_(pace) {}

    void add(std::string_view data) {
        if (data.size() < chunk) held_ += data;
        if (held_.size() >= chunk || data.size() >= chunk) flush();
        if (data.size() >= chunk) write(data);
    }
    void flush() {
        write(held_);
        held_.clear();
    }
    bool begun() const { return sent_ > 0; }

private:
    void write(std::string_view data) {
        if (data.empty()) return;
        if (mg_write(to_, data.data(), data.size()) != static_cast<int>(data.size())) throw broken();
        sent_ += data.size();
        if (pace_ == 0) return;
        const std::chrono::duration<double> due(static_cast<double>(sent_) / static_cast<double>(pace_));
        std::this_thread::sleep_for(due - (std::chrono::steady_clock::now() - start_));
    }

    mg_connection *to_;
    std::uint64_t pace_, sent_ = 0;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::string held_;
};

std::string head(mg_connection *connection, std::uint32_t status) {
    char date[64];
    std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return "HTTP/1.1 " + std::to_string(status) + ' ' +
           mg_get_response_code_text(connection, static_cast<int>(status)) + "\r\nDate: " + date + "\r\n";
}

int send(mg_connection *connection, const holdall::reply &reply) {
    std::string text = head(connection, reply.status());
    for (auto [name, value] : reply.headers()) text.append(name).append(": ").append(value).append("\r\n");
    sender out(connection, reply.pace());
    out.add(text + "\r\n");
    try {
        reply.body().segments([&](const holdall_segment &piece) {
            out.add({static_cast<const char *>(piece.data), piece.len_bytes});
        });
    } catch (const holdall::error &error) {
        if (!out.begun()) throw;
        complain(error);
        throw broken(); /* never a whole reply with damaged content */
    }
    out.flush();
    return static_cast<int>(reply.status());
}

int send(mg_connection *connection, std::uint32_t status, std::string_view text) {
    sender out(connection, 0);
    out.add(head(connection, status) + (status == 405 ? "Allow: PUT\r\n" : "") +
            "Content-Type: text/plain; charset=utf-8\r\nContent-Length: " + std::to_string(text.size()) +
            "\r\n\r\n");
    if (or_empty(mg_get_request_info(connection)->request_method) != "HEAD") out.add(text);
    out.flush();
    return static_cast<int>(status);
}

/* Does something with the request as the library takes it. */
template <typename Act> int ask(const mg_request_info &info, Act act) {
    std::string target = info.request_uri;
    if (info.query_string != nullptr) target.append("?").append(info.query_string);
    std::vector<holdall_header> headers;
    for (int at = 0; at < info.num_headers; at++) {
        std::string_view name = or_empty(info.http_headers[at].name), value = or_empty(info.http_headers[at].value);
        headers.push_back({name.data(), name.size(), value.data(), value.size()});
    }
    auto request = holdall::request(info.request_method, target, headers);
    request.client = info.remote_addr;
    request.client_len_bytes = or_empty(info.remote_addr).size();
    return act(request);
}

int hex(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    digit = static_cast<char>(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* A path that is none. */
struct malformed {};

std::string decode(std::string_view text) {
    std::string decoded;
    for (std::size_t at = 0; at < text.size(); at++) {
        decoded += text[at];
        if (text[at] != '%') continue;
        const int high = at + 2 < text.size() ? hex(text[at + 1]) : -1, low = high < 0 ? -1 : hex(text[at + 2]);
        if (low < 0) throw malformed();
        decoded.back() = static_cast<char>(high * 16 + low);
        at += 2;
    }
    return decoded;
}

/* Whether a program or a page of this machine asks, and not a page of another site in a browser on it,
 * or somebody behind a proxy. */
bool is_from_here(mg_connection *connection) {
    const std::string_view host = or_empty(mg_get_header(connection, "Host"));
    const std::string_view origin = or_empty(mg_get_header(connection, "Origin"));
    for (const char *passed_on : {"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"})
        if (mg_get_header(connection, passed_on) != nullptr) return false;
    if (host.substr(0, 10) != "127.0.0.1:" && host.substr(0, 10) != "localhost:") return false;
    return origin.empty() || (origin.substr(0, 7) == "http://" && origin.substr(7) == host);
}

/* Whether a caller is the owner: by the token, which is compared without telling by the time where the first
 * difference is; if there is none, whoever is on this machine. */
bool allowed(const server &server, mg_connection *connection) {
    const std::string_view given = or_empty(mg_get_header(connection, "Authorization"));
    const std::string wanted = "Bearer " + server.token;
    if (server.token.empty()) return is_from_here(connection);
    unsigned char differs = given.size() != wanted.size();
    for (std::size_t at = 0; at < given.size() && at < wanted.size(); at++)
        differs |= static_cast<unsigned char>(given[at] ^ wanted[at]);
    return differs == 0;
}

/* Tells a client that waits for it to send the body. */
void go_ahead(mg_connection *connection) {
    if (or_empty(mg_get_header(connection, "Expect")) == "100-continue")
        mg_printf(connection, "HTTP/1.1 100 Continue\r\n\r\n");
}

int call(const server &server, mg_connection *connection, const holdall_request &request) {
    const bool owner = allowed(server, connection);
    holdall_caller who = holdall::caller(server.drive);
    who.token = server.token.data(); /* for proofs of content */
    who.token_len_bytes = server.token.size();
    bool begun = false;
    auto read = [&](char *buffer, std::size_t room) {
        if (!std::exchange(begun, true)) go_ahead(connection);
        const int got = mg_read(connection, buffer, room);
        if (got < 0) throw broken();
        return static_cast<std::size_t>(got);
    };
    return send(connection, server.api.answer(request, owner ? &who : nullptr, {}, read));
}

int upload(const server &server, mg_connection *connection, const mg_request_info &info, std::string_view place) {
    if (or_empty(info.request_method) != "PUT") return send(connection, 405, "Only PUT is answered here.\n");
    if (!allowed(server, connection))
        return server.token.empty() ? send(connection, 403, "Uploads without a token come from this machine.\n")
                                    : send(connection, 401, "Uploads need the token.\n");
    const std::size_t slash = place.find('/');
    if (slash == std::string_view::npos) return send(connection, 404, "Uploads go to /upload/DRIVE/PATH.\n");
    const std::string name = decode(place.substr(0, slash)), path = decode(place.substr(slash + 1));
    holdall::drive drive(server.store, name);
    auto options = holdall::make<holdall_put_options>();
    const auto declared = static_cast<std::uint64_t>(info.content_length);
    if (info.content_length >= 0) options.len_bytes = &declared; /* a body cut short is not committed */
    holdall::writer writer = drive.writer(path, &options);
    go_ahead(connection);
    std::vector<char> room(chunk);
    int got;
    while ((got = mg_read(connection, room.data(), room.size())) > 0)
        writer.write({room.data(), static_cast<std::size_t>(got)});
    if (got < 0) throw broken();
    return send(connection, 201, server.store.url(writer.commit().id));
}

/* Answers a request; returns the status that was sent. */
int answer_here(mg_connection *connection) {
    const mg_request_info &info = *mg_get_request_info(connection);
    const server &server = *static_cast<const struct server *>(info.user_data);
    const std::string_view target = or_empty(info.request_uri), uploads = "/upload/";
    try {
        try {
            if (target.substr(0, uploads.size()) == uploads) try {
                    return upload(server, connection, info, target.substr(uploads.size()));
                } catch (const malformed &) {
                    return send(connection, 400, "A '%' is followed by no two hex digits; write it as %25.\n");
                } catch (const holdall::error &error) {
                    if (error.http_status() >= 500) throw;
                    complain(error);
                    return send(connection, error.http_status(), std::string(error.what()) + '\n');
                }
            return ask(info, [&](const holdall_request &request) {
                if (server.api && server.api.is_at({request.target, request.target_len_bytes}))
                    return call(server, connection, request);
                return send(connection, server.store.serve(request));
            });
        } catch (const holdall::error &error) {
            complain(error);
            return send(connection, holdall::reply::of_code(error.code()));
        }
    } catch (...) {
        mg_disable_connection_keep_alive(connection);
        return 500;
    }
}

/* Called for every request. A thread of CivetWeb has 100 KiB of stack, which is too little for the library. */
int answer(mg_connection *connection) {
    int status = 500;
    std::thread([&] { status = answer_here(connection); }).join();
    return status;
}

bool is_port(std::string_view text) {
    const bool digits = text.find_first_not_of("0123456789") == std::string_view::npos;
    return digits && !text.empty() && text.size() < 6 && std::stoi(std::string(text)) <= 65535;
}

} // namespace

int main(int argc, char **argv) {
    if ((argc != 2 && argc != 3) || (argc == 3 && !is_port(argv[2]))) {
        std::fprintf(stderr, "usage: %s DIRECTORY [PORT], a number up to 65535\n", argv[0]);
        return 2;
    }
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, nullptr);
    try {
        server server{holdall::open(argv[1]), std::string(or_empty(std::getenv("UPLOAD_TOKEN"))),
                      std::string(or_empty(std::getenv("HOLDALL_API_DRIVE"))), {}};
        if (!server.drive.empty()) server.api = holdall::api(server.store);
        const std::string listen = std::string("127.0.0.1:") + (argc == 3 ? argv[2] : "0");
        const char *options[] = {"listening_ports", listen.c_str(), "decode_url",  "no", "enable_keep_alive", "yes",
                                 "tcp_nodelay",     "1",            "num_threads", "256", nullptr};
        mg_callbacks callbacks{};
        callbacks.begin_request = answer;
        mg_init_library(0);
        mg_context *context = mg_start(&callbacks, &server, options);
        mg_server_port port{};
        if (context == nullptr || mg_get_server_ports(context, 1, &port) != 1) {
            std::fprintf(stderr, "%s cannot be listened on; is another server there?\n", listen.c_str());
            return 1;
        }
        std::printf("listening on http://127.0.0.1:%d\n", port.port);
        std::fflush(stdout);
        int got = 0;
        sigwait(&stop, &got);
        mg_stop(context);
        mg_exit_library();
        server.store.close();
        return 0;
    } catch (const holdall::error &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
