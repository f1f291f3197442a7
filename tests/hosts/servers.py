"""The hosts of the repository, and the servers that they are made with: docs/servers.md has them in a table."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from .host import ROOT

PAGE = ROOT / "docs" / "servers.md"
BEGIN, END = "<!-- native: begin -->\n", "<!-- native: end -->"


def locked(crate: str, workspace: str = ".") -> str:
    """Returns the version of a crate that a workspace of the repository is built with."""
    text = (ROOT / workspace / "Cargo.lock").read_text()
    return re.search(rf'name = "{crate}"\nversion = "(.*)"', text)[1]


def printed(*command: str) -> str:
    """Returns the version in what a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)[0]


def civetweb() -> str:
    header = Path("/usr/include/civetweb.h").read_text()
    return re.search(r'CIVETWEB_VERSION "(.*)"', header)[1]


SERVERS: dict[str, tuple[str, str, Callable[[], str]]] = {
    "cli": ("hyper", "`holdall serve`", lambda: locked("hyper")),
    "examples/c/build/server": (
        "libmicrohttpd",
        "the server in C",
        lambda: printed("pkg-config", "--modversion", "libmicrohttpd"),
    ),
    "examples/cpp/build/server": ("CivetWeb", "the server in C++", civetweb),
    "examples/axum": ("axum", "an example of `holdall-http`", lambda: locked("axum")),
    "examples/hyper": ("hyper", "an example of `holdall-http`", lambda: locked("hyper")),
    "examples/target/debug/actix": (
        "actix-web",
        "a server with `holdall-http` \\*",
        lambda: locked("actix-web", "examples"),
    ),
    "examples/target/debug/salvo": (
        "Salvo",
        "a server with `holdall-http` \\*",
        lambda: locked("salvo", "examples"),
    ),
    "examples/go/build/server": ("net/http", "the server in Go", lambda: "of Go"),
    "examples/node/build/server": ("node:http", "the server in Node.js", lambda: "of Node.js"),
    "examples/java/build/server": ("jdk.httpserver", "the server in Java", lambda: "of the JDK"),
    "nginx": ("nginx", "the module", lambda: printed("/usr/sbin/nginx", "-v")),
}
"""By how `make hosts` and `make hosts-all` name a host: the server, what runs in it, and its version here."""


def hosts() -> list[str]:
    """Returns the hosts that `make hosts` and `make hosts-all` run, as they are named above."""
    text = (ROOT / "Makefile").read_text()
    loop = re.search(r"for host in control (.*); do", text)[1]
    named = [re.sub(r"^\$+(\(CURDIR\)|built)/", "", word.strip('"')) for word in loop.split()]
    # Those that are left out where their tools are not there.
    others = re.search(r"for other in (.*); do", text)[1].split()
    named.remove("$${others[@]}")
    named += [f"examples/target/debug/{host}" for host in re.search(r"for host in (actix .*); do", text)[1].split()]
    return named + [f"examples/{other.partition(':')[0]}/build/server" for other in others]


def table() -> str:
    rows = [f"| {name} | {version()} | {what} |\n" for name, what, version in SERVERS.values()]
    return "| server | version | host |\n|---|---|---|\n" + "".join(rows)


SYSTEM = ("libmicrohttpd", "CivetWeb", "nginx")
"""Servers of the system, which are not pinned: the page has their versions of when it was written."""


def comparable(table: str) -> str:
    """Returns a table without the versions that may differ from machine to machine."""
    return re.sub(rf"^(\| (?:{'|'.join(SYSTEM)}) \|) \d[\d.]* \|", r"\1 any |", table, flags=re.MULTILINE)


def shown() -> str:
    """Returns the table of the page."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


def write() -> None:
    """Puts the table into the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2])


if __name__ == "__main__":
    write()
