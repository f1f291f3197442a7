#!/bin/sh
# Makes a virtual environment with what the tests of the wire formats need, and runs them on the
# `holdall` that the first argument names. The last line counts them, as cargo's does.
#
# HOLDALL_PUBLISHED_VENV names the environment, PYTHON the interpreter; it takes pip and a registry the
# first time.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 path/to/holdall [cloudreve|pds]" >&2; exit 2; }
case $1 in /*) holdall=$1 ;; */*) holdall=$PWD/$1 ;; *) holdall=$1 ;; esac
shift
cd "$(dirname "$0")/../.."
venv=${HOLDALL_PUBLISHED_VENV:-target/published-venv}
export PIP_DISABLE_PIP_VERSION_CHECK=1

ready=no
finish() {
    code=$?
    # Without what the tests need there are none, which counts as one that failed.
    [ "$ready" = yes ] || echo 'test result: FAILED. 0 passed; 1 failed; 0 ignored'
    exit "$code"
}
trap finish EXIT

"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet 'cloudreve>=2' 'schemathesis>=4' 'python-jsonpath>=2' alibabacloud-pds20220301 oss2 crcmod
ready=yes
"$venv/bin/python" -m tests.published "$holdall" "$@"
