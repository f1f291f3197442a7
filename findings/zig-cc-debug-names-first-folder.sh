#!/usr/bin/env bash
# ziglang 0.17.1 as a C compiler: the debug information of what zig compiles of its own names the folder of whoever needed
# it first, from a cache that all builds share.
#
# A second project, built in another folder, has the folder of the first in its symbols (here in those of the start
# files of glibc), and -ffile-prefix-map reaches neither. With PWD=/proc/self/cwd and a fresh cache both say that.
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv tools
tools/bin/pip install --quiet --disable-pip-version-check ziglang==0.17.1
command -v readelf >/dev/null || { echo 'missing: readelf (binutils)' >&2; exit 1; }
folders() { # cache, folder, what else is set
    mkdir -p "$2"
    echo 'int main(void) { return 0; }' >"$2/main.c"
    (cd "$2" && env ZIG_GLOBAL_CACHE_DIR="$tmp/$1" "${@:3}" "$tmp/tools/bin/python" -m ziglang cc -target x86_64-linux-gnu.2.17 \
        -g -ffile-prefix-map="$PWD=project" main.c -o main)
    echo "$2: $(readelf --debug-dump=info "$2/main" 2>/dev/null | sed -n 's/.*DW_AT_comp_dir *: \((indirect[^)]*): \)\{0,1\}//p' |
        sed "s|$tmp|TMP|" | sort -u | tr '\n' ' ')"
}
{
    folders shared one
    folders shared two
    folders fresh three PWD=/proc/self/cwd
} >out
cat out
[ "$(cat out)" = 'one: TMP/one project 
two: TMP/one project 
three: /proc/self/cwd ' ] || { echo 'the behaviour changed' >&2; exit 1; }
echo 'as found'
