#!/usr/bin/env bash
# node-stream-zip 1.16.0: a zip whose one entry has a long name is refused, with "Entries read error".
#
# One stored entry of 8 bytes: with a path of 100 bytes it is listed, with one of 4,095 bytes (the longest path
# that Linux opens) the whole archive is refused. Python's zipfile wrote both and reads both.
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-fund --no-audit --prefix . node-stream-zip@1.16.0 >/dev/null
python3 - <<'PY'
import zipfile
for length in (100, 4095):
    parts = "/".join(["d" * 200] * 30)[: length - 2] + "/n"
    parts = parts.replace("//", "/")[:length].ljust(length, "n")
    with zipfile.ZipFile(f"{length}.zip", "w") as out:
        out.writestr(zipfile.ZipInfo(parts), b"8 bytes.")
    assert zipfile.ZipFile(f"{length}.zip").testzip() is None
PY
said=$(node -e '
const Zip = require("node-stream-zip");
(async () => {
  for (const n of [100, 4095]) {
    const zip = new Zip.async({ file: n + ".zip" });
    console.log(n, await zip.entries().then((e) => Object.keys(e).length, (e) => e.message));
    await zip.close().catch(() => {});
  }
})();')
echo "$said"
[ "$said" = $'100 1\n4095 Entries read error' ] || { echo 'the behaviour changed' >&2; exit 1; }
echo 'as found'
