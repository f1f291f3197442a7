"""The module in other configurations of nginx than the one of the example."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import zipfile
from pathlib import Path

from .client import Curl, Got, run
from .host import ROOT
from .store import Store, noise, tree

CONFIG = """
load_module "{module}";
{user}
worker_processes {workers};
daemon off;
pid "{run}/pid";
error_log "{run}/error.log" {level};
{main}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path "{run}/t1"; proxy_temp_path "{run}/t2"; fastcgi_temp_path "{run}/t3";
    uwsgi_temp_path "{run}/t4"; scgi_temp_path "{run}/t5";
    {http}
    server {{ listen 127.0.0.1:{port} {listen}; {server} }}
}}
"""


class Server:
    """nginx with a configuration of a test's own."""

    def __init__(
        self,
        store: Store,
        *,
        http="",
        server="",
        listen="",
        main="",
        level="warn",
        workers=2,
        environment: dict[str, str] | None = None,
    ):
        self.run = store.fresh()
        self.run.mkdir(mode=0o755)
        with socket.create_server(("127.0.0.1", 0)) as plug:
            self.port = plug.getsockname()[1]
        module = (
            Path(os.environ.get("BUILD", ROOT / "examples/nginx/build"))
            / "ngx_http_holdall_module.so"
        )
        user = "user root;" if os.geteuid() == 0 else ""
        text = CONFIG.format(
            module=module,
            user=user,
            run=self.run,
            port=self.port,
            level=level,
            http=http,
            server=server,
            listen=listen,
            main=main,
            workers=workers,
        )
        (self.run / "nginx.conf").write_text(text)
        command = [
            shutil.which("nginx") or "/usr/sbin/nginx",
            "-c",
            self.run / "nginx.conf",
            "-e",
            self.run / "start.log",
        ]
        with open(self.run / "stderr.log", "wb") as answer:
            self.process = subprocess.Popen(
                command, stderr=answer, env={**os.environ, **(environment or {})}
            )
        self.curl = Curl(f"{'https' if 'ssl' in listen else 'http'}://127.0.0.1:{self.port}", store)

    def log(self) -> str:
        return "".join(path.read_text() for path in self.run.glob("*.log"))

    def __enter__(self) -> "Server":
        end = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < end:
            with socket.socket() as plug:
                if plug.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        self.__exit__()
        raise RuntimeError(f"nginx did not start: {self.log()}")

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait(20)


class Nginx(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.store = Store(cls.store.holdall, Path(cls.directory.name))
        cls.text = b"the same line again and again\n" * 20_000
        cls.large = noise(5_000_000, 20)
        cls.small_url = cls.store.url_of("a.html", cls.text)
        cls.large_url = cls.store.url_of("a.bin", cls.large)
        source = cls.store.fresh()
        tree(source, 21, files=400)
        cls.store.ask("put", str(source), "--to", "docs")
        cls.zip_url = cls.store.ask("archive", "docs")["url"]
        cls.location = f'location / {{ holdall "{cls.store.path}"; }}'

    def whole(self, curl: Curl, *args: str) -> None:
        """Checks that all sorts of bodies come whole."""
        for url, want in [(self.small_url, self.text), (self.large_url, self.large)]:
            got = curl(url, *args)
            self.assertEqual((got.status, got.code, got.body == want), (200, 0, True), url)
            self.assertEqual(got["Content-Length"], str(len(want)))
        part = curl(self.large_url, "-r", "1000-2000000", *args)
        self.assertEqual((part.status, part.body == self.large[1000:2_000_001]), (206, True))
        parts = curl(self.large_url, "-r", "0-9,3000000-3999999", *args)
        self.assertEqual((parts.status, self.large[3_000_000:4_000_000] in parts.body), (206, True))
        saved = self.store.fresh()
        saved.write_bytes(curl(self.zip_url, *args).body)
        self.assertIsNone(zipfile.ZipFile(saved).testzip())
        head = curl.head(self.large_url, *args)
        self.assertEqual((head.status, head["Content-Length"]), (200, str(len(self.large))))

    def test_with_and_without_sendfile_and_with_threads(self) -> None:
        for how in [
            "sendfile off;",
            "sendfile on;",
            "sendfile on; tcp_nopush on;",
            "sendfile on; aio threads;",
            "sendfile off; aio threads;",
            "sendfile on; sendfile_max_chunk 100k;",
            "sendfile on; directio 64k;",
            "output_buffers 1 4k; postpone_output 4000;",
        ]:
            with Server(self.store, http=how, server=self.location) as server:
                self.whole(server.curl)

    def test_over_http_2(self) -> None:
        with Server(
            self.store, http="sendfile on;", server=self.location, listen="http2"
        ) as server:
            self.whole(server.curl, "--http2-prior-knowledge")
            refused = server.curl("/d/AQAB/x", "--http2-prior-knowledge")
            self.assertEqual(refused.status, 403)

    def test_over_tls(self) -> None:
        key, certificate = self.store.fresh(), self.store.fresh()
        run(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-keyout",
            key,
            "-out",
            certificate,
        )
        tls = f'ssl_certificate "{certificate}"; ssl_certificate_key "{key}"; sendfile on;'
        with Server(self.store, http=tls, server=self.location, listen="ssl http2") as server:
            self.whole(server.curl, "-k", "--http1.1")
            self.whole(server.curl, "-k", "--http2")

    def test_filters_of_nginx_let_replies_be(self) -> None:
        filters = (
            "gzip on; gzip_types *; gzip_min_length 1; gunzip on; etag on; if_modified_since before;"
            " charset utf-8; expires off;"
        )
        with Server(self.store, http=filters, server=self.location) as server:
            got = server.curl(self.small_url, "-H", "Accept-Encoding: gzip")
            self.assertEqual((got.body == self.text, got["Content-Encoding"]), (True, None))
            self.assertEqual(len([name for name, _ in got.headers if name.lower() == "etag"]), 1)
            self.assertEqual(
                len([name for name, _ in got.headers if name.lower() == "last-modified"]), 1
            )
            self.assertEqual(
                server.curl(self.small_url, "-H", f"If-None-Match: {got['ETag']}").status, 304
            )
            self.assertEqual(
                server.curl(
                    self.small_url, "-H", f"If-Modified-Since: {got['Last-Modified']}"
                ).status,
                304,
            )
            self.whole(server.curl, "-H", "Accept-Encoding: gzip")

    def test_below_a_prefix_and_by_a_rewrite_and_by_another_handler(self) -> None:
        below = self.store.ask("--base-url", "/files/", "url", "a.bin")["url"]
        self.assertTrue(below.startswith("/files/"))
        inner = self.small_url
        server = (
            f'location /files/ {{ holdall "{self.store.path}" base_url=/files/ cache=8m; }}'
            f"location /go {{ rewrite ^ /files{inner} last; }}"
            f"location /app {{ proxy_pass http://127.0.0.1:$server_port/accel; }}"
            f"location /accel {{ add_header X-Accel-Redirect /files{inner}; return 200; }}"
        )
        with Server(self.store, server=server) as started:
            curl = started.curl
            self.assertEqual(
                (curl(below).body == self.large, curl(self.large_url).status), (True, 404)
            )
            self.assertTrue(curl("/go").body == self.text)
            got: Got = curl("/app")
            self.assertEqual((got.status, got.body == self.text), (200, True))

    def test_an_if_and_a_limit_except_in_the_location_serve_its_store(self) -> None:
        server = (
            f'location / {{ holdall "{self.store.path}"; set $seen 0;'
            " if ($request_method = GET) { set $seen 1; } if ($args) { add_header X-Asked yes; }"
            " limit_except GET { deny 192.0.2.1; } }"
        )
        with Server(self.store, server=server) as started:
            for _ in range(3):
                self.whole(started.curl)
                self.assertTrue(started.curl(self.small_url + "?a=b").body == self.text)
                self.assertEqual(started.curl("/d/AQAB/x?a=b").status, 403)
                self.assertEqual(started.curl(self.small_url, "-X", "POST").status, 405)
            self.assertNotIn("exited on signal", started.log())

    def test_what_a_page_includes_is_included_whole(self) -> None:
        page = self.store.fresh()
        page.mkdir(mode=0o755)
        (page / "page.html").write_text(f'<!--# include virtual="/in{self.small_url}" -->')
        server = (
            f'location /in/ {{ holdall "{self.store.path}" base_url=/in/; }}'
            f'location /page.html {{ root "{page}"; ssi on; ssi_types *; }}'
        )
        with Server(self.store, server=server) as started:
            self.assertTrue(started.curl("/page.html").body == self.text)
            for header in [
                "Range: bytes=0-9",
                "If-None-Match: *",
                'If-Match: "x"',
                "If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT",
                "If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT",
            ]:
                got = started.curl("/page.html", "-H", header)
                if got.status == 200:
                    self.assertTrue(got.body == self.text, f"{header}: {len(got.body)} bytes")
                else:
                    self.assertIn(got.status, (304, 412), header)
            got = started.curl("/page.html", "-H", "Range: bytes=0-9")
            self.assertIn((got.status, got.body), [(200, self.text), (206, self.text[:10])])

    def test_a_limit_of_the_configuration_holds_beside_a_pace(self) -> None:
        paced = self.store.url("a.bin", "--pace", "50000000")
        with Server(self.store, server=self.location, http="limit_rate 4m;") as server:
            begun = time.monotonic()
            self.assertTrue(server.curl(paced).body == self.large)
            self.assertGreater(time.monotonic() - begun, 0.8)

    def test_a_store_that_is_not_there_yet_is_tried_again(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            late = Store(self.store.holdall, Path(directory))
            with Server(late, server=f'location / {{ holdall "{late.path}"; }}') as server:
                self.assertEqual(server.curl("/d/AQAB/x").status, 503)
                url = late.url_of("a.txt", b"hello")
                self.assertEqual(server.curl(url).body, b"hello")
                self.assertIn("opening the store", server.log())

    def test_a_reload_lets_transfers_end(self) -> None:
        paced = self.store.url("a.bin", "--pace", "4000000")
        with Server(self.store, server=self.location) as server:
            out = self.store.fresh()
            getting = subprocess.Popen(["curl", "-sS", server.curl.whole(paced), "-o", out])
            for _ in range(5):
                time.sleep(0.15)
                server.process.send_signal(1)
            self.assertEqual(getting.wait(20), 0)
            self.assertTrue(out.read_bytes() == self.large)
            self.whole(server.curl)
            self.assertNotIn("signal 11", server.log())

    def test_a_wrong_configuration_is_refused(self) -> None:
        for wrong in [
            'holdall "{0}" cash=1m;',
            'holdall "{0}" cache=x;',
            'holdall "{0}"; holdall "{0}";',
            "holdall;",
        ]:
            server = f"location / {{ {wrong.format(self.store.path)} }}"
            with self.assertRaises(RuntimeError):
                Server(self.store, server=server).__enter__()
        one = 'location /{1}/ {{ holdall "{0}" base_url=/{1}/; }}'
        twice = " ".join(one.format(self.store.path, name) for name in "ab")
        with self.assertRaises(RuntimeError):
            Server(self.store, server=twice).__enter__()

    def test_why_a_url_was_refused_is_told_at_the_level_info(self) -> None:
        with Server(self.store, server=self.location, level="info") as server:
            # In what the token says, not in the half of its MAC that is over the name: that is 404.
            at = self.small_url.index("/d/") + len("/d/") + 16
            forged = (
                self.small_url[:at]
                + ("A" if self.small_url[at] != "A" else "B")
                + self.small_url[at + 1 :]
            )
            self.assertEqual(server.curl(forged).status, 403)
            self.assertIn("holdall: refused", server.log())
