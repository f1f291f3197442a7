//! Whether a share still gives what it was made for.

use super::node;
use super::record::ShareRecord;
use super::share;
use super::state::{self, State};
use crate::id::{FileId, ShareId};
use crate::kv::Read;
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// Checks that a share is active: it is not over, and what it shares is in the tree.
///
/// # Errors
/// `NotFound` when there is none, `Expired` and `Gone` when it is over.
pub(crate) fn check_active(tx: &impl Read, id: ShareId, now: Time) -> Result<ShareRecord> {
    let record = share::record(tx, id)?;
    share::check_time(id, &record, now)?;
    if state::of_file(tx, record.file)? != State::Live {
        return Err(Error::new(ErrorKind::Gone, format!("the file or folder of share {id} was deleted")));
    }
    Ok(record)
}

/// Checks that a share still lets a download of a file go on: it is active, and the file is in it.
///
/// # Errors
/// As [`check_active`]; `Gone` when the file was moved out.
pub(crate) fn check_access(tx: &impl Read, id: ShareId, file: FileId, now: Time) -> Result<ShareRecord> {
    let record = check_active(tx, id, now)?;
    let mut at = file;
    for _ in 0..=crate::name::MAX_DEPTH {
        if at == record.file {
            return Ok(record);
        }
        match node::get(tx, at)?.parent {
            Some(parent) => at = parent,
            None => break,
        }
    }
    Err(Error::new(ErrorKind::Gone, format!("file {file} is no longer in share {id}")))
}
