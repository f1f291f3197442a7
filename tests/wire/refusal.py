"""A check of schemathesis's, which loads this file as its hooks.

Its own looks at the status, which is 200 in the format of Cloudreve whatever was wrong; this looks at the
code in the envelope.
"""

from pathlib import Path

import schemathesis
from schemathesis.generation import GenerationMode

# What a request is refused with whose form is wrong, or whose list is too long.
FORM = (40001, 40014, 40074)
# Gets a byte for each body that was looked at, so that a check of nothing is seen.
LOOKED = Path("looked-at")


@schemathesis.check
def a_body_of_a_wrong_form_is_refused_by_its_code(ctx, response, case):
    """Fails for a body that breaks the document and is answered with another code than these."""
    parts = case.meta.components if case.meta else {}
    body = next((info for part, info in parts.items() if part.value == "body"), None)
    if body is None or body.mode is not GenerationMode.NEGATIVE or response.status_code != 200:
        return
    code = response.json()["code"]
    with LOOKED.open("ab") as looked:
        looked.write(b".")
    assert code in FORM, f"a body of a wrong form was answered with the code {code}"
