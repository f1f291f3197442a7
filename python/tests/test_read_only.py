"""A store on media that take no writes: what is read, and what every kind of change raises.

Where the tests may mount, the media are a read-only mount; elsewhere a directory without permission
to write.
"""

import os
import pathlib
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

import holdall
from holdall import errors

CONTENT = {"small.txt": b"hello", "folder/large.bin": bytes(range(256)) * 40}


@contextmanager
def read_only(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives the directory where nothing can be written to it."""
    with ExitStack() as undo:
        if os.getuid() == 0:
            at = path.with_name("media")
            at.mkdir(exist_ok=True)
            subprocess.run(["mount", "--bind", path, at], check=True, capture_output=True)
            undo.callback(lambda: subprocess.run(["umount", "--lazy", at], check=True))
            subprocess.run(["mount", "-o", "remount,bind,ro", at], check=True, capture_output=True)
            yield at
            return
        for entry in [path, *path.rglob("*")]:
            undo.callback(entry.chmod, entry.stat().st_mode & 0o777)
            entry.chmod(0o555 if entry.is_dir() else 0o444)
        yield path


@pytest.fixture
def media(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A store with something of everything, where nothing can be written."""
    path = tmp_path / "store"
    with holdall.open(path, threshold=4096) as store:
        alice = store.drive("alice")
        for name, content in CONTENT.items():
            alice.put(name, content)
        alice.put("trashed", b"x")
        alice.trash("trashed")
        alice.link("small.txt")
        alice.share("folder")
        alice.create_archive(["folder"])
    with read_only(path) as at:
        yield at


def test_all_that_was_put_is_read_and_served(media: pathlib.Path, tmp_path: pathlib.Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in media.rglob("*")}
    with holdall.open(media) as store:
        alice = store.drive("alice")
        for name, content in CONTENT.items():
            with alice.open(name) as file:
                assert file.read() == content
            reply = store.serve("GET", alice.url(name))
            assert (reply.status, bytes(reply.body)) == (200, content)
        assert len(alice.list_trash()) == 1
        [share] = alice.shares("folder")
        assert store.serve("GET", store.visit(share).url("large.bin")).status == 200
        found = store.check(content=True)
        assert not found.damaged
        assert not found.problems
        store.backup(tmp_path / "copy")
    with holdall.open(tmp_path / "copy") as copy:
        copy.drive("alice").put("new", b"a copy elsewhere takes changes")
    assert {path: path.stat().st_mtime_ns for path in media.rglob("*")} == before


def test_every_kind_of_change_raises_read_only(media: pathlib.Path) -> None:
    with holdall.open(media) as store:
        alice = store.drive("alice")
        file = alice.stat("small.txt")
        version = file.current
        assert version is not None
        [link], [share], [trashed] = (
            alice.links("small.txt"),
            alice.shares("folder"),
            alice.list_trash(),
        )
        changes: dict[str, Callable[[], object]] = {
            "put": lambda: alice.put("new", b"x"),
            "put of much": lambda: alice.put("new", CONTENT["folder/large.bin"] * 900),
            "put_many": lambda: alice.put_many([("new", b"x")]),
            "mkdir": lambda: alice.mkdir("new"),
            "rename": lambda: alice.rename("small.txt", "new"),
            "copy": lambda: alice.copy("small.txt", "new"),
            "set_attributes": lambda: alice.set_attributes("small.txt", {"a": "b"}),
            "set_max_versions": lambda: alice.set_max_versions(3),
            "trash": lambda: alice.trash("small.txt"),
            "restore": lambda: alice.restore(trashed.file_id),
            "delete": lambda: alice.delete("small.txt"),
            "empty_trash": lambda: alice.empty_trash(),
            "link": lambda: alice.link("folder/large.bin"),
            "unlink": lambda: store.unlink(link),
            "share": lambda: alice.share("small.txt"),
            "unshare": lambda: store.unshare(share),
            "create_archive": lambda: alice.create_archive(["folder"]),
            "drive": lambda: store.drive("bob"),
            "set_current": lambda: store.set_current(version),
            "keep": lambda: store.keep(version),
            "revoke": lambda: store.revoke(file),
            "revoke of a drive": lambda: alice.revoke(),
            "rotate_key": lambda: store.rotate_key(),
            "add_key": lambda: store.add_key(bytes(32)),
            "set_grace": lambda: store.set_grace(77),
            "gc": lambda: store.gc(),
            "compact": lambda: store.compact(),
            "repair": lambda: store.repair(),
        }
        raised: dict[str, BaseException] = {}
        for name, change in changes.items():
            try:
                change()
            except OSError as error:  # As a write to a file there raises.
                raised[name] = error
        assert {name: type(error) for name, error in raised.items()} == dict.fromkeys(
            changes, errors.ReadOnly
        )
        replies = {holdall.Reply.from_error(error).status for error in raised.values()}
        assert replies == {503}
        with alice.open("small.txt") as unchanged:
            assert unchanged.read() == CONTENT["small.txt"]
    with pytest.raises(errors.ReadOnly):
        holdall.Store.rebuild(media)


def test_no_store_is_made_on_them(tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty").mkdir()
    with read_only(tmp_path / "empty") as at:
        with pytest.raises(errors.ReadOnly):
            holdall.open(at)
        with pytest.raises(errors.NotFound):
            holdall.open(at, create=False)
