"""The ASGI app by itself: what it says to a server."""

import asyncio
import os
import pathlib
from typing import Any

import holdall
import holdall.asgi


class Server:
    """Speaks ASGI to an app and keeps what it says."""

    def __init__(self, extensions: dict[str, Any] | None = None) -> None:
        self.extensions = extensions or {}
        self.said: list[dict[str, Any]] = []
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.said.append(dict(message))

    async def get(self, app: holdall.asgi.App, url: str, **headers: str) -> bytes:
        path, _, query = url.partition("?")
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "extensions": self.extensions,
        }
        await app(scope, self.receive, self.send)
        return b"".join(message.get("body", b"") for message in self.said)


def test_bodies_are_views_and_the_last_says_so(alice: holdall.Drive, store: holdall.Store) -> None:
    content = os.urandom(3 << 20)
    url = store.url(alice.put("x", content))
    server = Server()
    assert asyncio.run(server.get(holdall.asgi.App(store), url)) == content
    bodies = [message for message in server.said if message["type"] == "http.response.body"]
    assert all(isinstance(message["body"], memoryview) for message in bodies[:-1])
    assert [message.get("more_body", False) for message in bodies] == [True] * 6 + [False]


def test_whole_files_go_by_path_where_the_server_can(
    alice: holdall.Drive, store: holdall.Store
) -> None:
    content = os.urandom(3 << 20)
    url = store.url(alice.put("x", content))
    app = holdall.asgi.App(store)

    async def ask(**headers: str) -> Server:
        server = Server({"http.response.pathsend": {}})
        await server.get(app, url, **headers)
        return server

    whole = asyncio.run(ask())
    (_, sent) = whole.said
    assert sent["type"] == "http.response.pathsend"
    assert pathlib.Path(sent["path"]).read_bytes() == content
    part = asyncio.run(ask(range="bytes=1-"))
    assert {message["type"] for message in part.said[1:]} == {"http.response.body"}


def test_ranges_of_open_files_go_where_the_server_takes_them(
    alice: holdall.Drive, store: holdall.Store
) -> None:
    content = os.urandom(3 << 20)
    large = store.url(alice.put("large", content))
    alice.put_many({f"dir/{number}": os.urandom(3000) for number in range(400)})
    alice.put("dir/large", content)
    archive = alice.archive(["dir"])
    app = holdall.asgi.App(store)

    class Sending(Server):
        """Sends ranges of files as a server does."""

        async def send(self, message: Any) -> None:
            if message["type"] == "http.response.zerocopysend":
                body = os.pread(message["file"], message["count"], message["offset"])
                assert len(body) == message["count"]
                message = message | {"body": body}
            await super().send(message)

    def ask(url: str, **headers: str) -> tuple[bytes, list[str]]:
        server = Sending({"http.response.zerocopysend": {}})
        got = asyncio.run(server.get(app, url, **headers))
        assert [message.get("more_body", False) for message in server.said[1:]][-1] is False
        assert all(message.get("more_body") for message in server.said[1:-1])
        return got, [message["type"].split(".")[-1] for message in server.said[1:]]

    assert ask(large) == (content, ["zerocopysend", "body"])
    part = ask(large, range="bytes=100000-2999999")
    assert part == (content[100_000:3_000_000], ["zerocopysend", "body"])
    assert ask(large, range="bytes=0-99") == (content[:100], ["body"])
    got, kinds = ask(archive)
    assert got == bytes(store.serve("GET", archive).body)
    assert kinds.count("zerocopysend") == 1
    assert len(kinds) < 10


def test_a_client_that_goes_away_ends_the_reading(
    alice: holdall.Drive, store: holdall.Store
) -> None:
    url = store.url(alice.put("x", bytes(50 << 20)))

    class Leaving(Server):
        async def send(self, message: Any) -> None:
            await super().send(message)
            if len(self.said) == 4:
                self.gone.set()
                await asyncio.sleep(0.05)

    server = Leaving()
    asyncio.run(server.get(holdall.asgi.App(store), url))
    assert len(server.said) < 8


def test_the_pace_is_kept(alice: holdall.Drive, store: holdall.Store) -> None:
    url = store.url(alice.put("x", bytes(2 << 20)), pace=4 << 20)

    async def timed() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await Server().get(holdall.asgi.App(store), url)
        return loop.time() - began

    assert 0.4 < asyncio.run(timed()) < 5


def test_the_loop_is_never_blocked(alice: holdall.Drive, store: holdall.Store) -> None:
    url = store.url(alice.put("x", bytes(100 << 20)))

    async def main() -> float:
        worst, stop = 0.0, False
        loop = asyncio.get_running_loop()

        async def watch() -> None:
            nonlocal worst
            while not stop:
                began = loop.time()
                await asyncio.sleep(0.005)
                worst = max(worst, loop.time() - began - 0.005)

        watcher = asyncio.ensure_future(watch())

        class Dropping(Server):
            async def send(self, message: Any) -> None:
                await asyncio.sleep(0)

        await Dropping().get(holdall.asgi.App(store), url)
        stop = True
        await watcher
        return worst

    assert asyncio.run(main()) < 0.3


def test_lifespan_and_a_closed_store(store: holdall.Store) -> None:
    app = holdall.asgi.App(store)
    messages = iter(["lifespan.startup", "lifespan.shutdown"])
    said = []

    async def receive() -> dict[str, Any]:
        return {"type": next(messages)}

    async def send(message: Any) -> None:
        said.append(message["type"])

    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    store.close()
    server = Server()
    asyncio.run(server.get(app, "/d/x/y"))
    assert server.said[0]["status"] == 500
