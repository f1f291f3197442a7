#!/usr/bin/env bash
# Node.js 20.20.2: fs.openAsBlob of a file over 4 GiB has its size modulo 2^32.
#
# A sparse file of 5,368,709,120 bytes (5 GiB) gives a blob of 1,073,741,824 bytes, without an error. Zip readers
# that work on a Blob look for the end of the archive in the wrong place. fs.promises.stat tells the true size.
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-fund --no-audit --prefix . node@20.20.2 >/dev/null
truncate -s 5368709120 big
said=$(node_modules/node/bin/node --no-warnings -e '
const fs = require("fs");
fs.openAsBlob("big").then(async (blob) =>
  console.log(process.version, blob.size, (await fs.promises.stat("big")).size));')
echo "$said"
[ "$said" = 'v20.20.2 1073741824 5368709120' ] || { echo 'the behaviour changed' >&2; exit 1; }
echo 'as found'
