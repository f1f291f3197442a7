#!/usr/bin/env bash
# maturin 1.16.0: the SBOM that it puts into each wheel names the folder of the build, so that two folders give two wheels.
#
# SOURCE_DATE_EPOCH is set, and the binary has no path of the folder. All else in the wheels is equal, and the wheels
# are equal with `rust = false` in [tool.maturin.sbom].
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv tools
tools/bin/pip install --quiet --disable-pip-version-check maturin==1.16.0
export SOURCE_DATE_EPOCH=1700000000
build() { # folder, what the SBOM is to be
    mkdir -p "$1/src"
    printf '[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2021"\n' >"$1/Cargo.toml"
    printf '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n[project]\nname = "hello"\nversion = "0.1.0"\n[tool.maturin]\nbindings = "bin"\nstrip = true\n[tool.maturin.sbom]\nrust = %s\n' "$2" >"$1/pyproject.toml"
    printf 'fn main() {\n    println!("hello");\n}\n' >"$1/src/main.rs"
    (cd "$1" && RUSTFLAGS="--remap-path-prefix=$PWD=hello" ../tools/bin/maturin build --quiet --release --out "../out-$1" 2>../err) ||
        { cat err >&2; exit 1; }
    mkdir "files-$1"
    python3 -m zipfile -e "out-$1"/*.whl "files-$1"
}
build one true; build two true; build three false; build four false
{
    (cd files-one && find . -type f | sort) | while read -r file; do
        cmp -s "files-one/$file" "files-two/$file" || echo "differs: $file"
    done
    grep -ohE 'path\+file://[^ "]*#' files-one/*/sboms/*.json files-two/*/sboms/*.json | sort -u | sed "s|$tmp|TMP|"
    cmp -s out-three/*.whl out-four/*.whl && echo 'without an SBOM: the same wheel'
} >out
cat out
[ "$(cat out)" = 'differs: ./hello-0.1.0.dist-info/RECORD
differs: ./hello-0.1.0.dist-info/sboms/hello.cyclonedx.json
path+file://TMP/one#
path+file://TMP/two#
without an SBOM: the same wheel' ] || { echo 'the behaviour changed' >&2; exit 1; }
echo 'as found'
