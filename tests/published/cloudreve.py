"""The Cloudreve calls: the SDK `cloudreve` of PyPI, `unzip` by Python, schemathesis."""

import io
import re
import urllib.parse
import zipfile
from collections import Counter
from pathlib import Path

from cloudreve import CloudreveV4

from . import published
from .host import ADMINISTRATOR, HERE, OTHER, TOKEN, document, fetch, found_nothing, refused

TESTS = []
# What schemathesis ends with that found a failure; an error of its own is another number.
FOUND = 1
# Names that clients and servers have got wrong.
NAMES = ["The Man.mp3", "Taylor's (Version).txt", "\u9060\u91ce.bin", "a+b%25c&d=e;f,g@h!.txt", "q#1?.txt"]


def test(function):
    TESTS.append(function)
    return function


def sdk(host, token=TOKEN):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return CloudreveV4(f"http://{host.address}", headers=headers)


def uri(path, authority="my"):
    return f"cloudreve://{authority}/" + urllib.parse.quote(path)


def entity_of(url):
    """The entity that a URL of content names."""
    return re.search(r"/api/v4/file/content/([^/]+)/", url).group(1)


def code(call):
    """The code that the SDK raises."""
    return int(str(refused(call)).split(":")[0])


@test
def the_sdk_gets_urls_and_downloads(host):
    client = sdk(host)
    target = Path(host.dir) / "downloaded"
    tags = set()
    for number, name in enumerate(NAMES):
        data = bytes([number]) * (number * 40_000 + 1)
        host.put(f"docs/{name}", data)
        url = client.get_download_url(uri(f"docs/{name}"))
        status, headers, got = fetch(url)
        assert (status, got) == (200, data), name
        assert headers["Content-Disposition"].startswith("attachment"), headers
        # The id of the version alone, whichever URL it was asked by; the URL names what revokes it too.
        tag = headers["ETag"]
        assert re.fullmatch(r'"[0-9A-Za-z]+"', tag) and entity_of(url) != tag.strip('"'), (tag, url)
        assert fetch(client.get_download_url(uri(f"docs/{name}")))[1]["ETag"] == tag
        tags.add(tag)
        assert fetch(url, headers={"Range": "bytes=0-0"})[2] == data[:1]
        client.download(uri(f"docs/{name}"), target)
        assert target.read_bytes() == data, name
    assert len(tags) == len(NAMES), "a tag for each content"
    # A plain path is a URI of the SDK's, which does not escape it.
    client.download("docs/The Man.mp3", target)
    assert target.read_bytes() == b"\0"


@test
def the_sdk_makes_direct_links_which_work_for_everyone(host):
    host.put("linked.txt", b"linked")
    client = sdk(host)
    link = client.get_source_url("linked.txt")
    assert re.search(r"/f/\w+/linked\.txt$", link), link
    status, headers, data = fetch(link)
    assert (status, data) == (200, b"linked") and "attachment" not in headers.get("Content-Disposition", "")
    saved = fetch(link.replace("/f/", "/f/d/"))
    assert saved[2] == b"linked" and saved[1]["Content-Disposition"].startswith("attachment")
    both = client.get_source_url(["linked.txt", "docs/The Man.mp3"])
    assert [item["file_url"] for item in both] == [uri("linked.txt"), uri("docs/The Man.mp3")]
    assert both[0]["link"] == link, "a link is found again"
    name = NAMES[3]
    assert fetch(client.get_source_url(uri(f"docs/{name}")))[2][:1] == b"\3"
    assert sdk(host, ADMINISTRATOR).get_source_url(uri_of_alice(host, client, "linked.txt")) == link
    number = link.split("/")[-2]
    assert code(lambda: sdk(host, OTHER).request("delete", f"/file/source/{number}")) == 404
    client.request("delete", f"/file/source/{number}")
    assert getattr(refused(lambda: fetch(link)), "code", None) == 404


def uri_of_alice(host, client, path):
    """A URI that names the file in a share of Alice's: that of her drive needs her id, which no call tells."""
    return host.tool("share", path, "--drive", "alice")["cloudreve"] + "/" + path


@test
def the_sdk_is_told_what_was_wrong(host):
    client = sdk(host)
    host.put("mine.txt", b"mine")
    assert code(lambda: client.get_download_url("cloudreve://my/none")) == 40081
    assert code(lambda: client.get_download_url("http://my/none")) == 40001
    assert code(lambda: client.get_source_url(["none"])) == 40081
    assert code(lambda: sdk(host, None).get_download_url("cloudreve://my/mine.txt")) == 40081
    assert code(lambda: sdk(host, OTHER).get_download_url("cloudreve://my/mine.txt")) == 40081
    answer = host.call("POST", "/api/v4/file/url", {"uris": ["cloudreve://my/mine.txt"]}, token=None)[1]
    assert [fault["code"] for fault in answer["aggregated_error"].values()] == [401]
    # What the SDK calls and this format does not have is a fault that it can tell of.
    assert code(lambda: client.list("/")) == 404


@test
def the_sdk_reaches_a_share_with_its_password(host):
    host.put("shared/in.txt", b"shared")
    closed = host.tool("share", "shared", "--drive", "alice", "--password", "pw")["cloudreve"] + "/"
    opened = closed.replace("@", ":pw@")
    visitor = sdk(host, None)
    assert code(lambda: visitor.get_download_url(f"{closed}in.txt")) == 40081
    assert fetch(visitor.get_download_url(f"{opened}in.txt"))[2] == b"shared"
    assert code(lambda: visitor.get_source_url(f"{opened}in.txt")) == 40007, "nobody makes links"
    answer = host.call("PUT", "/api/v4/file/source", {"uris": [f"{opened}in.txt"]}, token=OTHER)[1]
    assert [fault["code"] for fault in answer["aggregated_error"].values()] == [40082], "nor does a visitor"


@test
def versions_are_changed_by_the_request_of_the_sdk(host):
    """The SDK has no call for versions; its session makes those by hand."""
    client = sdk(host)
    entities = []
    for data in (b"first", b"second"):
        host.put("versions.txt", data)
        url = client.get_download_url(uri("versions.txt"))
        assert fetch(url)[2] == data
        entities.append(entity_of(url))
    first, second = entities
    old = client.request("post", "/file/url", json={"uris": [uri("versions.txt")], "entity": first})
    assert fetch(old["urls"][0]["url"])[2] == b"first"
    named = {"uri": uri("versions.txt"), "version": first}
    client.request("post", "/file/version/current", json=named)
    assert fetch(client.get_download_url(uri("versions.txt")))[2] == b"first"
    assert code(lambda: client.request("delete", "/file/version", json=named)) == 403
    named["version"] = second
    assert code(lambda: sdk(host, OTHER).request("delete", "/file/version", json=named)) == 40016
    client.request("delete", "/file/version", json=named)
    assert code(lambda: client.request("delete", "/file/version", json=named)) == 40077


@test
def an_archive_holds_what_was_asked_for(host):
    uris = [uri("docs"), uri("linked.txt")]
    answer = sdk(host).request("post", "/file/url", json={"uris": uris, "archive": True})
    status, headers, data = fetch(answer["urls"][0]["url"])
    assert status == 200 and int(headers["Content-Length"]) == len(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        # Not every system can have a question mark in a name.
        names = {f"docs/{name}".replace("?", "_") for name in NAMES} | {"linked.txt"}
        assert names <= set(archive.namelist())


def store_of(host):
    """Puts what the documents are about into the store, and returns what each is called."""
    client = sdk(host)
    for data in (b"one", b"two"):
        host.put("schema/schema.txt", data)
    return {
        "FILE_NAME": "schema/schema.txt",
        "FOLDER_NAME": "schema",
        "SHARE_URI": host.tool("share", "schema", "--drive", "alice")["cloudreve"],
        "ENTITY_ID": entity_of(client.get_download_url(uri("schema/schema.txt"))),
        "LINK_ID": client.get_source_url("schema/schema.txt").split("/")[-2],
    }


def schemathesis(host, answer, *options, **more):
    """Makes requests out of a document; returns the command as it ran, and how many answers of each kind came."""
    reached = Path(host.dir) / "reached"
    reached.unlink(missing_ok=True)
    # Whatever is wrong with a request, the status of this format is 200; refusal.py looks at the code.
    config = f"hooks = {str(HERE / 'refusal.py')!r}\n[checks]\nnegative_data_rejection.expected-statuses = [200, 404]\n"
    run = host.schemathesis(answer, *options, config=config, base="/api/v4", **more)
    return run, Counter(reached.read_text(encoding="utf-8").splitlines())


@test
def schemathesis_finds_nothing(host):
    run, reached = schemathesis(host, document("cloudreve.openapi.json", store_of(host)))
    found_nothing(run)
    assert min(reached["wrong form"], reached["right form"]) >= 50, reached


@test
def schemathesis_finds_nothing_by_the_published_documents_with_their_corrections(host):
    names = store_of(host)
    # Everything that was asked for; a part of it; none of it, for what failed; a form that is refused.
    kinds = {
        "url": ("POST /file/url", ("all", "part", "none", "form", "302")),
        "source": ("PUT /file/source", ("all", "part", "none", "form")),
    }
    for name in published.NAMES:
        answer, _ = published.document(name, published.actions())
        run, reached = schemathesis(host, published.seeded(answer, names), "--checks", "all", examples=100)
        found_nothing(run)
        call, wanted = kinds[name]
        counts = {kind: reached[f"{call} {kind}"] for kind in wanted}
        print(f"    {call}: {counts}")
        assert all(counts.values()), counts
        assert min(reached["wrong form"], reached["right form"]) >= 10, reached


@test
def without_any_one_correction_schemathesis_finds_a_failure(host):
    """The control: no correction is idle, and the test above can fail. These phases leave nothing to chance."""
    names, actions = store_of(host), published.actions()
    options = ("--checks", "all", "--phases", "examples,coverage", "--max-failures", "1")
    needed = Counter()
    for name in published.NAMES:
        _, places = published.document(name, actions)
        for at, action in enumerate(actions):
            if places[at]:
                answer, _ = published.document(name, actions[:at] + actions[at + 1 :])
                run, _ = schemathesis(host, published.seeded(answer, names), *options)
                what = f"{name} without {action['target']}"
                assert run.returncode == FOUND, f"{what}: {run.returncode}\n{run.stdout[-4000:]}"
                needed[at] += 1
    assert len(needed) == len(actions), f"only {sorted(needed)} of the corrections change a document"


@test
def the_page_tells_every_correction(host):
    published.assert_kept(published.table(published.actions()))
