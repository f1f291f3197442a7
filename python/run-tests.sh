#!/bin/sh
# Makes a source distribution and a wheel from it, installs that with what the tests need in a
# virtual environment, and runs them. The last line counts them, as cargo's does.
#
# Arguments go to pytest. HOLDALL_VENV names the environment, PYTHON the interpreter.
# What it takes from Debian is installed where we may: programs that download, a browser, Apache with mod_wsgi, and what uWSGI
# and bjoern are built with.
set -eu
cd "$(dirname "$0")/.."
venv=${HOLDALL_VENV:-target/python-venv}
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
# The dev profile builds in a fraction of the time; MATURIN_PEP517_ARGS= gives what pip builds.
export MATURIN_PEP517_ARGS="${MATURIN_PEP517_ARGS---profile=dev}"
export PIP_DISABLE_PIP_VERSION_CHECK=1

dist=$(mktemp -d)
export HOLDALL_COUNTS="$dist/counts"
finish() {
    code=$?
    # What fails before the tests, a lint say, counts as one.
    counts='0 passed; 1 failed; 0 ignored'
    [ ! -s "$HOLDALL_COUNTS" ] || counts=$(cat "$HOLDALL_COUNTS")
    rm -rf "$dist"
    [ "$code" -eq 0 ] && word=ok || word=FAILED
    echo "test result: $word. $counts"
    exit "$code"
}
trap finish EXIT

tests/need curl wget aria2c=aria2 axel cc=gcc chromium file:/usr/bin/chromedriver=chromium-driver \
    file:/usr/include/ev.h=libev-dev file:/usr/sbin/apache2=apache2 \
    file:/usr/lib/apache2/modules/mod_wsgi.so=libapache2-mod-wsgi-py3
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet build
"$venv/bin/python" -m build --sdist --outdir "$dist" . >"$dist/log" 2>&1 || { cat "$dist/log"; exit 1; }
# Unpacked with the time of now (-m): all its files have one old date, by which cargo would take what it
# built of other files before for up to date.
mkdir "$dist/source"
tar -xzmf "$dist"/holdall-*.tar.gz -C "$dist/source"
"$venv/bin/pip" wheel --quiet --no-deps --wheel-dir "$dist" "$dist/source"/holdall-*
export HOLDALL_WHEEL="$(echo "$dist"/holdall-*.whl)"
"$venv/bin/pip" install --quiet --force-reinstall --no-deps "$HOLDALL_WHEEL"
"$venv/bin/pip" install --quiet "$HOLDALL_WHEEL[test]"
"$venv/bin/ruff" check python
"$venv/bin/ruff" format --check python
"$venv/bin/mypy"
"$venv/bin/python" -m pytest "$@"
