"""The storage and the view for Django, in a project as the page sets it up."""

import os
import pathlib
import subprocess
import sys

from test_pages import project
from test_servers import LARGE, SMALL


def in_project(here: pathlib.Path, code: str, settings: str = "") -> None:
    """Runs code in a project as the page sets it up, and some settings more."""
    project(here)
    with (here / "mysite" / "settings.py").open("a") as file:
        file.write(settings)
    (here / "content").write_bytes(LARGE)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SET_UP + code],
        cwd=here,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "mysite.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


SET_UP = """
import django
django.setup()
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage as storage
from django.test import Client
client = Client()

def raises(kind, call, *arguments):
    try:
        call(*arguments)
    except kind as error:
        return error
    raise AssertionError((kind, call, arguments))
"""

OVERWRITE = """
STORAGES["default"]["OPTIONS"]["allow_overwrite"] = True
"""


def test_the_storage_is_a_storage(tmp_path: pathlib.Path) -> None:
    code = f"""
name = storage.save("a/b.txt", ContentFile({SMALL!r}))
assert name == "a/b.txt"
assert storage.exists(name) and not storage.exists("a/c.txt")
assert storage.open(name).read() == {SMALL!r}
assert storage.size(name) == {len(SMALL)}
assert storage.listdir("") == (["a"], []) and storage.listdir("a") == ([], ["b.txt"])
assert storage.get_modified_time(name).tzinfo is not None
reply = client.get(storage.url(name))
assert (reply.status_code, reply.content) == (200, {SMALL!r}), reply
assert client.get(storage.url(name), headers={{"If-None-Match": reply["ETag"]}}).status_code == 304
with open("content", "rb") as content:
    storage.save("large", File(content))
reply = client.get(storage.url("large"))
with open("content", "rb") as content:
    assert b"".join(reply.streaming_content) == content.read()
reply.close()
storage.delete(name)
storage.delete(name)
assert not storage.exists(name)
raises(SuspiciousFileOperation, storage.save, "a\\tb", ContentFile(b"x"))
raises(ValueError, storage.open, "a", "wb")
from django.db.migrations.writer import MigrationWriter
assert "holdall.django.Storage" in MigrationWriter.serialize(storage._wrapped)[0]
"""
    in_project(tmp_path, code)


def test_rows_whose_files_have_one_name_have_a_file_each(tmp_path: pathlib.Path) -> None:
    code = """
mine, yours = (storage.save("avatar.png", ContentFile(text)) for text in (b"mine", b"yours"))
assert mine == "avatar.png" and yours != mine
assert [storage.open(name).read() for name in (mine, yours)] == [b"mine", b"yours"]
storage.delete(yours)
assert storage.open(mine).read() == b"mine"

# Another process is between the question for a free name and the save.
late = storage._save(mine, ContentFile(b"late"))
assert late != mine and storage.open(mine).read() == b"mine"
raises(FileExistsError, storage.save, "avatar.png/x", ContentFile(b"x"))
long = storage.save("l" * 90 + ".png", ContentFile(b"x"), max_length=60)
assert len(long) <= 60 and long.endswith(".png")
"""
    in_project(tmp_path, code)


def test_a_name_that_may_be_overwritten_has_versions(tmp_path: pathlib.Path) -> None:
    code = """
for text in (b"old", b"newer"):
    assert storage.save("a.txt", ContentFile(text)) == "a.txt"
assert len(storage.drive.versions("a.txt")) == 2
assert client.get(storage.url("a.txt")).content == b"newer"
"""
    in_project(tmp_path, code, OVERWRITE)


def test_names_are_checked_and_shortened_as_django_s_are(tmp_path: pathlib.Path) -> None:
    code = """
for name in ["..", "a/..", "/tmp/.", "", "../a", "a/../b", "a\\\\..\\\\b"]:
    raises(SuspiciousFileOperation, storage.get_available_name, name)
    raises(SuspiciousFileOperation, storage.generate_filename, name)
    raises(SuspiciousFileOperation, storage.save, name or "..", ContentFile(b"x"))
"""
    rest = """
assert storage.get_available_name("a\\\\b.txt") == "a/b.txt"
for _ in range(2):
    name = storage.save("in/test_long_file_name.txt", ContentFile(b"x"), max_length=13)
    assert name == "in/test_l.txt", name
assert len(storage._wrapped.drive.versions(name)) == 2
raises(SuspiciousFileOperation, storage.get_available_name, "short_name.longext", 8)
"""
    for number, (more, settings) in enumerate([("", ""), (rest, OVERWRITE)]):
        here = tmp_path / f"{number}"
        here.mkdir()
        in_project(here, code + more, settings)


def test_the_url_of_a_file_that_is_gone_leads_nowhere(tmp_path: pathlib.Path) -> None:
    code = """
url = storage.url("docs/gone \u00e9.txt")
assert url == "/media/docs/gone%20%C3%A9.txt", url
assert client.get(url).status_code == 404
"""
    in_project(tmp_path, code)


def test_the_storage_takes_text_and_bad_names_as_django_s_does(tmp_path: pathlib.Path) -> None:
    code = """
storage.save("text.txt", ContentFile("gr\u00fc\u00df\\n"))
assert storage.open("text.txt").read() == "gr\u00fc\u00df\\n".encode()
with storage.open("text.txt", "r") as file:
    assert list(file) == ["gr\u00fc\u00df\\n"]
assert not storage.exists("../x") and not storage.exists("x" * 300) and not storage.exists("a\tb")
"""
    in_project(tmp_path, code)


def test_the_storage_deletes_no_folder_that_holds_something(tmp_path: pathlib.Path) -> None:
    code = """
storage.save("docs/a", ContentFile(b"x"))
assert "docs" in str(raises(FileExistsError, storage.delete, "docs"))
raises(ValueError, storage.delete, "")
assert storage.exists("docs/a")
storage.delete("docs/a")
storage.delete("docs")
assert not storage.exists("docs")
"""
    in_project(tmp_path, code)


def test_a_form_without_a_file_is_the_client_s_error(tmp_path: pathlib.Path) -> None:
    code = """
assert client.post("/upload").status_code == 400
assert client.get("/upload").status_code == 400
"""
    in_project(tmp_path, code)


def test_a_stored_file_is_opened_again_from_the_store(tmp_path: pathlib.Path) -> None:
    code = """
from django.db.models.fields.files import FieldFile, FileField
import pathlib

# A name that a visitor chose is also one of a file of the server.
pathlib.Path("secret.env").write_bytes(b"of the server")
storage.save("secret.env", ContentFile(b"of the visitor"))
file = storage.open("secret.env")
for _ in range(2):
    with file.open() as opened:
        assert opened.read() == b"of the visitor"
with file.open("r") as opened:
    assert opened.read() == "of the visitor"
file.open("rb").read(3)
assert file.open().read() == b"of the visitor"

class Row:
    file = "secret.env"

field = FileField(storage=storage)
field.set_attributes_from_name("file")
row = FieldFile(Row(), field, "secret.env")
for _ in range(2):
    with row.open() as opened:
        assert opened.read() == b"of the visitor"
storage.delete("secret.env")
file.close()
raises(FileNotFoundError, file.open)
"""
    in_project(tmp_path, code)


def test_a_stream_that_cannot_seek_is_stored_whole_or_not_at_all(tmp_path: pathlib.Path) -> None:
    code = """
import io, os

def pipe(content, buffering=-1):
    out, into = os.pipe()
    os.write(into, content)
    os.close(into)
    return os.fdopen(out, "rb", buffering)

class Bare:
    def __init__(self, content):
        self.read = io.BytesIO(content).read

for buffering in (0, -1):
    name = storage.save("pipe", File(pipe(b"all of it", buffering)))
    assert storage.open(name).read() == b"all of it"
assert storage.open(storage.save("bare", File(Bare(b"all of it")))).read() == b"all of it"

# Somebody is faster: what was read cannot be read again.
storage.save("taken", ContentFile(b"first"))
raises(FileExistsError, storage._save, "taken", File(pipe(b"all of it")))
assert sorted(storage.listdir("")[1])[-1] == "taken"
late = storage._save("taken", ContentFile(b"all of it"))
assert late != "taken" and storage.open(late).read() == b"all of it"
"""
    in_project(tmp_path, code)


def test_paths_and_times_are_as_django_s_own(tmp_path: pathlib.Path) -> None:
    code = """
import datetime, pathlib
from django.test.utils import override_settings
from django.utils import timezone

storage.save("a/b", ContentFile(b"x"))
for top in ("", ".", "/", pathlib.Path(".")):
    assert storage.listdir(top) == (["a"], []), top
assert storage.listdir(pathlib.Path("a")) == ([], ["b"])
with override_settings(USE_TZ=False), timezone.override(timezone.get_fixed_timezone(-300)):
    naive = storage.get_modified_time("a/b")
    assert naive.tzinfo is None
    assert abs(naive - datetime.datetime.now()) < datetime.timedelta(minutes=5)

class Marked(ContentFile):
    def chunks(self, chunk_size=None):
        yield b"of its own"

assert storage.open(storage.save("c", Marked(b"x"))).read() == b"of its own"
"""
    in_project(tmp_path, code)


def test_static_files_are_not_collected_into_a_store(tmp_path: pathlib.Path) -> None:
    code = """
from django.core.management import call_command
try:
    call_command("collectstatic", interactive=False, verbosity=0, skip_checks=False)
except Exception as error:
    assert "holdall.E001" in str(error) and "StaticFilesStorage" in str(error), error
else:
    raise AssertionError("collected")
assert storage.listdir("") == ([], [])
"""
    in_project(tmp_path, code, 'STORAGES["staticfiles"] = STORAGES["default"]\n')


def test_the_admin_lists_the_versions_of_a_file(tmp_path: pathlib.Path) -> None:
    code = """
from django.contrib import admin
from django.db import models
from holdall.django.admin import Versions

class Document(models.Model):
    file = models.FileField()
    class Meta:
        app_label = "holdall"

class DocumentAdmin(Versions, admin.ModelAdmin):
    pass

page = DocumentAdmin(Document, admin.site)
assert page.get_readonly_fields(None) == ("stored_versions",)
for content in (b"one", b"three"):
    storage.save("a&b.txt", ContentFile(content))
listed = page.stored_versions(Document(file="a&b.txt"))
assert listed.count("<li>") == 2 and "3\\xa0bytes" in listed and "5\\xa0bytes" in listed, listed
urls = [part.split('"')[0] for part in listed.split('href="')[1:]]
assert [b"".join(client.get(url)) for url in urls] == [b"three", b"one"], urls
assert page.stored_versions(Document()) is None
assert page.stored_versions(Document(file="gone.txt")) is None
"""
    in_project(tmp_path, code, OVERWRITE)
