"""The host beside other processes, at its pace, and at its end."""

import contextlib
import os
import resource
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .case import Case
from .client import Curl
from .host import Host
from .store import Store, noise


@contextlib.contextmanager
def own_store(case: Case) -> Iterator[Store]:
    """A store beside the one that all tests share."""
    with tempfile.TemporaryDirectory() as directory:
        yield Store(case.store.holdall, Path(directory))


class Life(Case):
    def test_a_host_serves_what_another_process_puts(self) -> None:
        for number in range(10):
            content = noise(1000 * (number + 1), 100 + number)
            self.same(self.curl(self.store.url_of(f"life/{number}", content)).body, content)

    def test_urls_outlive_a_rotation_and_not_a_removal_of_their_key(self) -> None:
        with own_store(self) as store:
            old = store.url_of("a.txt", b"hello")
            first = str(store.ask("keys", "list")[0]["key"])
            with Host(self.host.kind, store.path) as host:
                curl = Curl(host.base, store)
                store.ask("keys", "rotate")
                new = store.url("a.txt")
                self.assertEqual((curl(old).status, curl(new).status), (200, 200))
                store.ask("keys", "remove", first)
                self.assertEqual((curl(old).status, curl(new).status), (403, 200))

    def test_a_signal_ends_the_host_and_the_store_is_sound(self) -> None:
        with own_store(self) as store:
            content = noise(300_000, 7)
            url = store.url_of("a.bin", content)
            host = Host(self.host.kind, store.path)
            curl = Curl(host.base, store)
            self.same(curl(url).body, content)
            self.assertEqual(host.stop(), 0)
            self.assertEqual(curl(url).code, 7, "nobody listens any more")
            self.assertTrue(store.ask("check", "--content")["sound"])

    def test_damage_never_makes_a_whole_archive(self) -> None:
        with own_store(self) as store:
            mark = noise(5000, 8)
            store.put("docs/a.bin", noise(2_500_000, 9))
            store.put("docs/b.bin", mark)
            url = store.ask("archive", "docs")["url"]
            with Host(self.host.kind, store.path) as host:
                curl = Curl(host.base, store)
                sound = curl(url)
                self.assertEqual((sound.status, sound.code), (200, 0))
                for segment in (store.path / "seg").iterdir():
                    at = segment.read_bytes().find(mark[:64])
                    if at < 0:
                        continue
                    with segment.open("r+b") as file:  # in place: the host may have the file mapped
                        file.seek(at + 2000)
                        file.write(bytes([mark[2000] ^ 1]))
                got = curl(url)
                self.assertFalse(
                    got.status == 200 and got.code == 0, "damage went out as a whole zip"
                )


class Crowded(Case):
    """Of hosts that end when all they send has been sent, and outlive a lack of descriptors."""

    def test_a_long_download_may_end_after_the_signal(self) -> None:
        with own_store(self) as store:
            content = noise(30_000_000, 12)
            url = store.url_of("a.bin", content)
            host = Host(self.host.kind, store.path)
            out = store.fresh()
            command = ["curl", "-sS", "--limit-rate", "8M", host.base + url, "-o", out]
            getting = subprocess.Popen(command)
            time.sleep(0.5)
            self.assertLess(out.stat().st_size, len(content), "it was there before the signal")
            self.assertEqual(host.stop(), 0)
            self.assertEqual(getting.wait(20), 0)
            self.same(out.read_bytes(), content)

    def test_a_host_without_free_descriptors_goes_on_when_there_are_some(self) -> None:
        with own_store(self) as store:
            content = noise(300_000, 13)
            url = store.url_of("a.bin", content)
            with Host(self.host.kind, store.path) as host:
                # Some say that they listen before they have all that they serve with.
                self.same(Curl(host.base, store)(url).body, content)
                process = host.process.pid
                taken = max(int(name) for name in os.listdir(f"/proc/{process}/fd"))
                hard = resource.prlimit(process, resource.RLIMIT_NOFILE)[1]
                resource.prlimit(process, resource.RLIMIT_NOFILE, (taken + 8, hard))
                idle = [socket.create_connection(host.address) for _ in range(40)]
                time.sleep(0.5)
                for connection in idle:
                    connection.close()
                resource.prlimit(process, resource.RLIMIT_NOFILE, (hard, hard))
                self.assertIsNone(host.process.poll())
                self.same(Curl(host.base, store)(url).body, content)


class End(Case):
    """What is true when all the rest was done."""

    def test_the_host_has_not_ended_by_itself(self) -> None:
        self.assertIsNone(
            self.host.process.poll(), "it ended with this code, or by the signal of this number"
        )


class Paced(Case):
    """Of hosts that keep to the pace of a URL."""

    def test_a_pace_is_kept(self) -> None:
        content = noise(300_000, 10)
        url = self.store.url_of("life/paced.bin", content, "--pace", "150000")
        begun = time.monotonic()
        self.same(self.curl(url).body, content)
        took = time.monotonic() - begun
        self.assertTrue(0.9 < took < 4, f"{took:.1f} s for 2 s worth of bytes")

    def test_a_transfer_under_way_may_end_after_the_signal(self) -> None:
        with own_store(self) as store:
            content = noise(200_000, 11)
            url = store.url_of("a.bin", content, "--pace", "100000")
            host = Host(self.host.kind, store.path)
            out = store.fresh()
            getting = subprocess.Popen(["curl", "-sS", host.base + url, "-o", out])
            time.sleep(0.5)
            self.assertEqual(host.stop(), 0)
            self.assertEqual(getting.wait(20), 0)
            self.same(out.read_bytes(), content)
