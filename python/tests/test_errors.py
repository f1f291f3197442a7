"""Exceptions: numbers, statuses, builtin parents, and that bad input is refused at once."""

import builtins
import pathlib
import pickle
import time

import pytest

import holdall
from holdall import errors

PARENTS = {
    1: ValueError,
    2: FileNotFoundError,
    3: FileExistsError,
    4: PermissionError,
    5: PermissionError,
    6: ValueError,
    7: ValueError,
    8: ValueError,
    9: BlockingIOError,
    10: OSError,
    11: OSError,
    12: OSError,
    13: NotImplementedError,
    14: RuntimeError,
    15: FileNotFoundError,
    16: RuntimeError,
    17: OSError,
}

STATUSES = [400, 404, 409, 403, 403, 416, 422, 413, 503, 500, 500, 503, 501, 500, 410, 500, 503]


def test_numbers_and_parents_are_fixed() -> None:
    assert sorted(errors.BY_NUMBER) == list(range(1, 18))
    for number, parent in PARENTS.items():
        kind = errors.BY_NUMBER[number]
        assert issubclass(kind, (errors.Error,))
        assert issubclass(kind, parent)
        assert kind.number == number
        assert kind.__name__ in errors.__all__
        assert getattr(errors, kind.__name__) is kind
        assert kind.__doc__


def test_the_statuses_are_the_core_s() -> None:
    for number, kind in errors.BY_NUMBER.items():
        assert kind.http_status == STATUSES[number - 1]
        assert holdall.Reply.from_error(kind("x")).status == kind.http_status


def test_messages_name_the_value_and_the_kind_pickles(alice: holdall.Drive) -> None:
    with pytest.raises(errors.NotFound) as raised:
        alice.stat("missing/file.txt")
    assert "missing/file.txt" in str(raised.value) or "missing" in str(raised.value)
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), str(again)) == (errors.NotFound, str(raised.value))


def test_the_system_s_number_is_kept(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.Error) as raised:
        holdall.open(tmp_path / "file" / "store")
    assert isinstance(raised.value, errors.Io)
    assert raised.value.errno == 20  # ENOTDIR


BAD_NAMES = [
    "",
    ".",
    "..",
    "a//b",
    "a\0b",
    "a\nb",
    "a/../b",
    "x" * 256,
    "a/" * 200 + "a",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused(alice: holdall.Drive, name: str) -> None:
    with pytest.raises(builtins.ValueError):
        alice.put(name, b"x")
    with pytest.raises((ValueError, FileNotFoundError)):
        alice.put_many({name: b"x"})
    assert alice.list() == []


def test_lone_surrogates_are_an_error_and_no_crash(alice: holdall.Drive) -> None:
    with pytest.raises(UnicodeEncodeError):
        alice.put("\ud800", b"x")
    with pytest.raises(UnicodeEncodeError):
        alice.open("\ud800")


def test_a_huge_bad_input_costs_nothing(alice: holdall.Drive, store: holdall.Store) -> None:
    huge = "x" * (10 << 20)
    for call in (alice.stat, store.verify, store.version, store.drive, store.path_of):
        began = time.perf_counter()
        with pytest.raises(errors.Error) as raised:
            call(huge)
        assert time.perf_counter() - began < 0.5
        assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    "call", ["version", "file", "path_of", "link", "visit", "unshare", "unlink"]
)
def test_wrong_ids_are_named(store: holdall.Store, call: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="zz"):
        getattr(store, call)("zz")
    with pytest.raises(TypeError):
        getattr(store, call)(3)
