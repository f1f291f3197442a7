//! Files that a verb writes, by `-o`.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use holdall::{Error, ErrorKind, Result};

use crate::output::writing_to;

/// As many links as a path may lead through before it is taken for a circle, as the system has it.
const MAX_LINKS: usize = 40;

/// Returns whether a path is standard output: `-`, or what leads to its descriptor, such as `/dev/stdout`.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-") || descriptor(path).is_some_and(|number| number == "1")
}

/// Writes a file under another name first, so that what is there stays whole until the end, and of two
/// that write at once one is there whole. A link is followed, and the mode of the file that is there
/// stays. What is there and is not a file, such as a device or a pipe, is written to, and so is what a
/// descriptor leads to: who has it open would not see another file.
pub(crate) fn to_file(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let doing = |cause| writing_to(path, cause);
    let there = match std::fs::metadata(path) {
        Ok(there) => Some(there),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => return Err(doing(cause)),
    };
    if there.as_ref().is_some_and(std::fs::Metadata::is_dir) || path.file_name().is_none() {
        let message = format!("{} is a folder; name the file to write", path.display());
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    if there.as_ref().is_some_and(|there| !there.is_file()) || descriptor(path).is_some() {
        return write(&mut OpenOptions::new().write(true).truncate(true).open(path).map_err(doing)?);
    }
    let path = followed(path).map_err(doing)?;
    let (part, mut file) = part(&path, there.map(|there| there.permissions())).map_err(doing)?;
    let done = write(&mut file).and_then(|()| std::fs::rename(&part, &path).map_err(doing));
    if done.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    done
}

/// Returns the number of this process's descriptor that a path leads to.
fn descriptor(path: &Path) -> Option<OsString> {
    let own = Path::new("/proc/self/fd").canonicalize().ok()?;
    let mut path = std::path::absolute(path).ok()?;
    for _ in 0..MAX_LINKS {
        let folder = path.parent()?.canonicalize().ok()?;
        if folder == own {
            return path.file_name().map(OsStr::to_owned);
        }
        path = folder.join(std::fs::read_link(&path).ok()?);
    }
    None
}

/// Returns where a path leads by its last name, which need not be there.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match std::fs::read_link(&path) {
            Ok(to) => path = path.parent().unwrap_or(Path::new("")).join(to),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("the links lead in a circle"))
}

/// Makes a file beside another, under a name that nobody else has, and as private as that one.
fn part(beside: &Path, mode: Option<Permissions>) -> io::Result<(PathBuf, File)> {
    loop {
        let drawn = RandomState::new().build_hasher().finish();
        let part = beside.with_file_name(format!(".holdall-part-{drawn:016x}"));
        let begun = mode.as_ref().map_or(0o666, |mode| mode.mode() & 0o600);
        match OpenOptions::new().write(true).create_new(true).mode(begun).open(&part) {
            Ok(file) => {
                if let Some(mode) = mode {
                    file.set_permissions(mode)?;
                }
                return Ok((part, file));
            }
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
            Err(cause) => return Err(cause),
        }
    }
}
