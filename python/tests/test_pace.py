"""The pace of a URL under WSGI, by a clock of the test's own."""

import io
from typing import Any

import pytest

import holdall
import holdall.wsgi


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("size", [10_000, 200_000, 3 << 20])
def test_the_pace_is_kept(
    alice: holdall.Drive, store: holdall.Store, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    clock, pace = Clock(), 20_000
    monkeypatch.setattr(holdall.wsgi, "time", clock, raising=False)
    url = store.url(alice.put("x", bytes(size)), pace=pace)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": url,
        "wsgi.input": io.BytesIO(),
        "wsgi.file_wrapper": lambda *_: pytest.fail("a server keeps to no pace"),
    }
    came = 0
    for piece in holdall.wsgi.App(store)(environ, lambda *_: None):
        came += len(piece)
        assert came <= pace * (clock.now + 1)
    assert came == size
    assert clock.now >= size / pace - 1
