//! Notes on versions.

use super::record::NoteRecord;
use super::table::VERSION_NOTE;
use super::{node, row, version};
use crate::id::VersionId;
use crate::kv::{Read, Write};
use crate::{Error, ErrorKind, Result};

/// The longest note on a version, in bytes.
const MAX_NOTE: usize = 16 << 10;

/// Returns what is said of a version; empty when nothing is.
pub(crate) fn get(tx: &impl Read, id: VersionId) -> Result<String> {
    Ok(row::get::<NoteRecord>(tx, VERSION_NOTE, &node::version_key(id))?
        .map(|note| note.0)
        .unwrap_or_default())
}

/// Says something of a version, at most 16 KiB; an empty text says nothing.
///
/// # Errors
/// As [`super::version::get`]; `TooLarge` when the text is longer.
pub(crate) fn set(tx: &mut impl Write, id: VersionId, text: &str) -> Result<()> {
    version::get(tx, id)?;
    if text.len() > MAX_NOTE {
        let len = text.len();
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("a note of {len} bytes on version {id}: {MAX_NOTE} is the most"),
        ));
    }
    match text.is_empty() {
        true => tx.del(VERSION_NOTE, &node::version_key(id)),
        false => row::put(tx, VERSION_NOTE, &node::version_key(id), &NoteRecord(text.to_owned())),
    }
}
