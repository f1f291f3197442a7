"""Names of downloads, as clients read and save them (RFC 6266, RFC 8187)."""

import email
import email.utils
import json
import os
import subprocess

from .case import Case
from .client import run

# With quotes, in other scripts, and with what a decoder of the wrong kind would change.
NAMES = [
    "plain.txt",
    "with space.txt",
    "comma, and.dots.txt",
    'q"uote.txt',
    "back\\slash.txt",
    "sm\u00f8rrebr\u00f8d \u2615.txt",
    "\u6587\u4ef6.txt",
    "100%25.txt",
    "a'b.txt",
    "semi;colon=x.txt",
    "-o",
]
# What no name of a download may do: add a header, leave the folder, or show itself backwards.
EVIL = ["x\r\nSet-Cookie: a=b", "x\tb\x1b[2J.txt", "../../evil", "a/b", "\u202etxt.exe", "x\x7f"]


class Name(Case):
    def saved(self, *command) -> list[str]:
        """Downloads into an empty folder, and returns the names of what is there."""
        folder = self.store.fresh()
        folder.mkdir()
        run(*command, cwd=folder, env={**os.environ, "LC_ALL": "C.UTF-8"})
        return sorted(os.listdir(folder))

    def read(self, disposition: str) -> str:
        """Reads the name as Python's email package does; `filename*` counts before `filename`."""
        message = email.message_from_string(f"Content-Disposition: {disposition}\n\n")
        found = [
            value
            for name, value in message.get_params(header="content-disposition")
            if name == "filename"
        ]
        extended = [value for value in found if isinstance(value, tuple)]
        return email.utils.collapse_rfc2231_value((extended or found)[0])

    def test_a_name_reaches_the_client_whole(self) -> None:
        for name in NAMES:
            url = self.store.url_of(f"name/{name}", name.encode())
            got = self.curl(url)
            self.assertEqual(got.body, name.encode(), name)
            said = got["Content-Disposition"]
            self.assertTrue(said.startswith("attachment;") and said.isascii(), said)
            self.assertEqual(self.read(said), name, said)

    def test_wget_and_curl_save_under_the_name(self) -> None:
        for name in NAMES:
            url = self.curl.whole(self.store.url_of(f"name/{name}", name.encode()))
            by_curl = self.saved("curl", "-sS", "-OJ", url)
            self.assertEqual(len(by_curl), 1, name)
            if name.isascii() and not set(name) & set("\"\\%;'"):
                self.assertEqual(by_curl, [name])
        for name in [
            "plain.txt",
            "with space.txt",
            "sm\u00f8rrebr\u00f8d \u2615.txt",
            "\u6587\u4ef6.txt",
        ]:
            url = self.curl.whole(self.store.url(f"name/{name}"))
            self.assertEqual(self.saved("wget", "-q", "--content-disposition", url), [name])

    def test_a_name_cannot_add_a_header_or_leave_the_folder(self) -> None:
        self.store.put("name/a.txt", b"hello")
        for name in EVIL:
            made = self.store.run("url", "name/a.txt", "--name", name)
            if made.returncode == 1:
                continue  # refused when the URL is made, which is as good
            self.assertEqual(made.returncode, 0, made.stderr)
            url = json.loads(made.stdout)["url"]
            got = self.curl(url)
            self.assertEqual(
                (got.status, got.body, got["Set-Cookie"]), (200, b"hello", None), repr(name)
            )
            said = got["Content-Disposition"]
            self.assertTrue(said.isprintable() and said.isascii(), repr(said))
            self.assertFalse(set(self.read(said)) & set("/\u202e\x1b\r\n"), repr(said))
            self.assertEqual(
                len(self.saved("curl", "-sS", "-OJ", self.curl.whole(url))), 1, repr(name)
            )

    def test_a_type_that_can_do_harm_is_never_shown(self) -> None:
        page = self.curl(self.store.url_of("name/a.html", b"<script>", "--inline"))
        picture = self.curl(self.store.url_of("name/a.png", b"\x89PNG", "--inline"))
        self.assertTrue(page["Content-Disposition"].startswith("attachment"))
        self.assertTrue(picture["Content-Disposition"].startswith("inline"))
        self.assertEqual(picture["Content-Type"], "image/png")

    def test_odd_bytes_in_the_name_of_a_url_lead_nowhere(self) -> None:
        url = self.store.url_of("name/b.txt", b"hello")
        base = url.rsplit("/", 1)[0]
        self.assertEqual(self.curl(url).body, b"hello")
        for name in ["other", "%ff%fe", "a%2fb", "%E2%80%AE", "", "a?x=1&y=%00"]:
            got = subprocess.run(
                [
                    "curl",
                    "-sS",
                    "--path-as-is",
                    "-o",
                    "-",
                    "-w",
                    "%{http_code}",
                    self.curl.whole(f"{base}/{name}"),
                ],
                capture_output=True,
                timeout=30,
            ).stdout
            self.assertNotIn(b"hello", got, name)
            self.assertIn(got[-3:], [b"400", b"404"], name)
        # Written in another way it is the same name.
        self.assertEqual(self.curl(f"{base}/%62%2Etxt").body, b"hello")
