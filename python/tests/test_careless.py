"""What somebody does who has not read the documentation: each is an error that says what to do."""

import asyncio
import datetime as dt
import pathlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import holdall
import holdall.asgi
from holdall import errors

MILLISECONDS = 1_700_000_000_000
WRONG = r"negative|larger|no length of time"
LONG = 10**5000
"""An int that has no text by default."""

CALLS: dict[str, Callable[[holdall.Store, int], object]] = {
    "list": lambda store, number: store.drive("alice").list(limit=number),
    "versions": lambda store, number: store.drive("alice").versions("x", limit=number),
    "put": lambda store, number: store.drive("alice").put("x", b"x", length=number),
    "max_versions": lambda store, number: store.drive("alice").set_max_versions(number),
    "share": lambda store, number: store.drive("alice").share("x", max_downloads=number),
    "link": lambda store, number: store.drive("alice").link("x", pace=number),
    "max_uses": lambda store, number: store.drive("alice").url("x", max_uses=number),
    "pace": lambda store, number: store.drive("alice").url("x", pace=number),
    "archive": lambda store, number: store.drive("alice").archive(["x"], max_uses=number),
    "remove_key": lambda store, number: store.remove_key(number),
    "threshold": lambda store, number: holdall.open(store.path / "y", threshold=number),
    "max_put_bytes": lambda store, number: holdall.open(store.path / "y", max_put_bytes=number),
    "caller": lambda store, number: holdall.Caller("alice", speed=number),
    "lifetime": lambda store, number: store.drive("alice").url("x", expires=number),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", [-1, -(2**70), 2**70, LONG], ids=["-1", "low", "high", "long"])
def test_a_number_that_cannot_be_is_no_overflow(
    store: holdall.Store, alice: holdall.Drive, call: str, number: int
) -> None:
    alice.put("x", b"x")
    with pytest.raises(errors.InvalidArgument, match=WRONG) as raised:
        CALLS[call](store, number)
    assert len(str(raised.value)) < 200
    with pytest.raises(TypeError):
        CALLS[call](store, "1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "call", ["revoke", "url", "version", "open_version", "file", "link", "visit"]
)
def test_a_url_in_place_of_an_id_is_refused_and_not_told(
    store: holdall.Store, alice: holdall.Drive, call: str
) -> None:
    url = alice.url("x") if alice.put("x", b"x") else ""
    with pytest.raises(errors.InvalidArgument, match="in place of an id; ") as raised:
        getattr(store, call)(url)
    assert url.split("/")[2] not in str(raised.value)


def test_the_url_of_a_path_has_its_remedy_named(store: holdall.Store, alice: holdall.Drive) -> None:
    alice.put("a/b", b"x")
    with pytest.raises(errors.InvalidArgument, match=r"drive\.url\(path\)"):
        store.url("a/b")
    with pytest.raises(TypeError, match=r"drive\.url\(path\)"):
        store.url(alice.stat("a/b"))  # type: ignore[arg-type]


@pytest.mark.parametrize("time", [MILLISECONDS, float(MILLISECONDS), -MILLISECONDS, 2**62, 1e300])
def test_a_time_that_no_datetime_can_be_is_refused(alice: holdall.Drive, time: float) -> None:
    with pytest.raises(errors.InvalidArgument, match="not milliseconds") as raised:
        alice.put("x", b"x", modified=time)
    assert len(str(raised.value)) < 200
    assert alice.list() == []


def test_the_first_and_the_last_time_come_back(alice: holdall.Drive) -> None:
    for year, rest in ((1, (1, 1)), (9999, (12, 31, 23, 59, 59))):
        time = dt.datetime(year, *rest, tzinfo=dt.UTC)  # type: ignore[arg-type, misc]
        assert alice.put("x", b"x", modified=time).modified == time
        assert alice.put("x", b"x", modified=int(time.timestamp())).modified == time
    with pytest.raises(errors.InvalidArgument):
        alice.put("x", b"x", modified=int(time.timestamp()) + 1)


def test_a_path_without_a_name_makes_no_file_of_a_folder(alice: holdall.Drive) -> None:
    # What an upload does whose form was sent with no file chosen.
    with pytest.raises(errors.InvalidArgument, match="name of a file"):
        alice.put("inbox/", b"")
    with pytest.raises(errors.InvalidArgument, match="name of a file"):
        alice.put_many({"inbox/": b""})
    assert alice.list() == []
    alice.mkdir("inbox/")
    alice.put("inbox/x", b"x")
    assert [row.name for row in alice.list("inbox/")] == ["x"]


async def pieces() -> AsyncIterator[bytes]:
    yield b"x"


def test_a_directory_and_text_are_no_content(alice: holdall.Drive, tmp_path: pathlib.Path) -> None:
    with pytest.raises(IsADirectoryError) as raised:
        alice.put("x", tmp_path)
    assert (raised.value.filename, raised.value.strerror) == (tmp_path, "Is a directory")
    with pytest.raises(FileNotFoundError) as missing:
        alice.put("x", tmp_path / "gone")
    assert missing.value.filename == tmp_path / "gone"
    with pytest.raises(TypeError, match=r"await holdall\.asgi\.put"):
        alice.put("x", pieces())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="pieces, not str"):
        alice.put("x", ["some", "text"])  # type: ignore[list-item]


@pytest.mark.parametrize("kind", ["put", "async"])
def test_a_str_is_never_the_name_of_a_file_to_read(
    alice: holdall.Drive, tmp_path: pathlib.Path, kind: str
) -> None:
    (tmp_path / "secret").write_bytes(b"of the server")
    form_field: Any = str(tmp_path / "secret")
    puts: dict[str, Callable[[], object]] = {
        "put": lambda: alice.put("x", form_field),
        "async": lambda: asyncio.run(holdall.asgi.put(alice, "x", form_field)),
    }
    with pytest.raises(TypeError, match=r"text\.encode\(\).*pathlib\.Path"):
        puts[kind]()
    assert alice.list() == []
    assert alice.put("x", tmp_path / "secret").size == 13


BAD_ITEMS: list[Any] = [["a", "b"], ["ab"], [("a",)], [()], [("a", b"b", {}, None)], [None]]


@pytest.mark.parametrize("items", BAD_ITEMS)
def test_what_is_no_item_of_put_many_is_a_type_error(alice: holdall.Drive, items: Any) -> None:
    with pytest.raises(TypeError, match="a path and its content"):
        alice.put_many(items)


BAD_HEADERS: list[Any] = [
    ["Range"],
    [("Range",)],
    "Range: bytes=0-1",
    [("Range", "x", "y")],
    [None],
]


@pytest.mark.parametrize("headers", BAD_HEADERS)
def test_what_are_no_headers_is_a_type_error(store: holdall.Store, headers: Any) -> None:
    with pytest.raises(TypeError, match="pairs of a name and a value"):
        store.serve("GET", "/", headers)
