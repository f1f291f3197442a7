"""The table of servers has every host that runs beside canaries, in the version that runs."""

import importlib.metadata
import os
import pathlib
import re
import subprocess

from pages import ROOT
from test_canary import HOSTS
from test_crowd import PATIENT

PAGE = ROOT.parent / "docs" / "servers.md"
BEGIN, END = "<!-- python: begin -->\n", "<!-- python: end -->"

SERVERS = {
    "uvicorn": ("uvicorn-h11", "uvicorn-httptools", "uvicorn-uvloop"),
    "hypercorn": ("hypercorn",),
    "daphne": ("daphne",),
    "granian": ("granian-asgi", "granian-wsgi"),
    "gunicorn": ("gunicorn", "gunicorn-gthread", "gunicorn-gevent"),
    "gevent": ("gevent-pywsgi", "gunicorn-gevent"),
    "waitress": ("waitress",),
    "cheroot": ("cheroot",),
    "tornado": ("tornado", "tornado-page"),
    "aiohttp": ("aiohttp",),
    "Sanic": ("sanic",),
    "bjoern": ("bjoern",),
    "uWSGI": ("uwsgi",),
    "Apache with mod_wsgi": ("mod_wsgi", "mod_wsgi-embedded"),
    "Werkzeug": ("werkzeug",),
    "wsgiref": ("wsgiref",),
}
"""The servers, and what the tests call them."""


def upstream(package: str) -> str:
    """Returns the version of what a package of Debian has."""
    form = "-f=${Version}"
    found = subprocess.check_output(["dpkg-query", "-W", form, package], text=True)
    return found.partition("-")[0]


def version_of(server: str, page: str) -> str:
    if server == "wsgiref":
        return "of Python"
    if server == "Apache with mod_wsgi":
        # Of the system, which is not pinned: the page has that of when it was written.
        known = re.search(rf"^\| {server} \| (\d[\d.]*, \d[\d.]*) \|", page, re.MULTILINE)
        if known and not os.environ.get("HOLDALL_BLESS"):
            return known[1]
        return f"{upstream('apache2')}, {upstream('libapache2-mod-wsgi-py3')}"
    return importlib.metadata.version(server)


def cases_of(server: str) -> list[str]:
    """Returns the hosts of the canaries that are this server: alone, and under a framework."""
    names = SERVERS[server]
    return [host for host in HOSTS if re.sub("^(flask|django|starlette|quart)-", "", host) in names]


def shown(case: str) -> str:
    """Returns a case with a mark where no slow client holds a worker."""
    return f"`{case}`{' *' if case in PATIENT else ''}"


def test_the_table_is_that_of_the_servers_that_run() -> None:
    assert {case for server in SERVERS for case in cases_of(server)} == set(HOSTS)
    page = PAGE.read_text()
    lines = ["| server | version | cases |", "|---|---|---|"]
    for server in SERVERS:
        cases = ", ".join(shown(case) for case in cases_of(server))
        lines.append(f"| {server} | {version_of(server, page)} | {cases} |")
    table = "\n".join(lines) + "\n"
    before, _, rest = page.partition(BEGIN)
    found, _, behind = rest.partition(END)
    if os.environ.get("HOLDALL_BLESS"):
        pathlib.Path(PAGE).write_text(before + BEGIN + table + END + behind)
    assert found == table, "HOLDALL_BLESS=1 writes it anew"
