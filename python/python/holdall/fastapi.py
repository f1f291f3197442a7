"""A store, and a caller's drive, as dependencies of FastAPI.

files = Opened("files", base_url="/files/")
app = FastAPI(lifespan=files.lifespan)


@app.post("/upload")
async def upload(file: UploadFile, drive: Annotated[Drive, Depends(files.drive(user))]) -> str:
    version = await put(drive, file.filename, file)
    ...
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends

from ._holdall import Drive, Store, open
from .aio import call

__all__ = ["Opened"]


class Opened:
    """A store that an application opens as it starts and closes as it ends, and a dependency:
    `Annotated[Store, Depends(files)]`. A test that overrides the dependency has a store of its own.

    It takes the arguments of `holdall.open`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._args = args
        self._options = options
        self._store: Store | None = None

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Opens the store, and closes it at the end: `FastAPI(lifespan=files.lifespan)`."""
        self._store = store = await call(open, *self._args, **self._options)
        try:
            yield
        finally:
            self._store = None
            await call(store.close)

    async def __call__(self) -> Store:
        """Returns the store.

        Raises RuntimeError where the application was given no lifespan.
        """
        if self._store is None:
            raise RuntimeError("the store is not open: FastAPI(lifespan=files.lifespan) opens it")
        return self._store

    def drive(self, who: Callable[..., str | Awaitable[str]]) -> Callable[..., Awaitable[Drive]]:
        """Makes a dependency that is the drive which another dependency names, such as the one that
        finds out who makes a request. It is made at its first use, in a thread.
        """

        async def dependency(
            store: Annotated[Store, Depends(self)], name: Annotated[str, Depends(who)]
        ) -> Drive:
            return await call(store.drive, name)

        return dependency
