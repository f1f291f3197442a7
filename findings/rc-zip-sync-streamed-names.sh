#!/usr/bin/env bash
# rc-zip-sync 4.4.2 (Rust): read as a stream, a name in UTF-8 comes out as CP437; read with seeks, it is right.
#
# The entry "Zürich.txt" carries bit 11 (UTF-8) in its local and its central header. ReadZip gives "Zürich.txt",
# ReadZipStreaming gives "Z├╝rich.txt".
set -euo pipefail
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 - <<'PY'
import zipfile
with zipfile.ZipFile("name.zip", "w") as out:
    out.writestr("Zürich.txt", b"eight...")
    assert out.infolist()[0].filename == "Zürich.txt"
with zipfile.ZipFile("name.zip") as found:
    assert found.infolist()[0].flag_bits & 0x800
PY
mkdir -p src
cat >Cargo.toml <<'TOML'
[package]
name = "streamed"
version = "0.0.0"
edition = "2021"
[dependencies]
rc-zip-sync = { version = "=4.4.2", default-features = false, features = ["file"] }
TOML
cat >src/main.rs <<'RS'
use rc_zip_sync::{ReadZip, ReadZipStreaming};
fn main() {
    let file = std::fs::File::open("name.zip").unwrap();
    let archive = file.read_zip().unwrap();
    for entry in archive.entries() { println!("seek {}", entry.name); }
    let file = std::fs::File::open("name.zip").unwrap();
    let entry = file.stream_zip_entries_throwing_caution_to_the_wind().unwrap();
    println!("stream {}", entry.entry().name);
}
RS
cargo run --quiet >out 2>err || { tail -20 err >&2; exit 1; }
cat out
[ "$(cat out)" = $'seek Zürich.txt\nstream Z├╝rich.txt' ] || { echo 'the behaviour changed' >&2; exit 1; }
echo 'as found'
