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


def test_bodies_are_bytes_and_the_last_says_so(alice: holdall.Drive, store: holdall.Store) -> None:
    content = os.urandom(3 << 20)
    url = store.url(alice.put("x", content))
    server = Server()
    assert asyncio.run(server.get(holdall.asgi.App(store), url)) == content
    bodies = [message for message in server.said if message["type"] == "http.response.body"]
    assert {type(message["body"]) for message in bodies} == {bytes}
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


def test_no_descriptor_of_a_shared_file_goes_to_a_server(
    alice: holdall.Drive, store: holdall.Store
) -> None:
    small = store.url(alice.put("small", os.urandom(900_000)))
    server = Server({"http.response.zerocopysend": {}, "http.response.pathsend": {}})
    asyncio.run(server.get(holdall.asgi.App(store), small))
    assert {message["type"] for message in server.said[1:]} == {"http.response.body"}


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
