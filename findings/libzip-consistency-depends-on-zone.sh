#!/usr/bin/env bash
# libzip 1.7.3 (Debian ziptool and libzip4 1.7.3-1+b1): a strict check of a sound zip fails or passes by the
# reader's time zone.
#
# Two stored entries, the first dated 2024-11-03 01:30 and the last 2023-11-14. `ziptool -c` opens it under TZ=UTC
# and TZ=Asia/Shanghai, and says "Zip archive inconsistent" under TZ=America/New_York, where that local hour comes
# twice. PHP's ZipArchive::CHECKCONS is the same check.
#
# Consequence: a DOS time in UTC may fall into any reader's doubled hour, so no writer can avoid it; such a report
# is not a sign of a damaged archive.
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get download ziptool=1.7.3-1+b1 libzip4=1.7.3-1+b1 >/dev/null 2>&1
for deb in *.deb; do dpkg-deb -x "$deb" root; done
python3 - <<'PY'
import zipfile
with zipfile.ZipFile("two.zip", "w") as out:
    out.writestr(zipfile.ZipInfo("first.txt", (2024, 11, 3, 1, 30, 0)), b"first")
    out.writestr(zipfile.ZipInfo("last.txt", (2023, 11, 14, 12, 0, 0)), b"last")
PY
check() { TZ=$1 LD_LIBRARY_PATH="$(echo root/usr/lib/*-linux-gnu)" root/usr/bin/ziptool -c two.zip stat 0 2>&1 || true; }
failed=0
for zone in UTC Asia/Shanghai America/New_York; do
    said=$(check "$zone" | tr '\n' ' ')
    echo "$zone: ${said:0:100}"
    case $zone in
        America/New_York) grep -q 'inconsistent' <<<"$said" || failed=1 ;;
        *) grep -q 'first.txt' <<<"$said" || failed=1 ;;
    esac
done
[ "$failed" = 0 ] && echo 'as found' || { echo 'the behaviour changed' >&2; exit 1; }
