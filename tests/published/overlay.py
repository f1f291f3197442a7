"""Applies an OpenAPI Overlay 1.0 whose updates are of objects.

https://spec.openapis.org/overlay/v1.0.0.html
"""

import copy

import jsonpath


def apply(document, actions):
    """Returns the document as the actions change it, and for each at how many places it does."""
    document, hits = copy.deepcopy(document), []
    for action in actions:
        # Backwards: what goes from a list moves what stands behind it.
        found = list(jsonpath.finditer(action["target"], document))[::-1]
        for match in found:
            if action.get("remove"):
                del match.parent.obj[match.parts[-1]]
            else:
                merge(match.obj, action["update"])
        hits.append(len(found))
    return document, hits


def merge(target, update):
    """Adds members to an object, and items to a list; any other value takes the place of one."""
    for name, value in update.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            merge(target[name], value)
        elif isinstance(value, list) and isinstance(target.get(name), list):
            target[name] += value
        else:
            target[name] = copy.deepcopy(value)
