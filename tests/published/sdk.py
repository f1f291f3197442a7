"""Alibaba's SDKs of PDS for Go and Java: builds a program on each, and runs it on a server.

They come from the registries of the two languages. Where those do not have them, HOLDALL_PDS_GO names folders
of their sources, as MODULE=FOLDER with commas between, and HOLDALL_PDS_JAVA a class path.
"""

import os
import re
import shutil
import subprocess

from .host import HERE, OTHER, TOKEN, NotHere

ROOM = HERE.parents[1] / "target" / "wire-sdk"


def need(program, package):
    if shutil.which(program) is None:
        raise NotHere(f"{program} is not here; on Debian: apt-get install {package}")


def made(command, folder, registry):
    """Runs a step of a build."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        raise NotHere(f"{registry} did not answer within 5 minutes") from None
    return done.returncode == 0, done.stdout + done.stderr


def go():
    """The command of a program on the SDK for Go."""
    need("go", "golang")
    room = ROOM / "go"
    shutil.copytree(HERE / "go", room, dirs_exist_ok=True)
    for pair in filter(None, os.environ.get("HOLDALL_PDS_GO", "").split(",")):
        subprocess.run(["go", "mod", "edit", f"-replace={pair}"], cwd=room, check=True)
    build = ["go", "build", "-mod=mod", "-o", "pdswire", "."]
    ok, told = made(build, room, "the Go module proxy")
    if not ok and any(word in told for word in ("requires go", "invalid go version", "unknown block type")):
        raise NotHere("go is older than 1.22")
    if not ok and any(word in told for word in ("reading http", "dial tcp", "no matching versions")):
        raise NotHere("the Go module proxy does not have the SDK: " + told.strip().splitlines()[-1].strip())
    assert ok, told
    return [str(room / "pdswire")]


def java():
    """The command of a program on the SDK for Java."""
    need("javac", "default-jdk-headless")
    told = subprocess.run(["javac", "-version"], capture_output=True, text=True).stdout
    if int(re.search(r"\d+", told)[0]) < 17:
        raise NotHere(f"{told.strip()} is older than 17")
    room = ROOM / "java"
    room.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("HOLDALL_PDS_JAVA")
    if not path:
        need("mvn", "maven")
        shutil.copy(HERE / "java" / "pom.xml", room)
        fetched = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
        ok, told = made(fetched, room, "Maven Central")
        if not ok and "Could not" in told:
            missing = next(line for line in told.splitlines() if "Could not" in line)
            raise NotHere("Maven Central does not have the SDK: " + missing.partition("Could not")[2].strip()[:120])
        assert ok, told
        path = str(room / "lib" / "*")
    source = HERE / "java" / "PdsWire.java"
    ok, told = made(["javac", "-nowarn", "-encoding", "UTF-8", "-cp", path, "-d", ".", str(source)], room, "javac")
    assert ok, told
    return ["java", "-cp", f"{room}{os.pathsep}{path}", "PdsWire"]


def run(host, command):
    """Runs a program on a server: it ends well where every answer was as it should be."""
    done = subprocess.run([*command, host.address, TOKEN, OTHER], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.endswith("ok\n"), done.stdout + done.stderr
