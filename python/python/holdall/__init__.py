"""holdall: an embedded storage engine for the files a web server keeps and hands out.

Open a store, put files into its drives, hand out URLs that expire, and answer requests for them::

    with holdall.open("files") as store:
        version = store.drive("alice").put("notes/today.txt", b"first")
        url = store.url(version, expires=3600)
        reply = store.serve("GET", url, {"Range": "bytes=1-"})

``holdall.asgi.App(store)`` and ``holdall.wsgi.App(store)`` serve the URLs in any Python web server.
"""

from . import (
    _interpreter,  # noqa: F401 - before the compiled half
    errors,
)
from ._holdall import (
    Api,
    ArchiveInfo,
    AttributeMatch,
    BackupReport,
    Body,
    Caller,
    CheckReport,
    Chunks,
    Damage,
    Drive,
    DriveInfo,
    FileInfo,
    GcReport,
    Grant,
    ImportReport,
    Key,
    Link,
    MigrateReport,
    RebuildReport,
    RepairReport,
    Reply,
    RestoreReport,
    Row,
    Segment,
    SegmentIterator,
    Share,
    Shipper,
    ShipReport,
    Stats,
    Store,
    Trashed,
    Version,
    Visit,
    Walk,
    __version__,
    open,
)
from ._reader import Reader
from .errors import Error

__all__ = [
    "Api",
    "ArchiveInfo",
    "AttributeMatch",
    "BackupReport",
    "Body",
    "Caller",
    "CheckReport",
    "Chunks",
    "Damage",
    "Drive",
    "DriveInfo",
    "Error",
    "FileInfo",
    "GcReport",
    "Grant",
    "ImportReport",
    "Key",
    "Link",
    "MigrateReport",
    "Reader",
    "RebuildReport",
    "RepairReport",
    "Reply",
    "RestoreReport",
    "Row",
    "Segment",
    "SegmentIterator",
    "Share",
    "ShipReport",
    "Shipper",
    "Stats",
    "Store",
    "Trashed",
    "Version",
    "Visit",
    "Walk",
    "__version__",
    "errors",
    "open",
]
