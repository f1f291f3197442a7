"""GET and HEAD, ranges and conditions, as curl asks for them (RFC 9110)."""

import email
import os
import re
import time

from .case import Case
from .store import noise

# Several frames long, and off every boundary.
LENGTH = 3_333_333


class Http(Case):
    @classmethod
    def setUpClass(cls) -> None:
        cls.bytes = noise(LENGTH, 1)
        cls.large = cls.store.url_of("http/large.bin", cls.bytes)

    def aged(self) -> str:
        """Puts 1,000 bytes that are an hour old: a date of the last minute is too weak for If-Range."""
        source, then = self.store.fresh(), time.time() - 3600
        source.write_bytes(self.bytes[:1000])
        os.utime(source, (then, then))
        self.store.ask("put", str(source), "--to", "http/aged.bin")
        return self.store.url("http/aged.bin")

    def test_head_says_what_get_gives(self) -> None:
        for path, length in [
            ("empty", 0),
            ("small.txt", 5),
            ("edge.bin", 16_384),
            ("large", LENGTH),
        ]:
            url = self.store.url_of(f"http/{path}", self.bytes[:length])
            got, head = self.curl(url), self.curl.head(url)
            self.assertEqual((got.status, got.code, head.status), (200, 0, 200), path)
            self.same(got.body, self.bytes[:length], path)
            self.assertEqual(got["Content-Length"], str(length))
            self.assertIsNone(got["Transfer-Encoding"])
            self.assertEqual(got["Accept-Ranges"], "bytes")
            self.assertEqual(got["X-Content-Type-Options"], "nosniff")
            self.assertRegex(got["ETag"], r'^"[!-~]+"$')

            def settled(reply):
                moving = ("date", "connection", "keep-alive", "server")
                return sorted(
                    (name.lower(), value)
                    for name, value in reply.headers
                    if name.lower() not in moving
                )

            self.assertEqual(settled(head), settled(got), path)

    def test_a_range_gives_exactly_its_bytes(self) -> None:
        last = LENGTH - 1
        for asked, first, end in [
            ("0-0", 0, 0),
            ("0-99", 0, 99),
            ("1048575-1048577", 1_048_575, 1_048_577),
            ("2097151-2097152", 2_097_151, 2_097_152),
            ("1000000-", 1_000_000, last),
            ("-1", last, last),
            ("-99999999", 0, last),
            (f"{last}-99999999", last, last),
        ]:
            got = self.curl(self.large, "-r", asked)
            self.assertEqual((got.status, got.code), (206, 0), asked)
            self.same(got.body, self.bytes[first : end + 1], asked)
            self.assertEqual(got["Content-Range"], f"bytes {first}-{end}/{LENGTH}", asked)
            self.assertEqual(got["Content-Length"], str(end - first + 1), asked)

    def test_a_range_past_the_end_is_refused_and_nonsense_is_ignored(self) -> None:
        past = self.curl(self.large, "-r", f"{LENGTH}-")
        self.assertEqual((past.status, past["Content-Range"]), (416, f"bytes */{LENGTH}"))
        for nonsense in ["bytes=5-1", "bytes=x-", "lines=0-1", "bytes="]:
            status, length = self.curl.status(self.large, f"Range: {nonsense}")
            self.assertEqual((status, length), (200, LENGTH), nonsense)
        many = ",".join(f"{at}-{at}" for at in range(0, LENGTH, 100_000))
        self.assertEqual(
            self.curl.status(self.large, f"Range: bytes={many}")[0], 200, "too many ranges"
        )

    def test_several_ranges_come_as_parts(self) -> None:
        got = self.curl(self.large, "-r", "0-9,1000000-1099999,-10")
        self.assertEqual((got.status, got.code), (206, 0))
        self.assertEqual(got["Content-Length"], str(len(got.body)))
        self.assertRegex(got["Content-Type"], r"^multipart/byteranges; *boundary=")
        message = email.message_from_bytes(
            f"Content-Type: {got['Content-Type']}\r\n\r\n".encode() + got.body
        )
        parts = message.get_payload()
        for part, (first, last) in zip(
            parts, [(0, 9), (1_000_000, 1_099_999), (LENGTH - 10, LENGTH - 1)], strict=True
        ):
            self.assertEqual(part["Content-Range"], f"bytes {first}-{last}/{LENGTH}")
            self.same(
                part.get_payload(decode=True), self.bytes[first : last + 1], part["Content-Range"]
            )
        boundary = re.search(r'boundary="?([^"]+)"?', got["Content-Type"])[1]
        self.assertTrue(got.body.endswith(f"\r\n--{boundary}--\r\n".encode()))

    def test_conditions_are_answered_in_the_order_of_the_rfc(self) -> None:
        url = self.aged()
        got = self.curl(url)
        tag, date, old = got["ETag"], got["Last-Modified"], "Mon, 01 Jan 2001 00:00:00 GMT"

        def ask(*headers: str) -> tuple[int, int]:
            return self.curl.status(url, *headers)

        self.assertEqual(ask(f"If-None-Match: {tag}"), (304, 0))
        self.assertEqual(ask(f'If-None-Match: W/{tag}, "x"'), (304, 0))
        self.assertEqual(ask("If-None-Match: *"), (304, 0))
        self.assertEqual(ask('If-None-Match: "x"'), (200, 1000))
        self.assertEqual(ask(f"If-Modified-Since: {date}"), (304, 0))
        self.assertEqual(ask(f"If-Modified-Since: {old}"), (200, 1000))
        self.assertEqual(ask(f"If-Modified-Since: {date}", 'If-None-Match: "x"'), (200, 1000))
        self.assertEqual(ask('If-Match: "x"')[0], 412)
        self.assertEqual(ask(f"If-Match: {tag}", f"If-Unmodified-Since: {old}"), (200, 1000))
        self.assertEqual(ask(f"If-Unmodified-Since: {old}")[0], 412)
        self.assertEqual(ask(f"If-Unmodified-Since: {date}"), (200, 1000))
        self.assertEqual(ask("Range: bytes=990-", f"If-None-Match: {tag}"), (304, 0))

    def test_a_304_keeps_its_tag_and_has_no_body(self) -> None:
        tag = self.curl(self.large)["ETag"]
        got = self.curl(self.large, "-H", f"If-None-Match: {tag}")
        self.assertEqual((got.status, got["ETag"], got.body, got.code), (304, tag, b"", 0))

    def test_if_range_decides_between_the_range_and_the_whole(self) -> None:
        url = self.aged()
        got = self.curl(url)
        tag, date, old = got["ETag"], got["Last-Modified"], "Mon, 01 Jan 2001 00:00:00 GMT"
        for condition, want in [
            (tag, (206, 10)),
            (date, (206, 10)),
            ('"x"', (200, 1000)),
            (f"W/{tag}", (200, 1000)),
            (old, (200, 1000)),
        ]:
            asked = self.curl.status(url, "Range: bytes=990-", f"If-Range: {condition}")
            self.assertEqual(asked, want, condition)

    def test_a_tag_outlives_the_url_and_follows_the_content(self) -> None:
        again = self.store.url("http/large.bin", "--expires", "2h")
        self.assertNotEqual(again, self.large)
        self.assertEqual(self.curl.head(again)["ETag"], self.curl.head(self.large)["ETag"])
        self.store.put("http/changed.bin", b"one")
        follows = self.store.url("http/changed.bin", "--file")
        one = self.curl(follows)["ETag"]
        self.store.put("http/changed.bin", b"two")
        two = self.curl(follows)
        self.assertEqual(two.body, b"two")
        self.assertNotEqual(two["ETag"], one)

    def test_nothing_on_the_way_compresses_or_changes_a_text(self) -> None:
        text = b"the same line again and again\n" * 5000
        url = self.store.url_of("http/text.html", text)
        plain, asked = (
            self.curl.head(url),
            self.curl(url, "-H", "Accept-Encoding: gzip, br, deflate"),
        )
        self.same(asked.body, text)
        self.assertIsNone(asked["Content-Encoding"])
        self.assertEqual(asked["ETag"], plain["ETag"])
