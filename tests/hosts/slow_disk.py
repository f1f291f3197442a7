"""nginx on a disk that takes its time: only those who wait for a write may wait."""

import subprocess
import tempfile
import time
import unittest
from contextlib import contextmanager
from pathlib import Path

from .client import run
from .nginx import Server
from .store import Store, noise

# Stands before the system's fdatasync. As long as there is a file HELD, one of a segment does not return; it says
# by the file ENTERED that it was called, and gives up after a minute. With a file BROKEN it fails.
HOLD = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    char link[64], path[4096];
    ssize_t len;
    int turn;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof path - 1);
    path[len < 0 ? 0 : len] = 0;
    for (turn = 0; turn < 6000 && strstr(path, "/seg/") != NULL && access(HELD, F_OK) == 0; turn++) {
        if (turn == 0) close(open(ENTERED, O_CREAT | O_WRONLY, 0644));
        usleep(10000);
    }
    if (strstr(path, "/seg/") == NULL || access(BROKEN, F_OK) != 0) return real(fd);
    errno = EIO;
    return -1;
}
"""

# Far longer than a download takes, and far shorter than the disk is held.
HANG_S = 20


class SlowDisk(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.store = Store(cls.store.holdall, Path(cls.directory.name))
        cls.held, cls.entered, cls.broken = (cls.store.fresh() for _ in range(3))
        source, cls.preload = cls.store.fresh().with_suffix(".c"), cls.store.fresh()
        source.write_text(HOLD)
        paths = [
            f'-DHELD="{cls.held}"',
            f'-DENTERED="{cls.entered}"',
            f'-DBROKEN="{cls.broken}"',
        ]
        run("cc", "-shared", "-fPIC", "-O1", *paths, source, "-o", cls.preload, "-ldl")
        cls.large = noise(3_000_000, 30)
        cls.plain = cls.store.url_of("a.bin", cls.large)
        cls.location = f'location / {{ holdall "{cls.store.path}"; }}'

    def limited(self, *options: str, uses: int = 5) -> str:
        return self.store.url("a.bin", "--max-requests", str(uses), *options)

    def server(self, **options) -> Server:
        """nginx with one worker, whose writes can be held; what it has freed is overwritten."""
        options.setdefault("server", self.location)
        environment = {
            "LD_PRELOAD": str(self.preload),
            "GLIBC_TUNABLES": "glibc.malloc.perturb=165",
        }
        return Server(self.store, workers=1, environment=environment, **options)

    @contextmanager
    def holding(self):
        """Nothing is durable while this lasts, and nobody else opens the store."""
        self.entered.unlink(missing_ok=True)
        self.held.touch()
        try:
            yield
        finally:
            self.held.unlink()

    def ask(self, server: Server, url: str, *args: str) -> tuple[subprocess.Popen, Path]:
        """Begins a request, which goes on beside the test."""
        out = self.store.fresh()
        words = ["curl", "-sS", "--max-time", "60", "-w", "%{http_code}", "-o", str(out), *args]
        asking = subprocess.Popen(
            [*words, server.curl.whole(url)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.addCleanup(asking.wait)
        self.addCleanup(asking.kill)
        return asking, out

    def wait_for_a_write(self) -> None:
        end = time.monotonic() + HANG_S
        while not self.entered.exists():
            self.assertLess(time.monotonic(), end, "nothing was written")
            time.sleep(0.01)

    def brought(self, asked: tuple[subprocess.Popen, Path]) -> tuple[str, bool]:
        """Returns the status of a request that was begun, and whether all of the file came."""
        asking, out = asked
        status = asking.communicate(timeout=HANG_S)[0].decode()
        return status, asking.returncode == 0 and out.read_bytes() == self.large

    def check_nobody_waits(self, server: Server, url: str, *args: str) -> None:
        with self.holding():
            asked = self.ask(server, url, *args)
            self.wait_for_a_write()
            for _ in range(3):
                got = server.curl(self.plain, "--max-time", str(HANG_S), *args)
                self.assertEqual((got.status, got.body == self.large), (200, True), url)
            self.assertIsNone(asked[0].poll(), "a reply began before its use was durable")
        self.assertEqual(self.brought(asked), ("200", True), url)

    def test_nobody_waits_for_the_write_of_another(self) -> None:
        urls = [
            self.limited(),
            self.limited("--file", "--inline", "--name", "b.txt", "--type", "text/plain"),
            self.limited("--never", "--network", "127.0.0.0/8", "--pace", "50000000"),
        ]
        with self.server() as server:
            for url in urls:
                self.check_nobody_waits(server, url)
        below = f'location /in/ {{ holdall "{self.store.path}" base_url=https://h.example/in/; }}'
        with self.server(server=below, listen="http2") as server:
            server.curl.base += "/in"
            self.check_nobody_waits(server, self.limited(), "--http2-prior-knowledge")

    def test_nobody_waits_for_the_count_of_a_direct_link(self) -> None:
        link = self.store.ask("link", "a.bin")["url"]
        with self.server() as server:
            self.assertEqual(server.curl(link).status, 200)
            time.sleep(1.2)  # counts are gathered for a second
            self.check_nobody_waits(server, link)

    def test_without_the_pool_everybody_waits(self) -> None:
        """The control: what holds the write does hold it in the worker."""
        url = self.limited()
        with self.server(http="holdall_thread_pool off;") as server:
            with self.holding():
                asked = self.ask(server, url)
                self.wait_for_a_write()
                self.assertEqual(server.curl(self.plain, "--max-time", "2").code, 28)
            self.assertEqual(self.brought(asked), ("200", True))
            self.assertEqual(server.curl(self.plain).status, 200)

    def test_replies_of_the_pool_are_those_of_the_loop(self) -> None:
        server = (
            "holdall_thread_pool mine;" + self.location + "location /go { rewrite ^ $arg_to last; }"
        )
        pool = "thread_pool mine threads=2 max_queue=10;"
        with self.server(main=pool, server=server, level="info") as started:
            curl, url = started.curl, self.limited(uses=3)
            part = curl(url, "-r", "5-9")
            self.assertEqual((part.status, part.body), (206, self.large[5:10]))
            self.assertEqual(curl(url, "-H", f"If-None-Match: {part['ETag']}").status, 304)
            self.assertEqual(curl.head(url).status, 200)
            self.assertTrue(curl(f"/go?to={url}").body == self.large)
            self.assertTrue(curl(url, "-X", "GET", "-d", "a body").body == self.large)
            self.assertEqual(curl(url).status, 410)
            self.assertEqual(curl.head(url).status, 410)
            forged = url[:-30] + ("A" if url[-30] != "A" else "B") + url[-29:]
            self.assertIn(curl(forged).status, (403, 404))
            self.assertIn("holdall: refused a request", started.log())

    def test_a_page_that_includes_what_is_limited(self) -> None:
        page = self.store.fresh()
        page.mkdir(mode=0o755)
        includes = "".join(f'<!--# include virtual="{self.limited()}" -->' for _ in range(3))
        (page / "page.html").write_text(f"begin {includes} end")
        server = self.location + f'location /page.html {{ root "{page}"; ssi on; ssi_types *; }}'
        with self.server(server=server) as started:
            with self.holding():
                asking, out = self.ask(started, "/page.html")
                self.wait_for_a_write()
            self.assertEqual(asking.communicate(timeout=HANG_S)[0], b"200")
            self.assertTrue(out.read_bytes() == b"begin " + self.large * 3 + b" end")

    def test_clients_that_leave_while_they_wait(self) -> None:
        for listen, args in [("", []), ("http2", ["--http2-prior-knowledge"])]:
            urls = [self.limited() for _ in range(6)]
            with self.server(listen=listen) as server:
                with self.holding():
                    asked = [self.ask(server, url, *args) for url in urls[:5]]
                    body = ["-X", "GET", "-H", "Content-Length: 9", "-d", "a"]
                    asked.append(self.ask(server, urls[5], *args, *body))
                    self.wait_for_a_write()
                    time.sleep(0.3)
                    for asking, _ in asked:
                        asking.kill()
                        asking.wait()
                    self.assertEqual(server.curl(self.plain, *args).status, 200)
                self.check_nobody_waits(server, self.limited(), *args)
                self.assertNotIn("exited on signal", server.log())
                self.assertNotIn("[alert]", server.log())

    def test_a_worker_that_is_to_end_sends_what_waits_for_a_write(self) -> None:
        for number in [1, 3]:  # SIGHUP: a new worker takes over; SIGQUIT: nginx ends
            url = self.limited()
            with self.server() as server:
                with self.holding():
                    asked = self.ask(server, url)
                    self.wait_for_a_write()
                    server.process.send_signal(number)
                    time.sleep(0.5)
                self.assertEqual(self.brought(asked), ("200", True))
                self.assertNotIn("exited on signal", server.log())

    def test_a_connection_that_is_closed_by_a_deadline(self) -> None:
        with self.server(main="worker_shutdown_timeout 300ms;") as server:
            url = self.limited()
            with self.holding():
                asked = self.ask(server, url)
                self.wait_for_a_write()
                server.process.send_signal(3)
                time.sleep(1)
            self.assertEqual(self.brought(asked)[1], False)
            self.assertEqual(server.process.wait(HANG_S), 0)
            self.assertNotIn("exited on signal", server.log())
            self.assertNotIn("[alert]", server.log())

    def test_a_full_queue_is_busy_and_nobody_waits(self) -> None:
        pool = "thread_pool default threads=1 max_queue=1;"
        urls = [self.limited() for _ in range(5)]
        with self.server(main=pool) as server:
            with self.holding():
                first = self.ask(server, urls[0])
                self.wait_for_a_write()
                rest = [self.ask(server, url) for url in urls[1:]]
                end = time.monotonic() + HANG_S
                while sum(asking.poll() is None for asking, _ in rest) > 1:
                    self.assertLess(time.monotonic(), end, "nobody was sent away")
                    time.sleep(0.01)
                self.assertEqual(server.curl(self.plain).status, 200)
            self.assertEqual(self.brought(first), ("200", True))
            self.assertEqual(
                sorted(self.brought(asked)[0] for asked in rest), ["200"] + ["503"] * 3
            )

    def test_a_write_that_fails_is_told_and_nothing_is_given(self) -> None:
        url = self.limited()
        self.broken.touch()
        self.addCleanup(self.broken.unlink, missing_ok=True)
        with self.server() as server:
            got = server.curl(url)
            self.assertEqual((got.status, self.large[:100] in got.body), (500, False))
            self.assertRegex(server.log(), "answering a request: Io: .*syncing the log")
            self.assertEqual(server.curl(self.plain).status, 200)
            self.broken.unlink()

    def test_a_pool_that_there_is_not_is_refused(self) -> None:
        for wrong in [
            "holdall_thread_pool none;",
            "holdall_thread_pool off; holdall_thread_pool off;",
        ]:
            with self.assertRaises(RuntimeError):
                self.server(http=wrong).__enter__()
