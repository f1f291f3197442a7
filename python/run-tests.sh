#!/bin/sh
# Makes a virtual environment, installs the package with what its tests need, and runs them.
# Arguments go to pytest. HOLDALL_VENV names the environment, PYTHON the interpreter.
set -eu
cd "$(dirname "$0")/.."
venv=${HOLDALL_VENV:-target/python-venv}
"${PYTHON:-python3}" -m venv "$venv"
# The dev profile builds in a fraction of the time; MATURIN_PEP517_ARGS= gives a release build.
MATURIN_PEP517_ARGS=${MATURIN_PEP517_ARGS---profile=dev} \
    "$venv/bin/pip" install --quiet --disable-pip-version-check ".[test]"
"$venv/bin/ruff" check python/python python/tests
"$venv/bin/ruff" format --check python/python python/tests
"$venv/bin/mypy"
exec "$venv/bin/python" -m pytest "$@"
