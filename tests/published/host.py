"""A running server, and what every test here does with one."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
TOKEN = "token-of-alice-1234567890"
OTHER = "token-of-bob-123456789012"
ADMINISTRATOR = "token-of-carol-1234567890"
DRIVES = {TOKEN: "alice", OTHER: "bob", ADMINISTRATOR: "carol"}


class NotHere(Exception):
    """Says what a test needs that cannot be had here; it is counted apart."""


class Host:
    """A server on a store of its own, which goes with it. Carol is an administrator."""

    def __init__(self, holdall):
        self.holdall = holdall
        self.dir = tempfile.mkdtemp(prefix="holdall-published-")
        self.start()

    def start(self):
        args = [self.holdall, "serve", os.path.join(self.dir, "store"), "--listen", "127.0.0.1:0", "--api"]
        for token, drive in DRIVES.items():
            args += ["--api-token", f"{token}={drive}"]
        args += ["--api-administrator", "carol"]
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        printed = re.search(r"http://([^/]+)/", line)
        assert printed, f"the server did not start; it said {line!r}"
        self.address = printed.group(1)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir)

    def tool(self, *args, data=None):
        """Runs the command on the store, and returns what it tells."""
        command = [self.holdall, *args, "--store", os.path.join(self.dir, "store"), "--json"]
        run = subprocess.run(command, check=True, capture_output=True, input=data)
        return json.loads(run.stdout) if run.stdout.startswith((b"{", b"[")) else run.stdout

    def put(self, path, data, drive="alice"):
        """Puts a file into a drive by the command."""
        return self.tool("put", "-", "--to", path, "--drive", drive, data=data)

    def call(self, method, path, body, token=TOKEN, headers=()):
        """A call by hand, for what an SDK has no field for: the status and the JSON."""
        headers = dict(headers, **{"Content-Type": "application/json"})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        url = f"http://{self.address}{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
        try:
            with urllib.request.urlopen(request) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def schemathesis(self, document, *options, config="", base="", examples=40):
        """Makes requests out of a document, and returns the command as it ran: its code is 1 for a failure."""
        path = Path(self.dir) / "openapi.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        beside = os.path.dirname(sys.executable)
        tool = shutil.which("schemathesis", path=beside + os.pathsep + os.environ["PATH"])
        assert tool, "schemathesis is not there; pip install schemathesis"
        settings = Path(self.dir) / "schemathesis.toml"
        settings.write_text(config, encoding="utf-8")
        command = [tool, "--config-file", str(settings)]
        command += ["run", str(path), "--url", f"http://{self.address}{base}"]
        command += ["-H", f"Authorization: Bearer {TOKEN}", "--max-examples", str(examples), "--no-color"]
        # How long an answer may take says nothing of whether it is right.
        command += ["--request-timeout", "300"]
        command += ["--seed", "7", "--generation-database", "none", *options]
        environment = dict(os.environ, PYTHONPATH=str(HERE.parent.parent))
        return subprocess.run(command, capture_output=True, text=True, cwd=self.dir, env=environment)


def document(name, names):
    """Reads a document here, in which names stand for what is in the store."""
    text = (HERE / name).read_text(encoding="utf-8")
    for word, value in names.items():
        assert word in text, f"{name} does not hold {word}"
        text = text.replace(word, value)
    return json.loads(text)


def found_nothing(run):
    """Fails with what schemathesis found; shows the sums of one that found nothing."""
    assert run.returncode == 0, run.stdout[-12000:] + run.stderr[-2000:]
    print("    " + "\n    ".join(line for line in run.stdout.splitlines()[-14:] if line.strip()))


def fetch(url, method="GET", data=None, headers={}):
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as reply:
        return reply.status, reply.headers, reply.read()


def refused(call):
    """Makes a call that is to be refused, and returns the error."""
    try:
        call()
    except Exception as error:  # each SDK has a class of its own
        return error
    raise AssertionError("the call was to be refused")
