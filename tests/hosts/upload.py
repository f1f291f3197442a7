"""Uploads, of hosts that take them: PUT /upload/DRIVE/PATH answers 201 and a signed URL."""

import socket
import time

from .case import Case
from .client import Got
from .store import noise


def foreign(origin: str) -> list[str]:
    """Returns headers that pages of other sites have, and requests that a proxy passes on."""
    return [
        "Origin: https://evil.example",
        "Origin: null",
        "Origin: http://localhost:3000",
        f"Origin: {origin}.evil.example",
        "Host: evil.example",
        "Host: 127.0.0.1.evil.example",
        "X-Forwarded-For: 192.0.2.7",
        "Forwarded: for=192.0.2.7",
    ]


class Upload(Case):
    def put(self, target: str, content: bytes, *args: str) -> Got:
        source = self.store.fresh()
        source.write_bytes(content)
        return self.curl(f"/upload/{target}", "-T", str(source), *args)

    def test_what_is_put_comes_back_by_its_url(self) -> None:
        for length in [0, 1, 70_000, 8_000_001]:
            content = noise(length, 12)
            got = self.put(f"up/folder/{length}.bin", content)
            self.assertEqual(got.status, 201, got.body)
            url = got.body.decode().strip()
            self.assertTrue(url.startswith("/"), url)
            self.same(self.curl(url).body, content, length)
            listed = self.store.ask("--drive", "up", "ls", "folder")
            self.assertIn((f"{length}.bin", length), [(row["name"], row["size"]) for row in listed])

    def test_a_length_that_is_not_known_is_no_hindrance(self) -> None:
        content = noise(300_000, 13)
        got = self.put("up/chunked.bin", content, "-H", "Transfer-Encoding: chunked")
        self.assertEqual(got.status, 201, got.body)
        self.same(self.curl(got.body.decode().strip()).body, content)

    def test_a_path_is_decoded_once(self) -> None:
        for path, name in [
            ("a%20b.txt", "a b.txt"),
            ("%C3%A9%22.txt", '\u00e9".txt'),
            ("100%2525.txt", "100%25.txt"),
        ]:
            got = self.put(f"up/names/{path}", name.encode())
            self.assertEqual(got.status, 201, got.body)
            self.assertEqual(self.curl(got.body.decode().strip()).body, name.encode())
            self.assertIn(
                name, [row["name"] for row in self.store.ask("--drive", "up", "ls", "names")]
            )

    def test_a_second_put_is_a_second_version(self) -> None:
        first, second = (self.put("up/twice.txt", content) for content in (b"one", b"two"))
        self.assertEqual((first.status, second.status), (201, 201))
        urls = [got.body.decode().strip() for got in (first, second)]
        self.assertEqual([self.curl(url).body for url in urls], [b"one", b"two"])
        self.assertEqual(len(self.store.ask("--drive", "up", "versions", "twice.txt")), 2)

    def test_a_path_that_no_name_may_have_is_refused(self) -> None:
        for path in ["up/a%00b", "up/a%0Ab", "up/..", "up/a//b", "up/x/%2e%2e/y", "up"]:
            got = self.put(path, b"x", "--path-as-is")
            self.assertIn(got.status, (400, 404), path)
        self.put("up/file.txt", b"x")
        self.assertIn(
            self.put("up/file.txt/below", b"x").status, (400, 409), "a file is in the way"
        )

    def test_a_percent_sign_that_begins_no_escape_is_refused(self) -> None:
        for path in ["a%zzb", "%", "a%2", "%%25", "x%zz/a"]:
            for target in [f"escape/{path}", f"{path}/escape"]:
                got = self.put(target, b"x")
                self.assertEqual(got.status, 400, target)
                self.assertIn(b"%25", got.body, "the remedy")
        listed = self.store.run("--drive", "escape", "ls")
        self.assertEqual(listed.returncode, 2, "no drive was made")

    def test_a_refusal_says_why(self) -> None:
        self.put("up/file.txt", b"x")
        for target, status, word in [
            ("up/a%00b", 400, "name"),
            ("up/%2e%2e/y", 400, ".."),
            ("up/file.txt/below", 409, "file.txt"),
            ("up", 404, "/upload/DRIVE/PATH"),
        ]:
            got = self.put(target, b"x", "--path-as-is")
            self.assertEqual(got.status, status, target)
            self.assertIn(word, got.body.decode(), target)
            self.assertTrue(got.body.endswith(b"\n"), target)
            self.assertIn("text/plain", got["Content-Type"] or "", target)
            self.assertNotIn(str(self.store.path), got.body.decode(), target)

    def test_a_page_of_another_site_uploads_nothing(self) -> None:
        origin = f"http://{self.host.address[0]}:{self.host.address[1]}"
        for header in foreign(origin):
            got = self.put("up/foreign.txt", b"foreign", "-H", header)
            self.assertEqual(got.status, 403, header)
        self.assertEqual(self.put("up/own.txt", b"own", "-H", f"Origin: {origin}").status, 201)
        names = [row["name"] for row in self.store.ask("--drive", "up", "ls")]
        self.assertEqual(("foreign.txt" in names, "own.txt" in names), (False, True))

    def test_where_uploads_go_other_methods_are_told_so(self) -> None:
        for method in ["GET", "HEAD", "POST", "DELETE"]:
            answer = ("-I",) if method == "HEAD" else ("-X", method)
            got = self.curl("/upload/up/file.txt", *answer)
            self.assertEqual((got.status, got["Allow"]), (405, "PUT"), method)

    def test_an_upload_that_was_cut_leaves_nothing(self) -> None:
        with socket.create_connection(self.host.address, timeout=10) as plug:
            plug.sendall(
                b"PUT /upload/up/cut.bin HTTP/1.1\r\nHost: %s:%d\r\nContent-Length: 1000000\r\n\r\n"
                % (self.host.address[0].encode(), self.host.address[1])
                + b"x" * 5000
            )
            time.sleep(0.3)
        self.put("up/after.txt", b"x")
        time.sleep(0.3)
        names = [row["name"] for row in self.store.ask("--drive", "up", "ls")]
        self.assertNotIn("cut.bin", names)
        self.assertEqual(list((self.store.path / "spool").iterdir()), [])
