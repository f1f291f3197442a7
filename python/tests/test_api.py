"""Every verb, on small files."""

import datetime as dt
import io
import pathlib
import pickle
import shutil
import zipfile
import zlib
from hashlib import sha1

import pytest

import holdall
from holdall import errors

UTC = dt.UTC


def test_a_put_tells_what_it_stored(alice: holdall.Drive) -> None:
    before = dt.datetime.now(UTC)
    version = alice.put("a/b.txt", b"hello")
    assert version.size == 5
    assert version.sha1 == sha1(b"hello").hexdigest()
    assert version.crc32 == zlib.crc32(b"hello")
    assert (version.crc64, version.crc64_text) == (int(version.crc64_text), str(version.crc64))
    assert version.blake3 == "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"
    assert version.media_type == "text/plain"
    assert before <= version.created <= dt.datetime.now(UTC)
    assert version.created.tzinfo is not None
    assert version.number == 1
    assert version.current
    assert version.file_id == alice.stat("a/b.txt").id


def test_everything_is_a_source(alice: holdall.Drive, tmp_path: pathlib.Path) -> None:
    content = bytes(range(256)) * 8192 * 2
    file = tmp_path / "source.bin"
    file.write_bytes(content)
    with file.open("rb") as opened:
        sources = {
            "bytes": content,
            "bytearray": bytearray(content),
            "memoryview": memoryview(content),
            "words": memoryview(content).cast("I"),
            "path": file,
            "file": opened,
            "raw": io.BytesIO(content),
            "list": [content[:1000], bytearray(content[1000:2000]), content[2000:]],
            "generator": (content[at : at + 4096] for at in range(0, len(content), 4096)),
        }
        for name, source in sources.items():
            answer: list[int] = []
            version = alice.put(name, source, progress=answer.append)
            assert version.sha1 == sha1(content).hexdigest(), name
            assert sum(answer) == len(content), name
            assert max(answer) <= 1 << 20, name
    assert alice.put("empty", b"").size == 0
    assert alice.put("empty", []).size == 0
    assert alice.put("empty", io.BytesIO()).size == 0


def test_what_is_no_source_says_so(alice: holdall.Drive, tmp_path: pathlib.Path) -> None:
    for source in (3, None, object(), ["text"], io.StringIO("text"), [1, 2]):
        with pytest.raises(TypeError):
            alice.put("x", source)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError) as missing:
        alice.put("x", tmp_path / "missing")
    assert missing.value.filename == tmp_path / "missing"

    class Upload:
        async def read(self, size: int) -> bytes:
            return b""

    with pytest.raises(TypeError, match="async"):
        alice.put("x", Upload())  # type: ignore[arg-type]
    assert alice.list() == []


def test_an_upload_of_a_web_framework_is_a_source(alice: holdall.Drive) -> None:
    from starlette.datastructures import UploadFile

    upload = UploadFile(io.BytesIO(b"hello" * 1_000_000), filename="x")
    assert alice.put("x", upload).size == 5_000_000


def test_an_exception_of_the_source_comes_out_and_leaves_nothing(
    alice: holdall.Drive, store: holdall.Store
) -> None:
    def broken() -> object:
        yield b"a" * (3 << 20)
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose"):
        alice.put("x", broken())  # type: ignore[arg-type]

    def progress(_: int) -> None:
        raise ArithmeticError("on purpose")

    with pytest.raises(ArithmeticError):
        alice.put("x", b"a" * (3 << 20), progress=progress)
    assert alice.list() == []
    assert not list((store.path / "spool").iterdir())


def test_declared_content_is_held_to(alice: holdall.Drive) -> None:
    alice.put("x", b"hello", length=5, sha1=sha1(b"hello").hexdigest())
    alice.put("x", b"hello", sha1=sha1(b"hello").digest())
    for wrong in ({"length": 6}, {"sha1": "00" * 20}, {"blake3": bytes(32)}):
        with pytest.raises(errors.Mismatch):
            alice.put("x", b"hello", **wrong)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgument):
        alice.put("x", b"hello", sha1="zz")


def test_expectations(alice: holdall.Drive) -> None:
    first = alice.put("x", b"1", expect="absent")
    with pytest.raises(FileExistsError):
        alice.put("x", b"2", expect="absent")
    second = alice.put("x", b"2", expect=first)
    with pytest.raises(errors.Mismatch):
        alice.put("x", b"3", expect=first.id)
    assert alice.versions("x") == [second, alice.versions("x")[1]]


def test_put_many_in_batches(alice: holdall.Drive) -> None:
    items = {f"many/{number:05}": number.to_bytes(4) for number in range(4500)}
    versions = alice.put_many(items)
    assert len(versions) == 4500
    assert [row.name for row in alice.list("many")] == [f"{number:05}" for number in range(4500)]
    large = alice.put_many([("large/a", bytes(9 << 20)), (pathlib.PurePath("large/b"), b"b")])
    assert [version.size for version in large] == [9 << 20, 1]
    with pytest.raises(TypeError):
        alice.put_many({"x": io.BytesIO()})  # type: ignore[dict-item]
    assert alice.put_many([]) == []


def test_put_many_says_things_of_each(alice: holdall.Drive) -> None:
    first = alice.put("a", b"1")
    time = dt.datetime(2001, 2, 3, tzinfo=UTC)
    a, b, c = alice.put_many(
        [
            ("a", b"2", {"expect": first, "modified": time}),
            (pathlib.PurePath("b"), b"3", {"media_type": "text/x-b", "expect": "absent"}),
            ("c.txt", b"4"),
        ],
        modified=5,
    )
    assert (a.number, a.modified) == (2, time)
    assert (b.media_type, b.modified.timestamp()) == ("text/x-b", 5)
    assert (c.media_type, c.modified.timestamp()) == ("text/plain", 5)
    # All of a batch or none of it.
    with pytest.raises(errors.Exists):
        alice.put_many([("d", b"5"), ("b", b"6", {"expect": "absent"})])
    assert [row.name for row in alice.list()] == ["a", "b", "c.txt"]
    with pytest.raises(TypeError, match="colour"):
        alice.put_many([("d", b"5", {"colour": "green"})])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        alice.put_many([("d", b"5", 3)])  # type: ignore[list-item]


def test_lists_walks_and_pages(alice: holdall.Drive) -> None:
    alice.put_many([(path, b"x") for path in ("a/1", "a/2", "a/b/3", "c", "d/e/f/g")])
    alice.mkdir("empty/inside")
    assert [row.name for row in alice.list()] == ["a", "c", "d", "empty"]
    assert [row.name for row in alice.list(limit=2)] == ["a", "c"]
    assert [row.name for row in alice.list(after="c", limit=1)] == ["d"]
    assert alice.list(limit=0) == []
    walked = [path for path, _ in alice.walk()]
    assert walked == [
        *("a", "a/1", "a/2", "a/b", "a/b/3", "c", "d", "d/e", "d/e/f", "d/e/f/g"),
        *("empty", "empty/inside"),
    ]
    assert [(path, row.is_folder) for path, row in alice.walk("a/b")] == [("a/b/3", False)]
    with pytest.raises(FileNotFoundError):
        alice.walk("nowhere")
    with pytest.raises(errors.InvalidArgument):
        alice.list("c")


def test_a_walk_goes_over_pages(alice: holdall.Drive) -> None:
    alice.put_many([(f"{number:04}", b"") for number in range(2300)])
    assert [path for path, _ in alice.walk()] == [f"{number:04}" for number in range(2300)]
    assert len(alice.list()) == 2300
    assert len(alice.list(limit=1500)) == 1500


def test_versions_stay(alice: holdall.Drive, store: holdall.Store) -> None:
    first, second, third = (alice.put("x", content) for content in (b"1", b"22", b"333"))
    assert [version.id for version in alice.versions("x")] == [third.id, second.id, first.id]
    assert [version.id for version in alice.versions("x", limit=1)] == [third.id]
    assert [version.id for version in alice.versions("x", before=third, limit=1)] == [second.id]
    store.set_current(first)
    assert alice.open("x").read() == b"1"
    assert store.open_version(third.id).read() == b"333"
    store.keep(second)
    assert store.version(second).keep
    store.remove_version(second.id)
    with pytest.raises(errors.Gone):
        store.version(second)
    with pytest.raises(errors.InvalidArgument):
        store.remove_version(first)


def test_moving_copying_trash(alice: holdall.Drive, store: holdall.Store) -> None:
    alice.put("a/x", b"x")
    file = alice.stat("a/x")
    assert alice.rename("a/x", pathlib.PurePosixPath("b/y")) == file.id
    assert store.path_of(file) == "b/y"
    assert alice.copy("b", "c") != file.id
    with pytest.raises(FileExistsError):
        alice.rename("b/y", "c/y")
    alice.rename("b/y", "c/y", replace=True)
    alice.set_attributes("c/y", {"colour": "green"})
    assert alice.stat("c/y").attributes == {"colour": "green"}
    trashed = alice.trash("c/y")
    assert [(item.path, item.file_id) for item in alice.list_trash()] == [("c/y", trashed)]
    assert store.file(trashed).trashed is not None
    alice.restore(trashed, "d/z")
    assert alice.open("d/z").read() == b"x"
    alice.trash("d/z")
    assert alice.empty_trash() == 1
    assert alice.list_trash() == []
    alice.delete("c")
    with pytest.raises(FileNotFoundError):
        alice.stat("c")
    assert alice.stat().is_folder


def test_replies_are_values(alice: holdall.Drive, store: holdall.Store) -> None:
    url = store.url(alice.put("x.txt", b"hello world"))
    for headers in (
        {"Range": "bytes=0-4"},
        [("range", "bytes=0-4")],
        [(b"Range", b"bytes=0-4"), (b"x", b"\xff")],
        (pair for pair in [("RANGE", "bytes=0-4")]),
    ):
        reply = store.serve("GET", url, headers)
        assert (reply.status, bytes(reply.body)) == (206, b"hello")
    whole = store.serve("GET", url)
    assert dict(whole.headers)["Content-Length"] == whole.header("content-length") == "11"
    assert whole.header("nothing") is None
    etag = whole.header("ETag")
    assert etag
    assert store.serve("GET", url, {"If-None-Match": etag}).status == 304
    assert store.serve("GET", url, {"Range": "bytes=99-"}).status == 416
    assert len(store.serve("HEAD", url).body) == 0
    assert store.serve("POST", url).status == 405
    assert store.serve("GET", "/nowhere").status == 404
    assert holdall.Reply.from_error(errors.Locked("x")).status == 503
    assert holdall.Reply.from_error(KeyError("x")).status == 500
    with pytest.raises(TypeError):
        store.serve("GET", url, {"Range": 3})  # type: ignore[dict-item]
    with pytest.raises(errors.InvalidArgument):
        store.serve("GET", url, client="nobody")


def test_archives(alice: holdall.Drive, store: holdall.Store) -> None:
    files = {f"dir/{number:03}.txt": str(number).encode() * number for number in range(200)}
    alice.put_many(files)
    alice.mkdir("dir/empty")
    url = alice.archive(["dir"], name="all.zip", expires=600)
    reply = store.serve("GET", url)
    whole = bytes(reply.body)
    assert reply.header("Content-Length") == str(len(whole))
    assert b"".join(reply.body) == whole
    assert b"".join(bytes(segment.data) for segment in reply.body.segments()) == whole
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "dir/": b"",
            **files,
            "dir/empty/": b"",
        }
    part = store.serve("GET", url, {"Range": "bytes=1000-1999"})
    assert bytes(part.body) == whole[1000:2000]
    version = alice.versions("dir/007.txt")[0]
    of_versions = store.serve("GET", alice.archive([version]))
    assert zipfile.ZipFile(io.BytesIO(bytes(of_versions.body))).namelist() == ["007.txt"]
    with pytest.raises(TypeError):
        alice.archive("dir")
    with pytest.raises(errors.InvalidArgument):
        alice.archive([])
    with pytest.raises(errors.InvalidArgument):
        alice.archive(["dir", version])  # type: ignore[list-item]


def test_no_reader_leaves_out_a_name_with_two_dots(
    alice: holdall.Drive, store: holdall.Store, tmp_path: pathlib.Path
) -> None:
    alice.put_many({"dir/report..final.txt": b"1", "dir/..foo": b"2", "dir/plain.txt": b"3"})
    target = tmp_path / "all.zip"
    target.write_bytes(bytes(store.serve("GET", alice.archive(["dir"])).body))
    shutil.unpack_archive(target, tmp_path / "out")
    unpacked = {path.name: path.read_bytes() for path in (tmp_path / "out/dir").iterdir()}
    assert unpacked == {"report_.final.txt": b"1", "_.foo": b"2", "plain.txt": b"3"}


def test_an_archive_has_modes_an_offset_and_an_order(
    alice: holdall.Drive, store: holdall.Store
) -> None:
    when = dt.datetime(2026, 6, 15, 4, tzinfo=dt.UTC)  # noon in Shanghai
    run = alice.put("book/run", b"#!", executable=True, modified=when)
    alice.put_many(
        [("book/a", b"1"), ("book/mimetype", b"2"), ("book/too", b"3", {"executable": True})]
    )
    assert run.executable
    assert not alice.versions("book/a")[0].executable
    url = alice.archive(["book/mimetype", "book/."], utc_offset=480)
    zipped = zipfile.ZipFile(io.BytesIO(bytes(store.serve("GET", url).body)))
    assert zipped.namelist() == ["mimetype", "a", "run", "too"]
    modes = [info.external_attr >> 16 & 0o777 for info in zipped.infolist()]
    assert modes == [0o644, 0o644, 0o755, 0o755]
    assert zipped.getinfo("mimetype").extra == b"" != zipped.getinfo("a").extra
    assert zipped.getinfo("run").date_time == (2026, 6, 15, 12, 0, 0)
    with pytest.raises(errors.InvalidArgument):
        alice.create_archive(["book"], utc_offset=1440)


def test_archives_by_their_ids(alice: holdall.Drive, store: holdall.Store) -> None:
    alice.put_many({f"dir/{number}": b"x" * number for number in range(20)})
    archive = alice.create_archive(["dir"], name="all.zip", expires=600)
    assert (archive.name, archive.entries) == ("all.zip", 21)
    assert archive.expires - archive.created == dt.timedelta(minutes=10)
    assert store.archive(archive.id) == archive == store.archive(archive)
    assert hash(store.archive(archive.id)) == hash(archive)
    assert archive != alice.create_archive(["dir"])
    assert repr(archive) == f"<ArchiveInfo 'all.zip' 21 entries {archive.size} bytes>"
    whole = store.open_archive(archive).read()
    assert len(whole) == archive.size
    for url in (
        store.url(archive, expires=60),
        store.url(archive.id, expires=60, max_uses=2, pace=100),
    ):
        reply = store.serve("GET", url)
        assert (reply.status, bytes(reply.body)) == (200, whole)
    assert store.archive_crc64(archive) == alice.put("copy", whole).crc64
    with zipfile.ZipFile(store.open_archive(archive.id)) as opened:
        assert opened.testzip() is None
    store.revoke(archive)
    assert store.serve("GET", url).status in (403, 410)
    with pytest.raises(errors.NotFound):
        store.archive("a77")
    for wrong in ("v1", "zz", ""):
        with pytest.raises(errors.InvalidArgument):
            store.archive(wrong)
    with pytest.raises(TypeError):
        store.archive(3)  # type: ignore[arg-type]


def test_links_and_shares(alice: holdall.Drive, store: holdall.Store) -> None:
    alice.put("dir/a.txt", b"hello")
    link = alice.link("dir/a.txt", pace=500)
    assert (link.pace, link.downloads, alice.links("dir/a.txt")[0].url) == (500, 0, link.url)
    assert store.serve("GET", link.url).status == 200
    assert store.link(link).downloads == 1
    store.unlink(link.id)
    assert store.serve("GET", link.url).status in (404, 410)

    share = alice.share("dir", password="open", expires=dt.timedelta(hours=1), max_downloads=2)
    assert share.has_password
    assert share.expires is not None
    assert [known.id for known in alice.shares("dir")] == [share.id]
    with pytest.raises(PermissionError):
        store.visit(share)
    visit = store.visit(share.id, "open")
    assert [row.name for row in visit.list()] == ["a.txt"]
    assert visit.stat("a.txt").size == 5
    assert store.serve("GET", visit.url("a.txt")).status == 200
    assert store.serve("GET", visit.archive([""], name="all.zip")).status == 200
    with pytest.raises((errors.Gone, errors.Expired)):
        visit.url("a.txt")
    store.unshare(share)
    with pytest.raises(errors.NotFound):
        store.visit(share, "open")


def test_wrong_passwords_have_a_budget(alice: holdall.Drive, store: holdall.Store) -> None:
    alice.put("secret.txt", b"x")
    share = alice.share("secret.txt", password="open")
    for _ in range(10):
        with pytest.raises(errors.Denied) as refused:
            store.visit(share, "wrong", client="192.0.2.1")
        assert refused.value.retry_after is None
    with pytest.raises(errors.Denied) as limited:
        store.visit(share, "open", client="192.0.2.1")
    assert limited.value.retry_after is not None
    assert 0 < limited.value.retry_after <= 60
    told = holdall.Reply.from_error(limited.value)
    assert (told.status, limited.value.http_status, refused.value.http_status) == (429, 429, 403)
    assert 0 < int(told.header("Retry-After") or 0) <= 60
    assert holdall.Reply.from_error(refused.value).status == 403
    store.visit(share, "open", client="192.0.2.2")
    with pytest.raises(errors.InvalidArgument, match="client"):
        store.visit(share, "open", client="nowhere")


def test_the_budget_of_passwords_is_an_option(tmp_path: pathlib.Path) -> None:
    for number, (budget, second) in enumerate([((1, 1000), "192.0.2.1"), ((1000, 1), "192.0.2.2")]):
        with holdall.open(tmp_path / f"few{number}", wrong_passwords=budget) as store:
            store.drive("alice").put("x", b"x")
            share = store.drive("alice").share("x", password="open")
            for password, client, limited in (
                ("wrong", "192.0.2.1", False),
                ("open", second, True),
            ):
                with pytest.raises(errors.Denied) as refused:
                    store.visit(share, password, client=client)
                assert (refused.value.retry_after is not None) == limited
            assert pickle.loads(pickle.dumps(store)).path == store.path
    for wrong in (10, (1,), (-1, 2), ("a", "b")):
        with pytest.raises((TypeError, OverflowError, ValueError)):
            holdall.open(tmp_path / "few", wrong_passwords=wrong)  # type: ignore[arg-type]


def test_checks_and_counts(alice: holdall.Drive, store: holdall.Store) -> None:
    alice.put_many({"a": b"a", "b": bytes(2 << 20)})
    answer: list[tuple[int, int]] = []
    report = store.check(content=True, progress=lambda done, total: answer.append((done, total)))
    assert report.is_sound
    assert (report.files, report.versions, report.blobs, report.damaged) == (2, 2, 2, [])
    assert answer

    def progress(_done: int, _total: int) -> None:
        raise LookupError("on purpose")

    with pytest.raises(LookupError):
        store.check(content=True, progress=progress)
    stats = store.stats()
    assert (stats.drives, stats.files, stats.bytes) == (1, 2, (2 << 20) + 1)
    assert alice.info().files == 2
    alice.set_max_versions(3)
    assert alice.info().max_versions == 3
    assert store.gc().failed == []
    assert store.grace == dt.timedelta(days=1)
    store.set_grace(dt.timedelta(hours=2))
    store.set_grace(3600)
    assert store.grace == dt.timedelta(hours=1)
    alice.put("waits", b"content that nothing else has")
    alice.delete("waits")
    report = store.gc()
    assert (report.waiting_blobs, report.waiting_bytes) == (1, 29)
    assert report.next_due is not None
    # No archive is out for which the longer grace would go on.
    assert report.next_due < dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)
    assert store.compact().failed == []


def test_damage_is_found(alice: holdall.Drive, store: holdall.Store) -> None:
    alice.put("x", bytes(2 << 20))
    (blob,) = (path for path in (store.path / "blob").rglob("*") if path.is_file())
    blob.chmod(0o600)
    blob.write_bytes(bytes((2 << 20) - 1) + b"\x01")
    report = store.check(content=True)
    assert not report.is_sound
    assert report.damaged[0].paths == ["alice:x"]


def test_backups_open_and_repairs_tell(
    alice: holdall.Drive, store: holdall.Store, tmp_path: pathlib.Path
) -> None:
    alice.put_many({"a": b"a", "b": bytes(2 << 20)})
    answer: list[tuple[int, int]] = []
    report = store.backup(tmp_path / "copy", progress=lambda *at: answer.append(at))
    assert report.files == 1
    assert answer
    with holdall.open(tmp_path / "copy", create=False) as copy:
        assert copy.drive("alice").open("a").read() == b"a"
    with pytest.raises(errors.InvalidArgument):
        store.backup(store.path)
    answer.clear()
    repair = store.repair(progress=lambda *at: answer.append(at))
    assert answer[-1][0] == answer[-1][1] > 0
    assert (repair.restored, repair.damaged, repair.problems) == (0, [], [])


def test_a_store_is_rebuilt_from_its_log(tmp_path: pathlib.Path) -> None:
    with holdall.open(tmp_path / "s") as store:
        versions = store.drive("alice").put_many({"a": b"a", "b": bytes(2 << 20)})
        with pytest.raises(errors.Locked):
            holdall.Store.rebuild(tmp_path / "s")
    (tmp_path / "s" / "meta.redb").unlink()
    report = holdall.Store.rebuild(tmp_path / "s")
    assert (report.versions, report.blobs, report.lost, report.problems) == (2, 2, 0, [])
    assert repr(report) == f"<RebuildReport {report.files} files, 0 problems>"
    with holdall.open(tmp_path / "s", create=False) as store:
        assert store.drive("alice").versions("a") == versions[:1]
        assert store.check(content=True).is_sound
    with pytest.raises(FileNotFoundError):
        holdall.Store.rebuild(tmp_path)


def test_a_store_pickles_as_its_path(store: holdall.Store, alice: holdall.Drive) -> None:
    alice.put("x", b"x")
    again = pickle.loads(pickle.dumps(store))
    assert again.path == store.path
    assert again.drive("alice").open("x").read() == b"x"
    again.close()
    assert again.closed
    assert not store.closed
    assert alice.open("x").read() == b"x", "the other handle is open still"


def test_a_closed_store_says_so(tmp_path: pathlib.Path) -> None:
    with holdall.open(tmp_path / "s") as store:
        drive = store.drive("alice")
        drive.put("x", b"kept")
        opened = drive.open("x")
    store.close()
    for use in (store.stats, drive.list, lambda: store.drive("x"), lambda: store.serve("GET", "/")):
        with pytest.raises(errors.InvalidArgument, match="closed"):
            use()
    assert opened.read() == b"kept"
    with holdall.open(str(tmp_path / "s"), create=False) as again:
        assert again.drive("alice").open("x").read() == b"kept"


def test_opening_says_what_is_wrong(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        holdall.open(tmp_path / "missing", create=False)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "file").touch()
    with pytest.raises(errors.InvalidArgument):
        holdall.open(tmp_path / "foreign")
    for wrong in (
        {"mode": "x"},
        {"dedup": "x"},
        {"base_url": "x"},
        {"grace": -1},
        {"threshold": 1},
    ):
        with pytest.raises(errors.InvalidArgument):
            holdall.open(tmp_path / "s", **wrong)  # type: ignore[arg-type]
    with (
        holdall.open(tmp_path / "s", mode="exclusive", grace=dt.timedelta(hours=2)),
        pytest.raises(errors.Locked),
    ):
        holdall.open(tmp_path / "s", lock_timeout=0.1)


def test_reprs_help(alice: holdall.Drive, store: holdall.Store) -> None:
    version = alice.put("it's.txt", b"hello")
    assert repr(store) == f"<Store '{store.path}'>"
    assert repr(alice) == "<Drive 'alice'>"
    assert repr(version) == f"<Version {version.id} 5 bytes text/plain>"
    assert repr(alice.stat("it's.txt")) == f'<FileInfo {version.file_id} file "it\'s.txt">'
    assert repr(alice.list()[0]) == '<Row file "it\'s.txt" 5 bytes>'
    assert repr(alice.open("it's.txt")) == "<Reader at 0 of 5 bytes>"
    assert repr(store.serve("GET", store.url(version))) == "<Reply 200 5 bytes>"
    for thing in (store.stats(), store.check(), store.gc(), store.keys()[0], alice.info()):
        assert repr(thing).startswith(f"<{type(thing).__name__} ")


def test_versions_compare_and_hash(alice: holdall.Drive, store: holdall.Store) -> None:
    version = alice.put("x", b"x")
    assert version == store.version(version.id)
    assert hash(version) == hash(store.version(version))
    assert version != alice.put("x", b"y")
    assert version != "x"


def test_modified_times(alice: holdall.Drive) -> None:
    time = dt.datetime(2001, 2, 3, 4, 5, 6, 789, tzinfo=dt.timezone(dt.timedelta(hours=3)))
    assert alice.put("x", b"", modified=time).modified == time
    assert alice.put("x", b"", modified=-1).modified == dt.datetime(
        1969, 12, 31, 23, 59, 59, tzinfo=UTC
    )
    assert alice.put("x", b"", modified=1.5).modified.timestamp() == 1.5
    with pytest.raises(errors.InvalidArgument, match="naive"):
        alice.put("x", b"", modified=dt.datetime(2001, 1, 1))
