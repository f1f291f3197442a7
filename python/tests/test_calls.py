"""The wire formats of Cloudreve and PDS: called directly, and by the adapters' own calls."""

import asyncio
import datetime as dt
import hashlib
import io
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

import holdall
import holdall.asgi
import holdall.wsgi
from holdall import Caller, errors

ALICE = Caller("alice")
CONTENT = os.urandom((2 << 20) + 7)
MIB = 1 << 20


def call(
    api: holdall.Api, caller: Caller, method: str, target: str, body: Any = None, **headers: str
) -> tuple[int, Any]:
    """Calls with JSON and returns the status and the JSON of the reply."""
    body = json.dumps(body).encode() if isinstance(body, dict) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = api.answer(caller, method, target, named, body)
    return reply.status, json.loads(bytes(reply.body) or b"null")


def path_of(url: str) -> str:
    """The target of a URL, without its site."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def url_of(api: holdall.Api, path: str, caller: Caller = ALICE, **headers: str) -> str:
    asked = {"uris": [f"cloudreve://my/{path}"]}
    _, printed = call(api, caller, "POST", "/api/v4/file/url", asked, **headers)
    return str(printed["data"]["urls"][0]["url"])


def create(api: holdall.Api, alice: holdall.Drive, name: str, **fields: Any) -> dict[str, Any]:
    """Begins an upload by PDS."""
    drive = {"drive_id": drive_id(api), "parent_file_id": "root"}
    asked = {**drive, "name": name, "type": "file", **fields}
    status, printed = call(api, ALICE, "POST", "/v2/file/create", asked)
    assert status == 200, printed
    return printed  # type: ignore[no-any-return]


def drive_id(api: holdall.Api) -> str:
    _, printed = call(api, ALICE, "POST", "/v2/drive/get_default_drive", {})
    return str(printed["drive_id"])


def test_cloudreve_gives_urls_of_files(store: holdall.Store, alice: holdall.Drive) -> None:
    alice.put("docs/q3.txt", CONTENT)
    api = store.api(site="https://files.example")
    url = url_of(api, "docs/q3.txt")
    assert url.startswith("https://files.example/api/v4/file/content/")
    reply = api.answer(Caller(), "GET", path_of(url), {"Range": "bytes=5-104"})
    assert (reply.status, bytes(reply.body)) == (206, CONTENT[5:105])
    status, printed = call(api, Caller(), "GET", path_of(url).replace("sign=", "sign=A"))
    assert (status, printed["msg"]) == (200, "invalid sign")


def test_pds_takes_an_upload_in_parts(store: holdall.Store, alice: holdall.Drive) -> None:
    api = store.api()
    parts = [{"part_number": 1}, {"part_number": 2}]
    printed = create(api, alice, "a.bin", size=len(CONTENT), part_info_list=parts)
    halves = [CONTENT[:MIB], CONTENT[MIB:]]
    for part, half in zip(printed["part_info_list"], halves, strict=True):
        status, _ = call(api, Caller(), "PUT", path_of(part["upload_url"]), half)
        assert status == 200
    ids = {key: printed[key] for key in ("drive_id", "file_id", "upload_id")}
    status, done = call(api, ALICE, "POST", "/v2/file/complete", ids)
    assert (status, done["content_hash"]) == (200, hashlib.sha1(CONTENT).hexdigest().upper())
    assert alice.open("a.bin").read() == CONTENT
    _, printed = call(api, ALICE, "POST", "/v2/file/get_download_url", ids)
    assert bytes(store.serve("GET", path_of(printed["url"])).body) == CONTENT


def test_an_anonymous_caller_is_refused(store: holdall.Store, alice: holdall.Drive) -> None:
    alice.put("a", b"secret")
    api = store.api()
    asked = {"uris": ["cloudreve://my/a"]}
    _, printed = call(api, Caller(), "POST", "/api/v4/file/url", asked)
    assert printed["code"] != 0
    assert "data" not in printed
    ids = {"drive_id": drive_id(api), "file_id": alice.stat("a").id}
    status, printed = call(api, Caller(), "POST", "/v2/file/get_download_url", ids)
    assert (status, printed["code"]) == (401, "AccessTokenInvalid")
    status, _ = call(api, Caller("bob"), "POST", "/v2/file/get_download_url", ids)
    assert status in (403, 404)
    status, _ = call(api, Caller(administrator=True), "POST", "/v2/file/get_download_url", ids)
    assert status == 200


def test_t12_a_body_beyond_the_bound_is_not_held(store: holdall.Store) -> None:
    api = store.api()
    taken = 0

    def huge() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += MIB
            yield b" " * MIB

    status, printed = call(api, ALICE, "POST", "/v2/file/get", huge())
    assert status == 400
    assert "4 MiB" in printed["message"]
    assert taken <= 6 * MIB
    _, printed = call(api, ALICE, "POST", "/api/v4/file/url", b" " * (5 * MIB))
    assert "4 MiB" in printed["msg"]


def sources(content: bytes) -> dict[str, Any]:
    return {
        "bytes": content,
        "bytearray": bytearray(content),
        "memoryview": memoryview(content),
        "words": memoryview(content[:-7]).cast("I"),
        "file": io.BytesIO(content),
        "list": [b"", content[:10], bytearray(content[10:2000]), b"", memoryview(content)[2000:]],
        "generator": (content[at : at + 4096] for at in range(0, len(content), 4096)),
    }


@pytest.mark.parametrize("kind", sources(CONTENT))
def test_every_kind_of_body_is_read(store: holdall.Store, alice: holdall.Drive, kind: str) -> None:
    api = store.api()
    printed = create(api, alice, "x")
    url = path_of(printed["part_info_list"][0]["upload_url"])
    status, _ = call(api, Caller(), "PUT", url, sources(CONTENT)[kind])
    assert status == 200
    ids = {key: printed[key] for key in ("drive_id", "file_id", "upload_id")}
    call(api, ALICE, "POST", "/v2/file/complete", ids)
    assert alice.open("x").read() == (CONTENT[:-7] if kind == "words" else CONTENT)


def test_what_is_no_body_is_told(store: holdall.Store) -> None:
    api = store.api()
    for bad in ("text", 7, ["text"], io.StringIO("text")):
        with pytest.raises(TypeError, match="bytes"):
            call(api, ALICE, "POST", "/v2/file/get", bad)

    class NotReady:
        def read(self, _size: int) -> None:
            return None

    with pytest.raises(BlockingIOError):
        call(api, ALICE, "POST", "/v2/file/get", NotReady())


def test_what_a_body_raises_comes_out_and_nothing_is_kept(
    store: holdall.Store, alice: holdall.Drive
) -> None:
    api = store.api()
    printed = create(api, alice, "x")

    def broken() -> Iterator[bytes]:
        yield CONTENT
        raise LookupError("on purpose")

    url = path_of(printed["part_info_list"][0]["upload_url"])
    with pytest.raises(LookupError, match="on purpose"):
        call(api, Caller(), "PUT", url, broken())
    ids = {key: printed[key] for key in ("drive_id", "file_id", "upload_id")}
    _, printed = call(api, ALICE, "POST", "/v2/file/list_uploaded_parts", ids)
    assert printed["uploaded_parts"] == []
    with pytest.raises(LookupError, match="on purpose"):
        call(api, ALICE, "POST", "/v2/file/get", broken())


def test_settings_reach_the_formats(store: holdall.Store, alice: holdall.Drive) -> None:
    alice.put("a", b"x")
    api = store.api(
        prefix="/files/",
        site="https://a.example",
        secondary_sites=["https://b.example"],
        internal_base="http://inner.example",
        cdn_base="https://cdn.example",
        url_life=dt.timedelta(minutes=30),
        url_margin=60,
        archive_life=120,
        max_age=dt.timedelta(seconds=7),
        max_batched_file=1,
        redirect_links=False,
        debug=True,
    )
    assert api.store is store
    assert api.is_at("/files/v2/file/get")
    assert not api.is_at("/v2/file/get")
    asked = json.dumps({"uris": ["cloudreve://my/a"]}).encode()
    reply = api.answer(
        ALICE, "POST", "/files/api/v4/file/url", [(b"Host", b"b.example")], asked, now=1_800_000_000
    )
    data = json.loads(bytes(reply.body))["data"]
    assert data["urls"][0]["url"].startswith("https://b.example/files/api/v4/file/content/")
    ends = dt.datetime.fromisoformat(data["expires"]).timestamp()
    assert 60 <= ends - 1_800_000_000 <= 1800
    target = path_of(data["urls"][0]["url"])
    got = api.answer(ALICE, "GET", target, now=1_800_000_000)
    assert "max-age=7" in str(got.header("Cache-Control"))
    two = {"uris": ["cloudreve://my/a"] * 2}
    _, printed = call(api, ALICE, "POST", "/files/api/v4/file/url", two)
    assert printed["code"] != 0
    source = {"uris": ["cloudreve://my/a"]}
    _, printed = call(api, ALICE, "PUT", "/files/api/v4/file/source", source)
    link = api.answer(Caller(), "GET", path_of(printed["data"][0]["link"]))
    assert (link.status, bytes(link.body)) == (200, b"x")


@pytest.mark.parametrize(
    "wrong",
    [
        {"prefix": "files"},
        {"site": "a.example"},
        {"secondary_sites": ["https://b.example"]},
        {"internal_base": "https://a/b"},
        {"cdn_base": "ftp://a"},
        {"url_life": 60},
        {"url_margin": 0},
        {"max_age": -1},
    ],
)
def test_settings_that_can_never_be_right(store: holdall.Store, wrong: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidArgument):
        store.api(**wrong)


def test_a_caller_says_what_the_host_said(alice: holdall.Drive) -> None:
    nobody, root = Caller(), Caller("root", administrator=True)
    assert (nobody.drive, nobody.administrator, nobody.links) == (None, False, 0)
    assert (root.drive, root.administrator, root.links) == ("root", True, 1000)
    assert [each.archive for each in (nobody, root, ALICE, Caller(archive=True))] == [
        False,
        True,
        True,
        True,
    ]
    limited = Caller(
        alice, speed=5, archive=False, share_download=False, links=3, unique_links=True
    )
    assert (limited.drive, limited.speed, limited.links) == ("alice", 5, 3)
    assert (limited.archive, limited.share_download, limited.unique_links) == (False, False, True)
    shown = repr(Caller("alice", administrator=True, token="secret"))
    assert shown == "<Caller of 'alice', administrator, with a token>"
    assert repr(nobody) == "<Caller anonymous>"
    with pytest.raises(AttributeError):
        nobody.drive = "alice"  # type: ignore[misc]
    with pytest.raises(TypeError):
        Caller(7)  # type: ignore[arg-type]


def test_limits_of_a_caller_count(store: holdall.Store, alice: holdall.Drive) -> None:
    alice.put("a", b"x")
    api = store.api()
    assert "/100/" in url_of(api, "a", Caller("alice", speed=100))
    source = {"uris": ["cloudreve://my/a"]}
    _, printed = call(api, Caller("alice", links=0), "PUT", "/api/v4/file/source", source)
    assert printed["code"] != 0
    zipped = {"uris": ["cloudreve://my/a"], "archive": True}
    for allowed in (True, False):
        caller = Caller("alice", archive=allowed)
        _, printed = call(api, caller, "POST", "/api/v4/file/url", zipped)
        assert (printed["code"] == 0) == allowed


def test_a_ticket_is_of_one_share_and_ends(store: holdall.Store, alice: holdall.Drive) -> None:
    alice.put("a", b"x")
    share, other = (alice.share("a", purchase=True) for _ in range(2))
    api = store.api()
    until = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    tickets = [api.ticket(share, expires=until), api.ticket(share.id, expires=3600)]
    for ticket in tickets:
        assert abs(int(ticket.rpartition(":")[2]) - until.timestamp()) < 60
    assert api.ticket(other, expires=until) != tickets[0]
    with pytest.raises(errors.InvalidArgument):
        api.ticket(share, expires=dt.timedelta(days=365))
    store.unshare(share)
    with pytest.raises(errors.NotFound):
        api.ticket(share, expires=60)


def test_a_share_is_named_by_its_uri(store: holdall.Store, alice: holdall.Drive) -> None:
    alice.put("docs/a.txt", b"shared")
    share = alice.share("docs", password="pw")
    api = store.api()
    uri = api.share_uri(share)
    assert re.fullmatch(r"cloudreve://\w+@share", uri)
    assert uri == api.share_uri(share.id)
    for named, opens in ((uri, False), (uri.replace("@", ":pw@"), True)):
        asked = {"uris": [f"{named}/a.txt"]}
        _, printed = call(api, Caller(), "POST", "/api/v4/file/url", asked)
        assert (printed["code"] == 0) == opens, printed
    store.unshare(share)
    with pytest.raises(errors.NotFound):
        api.share_uri(share)


def test_a_closed_store_answers_no_call(store: holdall.Store) -> None:
    api = store.api()
    store.close()
    with pytest.raises(errors.InvalidArgument, match="closed"):
        call(api, ALICE, "POST", "/v2/file/get", {})
    with pytest.raises(errors.InvalidArgument, match="closed"):
        store.api()


def test_the_gil_is_free_while_a_call_waits(store: holdall.Store, alice: holdall.Drive) -> None:
    api = store.api()
    url = path_of(create(api, alice, "x")["part_info_list"][0]["upload_url"])
    turns, over = 0, threading.Event()

    def count() -> None:
        nonlocal turns
        while not over.wait(0.001):
            turns += 1

    other = threading.Thread(target=count)
    other.start()
    call(api, Caller(), "PUT", url, bytes(64 * MIB))
    over.set()
    other.join()
    assert turns > 5


def asgi_call(
    app: holdall.asgi.App, target: str, messages: list[dict[str, Any]], pause: float = 0
) -> tuple[list[int], int]:
    """Sends a PUT in messages; returns the statuses and how often the loop went round."""

    async def main() -> tuple[list[int], int]:
        said: list[int] = []
        turns = 0

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(pause)
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                said.append(message["status"])

        path, _, query = target.partition("?")
        scope = {"type": "http", "method": "PUT", "path": path, "headers": []}
        scope["query_string"] = query.encode()
        task = asyncio.ensure_future(app(scope, receive, send))
        while not task.done():
            await asyncio.sleep(0.002)
            turns += 1
        await task
        return said, turns

    return asyncio.run(main())


def test_the_loop_goes_on_and_a_client_that_leaves_keeps_nothing(
    store: holdall.Store, alice: holdall.Drive
) -> None:
    api = store.api()
    app = holdall.asgi.App(store, api=api)
    url = path_of(create(api, alice, "x")["part_info_list"][0]["upload_url"])
    piece = {"type": "http.request", "body": CONTENT, "more_body": True}
    said, turns = asgi_call(app, url, [piece] * 8, pause=0.02)
    assert said == [422]
    assert turns > 20
    assert not list((store.path / "spool").iterdir())
    last = {"type": "http.request", "body": b"", "more_body": False}
    said, _ = asgi_call(app, url, [piece] * 8 + [last])
    assert said == [200]


def test_a_cancelled_call_leaves_nothing(store: holdall.Store, alice: holdall.Drive) -> None:
    api = store.api()
    app = holdall.asgi.App(store, api=api)
    url = path_of(create(api, alice, "x")["part_info_list"][0]["upload_url"])

    async def main() -> None:
        waits = asyncio.Event()
        pieces = [CONTENT, CONTENT]

        async def receive() -> dict[str, Any]:
            if not pieces:
                waits.set()
                await asyncio.Event().wait()
            return {"type": "http.request", "body": pieces.pop(), "more_body": True}

        async def send(_message: Any) -> None:
            raise AssertionError("nothing is said to a call that was cancelled")

        scope = {"type": "http", "method": "PUT", "path": url, "headers": []}
        task = asyncio.ensure_future(app(scope, receive, send))
        await waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)

    asyncio.run(main())
    assert not list((store.path / "spool").iterdir())


def test_an_app_without_an_api_has_no_caller(store: holdall.Store) -> None:
    with pytest.raises(errors.InvalidArgument):
        holdall.asgi.App(store, caller=lambda _scope: None)
    with pytest.raises(errors.InvalidArgument):
        holdall.wsgi.App(store, caller=lambda _environ: None)


def test_a_forked_worker_answers_with_the_api_of_its_parent(run: Callable[..., str]) -> None:
    code = """
import json, os, tempfile, holdall
with tempfile.TemporaryDirectory() as folder:
    store = holdall.open(folder)
    store.drive("alice").put("a", b"x")
    api = store.api()
    body = json.dumps({"uris": ["cloudreve://my/a"]}).encode()
    def ask():
        reply = api.answer(holdall.Caller("alice"), "POST", "/api/v4/file/url", body=body)
        return json.loads(bytes(reply.body))["code"]
    assert ask() == 0
    if os.fork() == 0:
        os._exit(ask())
    assert os.wait()[1] == 0
    store.close()
"""
    run(code)
