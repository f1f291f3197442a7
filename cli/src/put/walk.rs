//! What there is to put: the files and folders that the command line names.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use holdall::name::split_path;
use holdall::{Error, ErrorKind, Result, Time};

use super::FEW;
use crate::args;

/// A file to put.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) source: PathBuf,
    pub(super) path: String,
    pub(super) len: u64,
    pub(super) modified: Time,
    /// Whether its owner may run it.
    pub(super) executable: bool,
}

/// What the walk found.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(super) files: Vec<SourceFile>,
    /// Folders with nothing in them.
    pub(super) empty: Vec<String>,
    /// Symbolic links, sockets and the like.
    pub(super) skipped: u64,
    /// Where what comes from standard input goes.
    pub(super) piped: Vec<String>,
    /// Names that are not UTF-8.
    refused: Vec<Error>,
    /// Why something below a folder is left out.
    pub(super) unread: Vec<Error>,
}

impl Walk {
    /// Finds what the command line names.
    ///
    /// # Errors
    /// What the command line itself names and is not there, and a name that the store does not take.
    pub(crate) fn of(args: &args::Put) -> Result<Walk> {
        let mut walk = Walk::default();
        for source in &args.sources {
            if source.as_os_str() == "-" {
                walk.piped.push(target(args, args.name.as_deref().unwrap_or_default())?);
            } else {
                walk.add(source, target(args, &name_of(source)?)?)?;
            }
        }
        walk.check()?;
        Ok(walk)
    }

    /// Adds a file, or a folder with all that is in it, in byte order of the names.
    fn add(&mut self, source: &Path, path: String) -> Result<()> {
        // What is named on the command line is followed, what is found is not.
        let found = std::fs::metadata(source).map_err(|cause| reading(source, cause))?;
        if !found.is_file() && !found.is_dir() {
            let message =
                format!("{} is neither a file nor a folder; pipe it into `put -`", source.display());
            return Err(invalid(message));
        }
        let mut waiting = vec![(source.to_owned(), path, found)];
        while let Some((source, path, found)) = waiting.pop() {
            if found.is_file() {
                let modified = found.modified().unwrap_or(UNIX_EPOCH).into();
                let executable = found.permissions().mode() & 0o100 != 0;
                self.files.push(SourceFile { source, path, len: found.len(), modified, executable });
            } else if found.is_dir() {
                match std::fs::read_dir(&source) {
                    Ok(entries) => waiting.append(&mut self.entries(&source, path, entries)?),
                    Err(cause) => self.unread.push(reading(&source, cause)),
                }
            } else {
                self.skipped += 1;
            }
        }
        Ok(())
    }

    /// Reads a folder, last name first.
    fn entries(
        &mut self,
        folder: &Path,
        path: String,
        entries: std::fs::ReadDir,
    ) -> Result<Vec<(PathBuf, String, Metadata)>> {
        let (mut inside, unread) = (Vec::new(), self.unread.len());
        for entry in entries {
            let found = entry.and_then(|entry| Ok((entry.metadata()?, entry)));
            let (found, entry) = match found {
                Ok(found) => found,
                Err(cause) => {
                    self.unread.push(reading(folder, cause));
                    continue;
                }
            };
            let Ok(name) = entry.file_name().into_string() else {
                self.refused.push(not_text(&entry.path()));
                continue;
            };
            inside.push((entry.path(), format!("{path}/{name}"), found));
        }
        if inside.is_empty() && self.unread.len() == unread {
            self.empty.push(path);
        }
        inside.sort_by(|one, other| other.1.cmp(&one.1));
        Ok(inside)
    }

    /// Refuses names that the store does not take, all at once and before anything is put.
    fn check(&self) -> Result<()> {
        let paths = self.files.iter().map(|file| &file.path).chain(&self.empty).chain(&self.piped);
        let wrong: Vec<Error> = paths.filter_map(|path| split_path(path).err()).collect();
        let wrong = || self.refused.iter().chain(&wrong);
        let shown: Vec<String> = wrong().take(FEW).map(Error::to_string).collect();
        match (wrong().count(), shown.join("; ")) {
            (0, _) => Ok(()),
            (count, shown) if count <= FEW => Err(invalid(shown)),
            (count, shown) => Err(invalid(format!("{shown}; and {} more", count - FEW))),
        }
    }
}

/// Returns the path that a source of this name gets.
fn target(args: &args::Put, name: &str) -> Result<String> {
    let path = match &args.to {
        Some(to) if args.sources.len() == 1 && !to.ends_with('/') && !to.is_empty() => to.clone(),
        Some(to) if !to.trim_matches('/').is_empty() => format!("{}/{name}", to.trim_end_matches('/')),
        _ => name.to_owned(),
    };
    if name.is_empty() && (path.is_empty() || path.ends_with('/')) {
        return Err(invalid("standard input has no name; give --name, or --to with a whole path".to_owned()));
    }
    Ok(path)
}

/// Returns the last name of a source's path; that of `.` is the directory's.
fn name_of(source: &Path) -> Result<String> {
    let found = match source.file_name() {
        Some(name) => Some(name.to_owned()),
        None => std::fs::canonicalize(source).ok().and_then(|path| path.file_name().map(ToOwned::to_owned)),
    };
    let name = found.ok_or_else(|| invalid(format!("{} has no name; give --to", source.display())))?;
    name.into_string().map_err(|_| not_text(source))
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn not_text(path: &Path) -> Error {
    invalid(format!("the name of {} is not UTF-8; rename it", path.display()))
}

/// Says which file or folder could not be read.
pub(super) fn reading(path: &Path, cause: io::Error) -> Error {
    let doing = format!("reading {}", path.display());
    match cause.kind() {
        io::ErrorKind::NotFound => {
            Error::new(ErrorKind::NotFound, format!("there is no file or folder {}", path.display()))
        }
        _ => Error::io(doing, cause),
    }
}
