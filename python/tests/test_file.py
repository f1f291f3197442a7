"""Readers and bodies: the file protocol, zero-copy views, slices."""

import io
import os
import random
import shutil
import zipfile

import pytest

import holdall

SMALL = bytes(range(256)) * 40
LARGE = random.Random(1).randbytes((2 << 20) + 77)


@pytest.fixture(params=[SMALL, LARGE], ids=["small", "large"])
def content(request: pytest.FixtureRequest) -> bytes:
    return bytes(request.param)


def test_a_reader_is_a_whole_file_object(alice: holdall.Drive, content: bytes) -> None:
    alice.put("x", content)
    with alice.open("x") as file:
        assert isinstance(file, io.RawIOBase)
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
        assert (file.read(10), file.tell()) == (content[:10], 10)
        assert file.seek(-5, os.SEEK_END) == len(content) - 5
        assert file.read() == content[-5:]
        assert file.read(1) == b""
        assert file.seek(2, os.SEEK_CUR) == len(content) + 2
        assert file.read(1) == b""
        target = bytearray(1000)
        file.seek(3)
        assert file.readinto(target) == 1000
        assert target == content[3:1003]
        with pytest.raises(ValueError, match="before"):
            file.seek(-1)
        with pytest.raises(TypeError):
            file.readinto(b"constant")  # type: ignore[arg-type]
        with pytest.raises(io.UnsupportedOperation):
            file.write(b"")
        assert file.size == len(content)
    assert file.closed
    with pytest.raises(ValueError, match="closed"):
        file.read()


def test_a_reader_behaves_as_bytesio(alice: holdall.Drive, content: bytes) -> None:
    alice.put("x", content)
    model, rng = io.BytesIO(content), random.Random(2)
    with alice.open("x") as file:
        for step in range(400):
            if step == 200 and content is LARGE:
                file.fileno()  # must change nothing
            if rng.random() < 0.5:
                at = rng.randrange(len(content) + 100)
                assert file.seek(at) == model.seek(at)
            size = rng.choice([0, 1, 100, 5000, -1])
            assert file.read(size) == model.read(size)
            assert file.tell() == model.tell()


def test_large_content_has_a_file_of_its_own(alice: holdall.Drive) -> None:
    alice.put("small", SMALL)
    alice.put("large", LARGE)
    with alice.open("small") as file, pytest.raises(io.UnsupportedOperation):
        file.fileno()
    with alice.open("large") as file, alice.open("large") as other:
        file.seek(1000)
        number = file.fileno()
        assert number != other.fileno()
        assert os.lseek(number, 0, os.SEEK_CUR) == 1000
        assert os.read(number, 10) == LARGE[1000:1010]
        assert (file.tell(), other.tell()) == (1010, 0)
        assert os.fstat(number).st_size == len(LARGE)
        with pytest.raises(OSError, match="Bad file"):
            os.write(number, b"x")


def test_the_standard_library_reads_a_reader(alice: holdall.Drive) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "hello\nworld\n")
    alice.put("x.zip", packed.getvalue())
    with zipfile.ZipFile(alice.open("x.zip")) as archive:
        assert archive.read("a.txt") == b"hello\nworld\n"
    alice.put("x.txt", b"hello\nworld\n")
    assert list(io.TextIOWrapper(io.BufferedReader(alice.open("x.txt")))) == ["hello\n", "world\n"]
    copy = io.BytesIO()
    shutil.copyfileobj(alice.open("x.txt"), copy)
    assert copy.getvalue() == b"hello\nworld\n"
    assert alice.put("again.txt", alice.open("x.txt")).sha1 == alice.versions("x.txt")[0].sha1


def test_bodies_are_gone_through_again(alice: holdall.Drive, content: bytes) -> None:
    alice.put("x", content)
    body = alice.open("x").body
    assert len(body) == len(content)
    for _ in range(2):
        assert b"".join(body) == content
        assert bytes(body) == content
    assert all(type(view) is memoryview and view.readonly for view in body)
    assert b"".join(body.chunks(1000)) == content
    assert max(len(view) for view in body.chunks(1000)) <= 1000
    assert body.open().read() == content
    assert body.read(5, 5) == content[5:10]
    assert body.read(len(content)) == b""
    target = bytearray(20)
    assert body.readinto(target, len(content) - 10) == 10
    assert target[:10] == content[-10:]


def test_slices_are_as_those_of_bytes(alice: holdall.Drive) -> None:
    alice.put("x", SMALL)
    body, rng = alice.open("x").body, random.Random(3)
    for _ in range(300):
        start, stop = (rng.choice([None, rng.randrange(-11000, 11000)]) for _ in range(2))
        assert bytes(body[start:stop]) == SMALL[start:stop]
    assert bytes(body[100:200][10:20]) == SMALL[110:120]
    with pytest.raises(ValueError, match="step"):
        body[::2]
    with pytest.raises(TypeError, match="slice"):
        body[3]  # type: ignore[index]


def test_views_outlive_everything(tmp_path: os.PathLike[str]) -> None:
    with holdall.open(tmp_path) as store:
        drive = store.drive("a")
        drive.put("x", LARGE)
        drive.put("y", SMALL)
        views = [next(iter(drive.open(name).body)) for name in ("x", "y")]
        segment = next(iter(drive.open("x").body.segments()))
        drive.delete("x")
    del store, drive
    assert views[0] == LARGE[: 1 << 20]
    assert views[1] == SMALL
    assert segment.fileno is not None
    assert segment.offset is not None
    assert os.pread(segment.fileno, 100, segment.offset + 7) == LARGE[7:107]
    assert segment.data[7:107] == LARGE[7:107]


def test_views_do_not_copy(alice: holdall.Drive) -> None:
    alice.put("x", LARGE)
    body = alice.open("x").body
    first, again = next(iter(body)), next(iter(body))
    with pytest.raises(TypeError):
        first[0] = 1
    # Two views of the same bytes lie at the same place: a copy would not.
    import ctypes

    def place(view: memoryview) -> int:
        pointer = ctypes.py_object(view)
        buffer = (ctypes.c_ssize_t * 12)()
        ctypes.pythonapi.PyObject_GetBuffer(pointer, ctypes.byref(buffer), 0)
        ctypes.pythonapi.PyBuffer_Release(ctypes.byref(buffer))
        return int(buffer[0])

    assert place(first) == place(again)
