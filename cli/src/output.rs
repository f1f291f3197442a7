//! What is printed: lines for people, or one JSON value for programs.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::path::Path;

use holdall::{Error, ErrorKind, FileInfo, Kind, Result, Row, Time, VersionInfo};
use serde_json::{Value, json};

/// Where a verb prints to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Whether one JSON value is printed, and nothing else.
    pub(crate) json: bool,
}

impl Output {
    /// Prints the value, or the text.
    pub(crate) fn print(self, value: &Value, text: impl fmt::Display) -> Result<()> {
        let mut out = io::stdout().lock();
        let done = match self.json {
            true => writeln!(out, "{value}"),
            false => writeln!(out, "{text}"),
        };
        done.and_then(|()| out.flush()).map_err(writing)
    }

    /// Prints a JSON array, or a line for each.
    pub(crate) fn list<T>(
        self,
        items: &[T],
        value: impl Fn(&T) -> Value,
        line: impl Fn(&T) -> String,
    ) -> Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let done = match self.json {
            true => writeln!(out, "{}", Value::Array(items.iter().map(value).collect())),
            false => items.iter().try_for_each(|item| writeln!(out, "{}", line(item))),
        };
        done.and_then(|()| out.flush()).map_err(writing)
    }
}

/// Makes the error of standard output.
pub(crate) fn writing(cause: io::Error) -> Error {
    Error::io("writing to standard output", cause)
}

/// Makes the error of a file that is written; `-` is standard output.
pub(crate) fn writing_to(path: &Path, cause: io::Error) -> Error {
    match path.as_os_str() == "-" {
        true => writing(cause),
        false => Error::io(format!("writing {}", path.display()), cause),
    }
}

/// Returns whether an error says that the reader of our output went away.
pub(crate) fn is_closed_pipe(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    error.kind() == ErrorKind::Io && cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes a number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let (mut whole, mut tenths, mut at) = (count / 1000, count % 1000 / 100, 0_usize);
    while whole >= 1000 && at + 1 < UNITS.len() {
        (whole, tenths, at) = (whole / 1000, whole % 1000 / 100, at + 1);
    }
    format!("{whole}.{tenths} {}", UNITS.get(at).copied().unwrap_or("EB"))
}

/// Writes a name for people: control characters would act on their terminal.
pub(crate) fn shown(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Adds a field to an object.
pub(crate) fn with(mut object: Value, field: &str, value: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.insert(field.to_owned(), value);
    }
    object
}

pub(crate) fn time(time: Time) -> Value {
    Value::String(time.to_string())
}

pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Folder => "folder",
    }
}

pub(crate) fn version(info: &VersionInfo) -> Value {
    json!({
        "id": info.id.to_string(),
        "file": info.id.file().to_string(),
        "number": info.id.number(),
        "size": info.size,
        "crc32": format!("{:08x}", info.crc32),
        "crc64": info.crc64.to_string(),
        "sha1": hex(&info.sha1),
        "blake3": hex(&info.blake3),
        "media_type": info.media_type,
        "created": time(info.created),
        "modified": time(info.modified),
        "keep": info.keep,
        "current": info.current,
        "executable": info.executable,
    })
}

pub(crate) fn file(info: &FileInfo) -> Value {
    json!({
        "id": info.id.to_string(),
        "drive": info.drive.to_string(),
        "name": info.name,
        "kind": kind(info.kind),
        "version": info.current.as_ref().map(version),
        "created": time(info.created),
        "modified": time(info.modified),
    })
}

pub(crate) fn row(path: &str, row: &Row) -> Value {
    json!({
        "path": path,
        "name": row.name,
        "file": row.file.to_string(),
        "kind": kind(row.kind),
        "version": row.version.map(|id| id.to_string()),
        "size": row.size,
        "modified": time(row.modified),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_bytes_read_well_at_every_size() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1000), "1.0 kB");
        assert_eq!(bytes(999_999), "999.9 kB");
        assert_eq!(bytes(2_147_483_648), "2.1 GB");
        assert_eq!(bytes(u64::MAX), "18.4 EB");
    }

    #[test]
    fn a_name_cannot_act_on_the_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\u{9b}"), "a\\u{1b}[2Jb\\u{9b}");
    }
}
