"""What is refused, in which shape, and that the host lives on."""

import base64
import socket
import time

from .case import Case
from .store import noise


# Bytes of a token's MAC that are of the name beside it: the last.
NAMED = 16


def token(url: str) -> bytes:
    """The bytes of the token in a URL."""
    text = url.split("/d/")[1].split("/")[0]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Refusal(Case):
    @classmethod
    def setUpClass(cls) -> None:
        cls.url = cls.store.url_of("refusal/a.txt", b"hello")

    def assertRefused(self, got, statuses, what: object) -> None:
        """A refusal is short, tells nothing of the inside, and is kept by no cache."""
        self.assertIn(got.status, statuses, what)
        self.assertLess(len(got.body), 1000, what)
        self.assertNotIn(b"hello", got.body, what)
        self.assertIn("no-store", got["Cache-Control"] or "", what)
        self.assertEqual(got["Content-Length"], str(len(got.body)), what)
        self.assertTrue((got["Content-Type"] or "").startswith("text/plain"), what)

    def test_addresses_that_lead_nowhere(self) -> None:
        for target in [
            "/",
            "/nothing",
            "/d/",
            "/d/x",
            "/d/AQAB/x",
            "/f/l0/x",
            "/STORE",
            "/meta.redb",
        ]:
            self.assertRefused(self.curl(target, "--path-as-is"), (403, 404), target)
        for target in ["/../../etc/passwd", "/%2e%2e/STORE", "/d/%00/x", "/d//", "//d/x/y"]:
            self.assertIn(self.curl(target, "--path-as-is").status, (400, 403, 404), target)

    def test_a_percent_sign_that_begins_no_escape_is_refused(self) -> None:
        link = self.store.ask("link", "refusal/a.txt")["url"]
        for target in [self.url, link, "/d/AQAB/x", "/f/l0/x", "/nothing"]:
            for wrong in ["%", "a%zzb", "%2", "%%25", "%2g"]:
                self.assertEqual(self.curl(target + wrong).status, 400, target + wrong)
        queried = 400 if self.host.kind.parses else 200
        self.assertEqual(self.curl(self.url + "?%zz").status, queried, "the query is not looked at")

    def test_head_is_refused_without_a_body(self) -> None:
        got = self.curl.head("/d/AQAB/x")
        self.assertEqual((got.status, got.body[:0], got.code), (403, b"", 0))

    def test_other_methods_are_told_what_is_allowed(self) -> None:
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]:
            got = self.curl(self.url, "-X", method)
            self.assertRefused(got, (405,), method)
            self.assertEqual(got["Allow"], "GET, HEAD", method)
        sent = self.curl(self.url, "--data-binary", "x" * 100_000)
        self.assertEqual(sent.status, 405)
        self.assertEqual(self.curl(self.url).body, b"hello")

    def test_a_page_of_another_origin_reads_what_it_may(self) -> None:
        page = ("-H", "Origin: https://shop.example")
        asks = ("-X", "OPTIONS", "-H", "Access-Control-Request-Method: GET")
        url = self.store.url("refusal/a.txt", "--cross-origin", "https://shop.example")
        got = self.curl(url, *page)
        self.assertEqual((got.body, got["Vary"]), (b"hello", "Origin"))
        self.assertEqual(got["Access-Control-Allow-Origin"], "https://shop.example")
        asked = self.curl(url, *page, *asks)
        self.assertEqual((asked.status, asked.body), (204, b""))
        self.assertIn("Range", asked["Access-Control-Allow-Headers"])
        self.assertEqual(self.curl(self.url, *page, *asks).status, 405)

    def test_a_cut_download_is_one_use(self) -> None:
        url = self.store.url("refusal/a.txt", "--max-uses", "1")
        self.assertEqual(self.curl(url).body, b"hello")
        self.assertEqual(self.curl(url, "-r", "2-").body, b"llo")
        self.assertEqual([self.curl(url).status for _ in range(4)], [200, 200, 410, 410])

    def test_a_url_that_was_changed_is_refused(self) -> None:
        start, end = len("/d/"), self.url.rindex("/")
        seen = set()
        for at in range(start, end, 4):
            other = "B" if self.url[at] == "A" else "A"
            forged = self.url[:at] + other + self.url[at + 1 :]
            # The last half of the MAC is of the name: where that alone was changed, the name is not the
            # token's, and nothing is there. Every other change is a forged token.
            changed = [here != there for here, there in zip(token(forged), token(self.url))]
            name_only = any(changed) and not any(changed[:-NAMED])
            self.assertRefused(self.curl(forged), (404 if name_only else 403,), f"byte {at}")
            seen.add(name_only)
        self.assertEqual(seen, {True, False}, "both halves of the MAC are tried")
        self.assertEqual(self.curl(self.url).status, 200, "control")
        cloudreve = self.store.url("refusal/a.txt", "--cloudreve")
        self.assertEqual(self.curl(cloudreve).body, b"hello")
        self.assertEqual(self.curl(cloudreve.replace("a.txt", "b.txt")).status, 403)

    def test_a_url_ends_when_it_should(self) -> None:
        short = self.store.url("refusal/a.txt", "--expires", "1s")
        never = self.store.url("refusal/a.txt", "--never")
        once = self.store.url("refusal/a.txt", "--max-requests", "1")
        self.assertEqual(self.curl.head(once).status, 200)
        self.assertEqual(self.curl(once).status, 200)
        self.assertIn(self.curl(once).status, (403, 410), "a second use")
        self.assertEqual(self.curl.head(once).status, 410, "to HEAD as well")
        time.sleep(2.1)
        self.assertRefused(self.curl(short), (403,), "expired")
        self.assertEqual(self.curl(never).status, 200)
        version = self.store.ask("versions", "refusal/a.txt")[0]["id"]
        other = self.store.put("refusal/b.txt", b"other")
        self.store.ask("revoke", other)
        self.assertEqual(self.curl(self.url).status, 200, f"{version} was not revoked")

    def test_what_was_revoked_or_deleted_is_gone(self) -> None:
        version = self.store.put("refusal/c.txt", b"hello, gone")
        url = self.store.url("refusal/c.txt")
        follows = self.store.url("refusal/c.txt", "--file")
        link = self.store.ask("link", "refusal/c.txt")["url"]
        self.assertEqual([self.curl(each).status for each in (url, follows, link)], [200] * 3)
        self.store.ask("revoke", version)
        self.assertRefused(self.curl(url), (410,), "revoked")
        self.store.ask("rm", "refusal/c.txt")
        self.assertRefused(self.curl(link), (404, 410), "in the trash")
        self.assertRefused(self.curl(follows), (403, 410), "in the trash")

    def test_a_url_may_be_bound_to_a_network(self) -> None:
        here = self.store.url("refusal/a.txt", "--network", "127.0.0.0/8")
        elsewhere = self.store.url("refusal/a.txt", "--network", "192.0.2.0/24")
        self.assertEqual((self.curl(here).status, self.curl(elsewhere).status), (200, 403))

    def test_what_is_no_request_leaves_the_host_well(self) -> None:
        for raw in [
            b"\x16\x03\x01\0\xff",
            b"A" * 200_000,
            b"GET",
            b"GET / HTTP/9.9\r\n\r\n",
            b"\r\n" * 1000,
        ]:
            with socket.create_connection(self.host.address, timeout=10) as plug:
                try:
                    plug.sendall(raw)
                    plug.shutdown(socket.SHUT_WR)
                    reply = plug.recv(1000)
                except OSError:
                    reply = b""
            self.assertNotIn(b" 200 ", reply[:20], raw[:20])
        long = self.curl(f"{self.url}?{'x' * 7000}", "-H", f"X-Long: {'y' * 3000}")
        self.assertIn(long.status, (200, 400, 414, 431))
        self.assertEqual(self.curl(self.url).body, b"hello")

    def test_clients_that_go_away_leave_the_host_well(self) -> None:
        content = noise(8_000_000, 5)
        url = self.store.url_of("refusal/large.bin", content)
        request = f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        for _ in range(20):
            with socket.create_connection(self.host.address, timeout=10) as plug:
                plug.sendall(request)
                plug.recv(1000)
        self.same(self.curl(url).body, content)
