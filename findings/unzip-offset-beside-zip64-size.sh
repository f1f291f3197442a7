#!/usr/bin/env bash
# Info-ZIP unzip 6.0 (Debian 6.0-28): an entry that follows one of exactly 4,294,967,295 bytes cannot be read.
#
# Size 0xFFFFFFFF needs a zip64 field, and so does the offset of the entry behind it, whose own size is small.
# `unzip -l` shows that entry's offset as its size, and extracting it ends with "bad zipfile offset". Python's
# zipfile wrote the archive and reads both entries. The file is sparse: about 4 GiB of zeros are stored.
#
# Consequence: an archive with such a member is right, and this reader is not; the remedy is another reader.
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get download unzip=6.0-28 >/dev/null 2>&1
dpkg-deb -x unzip_*.deb root
python3 - <<'PY'
import zipfile
size = 0xFFFFFFFF
with zipfile.ZipFile("big.zip", "w") as out:
    with out.open(zipfile.ZipInfo("big"), "w", force_zip64=True) as part:
        block = bytes(1 << 24)
        left = size
        while left:
            left -= part.write(block[: min(left, len(block))])
    out.writestr("small.txt", b"8 bytes.")
with zipfile.ZipFile("big.zip") as found:
    assert found.getinfo("big").file_size == size
    assert found.read("small.txt") == b"8 bytes."
PY
listed=$(root/usr/bin/unzip -l big.zip 2>/dev/null | grep small.txt || true)
echo "listed: $listed"
code=0; said=$(root/usr/bin/unzip -p big.zip small.txt 2>&1) || code=$?
echo "extracting small.txt: exit $code: $said" 
grep -qE '^ *42949[0-9]+ ' <<<"$listed" && [ "$code" != 0 ] && grep -q 'bad zipfile offset' <<<"$said" ||
    { echo 'the behaviour changed' >&2; exit 1; }
echo 'as found'
