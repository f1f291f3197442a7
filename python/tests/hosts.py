"""The web servers that apps are run by: what each is, how it is started, and what it cannot do."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import holdall

ASGI = {
    "uvicorn-h11": ["uvicorn", "apps:asgi", "--port", "PORT", "--http", "h11"],
    "uvicorn-httptools": ["uvicorn", "apps:asgi", "--port", "PORT", "--http", "httptools"],
    "uvicorn-uvloop": ["uvicorn", "apps:asgi", "--port", "PORT", "--loop", "uvloop"],
    "hypercorn": ["hypercorn", "apps:asgi", "--bind", "127.0.0.1:PORT"],
    "granian-asgi": ["granian", "apps:asgi", "--interface", "asgi", "--port", "PORT"],
    "daphne": ["daphne", "--bind", "127.0.0.1", "--port", "PORT", "apps:asgi"],
}

GUNICORN = ["gunicorn", "apps:wsgi", "--bind", "127.0.0.1:PORT", "--worker-class"]

GEVENT = """
from gevent import monkey; monkey.patch_all()
from gevent.pywsgi import WSGIServer
import apps
WSGIServer(("127.0.0.1", PORT), apps.wsgi).serve_forever()
"""

WSGIREF = """
from wsgiref.simple_server import make_server
import apps
make_server("127.0.0.1", PORT, apps.wsgi).serve_forever()
"""

WERKZEUG = """
from werkzeug.serving import run_simple
import apps
run_simple("127.0.0.1", PORT, apps.wsgi, threaded=True)
"""

TORNADO = """
import asyncio
from tornado.httpserver import HTTPServer
from tornado.wsgi import WSGIContainer
import apps

async def main():
    HTTPServer(WSGIContainer(apps.wsgi)).listen(PORT, "127.0.0.1")
    await asyncio.Event().wait()

asyncio.run(main())
"""

BJOERN = """
import apps, bjoern
bjoern.run(apps.wsgi, "127.0.0.1", PORT)
"""

UWSGI = ["bin/uwsgi", "--http-socket", "127.0.0.1:PORT", "--die-on-term", "--module", "apps"]

WSGI = {
    "gunicorn": [*GUNICORN, "sync"],
    "gunicorn-gthread": [*GUNICORN, "gthread", "--threads", "2"],
    "gunicorn-gevent": [*GUNICORN, "gevent"],
    "waitress": ["waitress", "--listen", "127.0.0.1:PORT", "apps:wsgi"],
    "cheroot": ["cheroot", "apps:wsgi", "--bind", "127.0.0.1:PORT"],
    "granian-wsgi": ["granian", "apps:wsgi", "--interface", "wsgi", "--port", "PORT"],
    "gevent-pywsgi": ["-c", GEVENT],
    "wsgiref": ["-c", WSGIREF],
    "werkzeug": ["-c", WERKZEUG],
    "tornado": ["-c", TORNADO],
    "bjoern": ["-c", BJOERN],
    "uwsgi": [*UWSGI, "--callable", "wsgi", "--home", sys.prefix],
    "mod_wsgi": ["apache", "daemon"],
    "mod_wsgi-embedded": ["apache", "embedded"],
}

EVERY = ASGI | WSGI

ONE_OF_EACH = ["uvicorn-h11", "hypercorn", "granian-asgi", "gunicorn", "waitress"]

SERVERS = {name: EVERY[name] for name in ONE_OF_EACH}
"""One of each kind, for the tests that need no more."""

APACHE = """
ServerName localhost
ServerRoot {here}
PidFile {here}/apache.pid
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {modules}/mod_wsgi.so
User www-data
Group www-data
WSGIPythonPath {here}
WSGISocketPrefix {here}/wsgi
WSGIDaemonProcess apps processes=1 threads=4 python-path={here} home={here}
WSGIScriptAlias / {here}/apps.py
WSGICallableObject wsgi
WSGIApplicationGroup %{{GLOBAL}}
{mode}
<Directory {here}>
Require all granted
</Directory>
"""

MODES = {"daemon": "WSGIProcessGroup apps", "embedded": "WSGIChunkedRequest On"}

MODULES = pathlib.Path("/usr/lib/apache2/modules")


def apache(here: pathlib.Path, mode: str, port: int) -> list[str]:
    """Sets up Debian's Apache for an app; returns what starts it.

    Its processes are another user's, who sees neither our Python nor our folder: it runs Debian's,
    with the package beside the app.
    """
    (here / "httpd.conf").write_text(
        APACHE.format(here=here, port=port, modules=MODULES, mode=MODES[mode])
    )
    package = pathlib.Path(holdall.__file__).parent
    shutil.copytree(package, here / "holdall", ignore=shutil.ignore_patterns("__pycache__"))
    if os.getuid() == 0:
        for path in (here, *here.rglob("*")):
            shutil.chown(path, "www-data", "www-data")
    return ["/usr/sbin/apache2", "-f", str(here / "httpd.conf"), "-DFOREGROUND"]


def listens(port: int) -> bool:
    """Returns whether something listens on a port."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as wire:
            # A connection to a port that nobody listens on can meet itself.
            return bool(wire.getsockname() != wire.getpeername())
    except OSError:
        return False


@contextmanager
def running(
    here: pathlib.Path, command: list[str], environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Runs a web server on a free port; gives where it listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [word.replace("PORT", str(port)) for word in command]
    if words[0] == "apache":
        words = apache(here, words[1], port)
    elif words[0].startswith("bin/"):
        words[0] = str(pathlib.Path(sys.executable).with_name(words[0].removeprefix("bin/")))
    else:
        words = [sys.executable, *(words if words[0] == "-c" else ["-m", *words])]
    log = here / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            words,
            cwd=here,
            env=os.environ | (environment or {}),
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(300):
            assert process.poll() is None, log.read_text()
            if listens(port):
                break
            time.sleep(0.05)
        else:
            raise AssertionError(log.read_text())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
