# The compiled half of holdall. What each name does stands in its docstring: help(holdall.Store).
import builtins
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import (
    Any,
    Final,
    Literal,
    Protocol,
    Self,
    TypeAlias,
    TypedDict,
    final,
    type_check_only,
)

from typing_extensions import Buffer

from ._reader import Reader

__version__: Final[str]

_Place: TypeAlias = str | os.PathLike[str]
_Length: TypeAlias = float | timedelta
_Moment: TypeAlias = float | datetime
_Expiry: TypeAlias = float | timedelta | datetime
_Disposition: TypeAlias = Literal["attachment", "inline"]
_Progress: TypeAlias = Callable[[int, int], object]
_Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]

@type_check_only
class _Readable(Protocol):
    def read(self, size: int, /) -> Buffer: ...

@type_check_only
class _Upload(Protocol):
    @property
    def file(self) -> _Readable: ...
    async def read(self, size: int, /) -> Buffer: ...

@type_check_only
class _Said(TypedDict, total=False):
    media_type: str | None
    modified: _Moment | None
    expect: Version | str | None

_Source: TypeAlias = Buffer | os.PathLike[str] | _Readable | _Upload | Iterable[Buffer]
_Item: TypeAlias = tuple[_Place, Buffer] | tuple[_Place, Buffer, _Said]

def open(
    path: str | os.PathLike[str],
    *,
    mode: Literal["shared", "exclusive"] = "shared",
    keys: Iterable[bytes] | None = None,
    base_url: str = "/",
    create: bool = True,
    dedup: Literal["store", "drive"] = "store",
    threshold: int | None = None,
    segment_bytes: int | None = None,
    cache_bytes: int | None = None,
    max_put_bytes: int | None = None,
    grace: _Length | None = None,
    max_lifetime: _Length | None = None,
    max_archive_entries: int | None = None,
    max_archive_bytes: int | None = None,
    lock_timeout: _Length | None = None,
    map: bool = True,
) -> Store: ...
def _main(program: str | os.PathLike[str], words: list[str]) -> int: ...
def _nothing(
    _store: Store,
    _version: Version | ArchiveInfo | str,
    *,
    expires: _Expiry | None = None,
    name: str | None = None,
) -> str: ...
def _reopen(path: str | os.PathLike[str], keywords: dict[str, Any]) -> Store: ...

@final
class Store:
    path: Final[Path]
    closed: Final[bool]
    created: Final[datetime]
    def drive(self, name: str) -> Drive: ...
    def version(self, version: Version | str) -> Version: ...
    def file(self, file: FileInfo | str) -> FileInfo: ...
    def path_of(self, file: FileInfo | str) -> str | None: ...
    def open_version(self, version: Version | str) -> Reader: ...
    def set_current(self, version: Version | str) -> None: ...
    def remove_version(self, version: Version | str) -> None: ...
    def keep(self, version: Version | str, keep: bool = True) -> None: ...
    def archive(self, archive: ArchiveInfo | str) -> ArchiveInfo: ...
    def open_archive(self, archive: ArchiveInfo | str) -> Reader: ...
    def archive_crc64(self, archive: ArchiveInfo | str) -> int: ...
    def url(
        self,
        version: Version | ArchiveInfo | str,
        *,
        expires: _Expiry | None = None,
        never_expires: bool = False,
        stable_for: _Length | None = None,
        disposition: _Disposition = "attachment",
        name: str | None = None,
        media_type: str | None = None,
        network: str | None = None,
        max_uses: int | None = None,
        public_cache: bool = False,
        pace: int | None = None,
        form: Literal["native", "cloudreve"] = "native",
    ) -> str: ...
    def serve(
        self,
        method: str,
        target: str,
        headers: _Headers | None = None,
        *,
        client: str | None = None,
        now: _Moment | None = None,
    ) -> Reply: ...
    def verify(
        self, target: str, *, client: str | None = None, now: _Moment | None = None
    ) -> Grant: ...
    def revoke(self, target: Version | FileInfo | ArchiveInfo | Share | Drive | str) -> None: ...
    def rotate_key(self) -> int: ...
    def add_key(self, secret: bytes) -> int: ...
    def remove_key(self, id: int) -> None: ...
    def keys(self) -> list[Key]: ...
    def visit(
        self, share: Share | str, password: str | None = None, *, client: str | None = None
    ) -> Visit: ...
    def unshare(self, share: Share | str) -> None: ...
    def link(self, link: Link | str) -> Link: ...
    def unlink(self, link: Link | str) -> None: ...
    def check(self, *, content: bool = False, progress: _Progress | None = None) -> CheckReport: ...
    def backup(
        self, target: str | os.PathLike[str], *, progress: _Progress | None = None
    ) -> BackupReport: ...
    def repair(self, *, progress: _Progress | None = None) -> RepairReport: ...
    @staticmethod
    def rebuild(path: str | os.PathLike[str]) -> RebuildReport: ...
    def gc(self) -> GcReport: ...
    def compact(self) -> GcReport: ...
    def stats(self) -> Stats: ...
    def api(
        self,
        *,
        prefix: str = "",
        site: str | None = None,
        secondary_sites: Sequence[str] = (),
        internal_base: str | None = None,
        cdn_base: str | None = None,
        url_life: _Length | None = None,
        url_margin: _Length | None = None,
        archive_life: _Length | None = None,
        max_age: _Length | None = None,
        max_batched_file: int | None = None,
        redirect_links: bool = True,
        debug: bool = False,
    ) -> Api: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_exception: object) -> None: ...

@final
class Api:
    store: Final[Store]
    def answer(
        self,
        caller: Caller,
        method: str,
        target: str,
        headers: _Headers | None = None,
        body: Buffer | _Readable | Iterable[Buffer] | None = None,
        *,
        client: str | None = None,
        now: _Moment | None = None,
    ) -> Reply: ...
    def is_at(self, target: str) -> bool: ...
    def share_uri(self, share: Share | str) -> str: ...
    def ticket(self, share: Share | str, *, expires: _Expiry) -> str: ...

@final
class Caller:
    drive: Final[str | None]
    administrator: Final[bool]
    speed: Final[int]
    archive: Final[bool]
    share_download: Final[bool]
    links: Final[int]
    unique_links: Final[bool]
    def __new__(
        cls,
        drive: Drive | str | None = None,
        *,
        administrator: bool = False,
        token: str | None = None,
        speed: int = 0,
        archive: bool | None = None,
        share_download: bool = True,
        links: int | None = None,
        unique_links: bool = False,
    ) -> Self: ...

@final
class _Writer:
    def write(self, piece: Buffer) -> None: ...
    def commit(self) -> Version: ...
    def discard(self) -> None: ...

@final
class Drive:
    name: Final[str]
    id: Final[str]
    def info(self) -> DriveInfo: ...
    def put(
        self,
        path: _Place,
        source: _Source,
        *,
        media_type: str | None = None,
        modified: _Moment | None = None,
        expect: Version | str | None = None,
        length: int | None = None,
        sha1: str | bytes | None = None,
        blake3: str | bytes | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> Version: ...
    def _writer(
        self,
        path: _Place,
        *,
        media_type: str | None = None,
        modified: _Moment | None = None,
        expect: Version | str | None = None,
        length: int | None = None,
        sha1: str | bytes | None = None,
        blake3: str | bytes | None = None,
    ) -> _Writer: ...
    def put_many(
        self,
        items: Mapping[str, Buffer] | Iterable[_Item],
        *,
        media_type: str | None = None,
        modified: _Moment | None = None,
        expect: Version | str | None = None,
    ) -> builtins.list[Version]: ...
    def mkdir(self, path: _Place) -> str: ...
    def stat(self, path: _Place = "") -> FileInfo: ...
    def list(
        self, path: _Place = "", *, after: str | None = None, limit: int | None = None
    ) -> builtins.list[Row]: ...
    def walk(self, path: _Place = "") -> Walk: ...
    def versions(
        self, path: _Place, *, before: Version | str | None = None, limit: int | None = None
    ) -> builtins.list[Version]: ...
    def open(self, path: _Place) -> Reader: ...
    def move(self, source: _Place, target: _Place, *, replace: bool = False) -> str: ...
    def copy(
        self, source: _Place, target: _Place, *, versions: Literal["current", "all"] = "current"
    ) -> str: ...
    def set_attributes(self, path: _Place, attributes: dict[str, str]) -> None: ...
    def set_max_versions(self, count: int) -> None: ...
    def trash(self, path: _Place) -> str: ...
    def trashed(self) -> builtins.list[Trashed]: ...
    def restore(self, file: FileInfo | str, to: _Place | None = None) -> str: ...
    def delete(self, path: _Place) -> None: ...
    def empty_trash(self, before: _Moment | None = None) -> int: ...
    def link(self, path: _Place, *, pace: int | None = None) -> Link: ...
    def links(self, path: _Place) -> builtins.list[Link]: ...
    def share(
        self,
        path: _Place,
        *,
        password: str | None = None,
        expires: _Expiry | None = None,
        max_downloads: int | None = None,
        purchase: bool = False,
    ) -> Share: ...
    def shares(self, path: _Place) -> builtins.list[Share]: ...
    def archive(
        self,
        paths: Iterable[_Place] | Iterable[Version],
        *,
        name: str = "archive.zip",
        expires: _Expiry | None = None,
        network: str | None = None,
        max_uses: int | None = None,
        pace: int | None = None,
    ) -> str: ...
    def freeze(
        self,
        paths: Iterable[_Place] | Iterable[Version],
        *,
        name: str = "archive.zip",
        expires: _Expiry | None = None,
    ) -> ArchiveInfo: ...
    def url(
        self,
        path: _Place,
        *,
        expires: _Expiry | None = None,
        never_expires: bool = False,
        stable_for: _Length | None = None,
        disposition: _Disposition = "attachment",
        name: str | None = None,
        media_type: str | None = None,
        network: str | None = None,
        max_uses: int | None = None,
        public_cache: bool = False,
        pace: int | None = None,
    ) -> str: ...
    def revoke(self) -> None: ...

@final
class Visit:
    share: Final[Share]
    def stat(self, path: _Place = "") -> FileInfo: ...
    def list(
        self, path: _Place = "", *, after: str | None = None, limit: int | None = None
    ) -> builtins.list[Row]: ...
    def url(
        self,
        path: _Place = "",
        *,
        expires: _Expiry | None = None,
        disposition: _Disposition = "attachment",
        name: str | None = None,
    ) -> str: ...
    def archive(
        self,
        paths: builtins.list[_Place] | builtins.list[str],
        *,
        name: str = "archive.zip",
        expires: _Expiry | None = None,
    ) -> str: ...

@final
class Version:
    id: Final[str]
    file_id: Final[str]
    number: Final[int]
    size: Final[int]
    sha1: Final[str]
    blake3: Final[str]
    crc64: Final[int]
    crc64_text: Final[str]
    crc32: Final[int]
    media_type: Final[str]
    created: Final[datetime]
    modified: Final[datetime]
    keep: Final[bool]
    current: Final[bool]
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class FileInfo:
    id: Final[str]
    name: Final[str]
    kind: Final[Literal["file", "folder"]]
    is_folder: Final[bool]
    size: Final[int]
    current: Final[Version | None]
    parent: Final[str | None]
    created: Final[datetime]
    modified: Final[datetime]
    trashed: Final[datetime | None]
    attributes: Final[dict[str, str]]
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Row:
    name: Final[str]
    file_id: Final[str]
    kind: Final[Literal["file", "folder"]]
    is_folder: Final[bool]
    version_id: Final[str | None]
    size: Final[int]
    modified: Final[datetime]
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Trashed:
    file_id: Final[str]
    kind: Final[Literal["file", "folder"]]
    path: Final[str]
    trashed: Final[datetime]

@final
class Link:
    id: Final[str]
    file_id: Final[str]
    url: Final[str]
    name: Final[str]
    created: Final[datetime]
    downloads: Final[int]
    pace: Final[int | None]

@final
class Share:
    id: Final[str]
    file_id: Final[str]
    created: Final[datetime]
    expires: Final[datetime | None]
    has_password: Final[bool]
    max_downloads: Final[int | None]
    downloads: Final[int]
    purchase: Final[bool]

@final
class ArchiveInfo:
    id: Final[str]
    name: Final[str]
    entries: Final[int]
    size: Final[int]
    created: Final[datetime]
    expires: Final[datetime]
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class DriveInfo:
    id: Final[str]
    name: Final[str]
    created: Final[datetime]
    max_versions: Final[int]
    files: Final[int]
    bytes: Final[int]

@final
class Grant:
    size: Final[int]
    etag: Final[str]
    name: Final[str]
    media_type: Final[str]
    disposition: Final[_Disposition]
    pace: Final[int | None]

@final
class Reply:
    @staticmethod
    def from_error(error: BaseException) -> Reply: ...
    status: Final[int]
    headers: Final[list[tuple[str, str]]]
    body: Final[Body]
    pace: Final[int | None]
    def header(self, name: str) -> str | None: ...

@final
class Body:
    def __len__(self) -> int: ...
    def __bytes__(self) -> bytes: ...
    def __iter__(self) -> Chunks: ...
    def __getitem__(self, index: slice, /) -> Body: ...
    def chunks(self, size: int = 1048576) -> Chunks: ...
    def segments(self, size: int = 1048576) -> SegmentIterator: ...
    def read(self, offset: int = 0, size: int | None = None) -> bytes: ...
    def readinto(self, target: Buffer, offset: int = 0) -> int: ...
    def open(self) -> Reader: ...

@final
class Chunks:
    def __iter__(self) -> Self: ...
    def __next__(self) -> memoryview: ...

@final
class Segment:
    def __len__(self) -> int: ...
    data: Final[memoryview]
    fileno: Final[int | None]
    offset: Final[int | None]

@final
class SegmentIterator:
    def __iter__(self) -> Self: ...
    def __next__(self) -> Segment: ...

@final
class Walk:
    def __iter__(self) -> Iterator[tuple[str, Row]]: ...
    def __next__(self) -> tuple[str, Row]: ...

@final
class CheckReport:
    problems: Final[list[str]]
    damaged: Final[list[Damage]]
    unread: Final[list[Damage]]
    files: Final[int]
    versions: Final[int]
    blobs: Final[int]
    bytes: Final[int]
    is_sound: Final[bool]

@final
class Damage:
    message: Final[str]
    versions: Final[list[str]]
    paths: Final[list[str]]

@final
class GcReport:
    blobs: Final[int]
    bytes: Final[int]
    orphans: Final[int]
    segments: Final[int]
    segment_bytes: Final[int]
    failed: Final[list[str]]

@final
class Stats:
    drives: Final[int]
    files: Final[int]
    bytes: Final[int]
    blobs: Final[int]
    blob_bytes: Final[int]
    segments: Final[int]
    segment_bytes: Final[int]
    dead_bytes: Final[int]

@final
class Key:
    id: Final[int]
    created: Final[datetime]
    signs: Final[bool]

@final
class RepairReport:
    restored: Final[int]
    damaged: Final[list[Damage]]
    unread: Final[list[Damage]]
    reinstated: Final[int]
    problems: Final[list[str]]

@final
class RebuildReport:
    groups: Final[int]
    segments: Final[int]
    unreadable: Final[list[str]]
    files: Final[int]
    versions: Final[int]
    blobs: Final[int]
    lost: Final[int]
    problems: Final[list[str]]

@final
class BackupReport:
    segments: Final[int]
    files: Final[int]
    copied: Final[int]
    shared: Final[int]
