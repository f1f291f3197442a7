"""Loads the compiled half, and says why where it cannot be."""

import sys

if "free-threading" in sys.version and sys.version_info < (3, 14):
    raise ImportError(
        f"holdall runs on free-threaded Python from 3.14 on, and this is "
        f"{sys.version_info[0]}.{sys.version_info[1]}: take that, or one with the GIL"
    )

try:
    from . import _holdall  # noqa: F401
except ImportError as error:
    # From 3.12 on an isolated interpreter refuses it before it can see where it is.
    if "subinterpreters" not in str(error):
        raise
    raise ImportError(
        "holdall is imported in another interpreter of this process: run it in one alone, "
        "with mod_wsgi by WSGIApplicationGroup %{GLOBAL}"
    ) from error
