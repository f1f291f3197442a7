# The compiled half of holdall. python/stub.py writes the docstrings, which are those of the module.
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

_DrivePath: TypeAlias = str | os.PathLike[str]
_Length: TypeAlias = float | timedelta
_Time: TypeAlias = float | datetime
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
    modified: _Time | None
    executable: bool | None
    expect: Version | str | None
    created: _Time | None
    attributes: dict[str, str] | None

_Source: TypeAlias = Buffer | os.PathLike[str] | _Readable | _Upload | Iterable[Buffer]
_Item: TypeAlias = tuple[_DrivePath, Buffer] | tuple[_DrivePath, Buffer, _Said]

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
    drive_archive_quota: int | None = None,
    share_archive_quota: int | None = None,
    wrong_passwords: tuple[int, int] | None = None,
    cross_origin: str | Sequence[str] | None = None,
) -> Store:
    """Opens the store in a directory, creating it if it does not exist.

    mode: "shared" for any number of processes, such as web workers; "exclusive" for a single process,
        which then commits several times faster.
    keys: the host's own secrets for URLs, at least 32 bytes each: the first signs, all verify, and so do
        the keys that the store already has. By default the store creates its own.
    base_url: the base of URLs: "/", "/files/", or "https://cdn.example/files/".
    create: whether to create the store if there is none.
    dedup: "store" stores equal content once, "drive" once in each drive.
    threshold: the size in bytes from which content gets its own file: 4 KiB to 16 MiB, 1 MiB by default.
    segment_bytes: the length in bytes at which a new segment is started: 256 MiB by default.
    cache_bytes: bytes of memory for cached rows: 64 MiB by default.
    max_put_bytes: the longest content in bytes that a put accepts: 1 TiB by default.
    grace: the grace period: how long content outlives its last version, in seconds or as a timedelta. It
        belongs to the store: given here, it is set as by `Store.set_grace`; a new store has one day.
    max_lifetime: the longest lifetime of a URL: seconds or a timedelta, 7 days by default.
    max_archive_entries, max_archive_bytes: limits of an archive: 100,000 and 1 TiB by default.
    lock_timeout: how long to wait for another process that is opening the store: 10 seconds.
    map: whether content is sent from maps of its files. Without, it is read, at the price of a copy,
        and a file that loses bytes while it is sent, on a disk that fails say, is an Io error and not
        the end of the process by SIGBUS.
    drive_archive_quota, share_archive_quota: bytes that the lists of members take of all archives of a
        drive's owner, and of a share's visitors: 1 GiB and 64 MiB by default.
    wrong_passwords: how many wrong passwords for a share are checked at once of one client and of all
        clients, in each process: a pair, (10, 100) by default; then one a minute, and one every 6
        seconds. More are refused unchecked, by Denied with a `retry_after`.
    cross_origin: which pages of other origins may show what URLs give: "same-origin", "same-site" or
        "cross-origin"; or origins whose scripts may read it, "https://a.example https://b.example" or
        a list, "*" for all.

    Opening a directory twice in a process gives one store, with the options of the first; it closes with
    the last handle.

    In a directory that takes no writes of this process (a read-only mount, or no permission) the store
    is opened for reading, also by any number of processes. Whatever would change it raises ReadOnly, a
    URL for a number of uses and a share with a limit of downloads too; other downloads are not counted.

    Raises Locked when another process has it open in a mode that excludes this one, InvalidArgument when
    the directory holds something else or an option is invalid, NotFound when there is no store and
    `create` is false, ReadOnly when none can be made, Unsupported when a later version made it, Corrupt
    when it is damaged.
    """

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
    """An open store. Every thread may use it, and so may a forked child, which reopens it at its first use.
    It is pickled as its path and options.
    """

    path: Final[Path]
    """The directory, without symbolic links. Raises Unsupported if the store is in a database."""
    closed: Final[bool]
    """Whether this handle was closed."""
    created: Final[datetime]
    """When the store was created: an aware datetime in UTC."""
    def drive(self, name: str) -> Drive:
        """Opens a drive by name, creating it if it does not exist.

        Raises InvalidArgument when the name breaks the rules of names.
        """
    def version(self, version: Version | str) -> Version:
        """Describes a version by id.

        Raises NotFound when there never was such a version, Gone when it was removed.
        """
    def file(self, file: FileInfo | str) -> FileInfo:
        """Describes a file or folder by id, wherever it is.

        Raises NotFound when there is none.
        """
    def path_of(self, file: FileInfo | str) -> str | None:
        """Returns the path of a file or folder in its drive; None when it is in the trash or deleted.

        Raises NotFound when there is none.
        """
    def open_version(self, version: Version | str) -> Reader:
        """Opens the content of a version for reading: a raw binary file object.

        Raises NotFound when there never was such a version, Gone when it was removed, Corrupt when the
        content is visibly damaged.
        """
    def set_current(self, version: Version | str) -> None:
        """Makes an older version the current one, without copying.

        Raises NotFound when there never was such a version, Gone when it was removed.
        """
    def remove_version(self, version: Version | str) -> None:
        """Removes a version that is not the current one.

        Raises InvalidArgument for the current one, NotFound when there never was one, Gone when it
        was removed already.
        """
    def keep(self, version: Version | str, keep: bool = True) -> None:
        """Exempts a version from the version limit, or no longer.

        Raises NotFound when there never was such a version, Gone when it was removed.
        """
    def archive(self, archive: ArchiveInfo | str) -> ArchiveInfo:
        """Describes an archive by id.

        Raises NotFound when there is none, Expired when it has expired.
        """
    def open_archive(self, archive: ArchiveInfo | str) -> Reader:
        """Opens the zip of an archive for reading: a raw binary file object. Content is read on demand.

        Raises NotFound when there is none, Expired when it has expired.
        """
    def archive_crc64(self, archive: ArchiveInfo | str) -> int:
        """Computes the CRC-64/XZ of a whole zip from those of its parts, without reading content.

        Raises NotFound when there is none, Expired when it has expired.
        """
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
        max_requests: int | None = None,
        public_cache: bool = False,
        pace: int | None = None,
        cross_origin: str | Sequence[str] | None = None,
        form: Literal["native", "cloudreve"] = "native",
    ) -> str:
        """Returns a URL of one version, or of an archive that `Drive.create_archive` made: it serves the
        same bytes whatever happens to the file.

        expires: seconds from now, a timedelta, or an aware datetime: at least a second from now, at
            most the store's max_lifetime; 15 minutes by default. Checked when a request comes: a
            transfer that has begun is never cut.
        never_expires: makes it valid until it is revoked or its key is removed.
        stable_for: rounds the expiry up to the end of a window of that length (seconds or a
            timedelta), so that the same call gives the same URL within it, which caches like.
        disposition: "attachment", or "inline" to let a browser show what can do no harm.
        name, media_type: what a download is saved as; by default the file's.
        network: serves only clients of it, such as "192.0.2.0/24".
        max_uses: serves at most so many downloads. One is what one client (an address that the host
            passes; all clients are one where it passes none) gets in 24 hours, until the replies are
            as long as the content four times: ranges, retries and resumes belong to it.
        max_requests: serves at most so many GET requests with content, ranges and retries alike, in
            place of max_uses: for secrets.
        public_cache: lets shared caches keep the reply while the URL lives.
        pace: asks the host to send no more than so many bytes a second.
        cross_origin: what pages of other origins may do with it, in place of the store's: see `open`.
        form: "native", or "cloudreve" for the form of Cloudreve v4.

        Raises InvalidArgument when the lifetime is out of range or a name or type is invalid, NotFound
        and Gone when there is no such version.
        """
    def serve(
        self,
        method: str,
        target: str,
        headers: _Headers | None = None,
        *,
        client: str | None = None,
        now: _Time | None = None,
    ) -> Reply:
        """Answers a request for a URL of this store. A bad request or URL gives a reply, too, so a host
        always sends the result.

        method: "GET" or "HEAD"; others get 405.
        target: the URL, absolute or from its path on, with its query, still percent-encoded.
        headers: a mapping or pairs, of str or bytes; names are case-insensitive.
        client: the client's address, for URLs that are bound to a network.
        now: when the request arrived, an aware datetime or seconds since 1970; now by default.

        Raises only errors that concern the host: Io, Corrupt, Poisoned, Locked, Bug, Forked, ReadOnly.
        `Reply.from_error` turns them into replies.
        """
    def verify(self, target: str, *, client: str | None = None, now: _Time | None = None) -> Grant:
        """Verifies a URL as `serve` does, and returns what it permits. Counts nothing.

        Raises Denied, Expired, NotFound and Gone when it permits nothing.
        """
    def revoke(self, target: Version | FileInfo | ArchiveInfo | Share | Drive | str) -> None:
        """Invalidates every URL of something: of a Version, a FileInfo with its versions, an ArchiveInfo, a
        Share, a Drive, or the item with that id, whose letter gives its kind.

        Raises NotFound when there is none, InvalidArgument when the text is not an id.
        """
    def rotate_key(self) -> int:
        """Creates a key that signs from now on; earlier keys still verify. Returns its id."""
    def add_key(self, secret: bytes) -> int:
        """Adds the host's own key, at least 32 bytes long, which signs from now on. Returns its id.

        Raises InvalidArgument when it is too short or all zero, Exists when it is already there.
        """
    def remove_key(self, id: int) -> None:
        """Removes a key, which invalidates every URL it signed.

        Raises NotFound when there is none of that id, InvalidArgument for the signing key.
        """
    def keys(self) -> list[Key]:
        """Lists the keys, without their secrets."""
    def visit(
        self, share: Share | str, password: str | None = None, *, client: str | None = None
    ) -> Visit:
        """Admits a visitor to a share, given the Share or its id.

        `client` is the visitor's address: fewer wrong passwords are checked from one client than in
        total.

        Raises NotFound when there is no such share, Denied when the password is wrong or missing, or
        after too many wrong ones (its `retry_after` is the seconds to wait), Expired and Gone when the
        share is over.
        """
    def unshare(self, share: Share | str) -> None:
        """Deletes a share, given the Share or its id.

        Raises NotFound when there is none.
        """
    def link(self, link: Link | str) -> Link:
        """Describes a direct link and how often it was used, given the Link or its id.

        Raises NotFound when there is none.
        """
    def unlink(self, link: Link | str) -> None:
        """Deletes a direct link, given the Link or its id.

        Raises NotFound when there is none.
        """
    def check(
        self, *, content: bool = False, digests: bool = False, progress: _Progress | None = None
    ) -> CheckReport:
        """Checks the store while it is in use, changing nothing: that the rows are consistent, that all
        content is in place, and that the log can be read.

        content: whether to read all content and compute its BLAKE3 again, on all cores.
        digests: whether to compute SHA-1 and the CRCs of all content again too, which takes several times
            as long.
        progress: called now and then with the bytes done and the bytes in all.

        Damage is not an error: it is in the report. Raises Io, and what `progress` raises. Control-C ends
        it within 100 ms, as it ends the other long jobs.
        """
    def backup(
        self, target: str | os.PathLike[str], *, progress: _Progress | None = None
    ) -> BackupReport:
        """Copies a consistent snapshot of the store into a directory, while it is in use. The copy opens as
        a store. The directory of an earlier backup is brought up to date: only what is new is copied.
        Large contents are hard links if the directory is on the same file system.

        progress: called now and then with the bytes done and the bytes in all.

        Raises InvalidArgument when the directory holds something else, Locked when the copy is open,
        Io, and what `progress` raises.
        """
    def shipper(self, address: str, *, keep: _Length | None = None) -> Shipper:
        """Begins to ship the store, which is in a directory, to object storage, while it is in use. Nothing is
        asked for before `Shipper.ship`.

        address: s3://BUCKET/PREFIX, with the parameters endpoint, region and cache behind a ?.
        keep: seconds or a timedelta; states of so long can be restored, besides the newest. None is 7 days.

        Raises InvalidArgument when the address is none, Unsupported for a store in a database, or where the
        package was built without the feature remote.
        """
    @staticmethod
    def restore(
        address: str,
        path: str | os.PathLike[str],
        *,
        until: _Time | None = None,
        progress: _Progress | None = None,
    ) -> RestoreReport:
        """Makes a store in a directory, which is new or empty, of what was shipped to an address. All content
        is read and verified before the directory has its name; until then it is called path.restoring.

        until: an aware datetime, or seconds since 1970: the store is as the last group of that time or
            before left it. None is the newest state.
        progress: called now and then with the bytes done and the bytes in all.

        Raises NotFound when nothing was shipped there or nothing of that time is kept, InvalidArgument when
        the directory holds something, Corrupt when what was shipped is damaged, Unsupported as `shipper`,
        Io, and what `progress` raises.
        """
    def migrate(
        self, address: str | os.PathLike[str], *, progress: _Progress | None = None
    ) -> MigrateReport:
        """Moves the store while it is in use: from a directory to the address of a database and object storage,
        as `open` takes it, or back to a directory that is new or empty. Where it was it takes no writes then:
        they raise ReadOnly. A move that was cut off goes on when it is called again.

        progress: called now and then with the bytes done and the bytes in all; it must not write to the store.

        Raises Exists when something else is there, Unsupported as `shipper`, Corrupt, Io, and what `progress`
        raises.
        """
    def import_cloudreve(
        self,
        folder: str | os.PathLike[str],
        *,
        database: str | os.PathLike[str] | None = None,
        uploads: str | os.PathLike[str] | None = None,
        map: Mapping[str, str | os.PathLike[str]] | None = None,
        secret_key: str | None = None,
        hash_salt: str | None = None,
        master_key: str | None = None,
        utc_offset: str | None = None,
        skip_missing: bool = False,
        older_versions: bool = False,
        report: str | os.PathLike[str] | None = None,
        progress: _Progress | None = None,
    ) -> ImportReport:
        """Imports the Cloudreve v4 server in a folder, which must not be running, into this store, which must
        hold no drive: files, versions, trash, links and shares. Its links, shares and signed URLs stay valid.

        database: the database, or its dump as text or gzip; by default the one in the server's folder.
        uploads: the folder of the content, by default the server's.
        map: the folders that other content is in, by what its paths in the database begin with.
        secret_key, hash_salt: what the server signs URLs and makes ids with, by default the database's.
        master_key: the key of encrypted content in base64, by default the database's.
        utc_offset: the server's UTC offset or zone, such as "+08:00", where its times do not say it.
        skip_missing: leaves out single files whose content is missing or has another length.
        older_versions: makes the newest readable version current where the current one cannot be read.
        report: a file to write: a line of JSON for each item that was not imported, with the cause.
        progress: called now and then with the bytes done and the bytes in all.

        A fault of the server is raised before the store is changed. After a later error, and after
        Control-C, the store holds a part of it and takes no second import: delete it.

        Raises NotFound when the database, its keys or content are missing, with the remedy, InvalidArgument
        when the database cannot be read or lacks the UTC offset, Unsupported for Cloudreve v3, Exists when
        the store holds drives, Mismatch when content changes meanwhile, and what `progress` raises.
        """
    def repair(self, *, progress: _Progress | None = None) -> RepairReport:
        """Reads all content, and restores damaged content from a sound copy if the store has one. Nothing is
        removed; what cannot be restored is in the report.

        progress: called now and then with the bytes done and the bytes in all; if anything was restored,
            everything is read again, and the count restarts.

        Raises Io and Poisoned, and what `progress` raises.
        """
    @staticmethod
    def rebuild(path: str | os.PathLike[str]) -> RebuildReport:
        """Rebuilds the index of the store in a directory from its segments alone, whatever state meta.redb
        is in; the old one, if any, is kept as meta.redb.bad. The store must not be open.

        Raises NotFound when the directory holds no store, Locked when it is open, Corrupt when a
        segment belongs to another store, Unsupported when a later version wrote it, Io.
        """
    def gc(self) -> GcReport:
        """Removes what nothing refers to once the grace period is over, and compacts, in short steps
        alongside other work. Call it from a timer, in one process.
        """
    @property
    def grace(self) -> timedelta:
        """How long content outlives its last version; the longest life of an archive."""
    def set_grace(self, grace: _Length) -> None:
        """Sets the grace, for every process that has the store open: seconds or a timedelta. A longer one
        holds for all that was not removed yet. A shorter one limits new archives at once; content goes
        sooner only when the archives that are out are over, so at once where there are none.
        """
    def compact(self) -> GcReport:
        """Copies what lives out of segments that are more than half dead, and removes them."""
    def stats(self) -> Stats:
        """Returns what the store holds, in numbers."""
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
        rapid_uploads: Literal["off", "drive", "store"] = "drive",
        share_page: str | None = None,
        debug: bool = False,
    ) -> Api:
        """Mounts the wire formats of Cloudreve v4 and PDS over this store.

        prefix: the path that the host mounts them under, such as "/files"; none by default.
        site: the address that URLs begin with, such as "https://files.example"; by default they
            begin with their path.
        secondary_sites: other addresses: a request whose Host has one gets URLs that begin with it.
        internal_base, cdn_base: what URLs in the host's own network, and at a content network, begin
            with.
        url_life, url_margin: the most and the least that a URL of the Cloudreve form has left when
            it is handed out: seconds or a timedelta, an hour and 10 minutes by default.
        archive_life: how long an archive of the Cloudreve form lives: 10 minutes by default.
        max_age: how long caches may keep what a URL of the Cloudreve form gives: a day by default.
        max_batched_file: the most URIs of one Cloudreve call: 3,000 by default.
        redirect_links: whether a direct link leads to a signed URL or gives the content itself.
        rapid_uploads: of what content a PDS client may prove to have it instead of sending it: "drive",
            of what its own drive has; "store", also of what other drives have, by a proof of many
            pieces ("holdall-1"); "off", of none.
        share_page: where the host shows a share, with {uri} for its URI, such as "/home?path={uri}":
            links of the form /s/<id> and /s/<id>/<password> lead there; by default they are not answered.
        debug: whether replies to clients say what went wrong inside.

        Raises InvalidArgument when a setting can never be right.
        """
    def close(self) -> None:
        """Closes this handle, and the store with its last handle in this process. Bodies and files that
        were handed out stay whole. Closing twice does nothing.
        """
    def __enter__(self) -> Self: ...
    def __exit__(self, *_exception: object) -> None: ...

@final
class Api:
    """The wire formats of Cloudreve v4 and PDS, mounted over a store. Every thread may use it."""

    store: Final[Store]
    """The store that it answers from; last, so that it is dropped last."""
    def answer(
        self,
        caller: Caller,
        method: str,
        target: str,
        headers: _Headers | None = None,
        body: Buffer | _Readable | Iterable[Buffer] | None = None,
        *,
        client: str | None = None,
        now: _Time | None = None,
    ) -> Reply:
        """Answers a request of either format, and one for a URL that they handed out. What a client
        does wrong is a reply in its format, so a host sends what comes back.

        caller: who calls, as the host has checked: nothing in the request is believed.
        method, target, headers, client, now: as `Store.serve` takes them; all headers are looked at.
        body: bytes-like, a binary file, or an iterable of bytes. Parts of uploads are read as they
            come and never held whole, JSON up to 4 MiB.

        Raises only errors that concern the host: Io, Corrupt, Poisoned, Locked, Bug, Forked, ReadOnly,
        InvalidArgument for a store that was closed or settings beyond its limits, and what the body
        raises. `Reply.from_error` turns them into replies.
        """
    def _part(
        self, target: str, headers: _Headers | None = None, *, client: str | None = None
    ) -> _Part | None: ...
    def is_at(self, target: str) -> bool:
        """Returns whether a target is at an address of the formats, so that a host may serve what is
        not in another way.
        """
    def share_uri(self, share: Share | str) -> str:
        """Returns the URI that Cloudreve clients name a share by: "cloudreve://<id>@share". What is in
        the share follows behind a "/", a password behind the id and a ":".

        share: the Share or its id.

        Raises NotFound when there is no such share.
        """
    def ticket(self, share: Share | str, *, expires: _Expiry) -> str:
        """Makes the ticket that opens a share with `purchase=True`, for a visitor who has paid: the
        client shows it in the header X-Cr-Purchase-Ticket.

        share: the Share or its id. The ticket opens it alone, beside its password if it has one.
        expires: when the ticket ends: seconds from now, a timedelta or an aware datetime.

        Raises NotFound when there is no such share, InvalidArgument when it would live longer than
        the store allows.
        """

@final
class Caller:
    """Who makes a call: the host has checked it, and the wire formats go by it alone.

    drive: the caller's own Drive or its name; None if the caller is unknown.
    administrator: whether every drive is open to the caller.
    token: the access token that the caller showed: what PDS proofs of content are made with.
    speed: bytes a second that a download goes at; 0 is any speed.
    archive: whether several files may be had as one zip, which takes room in the store: by default, unless
        nobody knows the caller.
    share_download: whether shares of others may be downloaded from.
    links: direct links that one call may make: 10 by default, 1,000 for an administrator, and none
        for one whom nobody knows.
    unique_links: whether a direct link is made anew where there is one under the same name and speed.
    """

    drive: Final[str | None]
    """The name of the caller's own drive; None if the caller is unknown."""
    administrator: Final[bool]
    """Whether every drive is open to the caller."""
    speed: Final[int]
    """Bytes a second that a download goes at; 0 is any speed."""
    archive: Final[bool]
    """Whether several files may be had as one zip."""
    share_download: Final[bool]
    """Whether shares of others may be downloaded from."""
    links: Final[int]
    """Direct links that one call may make; 0 allows none."""
    unique_links: Final[bool]
    """Whether a direct link is made anew where there is one under the same name and speed."""
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
class _Part:
    def write(self, piece: bytes | bytearray) -> bool:
        """Takes the next bytes. Returns whether more are wanted; after an error it has ended."""
    def finish(self) -> Reply:
        """Ends the part and returns the reply."""
    def discard(self) -> None:
        """Ends the part, if it has not ended, and leaves nothing behind."""

@final
class _Writer:
    def write(self, piece: Buffer) -> None:
        """Writes a bytes-like piece. After an error the put has ended."""
    def commit(self) -> Version:
        """Ends the put and returns the version."""
    def discard(self) -> None:
        """Ends the put, if it has not ended, and leaves nothing behind."""

@final
class Drive:
    """A named tree of files. Every thread may use it, and a forked child."""

    name: Final[str]
    """The name."""
    id: Final[str]
    """The id; short text, such as "d2"."""
    def info(self) -> DriveInfo:
        """Returns what the drive holds."""
    def put(
        self,
        path: _DrivePath,
        source: _Source,
        *,
        media_type: str | None = None,
        modified: _Time | None = None,
        executable: bool | None = None,
        expect: Version | str | None = None,
        length: int | None = None,
        sha1: str | bytes | None = None,
        blake3: str | bytes | None = None,
        progress: Callable[[int], object] | None = None,
        created: _Time | None = None,
        attributes: dict[str, str] | None = None,
    ) -> Version:
        """Puts content at `path` and returns the version that it became, durably. A file that is there
        gets one more version, which is current from now on. Missing folders are made.

        source: bytes-like, a path as pathlib has it (PathLike, not str: a str that came with a
            request would name a file of the server), a binary file object, an upload of a web
            framework that has one as its `file`, or an iterable of bytes-like. It is read once, in
            blocks of at most 1 MiB of bytes-like and paths.
        media_type: by default it follows from the name.
        modified: how old the content is, an aware datetime or seconds since 1970; now by default.
        executable: whether it may be run; its mode is 0755 in an archive then, otherwise 0644.
        created: when the content was made, as `modified`; a file that the put makes has it too.
        attributes: what the host keeps with the file, in place of what it has: at most 64 KiB.
        expect: "absent", or the version (or its id) that must be current, for the put to go ahead.
        length, sha1, blake3: what the content must turn out to have; hashes as bytes or hexadecimal.
        progress: called with the number of bytes of each block, as the `update` of a tqdm bar is.

        Raises InvalidArgument when the path breaks the rules of names, Exists when a folder is there
        or something is that must not be, Mismatch when the content or the file is not what was
        declared, TooLarge past the store's limit, TypeError for a str, and whatever the source or
        `progress` raises;
        nothing is left behind then. Control-C ends it within 100 ms: nothing is left behind either,
        unless it was about to become durable, and then it may.
        """
    def _writer(
        self,
        path: _DrivePath,
        *,
        media_type: str | None = None,
        modified: _Time | None = None,
        executable: bool | None = None,
        expect: Version | str | None = None,
        length: int | None = None,
        sha1: str | bytes | None = None,
        blake3: str | bytes | None = None,
        created: _Time | None = None,
        attributes: dict[str, str] | None = None,
    ) -> _Writer: ...
    def put_many(
        self,
        items: Mapping[str, Buffer] | Iterable[_Item],
        *,
        media_type: str | None = None,
        modified: _Time | None = None,
        executable: bool | None = None,
        expect: Version | str | None = None,
    ) -> builtins.list[Version]:
        """Puts many contents at once and returns their versions in order, durably. They go in batches
        of up to 8 MiB and 2,000 items, each for the price of one sync, and all of it or none.

        items: a mapping of paths to bytes-like contents, or an iterable of such pairs, or of triples
            with a mapping of what is said of that one alone: media_type, modified, executable, expect,
            created, attributes.

        Raises as `put` does; the batches before the error stay.
        """
    def mkdir(self, path: _DrivePath) -> str:
        """Creates a folder and its parents and returns its id; an existing folder is not an error.

        Raises Exists when a file is in the way, InvalidArgument when the path breaks the rules.
        """
    def stat(self, path: _DrivePath = "") -> FileInfo:
        """Returns what is at `path`; "" is the root.

        Raises NotFound when nothing is there.
        """
    def list(
        self, path: _DrivePath = "", *, after: str | None = None, limit: int | None = None
    ) -> builtins.list[Row]:
        """Lists a folder in byte order of names: all of it, or at most `limit` rows. The rows start after
        the name `after`: the last name of a page is the cursor of the next.

        Raises NotFound when nothing is at `path`, InvalidArgument when a file is.
        """
    def walk(self, path: _DrivePath = "") -> Walk:
        """Iterates over everything below a folder: pairs of the path in the drive and the row, each folder
        before its contents. Concurrent changes may or may not show.

        Raises NotFound when nothing is at `path`, InvalidArgument when a file is.
        """
    def versions(
        self, path: _DrivePath, *, before: Version | str | None = None, limit: int | None = None
    ) -> builtins.list[Version]:
        """Lists the versions of the file at `path`, newest first: all, or at most `limit`, older than the
        version `before`.

        Raises NotFound when nothing is at `path`, InvalidArgument when a folder is.
        """
    def open(self, path: _DrivePath) -> Reader:
        """Opens the current content of the file at `path` for reading: a raw binary file object. It keeps
        reading the version that is current now.

        Raises NotFound when nothing is there, InvalidArgument when a folder is.
        """
    def rename(self, source: _DrivePath, target: _DrivePath, *, replace: bool = False) -> str:
        """Renames or moves what is at `source` to `target` and returns its id, creating missing folders.

        Raises NotFound when nothing is at `source`, Exists when something is at `target` and
        `replace` is false, or either is a folder.
        """
    def copy(
        self,
        source: _DrivePath,
        target: _DrivePath,
        *,
        versions: Literal["current", "all"] = "current",
    ) -> str:
        """Copies what is at `source` to `target` and returns the new id; the content is shared.

        versions: "current" or "all" versions of each file.

        Raises NotFound when nothing is at `source`, Exists when something is at `target`.
        """
    def find_by_attribute(
        self,
        name: str,
        value: str = "",
        *,
        path: _DrivePath = "",
        after: AttributeMatch | None = None,
        limit: int | None = None,
    ) -> builtins.list[AttributeMatch]:
        """Finds files and folders below `path` with an attribute `name` whose value begins with `value`, in
        order of the value: all of them, or at most `limit`, behind the match `after`: the last of a page
        is the cursor of the next. What is in the trash is not found.

        Raises NotFound when nothing is at `path`, InvalidArgument when a file is, or when `after` is no
        match of this search.
        """
    def set_attributes(self, path: _DrivePath, attributes: dict[str, str]) -> None:
        """Replaces the host's attributes of a file: at most 4,096 of them, and 64 KiB in total.

        Raises NotFound when nothing is at `path`, TooLarge beyond the limit.
        """
    def set_max_versions(self, count: int) -> None:
        """Sets how many versions a file keeps besides those marked to be kept; 0 keeps all."""
    def trash(self, path: _DrivePath) -> str:
        """Moves what is at `path` to the trash and returns its id, for `restore`. URLs of its versions work
        until they expire or are revoked.

        Raises NotFound when nothing is at `path`.
        """
    def list_trash(self) -> builtins.list[Trashed]:
        """Lists the trash."""
    def restore(self, file: FileInfo | str, to: _DrivePath | None = None) -> str:
        """Restores a file or folder from the trash, to its old path or to the path `to`; returns its id.

        Raises NotFound when it is not in the trash, Exists when its name is taken.
        """
    def delete(self, path: _DrivePath) -> None:
        """Permanently deletes what is at `path`, a folder with everything in it.

        Raises NotFound when nothing is at `path`.
        """
    def empty_trash(self, before: _Time | None = None) -> int:
        """Permanently deletes what was trashed before `before`, an aware datetime or seconds since 1970; by
        default everything. Returns how many files and folders were removed from the trash.
        """
    def link(self, path: _DrivePath, *, pace: int | None = None) -> Link:
        """Returns the direct link to the file at `path`, creating it if there is none. It serves the version
        that is current when it is used.

        pace: the rate limit of downloads, in bytes per second.

        Raises NotFound when nothing is at `path`, InvalidArgument when a folder is.
        """
    def links(self, path: _DrivePath) -> builtins.list[Link]:
        """Lists the direct links to the file at `path`, oldest first.

        Raises NotFound when nothing is at `path`.
        """
    def share(
        self,
        path: _DrivePath,
        *,
        password: str | None = None,
        expires: _Expiry | None = None,
        max_downloads: int | None = None,
        purchase: bool = False,
    ) -> Share:
        """Shares what is at `path`.

        expires: when the share expires: seconds from now, a timedelta or an aware datetime; None is
            never.
        max_downloads: the downloads after which it ends; an archive counts as one. A download is counted
            when `Visit.url` or `Visit.archive` issues its URL, which then serves one client.
        purchase: the host asks a visitor for a ticket before a download starts.

        Raises NotFound when nothing is at `path`, InvalidArgument when an option is invalid.
        """
    def shares(self, path: _DrivePath) -> builtins.list[Share]:
        """Lists the shares of what is at `path`, oldest first.

        Raises NotFound when nothing is at `path`.
        """
    def archive(
        self,
        paths: Iterable[_DrivePath] | Iterable[Version],
        *,
        name: str = "archive.zip",
        expires: _Expiry | None = None,
        utc_offset: int = 0,
        network: str | None = None,
        max_uses: int | None = None,
        max_requests: int | None = None,
        pace: int | None = None,
        cross_origin: str | Sequence[str] | None = None,
    ) -> str:
        """Creates a zip of files and folders, each folder with all its contents, and returns its URL. The
        list is fixed now, without reading content. The zip has an exact length and can be resumed.

        paths: an iterable of paths, or of Versions. A path that ends in "/." is that of what is in a
            folder, without the folder's own name; what was named before comes no second time.
        expires: when it ends: seconds from now, a timedelta or an aware datetime, at most the store's
            grace from now; 15 minutes by default.
        utc_offset: minutes by which the time zone of readers that know no UTC time, such as Windows
            Explorer and `zipfile`, is ahead of UTC, -1439 to 1439; others show their own local time.
        network, max_uses, max_requests, pace, cross_origin: as `Store.url` has them.

        Raises NotFound when nothing is at a path, TooLarge past the store's limits, InvalidArgument
        when nothing is named, or the lifetime, the offset or a path is out of range.
        """
    def create_archive(
        self,
        paths: Iterable[_DrivePath] | Iterable[Version],
        *,
        name: str = "archive.zip",
        expires: _Expiry | None = None,
        utc_offset: int = 0,
    ) -> ArchiveInfo:
        """Creates an archive as `archive` does, and returns its description. `Store.url` signs URLs of it.

        Raises as `archive` does.
        """
    def url(
        self,
        path: _DrivePath,
        *,
        expires: _Expiry | None = None,
        never_expires: bool = False,
        stable_for: _Length | None = None,
        disposition: _Disposition = "attachment",
        name: str | None = None,
        media_type: str | None = None,
        network: str | None = None,
        max_uses: int | None = None,
        max_requests: int | None = None,
        public_cache: bool = False,
        pace: int | None = None,
        cross_origin: str | Sequence[str] | None = None,
    ) -> str:
        """Returns a URL of the file at `path`; it serves the version that is current when it is used. The
        keyword arguments are those of `Store.url`.

        Raises NotFound when nothing is at `path`, InvalidArgument when the lifetime is out of range or a
        name or type is invalid.
        """
    def revoke(self) -> None:
        """Invalidates every URL into the drive."""

@final
class Visit:
    """A visitor admitted to a share."""

    share: Final[Share]
    """The share."""
    def stat(self, path: _DrivePath = "") -> FileInfo:
        """Returns what is at `path` in the share; "" is the shared item itself.

        Raises NotFound when nothing is there.
        """
    def list(
        self, path: _DrivePath = "", *, after: str | None = None, limit: int | None = None
    ) -> builtins.list[Row]:
        """Lists a folder in the share, as `Drive.list` does.

        Raises NotFound when nothing is at `path`, InvalidArgument when a file is.
        """
    def url(
        self,
        path: _DrivePath = "",
        *,
        expires: _Expiry | None = None,
        disposition: _Disposition = "attachment",
        name: str | None = None,
    ) -> str:
        """Counts a download and returns a URL of the file at `path`, which expires with the share.

        Raises NotFound when nothing is at `path`, InvalidArgument when a folder is, Expired and Gone
        when the share is over.
        """
    def archive(
        self,
        paths: builtins.list[_DrivePath] | builtins.list[str],
        *,
        name: str = "archive.zip",
        expires: _Expiry | None = None,
        utc_offset: int = 0,
    ) -> str:
        """Counts a download and returns the URL of a zip of what is at the paths, which expires with the
        share; [""] is everything.

        Raises NotFound when nothing is at a path, Expired and Gone when the share is over.
        """

@final
class Version:
    """One immutable content of a file, as of one point in time."""

    id: Final[str]
    """The id of the version; short text, such as "v4g01"."""
    file_id: Final[str]
    """The id of its file."""
    number: Final[int]
    """The number within the file; 1 is the first."""
    size: Final[int]
    """Length in bytes."""
    sha1: Final[str]
    """SHA-1 of the content, 40 lower-case hexadecimal digits."""
    blake3: Final[str]
    """BLAKE3 of the content, 64 lower-case hexadecimal digits."""
    crc64: Final[int]
    """CRC-64/XZ of the content."""
    crc64_text: Final[str]
    """CRC-64/XZ of the content as decimal text, as PDS writes it."""
    crc32: Final[int]
    """CRC-32 of the content, the one that zip and `zlib.crc32` have."""
    media_type: Final[str]
    """The media type, such as "application/pdf"."""
    created: Final[datetime]
    """When it was put: an aware datetime in UTC."""
    modified: Final[datetime]
    """The content's modification time, as given to the put: an aware datetime in UTC."""
    keep: Final[bool]
    """Whether the version limit leaves it alone."""
    current: Final[bool]
    """Whether it was the file's current version."""
    executable: Final[bool]
    """Whether it may be run, as said when it was put."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class FileInfo:
    """A file or folder, as of one point in time."""

    id: Final[str]
    """The id, which stays the same when the file is moved."""
    name: Final[str]
    """The name; "" for the root of a drive."""
    kind: Final[Literal["file", "folder"]]
    """"file" or "folder"."""
    is_folder: Final[bool]
    """Whether it is a folder."""
    size: Final[int]
    """Length of the current version in bytes; 0 for a folder."""
    current: Final[Version | None]
    """The current version; None for a folder."""
    parent: Final[str | None]
    """The id of the parent folder; None for the root of a drive and for a trashed item."""
    created: Final[datetime]
    """When it was created: an aware datetime in UTC."""
    modified: Final[datetime]
    """When its content or attributes last changed in the store: an aware datetime in UTC."""
    trashed: Final[datetime | None]
    """When it was trashed: an aware datetime in UTC, or None."""
    attributes: Final[dict[str, str]]
    """The host's attributes, as a new dict."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class AttributeMatch:
    """A file or folder with an attribute that was looked for."""

    file_id: Final[str]
    """The id of the file or folder."""
    kind: Final[Literal["file", "folder"]]
    """"file" or "folder"."""
    path: Final[str]
    """The path in the drive."""
    value: Final[str]
    """The whole value of the attribute."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Row:
    """A row of a listing."""

    name: Final[str]
    """The name within the folder."""
    file_id: Final[str]
    """The id of the file or folder."""
    kind: Final[Literal["file", "folder"]]
    """"file" or "folder"."""
    is_folder: Final[bool]
    """Whether it is a folder."""
    version_id: Final[str | None]
    """The id of the current version; None for a folder."""
    size: Final[int]
    """Length of the current version in bytes; 0 for a folder."""
    modified: Final[datetime]
    """The content's modification time: an aware datetime in UTC."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Trashed:
    """An item in the trash of a drive."""

    file_id: Final[str]
    """The id of the file or folder, for `Drive.restore`."""
    kind: Final[Literal["file", "folder"]]
    """"file" or "folder"."""
    path: Final[str]
    """The path it had."""
    trashed: Final[datetime]
    """When it was put in the trash: an aware datetime in UTC."""

@final
class Link:
    """A direct link to a file."""

    id: Final[str]
    """The id of the link."""
    file_id: Final[str]
    """The id of the file."""
    url: Final[str]
    """The URL, which is valid until the link is deleted."""
    name: Final[str]
    """The name in the URL and of the download."""
    created: Final[datetime]
    """When it was created: an aware datetime in UTC."""
    downloads: Final[int]
    """Downloads through it, as of the lookup. Each process records its counts about every second,
    and when it closes the store.
    """
    pace: Final[int | None]
    """The rate limit of a download, in bytes per second; None is unlimited."""

@final
class Share:
    """A share: a public entry to a file or folder."""

    id: Final[str]
    """The id of the share, for `Store.visit`."""
    file_id: Final[str]
    """The id of the file or folder that is shared."""
    created: Final[datetime]
    """When it was created: an aware datetime in UTC."""
    expires: Final[datetime | None]
    """When it expires: from then on nobody is let in; None is never."""
    has_password: Final[bool]
    """Whether a password is required."""
    max_downloads: Final[int | None]
    """Downloads allowed in total; None is unlimited."""
    downloads: Final[int]
    """Downloads counted so far."""
    purchase: Final[bool]
    """Whether a visitor needs a ticket from the host."""

@final
class ArchiveInfo:
    """An archive, as it was made."""

    id: Final[str]
    """The id of the archive; short text, such as "a7"."""
    name: Final[str]
    """The name of the download."""
    entries: Final[int]
    """Files and folders in it."""
    size: Final[int]
    """Length of the zip in bytes."""
    created: Final[datetime]
    """When it was created: an aware datetime in UTC."""
    expires: Final[datetime]
    """When it expires: an aware datetime in UTC. Its content is kept until then."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class DriveInfo:
    """What a drive holds, as of one point in time."""

    id: Final[str]
    """The id of the drive."""
    name: Final[str]
    """The name it was opened by."""
    created: Final[datetime]
    """When it was created: an aware datetime in UTC."""
    max_versions: Final[int]
    """How many versions a file keeps besides those marked to be kept; 0 is all."""
    files: Final[int]
    """Files, not counting folders, but counting the trash."""
    bytes: Final[int]
    """Bytes of all versions of those files."""

@final
class Grant:
    """What a verified URL permits."""

    size: Final[int]
    """Length of the content in bytes."""
    etag: Final[str]
    """The entity tag of a reply, without quotes."""
    name: Final[str]
    """The name to save a download under."""
    media_type: Final[str]
    """The media type of a reply."""
    disposition: Final[_Disposition]
    """"attachment" or "inline"."""
    pace: Final[int | None]
    """The speed that the URL asks for, in bytes a second; None is any."""

@final
class Reply:
    """What to send: a status, headers and a body of known length."""
    @staticmethod
    def from_error(error: BaseException) -> Reply:
        """Makes the reply that tells a client of an error: its status and a text without detail. A rate
        limit is 429 with Retry-After.
        """
    status: Final[int]
    """The HTTP status."""
    headers: Final[list[tuple[str, str]]]
    """The headers as a new list of pairs, Content-Length among them, in the order to send them."""
    body: Final[Body]
    """The body, empty for HEAD."""
    pace: Final[int | None]
    """The speed that the URL asks the host to keep to, in bytes a second; None is any."""
    def header(self, name: str) -> str | None:
        """Returns the value of a header, by its name in any case; None if there is none."""

@final
class Body:
    """Bytes of an exact length, where they lie. It may be sliced, and gone through any number of
    times; it keeps what it shows alive, whatever becomes of the store.
    """
    def __len__(self) -> int: ...
    def __bytes__(self) -> bytes: ...
    def __iter__(self) -> Chunks: ...
    def __getitem__(self, index: slice, /) -> Body: ...
    def chunks(self, size: int = 1048576) -> Chunks:
        """Returns an iterator of read-only memoryviews of at most `size` bytes. Long runs are shown
        where they lie, short ones are joined. What is next is brought into memory with the GIL
        released, so an event loop can leave next() to a thread.
        """
    def segments(self, size: int = 1048576) -> SegmentIterator:
        """Returns an iterator of Segments of at most `size` bytes: each run as it lies, with its position
        in a file where it has one.
        """
    def read(self, offset: int = 0, size: int | None = None) -> bytes:
        """Returns at most `size` bytes from `offset` on; without a size, all of them."""
    def readinto(self, target: Buffer, offset: int = 0) -> int:
        """Reads from `offset` on into a buffer; returns how many bytes, fewer than it takes only at
        the end.
        """
    def open(self) -> Reader:
        """Returns a file object at the first byte."""

@final
class Chunks:
    """The chunks of a body."""
    def __iter__(self) -> Self: ...
    def __next__(self) -> memoryview: ...

@final
class Segment:
    """One contiguous run of a body."""
    def __len__(self) -> int: ...
    data: Final[memoryview]
    """The bytes, as a read-only memoryview."""
    fileno: Final[int | None]
    """The descriptor of the file that holds the bytes, or None. It is shared, and valid while the
    segment lives: use it with os.sendfile and os.pread, which take an offset, and leave its
    position alone.
    """
    offset: Final[int | None]
    """The offset of the bytes in that file, or None."""

@final
class SegmentIterator:
    """The segments of a body."""
    def __iter__(self) -> Self: ...
    def __next__(self) -> Segment: ...

@final
class Walk:
    """Goes through everything below a folder."""
    def __iter__(self) -> Iterator[tuple[str, Row]]: ...
    def __next__(self) -> tuple[str, Row]: ...

@final
class CheckReport:
    """What `Store.check` found."""

    problems: Final[list[str]]
    """Sentences of what is not as it must be; a sound store has none."""
    damaged: Final[list[Damage]]
    """Blobs among them whose content is missing or not what was stored."""
    unread: Final[list[Damage]]
    """The blobs among it that could not be read, as when descriptors are short: whether they are
    sound is not known.
    """
    files: Final[int]
    """Files, not counting folders."""
    versions: Final[int]
    """Versions."""
    blobs: Final[int]
    """Blobs."""
    bytes: Final[int]
    """Bytes of those blobs."""
    is_sound: Final[bool]
    """Whether everything is as it must be."""

@final
class Damage:
    """A blob whose content is missing or not what was stored, or could not be read."""

    message: Final[str]
    """A sentence that says what is wrong."""
    versions: Final[list[str]]
    """Ids of versions that have it: the first hundred."""
    paths: Final[list[str]]
    """Where their files lie, as drive:path."""

@final
class GcReport:
    """What `Store.gc` and `Store.compact` did."""

    blobs: Final[int]
    """Blobs that were removed."""
    bytes: Final[int]
    """Bytes of their content."""
    orphans: Final[int]
    """Files of unfinished puts and of uploads that were cut off."""
    segments: Final[int]
    """Segments that were more than half dead and are gone."""
    segment_bytes: Final[int]
    """Bytes they occupied."""
    waiting_blobs: Final[int]
    """Blobs that nothing refers to and that wait for the grace, after a collection."""
    waiting_bytes: Final[int]
    """Bytes of their content."""
    next_due: Final[datetime | None]
    """When the first of them may be removed, an aware datetime in UTC; None when none waits."""
    failed: Final[list[str]]
    """Sentences of what could not be removed; the next run tries again."""

@final
class Stats:
    """What a store holds, in numbers."""

    drives: Final[int]
    """Drives."""
    files: Final[int]
    """Files in all drives, not counting folders, but counting the trash."""
    bytes: Final[int]
    """Bytes of all versions of those files; shared content is counted each time."""
    blobs: Final[int]
    """Distinct contents."""
    blob_bytes: Final[int]
    """Bytes of those."""
    segments: Final[int]
    """Segments."""
    segment_bytes: Final[int]
    """Bytes of the segments, including the log."""
    dead_bytes: Final[int]
    """Bytes of them whose content is gone; a compaction gets them back."""

@final
class Key:
    """A key of the store, without its secret."""

    id: Final[int]
    """The id, which stands in the tokens that the key signed."""
    created: Final[datetime]
    """When it was created: an aware datetime in UTC."""
    signs: Final[bool]
    """Whether it signs; the others only verify."""

@final
class RepairReport:
    """What `Store.repair` did."""

    restored: Final[int]
    """How many contents were damaged, and were found sound elsewhere in the store."""
    damaged: Final[list[Damage]]
    """What remains damaged: nothing of it was removed; put the content again, from a backup say."""
    unread: Final[list[Damage]]
    """What could not be read, for want of descriptors for example; it was left as it is."""
    reinstated: Final[int]
    """How many contents an earlier repair had quarantined and are sound: they are shared again."""
    problems: Final[list[str]]
    """Sentences of what else is not as it must be."""

@final
class RebuildReport:
    """What `Store.rebuild` did."""

    groups: Final[int]
    """Groups of changes that were found in the log."""
    segments: Final[int]
    """Segments that were read."""
    unreadable: Final[list[str]]
    """Files in the folder of segments that are not segments, or whose header cannot be read."""
    files: Final[int]
    """Files and folders in the new index."""
    versions: Final[int]
    """Versions in the new index."""
    blobs: Final[int]
    """Blobs in the new index."""
    lost: Final[int]
    """How many large contents belong to nothing in it; their files are in the directory lost now.
    """
    problems: Final[list[str]]
    """Sentences of where the new index does not agree with itself: parts of the log are damaged."""

@final
class ImportReport:
    """What `Store.import_cloudreve` imported, and what it did not."""

    drives: Final[int]
    """Drives, one for each user."""
    folders: Final[int]
    """Folders."""
    files: Final[int]
    """Files, counting the trash."""
    versions: Final[int]
    """Versions of those files."""
    trashed: Final[int]
    """Items in the trash."""
    links: Final[int]
    """Direct links."""
    shares: Final[int]
    """Shares."""
    attributes: Final[int]
    """Attributes of files and folders."""
    left_out: Final[dict[str, int]]
    """How many items were left out, by the cause's code, such as "content-missing"."""
    no_place: Final[dict[str, int]]
    """How many settings and the like a store has no field for, by kind."""
    renamed: Final[int]
    """Files and folders that were renamed."""

@final
class BackupReport:
    """What `Store.backup` did."""

    segments: Final[int]
    """Segments in the backup."""
    files: Final[int]
    """Large contents in the backup."""
    copied: Final[int]
    """Bytes that were copied."""
    shared: Final[int]
    """Bytes that were there already, or are shared by a hard link."""

@final
class Shipper:
    """Ships a store to object storage; made by `Store.shipper`."""
    def ship(self, *, progress: _Progress | None = None) -> ShipReport:
        """Ships all that was acknowledged before the call and is not there yet: it is safe from the loss of the
        machine then. Call it again and again, as every second. A call that was cut off goes on in the next.

        progress: called now and then with the bytes done and the bytes in all.

        Raises Locked when another ships to the same place, InvalidArgument when another store or a later
        state is there, Corrupt, Io, and what `progress` raises.
        """

@final
class ShipReport:
    """What `Shipper.ship` did."""

    lsn: Final[int]
    """The number of the last group that is shipped."""
    shipped: Final[datetime]
    """When it was shipped, an aware datetime in UTC; a restore takes this time for it."""
    log_bytes: Final[int]
    """Bytes of the log that were shipped."""
    contents: Final[int]
    """Large contents that were shipped."""
    content_bytes: Final[int]
    """Their bytes."""
    removed: Final[int]
    """Objects that were removed, because nothing that is kept needs them."""
    failed: Final[list[str]]
    """Sentences of what could not be shipped because it is damaged, or not be removed; the next call tries
    again.
    """

@final
class RestoreReport:
    """What `Store.restore` did."""

    lsn: Final[int]
    """The number of the last group in the store."""
    restored: Final[datetime]
    """The time that the store is of, an aware datetime in UTC."""
    segments: Final[int]
    """Segments that were restored."""
    contents: Final[int]
    """Large contents that were restored."""
    bytes: Final[int]
    """Bytes that were read."""
    files: Final[int]
    """Files in the store."""
    versions: Final[int]
    """Versions in the store."""

@final
class MigrateReport:
    """What `Store.migrate` did."""

    segments: Final[int]
    """Segments that were copied."""
    contents: Final[int]
    """Large contents that were copied."""
    bytes: Final[int]
    """Bytes of both."""
    rows: Final[int]
    """Rows that were copied."""
    groups: Final[int]
    """Groups of the log whose changes were made after that."""
    waited: Final[timedelta]
    """How long writers had to wait at the end, a timedelta."""
