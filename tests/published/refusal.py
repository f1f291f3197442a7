"""Checks of schemathesis's, which loads this file as its hooks.

Its own look at the status, which is 200 in the format of Cloudreve whatever was wrong; these look
at the code in the envelope. What they looked at is written down, and a check of nothing is seen.
"""

import re
import uuid
from pathlib import Path

import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.generation import GenerationMode

# What a request is refused with whose form is wrong, or whose list is too long.
PARAMETER = 40001
FORM = (PARAMETER, 40014, 40074)
BATCHES = ("/file/url", "/file/source")
# A URI that can be read, whether or not there is something where it leads.
PLAIN = re.compile(r"cloudreve://(\w+@)?(my|share|trash)(/[\w.-]+)*", re.ASCII)
# Gets a line for each answer: its call, and of which kind it was.
REACHED = Path("reached")


@schemathesis.hook
def before_add_examples(context, examples):
    """Adds a call without a body where a document asks for none."""
    if context.operation.body and not any(body.is_required for body in context.operation.body):
        examples.append(context.operation.Case())


@schemathesis.hook
def after_call(context, case, response):
    """Writes down what kind of answer came."""
    kind = f"{case.method} {case.path} {kind_of(response)}"
    with REACHED.open("a") as reached:
        reached.write(kind + "\n")


def kind_of(response):
    if not is_envelope(response):
        return str(response.status_code)
    envelope = response.json()
    if envelope["code"] in FORM:
        return "form"
    data, faults = envelope.get("data"), "aggregated_error" in envelope
    if data is None:
        return "none" if faults else "refused" if envelope["code"] else "done"
    return "part" if faults else "all"


def is_envelope(response):
    """A redirect that a document does not have is followed, and leads to content."""
    kind = response.headers.get("content-type", [""])[0]
    return response.status_code == 200 and kind.startswith("application/json")


@schemathesis.check
def a_wrong_form_is_refused_by_its_code(ctx, response, case):
    """Fails for a body or a hint that breaks the document and is answered with another code."""
    if not is_envelope(response) or not (body_is_wrong(case) or hint_is_wrong(case)):
        return
    code = response.json()["code"]
    with REACHED.open("a") as reached:
        reached.write("wrong form\n")
    assert code in FORM, f"what was of a wrong form was answered with the code {code}"


def body_is_wrong(case):
    parts = case.meta.components if case.meta else {}
    return any(
        part.value == "body" and info.mode is GenerationMode.NEGATIVE
        for part, info in parts.items()
    )


def hint_is_wrong(case):
    """Whether a header is to be a UUID and is none.

    schemathesis calls headers wrong that the document does not have; those are passed over.
    """
    given = {name.lower(): value for name, value in (case.headers or {}).items()}
    for parameter in case.operation.headers:
        if parameter.definition["schema"].get("format") == "uuid":
            try:
                uuid.UUID(given.get(parameter.name.lower(), str(uuid.NAMESPACE_URL)))
            except ValueError:
                return True
    return False


@schemathesis.check
def a_right_form_is_not_refused(ctx, response, case):
    """Fails for what keeps to the document, with URIs that can be read, and is refused."""
    parts = case.meta.components if case.meta else {}
    if any(info.mode is GenerationMode.NEGATIVE for info in parts.values()):
        return
    if not is_envelope(response) or case.path not in BATCHES:
        return
    uris = [] if case.body is NOT_SET else case.body.get("uris")
    if uris is None or not all(PLAIN.fullmatch(uri) for uri in uris):
        return
    with REACHED.open("a") as reached:
        reached.write("right form\n")
    assert response.json()["code"] != PARAMETER, "what was of a right form was refused for its form"


@schemathesis.check
def what_succeeds_has_data(ctx, response, case):
    """Fails for URLs and links that are not there though the code says that they are."""
    if is_envelope(response) and case.path in BATCHES:
        envelope = response.json()
        assert envelope["code"] != 0 or "data" in envelope, "a success has no data"
