//! A name that is free in a folder: the name asked for, or one with the time in it.

use std::borrow::Cow;

use super::depth;
use super::record::Kind;
use super::state::{self, State};
use super::{node, path};
use crate::id::{DriveId, FileId};
use crate::kv::Read;
use crate::name::check_name;
use crate::time::Time;
use crate::{Error, ErrorKind, Result};

/// The longest name, in bytes.
const MAX_NAME: usize = 255;
/// Names that are tried within one second.
const MAX_TRIES: u32 = 1000;

/// Returns `name` if nothing in the folder has it; else, where `rename` is set, one made of it and the
/// time, as in `report_20260102_150405.pdf`, and `report_20260102_150405_2.pdf` after that.
///
/// # Errors
/// `Exists` when the name is taken and is not to change, `InvalidArgument` when it cannot be one.
pub(crate) fn choose<'a>(
    tx: &impl Read,
    folder: FileId,
    name: &'a str,
    rename: bool,
    now: Time,
) -> Result<Cow<'a, str>> {
    check_name(name)?;
    if node::child(tx, folder, name)?.is_none() {
        return Ok(Cow::Borrowed(name));
    }
    for attempt in 1..=MAX_TRIES {
        if !rename {
            break;
        }
        let other = stamped(name, now, attempt);
        if node::child(tx, folder, &other)?.is_none() {
            return Ok(Cow::Owned(other));
        }
    }
    Err(path::taken(name))
}

/// Puts the time into a name, before its extension. What would be too long loses the end of its stem.
fn stamped(name: &str, now: Time, attempt: u32) -> String {
    let (stem, extension) = match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= 32 => name.split_at(dot),
        _ => (name, ""),
    };
    let time = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default().strftime("%Y%m%d_%H%M%S");
    let stamp = match attempt {
        1 => format!("_{time}"),
        _ => format!("_{time}_{attempt}"),
    };
    let room = MAX_NAME.saturating_sub(stamp.len() + extension.len());
    let cut = (0..=room.min(stem.len())).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or(0);
    format!("{}{stamp}{extension}", stem.get(..cut).unwrap_or_default())
}

/// Checks that a folder of the drive takes files: it is there, and in its tree.
///
/// # Errors
/// `NotFound` when it is not, `Gone` when it is in the trash or was deleted, `InvalidArgument` when it
/// is a file, or lies too deep.
pub(crate) fn check_folder(tx: &impl Read, drive: DriveId, folder: FileId) -> Result<()> {
    let record = node::get(tx, folder)?;
    if record.drive != drive {
        return Err(Error::not_found(format!("there is no folder {folder} in drive {drive}")));
    }
    if record.kind != Kind::Folder {
        return Err(Error::invalid(format!("{folder} is a file, not a folder")));
    }
    if state::of_file(tx, folder)? != State::Live {
        return Err(Error::new(ErrorKind::Gone, format!("folder {folder} is in the trash or deleted")));
    }
    depth::check_in(tx, folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_goes_before_the_extension() {
        let now = Time::from_unix(1_136_214_245);
        for (name, first, second) in [
            ("report.pdf", "report_20060102_150405.pdf", "report_20060102_150405_2.pdf"),
            ("report", "report_20060102_150405", "report_20060102_150405_2"),
            (".profile", ".profile_20060102_150405", ".profile_20060102_150405_2"),
            ("a.tar.gz", "a.tar_20060102_150405.gz", "a.tar_20060102_150405_2.gz"),
        ] {
            assert_eq!(stamped(name, now, 1), first);
            assert_eq!(stamped(name, now, 2), second);
        }
    }

    #[test]
    fn a_long_name_stays_a_name() {
        for name in
            ["a".repeat(255), format!("{}.pdf", "\u{e9}".repeat(125)), format!("a.{}", "b".repeat(253))]
        {
            for attempt in [1, 2, 1000] {
                let other = stamped(&name, Time(0), attempt);
                assert!(check_name(&other).is_ok() && other.contains("_19700101_000000"), "{other}");
            }
        }
    }
}
