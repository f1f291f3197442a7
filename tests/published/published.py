"""The two documents that Cloudreve publishes of its calls, and where it answers otherwise.

published-*.openapi.json are those of POST /file/url and PUT /file/source, made from their YAML: an
anchor stands written out at each place that names it; `summary`, `description`, `example` and
`examples`, which are for people, are left out, but where they are empty and OpenAPI asks for them;
so are members whose names begin with `x-`, which are for the program that wrote the documents. All
that says what a request and an answer look like is as it was published. published.overlay.json is
an OpenAPI Overlay of what must be changed in them.
"""

import json
import os

from . import overlay
from .host import HERE

NAMES = ("url", "source")
PAGE = HERE.parent.parent / "docs" / "api" / "cloudreve.md"
BEGIN = "<!-- corrections, made by the tests: begin -->\n"
END = "<!-- corrections: end -->\n"


def actions():
    """The actions of the overlay."""
    return json.loads((HERE / "published.overlay.json").read_text(encoding="utf-8"))["actions"]


def document(name, actions):
    """One of the documents as the actions change it, and for each at how many places it does."""
    printed = json.loads((HERE / f"published-{name}.openapi.json").read_text(encoding="utf-8"))
    return overlay.apply(printed, actions)


def seeded(printed, names):
    """Adds to a document what is in a store, as values to try; what is valid stays as it was."""
    file = "cloudreve://my/" + names["FILE_NAME"]
    none = "cloudreve://my/none"
    uris = [file, none, "cloudreve://my/" + names["FOLDER_NAME"], names["SHARE_URI"]]
    for methods in printed["paths"].values():
        for call in methods.values():
            body = call["requestBody"]["content"]["application/json"]
            fields = body["schema"]["properties"]
            near = {"type": "string", "pattern": "^cloudreve://(my|share|trash)/[a-z./]{0,20}$"}
            fields["uris"]["items"]["anyOf"] = [{"enum": uris}, near, {"type": "string"}]
            tries = [{"uris": [file]}, {"uris": [none]}, {"uris": [file, none]}]
            if "entity" in fields:
                entity = {"enum": ["", names["ENTITY_ID"]]}
                fields["entity"]["anyOf"] = [entity, {"type": "string", "nullable": True}]
                tries += [
                    {"uris": [file, none], "skip_error": True},
                    {"uris": [none], "skip_error": True},
                    {"uris": [file], "redirect": True},
                    {"uris": [file], "archive": True},
                    {"uris": [file], "entity": names["ENTITY_ID"]},
                ]
            if "minItems" not in fields["uris"]:
                tries.append({"uris": []})
            body["examples"] = {str(at): {"value": value} for at, value in enumerate(tries)}
    return printed


def table(actions):
    """The corrections for the page. A description tells what the documents say; what is done."""
    rows = [action["description"].split("; ") for action in actions]
    assert all(len(row) == 2 for row in rows), rows
    return "| the documents | the calls |\n|---|---|\n" + "".join(
        f"| {printed} | {done} |\n" for printed, done in rows
    )


def assert_kept(made):
    """Fails unless the page has this between its marks; HOLDALL_WRITE_PAGES=1 writes it."""
    kept = PAGE.read_text(encoding="utf-8")
    head, rest = kept.split(BEGIN)
    known, tail = rest.split(END)
    if "HOLDALL_WRITE_PAGES" in os.environ:
        PAGE.write_text(head + BEGIN + "\n" + made + "\n" + END + tail, encoding="utf-8")
    else:
        assert known.strip() == made.strip(), (
            f"HOLDALL_WRITE_PAGES=1 writes docs/api/{PAGE.name} anew:\n{made}"
        )
