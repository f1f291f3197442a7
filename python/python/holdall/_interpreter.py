"""Refuses an interpreter that has no build of the compiled half, before it is looked for."""

import sys

if "free-threading" in sys.version and sys.version_info < (3, 14):
    raise ImportError(
        f"holdall runs on free-threaded Python from 3.14 on, and this is "
        f"{sys.version_info[0]}.{sys.version_info[1]}: take that, or one with the GIL"
    )
