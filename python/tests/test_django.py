"""The storage and the view for Django, in a project as the page sets it up."""

import os
import pathlib
import subprocess
import sys

from test_pages import project
from test_servers import LARGE, SMALL


def test_the_storage_is_a_storage(tmp_path: pathlib.Path) -> None:
    project(tmp_path)
    (tmp_path / "content").write_bytes(LARGE)
    code = f"""
import django
django.setup()
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage as storage
from django.test import Client
name = storage.save("a/b.txt", ContentFile({SMALL!r}))
assert name == "a/b.txt"
assert storage.exists(name) and not storage.exists("a/c.txt")
assert storage.open(name).read() == {SMALL!r}
assert storage.save(name, ContentFile(b"newer")) == name
assert len(storage.drive.versions(name)) == 2
assert storage.size(name) == 5
assert storage.listdir("") == (["a"], []) and storage.listdir("a") == ([], ["b.txt"])
assert storage.get_modified_time(name).tzinfo is not None
client = Client()
reply = client.get(storage.url(name))
assert (reply.status_code, reply.content) == (200, b"newer"), reply
assert client.get(storage.url(name), headers={{"If-None-Match": reply["ETag"]}}).status_code == 304
storage.save("large", File(open("content", "rb")))
reply = client.get(storage.url("large"))
assert b"".join(reply.streaming_content) == open("content", "rb").read()
reply.close()
storage.delete(name)
storage.delete(name)
assert not storage.exists(name)
from django.core.exceptions import SuspiciousFileOperation
try:
    storage.save("a\\tb", ContentFile(b"x"))
except SuspiciousFileOperation:
    pass
else:
    raise AssertionError
try:
    storage.open("a", "wb")
except ValueError:
    pass
else:
    raise AssertionError
from django.db.migrations.writer import MigrationWriter
assert "holdall.django.Storage" in MigrationWriter.serialize(storage._wrapped)[0]
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
