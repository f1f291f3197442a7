"""A response for Starlette and FastAPI, and uploads.

@app.get("/files/{path:path}")
async def download(request: Request) -> Response:
    return StoreResponse(store, request)


@app.post("/upload")
async def upload(file: UploadFile) -> str:
    version = await put(store.drive("alice"), file.filename, file)
    return store.url(version)
"""

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ._holdall import Store
from ._intake import put
from .asgi import respond

__all__ = ["StoreResponse", "put"]


class StoreResponse(Response):
    """Answers a request from a store: GET and HEAD of its URLs.

    url: a URL of the store to answer with, where it is not the request's own: a route that has
        checked the request itself signs one on the spot, and the client sees no redirect.
    """

    def __init__(
        self,
        store: Store,
        request: Request | None = None,
        *,
        url: str | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        super().__init__(background=background)
        self.store = store
        self.request = request
        self.url = url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await respond(self.store, scope, receive, send, target=self.url)
        if self.background is not None:
            await self.background()
