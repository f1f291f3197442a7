"""A host that stands before a right one and does one thing wrong, as the control of the suite.

Whatever it passes on it has first taken in as a whole, which is the fault "hoards".

python3 -m tests.hosts.wrong FAULT HOLDALL STORE
"""

import contextlib
import http.client
import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# What goes wrong, and a test that must see it.
FAULTS = {
    "none": None,
    "cuts-a-byte": "test_a_range_gives_exactly_its_bytes",
    "changes-a-byte": "test_ten_thousand_requests_get_their_own_bytes",
    "ignores-if-range": "test_if_range_decides_between_the_range_and_the_whole",
    "ignores-conditions": "test_conditions_are_answered_in_the_order_of_the_rfc",
    "ignores-ranges": "test_curl_goes_on_where_it_was",
    "weak-tag": "test_head_says_what_get_gives",
    "name-unquoted": "test_a_name_reaches_the_client_whole",
    "no-length": "test_an_archive_in_pieces_is_the_archive",
    "answers-post": "test_other_methods_are_told_what_is_allowed",
    "lets-forged-in": "test_a_url_that_was_changed_is_refused",
    "wrong-416": "test_a_range_past_the_end_is_refused_and_nonsense_is_ignored",
    "takes-malformed": "test_a_percent_sign_that_begins_no_escape_is_refused",
    "leaks-a-neighbour": "test_no_byte_of_a_neighbour_is_in_any_reply",
    "waits-for-one": "test_a_good_client_is_served_beside_a_crowd",
    "takes-any-name": "test_odd_bytes_in_the_name_of_a_url_lead_nowhere",
    "hoards": "test_downloads_that_nobody_reads_take_little_memory",
    "closes-always": "test_ten_thousand_requests_get_their_own_bytes",
}


class Proxy(BaseHTTPRequestHandler):
    """Asks the right host, and spoils what it says."""

    protocol_version = "HTTP/1.1"
    fault = "none"
    upstream: tuple[str, int]
    last_good = ""
    store: Path
    known: dict[str, str] = {}
    one_at_a_time = threading.Lock()

    def answer(self) -> None:
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in ("host", "connection")
        }
        if self.fault == "waits-for-one":
            with self.one_at_a_time:
                pass
        self.spoil_request(headers)
        connection = http.client.HTTPConnection(*self.upstream, timeout=60)
        method, target, body = self.command, self.path, None
        if self.fault == "takes-any-name" and target.startswith("/d/") and target.count("/") == 3:
            target = self.known.setdefault(target.rsplit("/", 1)[0], target)
        if "Content-Length" in headers:
            with self.one_at_a_time if self.fault == "waits-for-one" else contextlib.nullcontext():
                body = self.rfile.read(int(headers["Content-Length"]))
        if self.fault == "answers-post" and method == "POST":
            method, body = "GET", None
            headers.pop("Content-Length", None)
        connection.request(method, target, body, headers)
        reply = connection.getresponse()
        content = reply.read()
        own = ("date", "server", "connection", "transfer-encoding")
        status, sent = (
            reply.status,
            [(name, value) for name, value in reply.getheaders() if name.lower() not in own],
        )
        if (
            self.fault == "lets-forged-in"
            and status == 403
            and target.startswith("/d/")
            and len(target) > 60
        ):
            status = 200
        status, sent, content = self.spoil(status, sent, content)
        connection.close()
        self.send_response(status)
        for name, value in sent:
            self.send_header(name, value)
        if self.fault == "closes-always":
            self.send_header("Connection", "close")
        self.end_headers()
        if method != "HEAD":
            self.wfile.write(content)
        if self.fault == "leaks-a-neighbour" and status == 206:
            for segment in sorted((self.store / "seg").glob("*.seg")):
                self.wfile.write(segment.read_bytes())

    def spoil_request(self, headers: dict[str, str]) -> None:
        dropped = {
            "ignores-if-range": r"if-range",
            "ignores-conditions": r"if-(none-match|modified-since|match|unmodified-since)",
            "ignores-ranges": r"range|if-range",
        }.get(self.fault, "$.")
        for name in [name for name in headers if re.fullmatch(dropped, name.lower())]:
            del headers[name]

    def spoil(self, status: int, headers: list[tuple[str, str]], content: bytes):
        change = {}
        if self.fault == "cuts-a-byte" and status == 206 and len(content) > 50_000:
            content = content[:-1]
            change["content-length"] = str(len(content))
        if self.fault == "changes-a-byte" and len(content) > 20_000:
            content = content[:-1] + bytes([content[-1] ^ 1])
        if self.fault == "weak-tag":
            change["etag"] = "W/" + next(
                (value for name, value in headers if name.lower() == "etag"), '"x"'
            )
        if self.fault == "name-unquoted":
            change["content-disposition"] = "attachment; filename=download"
        if self.fault == "no-length" and self.command == "HEAD":
            change["content-length"] = "0"
        if self.fault == "wrong-416" and status == 416:
            status = 200
        if self.fault == "takes-malformed" and status == 400:
            status = 404
        return status, [(name, change.get(name.lower(), value)) for name, value in headers], content

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = answer

    def log_message(self, *_) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, *_) -> None:
        """A client that went away is no news."""


def main(fault: str, holdall: str, store: str) -> None:
    right = subprocess.Popen(
        [holdall, "serve", store, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE
    )
    name, port = (
        right.stdout.readline()
        .decode()
        .split()[2]
        .removeprefix("http://")
        .rstrip("/")
        .rsplit(":", 1)
    )
    Proxy.fault, Proxy.upstream, Proxy.store = fault, (name, int(port)), Path(store)
    server = Server(("127.0.0.1", 0), Proxy)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)

    def stop(*_) -> None:
        right.terminate()
        right.wait()
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
