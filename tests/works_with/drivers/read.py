"""Reads a zip in the way that the first argument names and prints for each entry its CRC-32, its length, its
time and its name; or downloads a URL."""

import pathlib
import shutil
import sys
import time
import zlib


def tell(name: str, content: bytes | None, seconds: object = "-") -> None:
    print(zlib.crc32(content or b""), len(content or b""), seconds, name)


def local(parts: tuple[int, ...]) -> int:
    return int(time.mktime((*parts, 0, 0, -1)))


def with_zipfile(module, path: str) -> None:
    with module.ZipFile(path) as archive:
        for info in archive.infolist():
            tell(info.filename, archive.read(info), local(info.date_time))


def stream_unzip(path: str) -> None:
    from stream_unzip import stream_unzip

    with open(path, "rb") as source:
        pieces = iter(lambda: source.read(65536), b"")
        for name, _, chunks in stream_unzip(pieces):
            tell(name.decode(), b"".join(chunks))


def libarchive(path: str) -> None:
    import libarchive

    with libarchive.file_reader(path) as archive:
        for entry in archive:
            content = b"".join(entry.get_blocks())
            name = entry.pathname.rstrip("/") + ("/" if entry.isdir else "")
            tell(name, content, int(entry.mtime) if entry.mtime is not None else "-")


def fetch(how: str, url: str, target: str) -> bytes:
    if how == "urllib":
        import urllib.request

        return urllib.request.urlopen(url).read()
    if how == "requests":
        import requests

        reply = requests.get(url)
        reply.raise_for_status()
        return reply.content
    if how == "httpx":
        import httpx

        return httpx.get(url).raise_for_status().content
    if how == "niquests":
        import niquests

        reply = niquests.get(url)
        reply.raise_for_status()
        return reply.content
    if how == "urllib3":
        import urllib3

        reply = urllib3.request("GET", url)
        assert reply.status == 200, reply.status
        return reply.data
    if how == "aiohttp":
        import asyncio

        import aiohttp

        async def get() -> bytes:
            async with aiohttp.ClientSession(raise_for_status=True) as session:
                async with session.get(url) as reply:
                    return await reply.read()

        return asyncio.run(get())
    if how == "fsspec":
        import fsspec

        with fsspec.open(url, "rb", block_size=1 << 16) as file:
            tail = file.seek(-100, 2) and file.read()
            file.seek(0)
            whole = file.read()
            assert whole.endswith(tail)
            return whole
    raise ValueError(how)


def main(how: str, path: str, target: str = "") -> None:
    if how == "zipfile":
        import zipfile

        with_zipfile(zipfile, path)
    elif how == "pyzipper":
        import pyzipper

        with_zipfile(pyzipper, path)
    elif how == "shutil":
        shutil.unpack_archive(path, target, "zip")
    elif how == "stream-unzip":
        stream_unzip(path)
    elif how == "libarchive-c":
        libarchive(path)
    elif how == "remotezip":
        from remotezip import RemoteZip

        with RemoteZip(path) as archive:
            for info in archive.infolist():
                tell(info.filename, archive.read(info))
    else:
        pathlib.Path(target).write_bytes(fetch(how, path, target))


main(*sys.argv[1:])
