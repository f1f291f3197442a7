#!/usr/bin/env bash
# CPython 3.11.7 (3.12.1 and 3.13.0 too): shutil.unpack_archive leaves a file of a zip out, without an error, if two
# dots stand anywhere in its name.
#
# A zip holds `report..final.txt` and `plain.txt`. shutil unpacks `plain.txt` alone and returns as if that were all;
# zipfile.extractall, of the same library, unpacks both. The dots are within the name and lead nowhere.
#
# Consequence: who writes archives for all readers writes another character for a dot that a dot follows.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"

python3 - <<'PYTHON'
import pathlib, platform, shutil, zipfile

with zipfile.ZipFile("two.zip", "w") as archive:
    archive.writestr("report..final.txt", "1")
    archive.writestr("plain.txt", "2")
shutil.unpack_archive("two.zip", "by-shutil")
with zipfile.ZipFile("two.zip") as archive:
    archive.extractall("by-zipfile")
found = {where: sorted(path.name for path in pathlib.Path(where).iterdir()) for where in ("by-shutil", "by-zipfile")}
print(platform.python_version(), found)
assert found == {"by-shutil": ["plain.txt"], "by-zipfile": ["plain.txt", "report..final.txt"]}
PYTHON
