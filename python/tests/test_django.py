"""The storage and the view for Django, under WSGI and ASGI, as the README sets them up."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest
from test_readme import block
from test_servers import LARGE, SMALL, upload_and_download

SETTINGS = """
SECRET_KEY = "x" * 50
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
USE_TZ = True
INSTALLED_APPS = []
"""

VIEWS = """
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def upload(request):
    file = request.FILES["file"]
    return HttpResponse(default_storage.url(default_storage.save(file.name, file)))


urlpatterns.append(path("upload", upload))
"""


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "settings.py").write_text(SETTINGS + block("# settings.py"))
    (tmp_path / "urls.py").write_text(block("# urls.py") + VIEWS)
    for kind in ("wsgi", "asgi"):
        (tmp_path / f"{kind}.py").write_text(
            f"from django.core.{kind} import get_{kind}_application\n"
            f"app = get_{kind}_application()\n"
        )
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["gunicorn", "wsgi:app", "--bind", "127.0.0.1:PORT", "--workers", "2"],
        ["uvicorn", "asgi:app", "--port", "PORT", "--lifespan", "off"],
    ],
    ids=["wsgi", "asgi"],
)
def test_the_django_page(
    project: pathlib.Path, server: Callable[..., str], command: list[str]
) -> None:
    base = server(*command, DJANGO_SETTINGS_MODULE="settings")
    upload_and_download(base)
    assert httpx.get(f"{base}/media/d/forged/x").status_code == 403


def test_the_storage_is_a_storage(project: pathlib.Path) -> None:
    (project / "content").write_bytes(LARGE)
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
        cwd=project,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
