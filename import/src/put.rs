//! Contents on their way into a drive: small ones together, which costs one sync for many.

use std::collections::HashMap;
use std::io::Read;

use bytes::Bytes;
use holdall::{Drive, Error, ErrorKind, Put, Result, VersionId};

use super::mutant::{Mutant, is_active};

/// Content up to this length waits for others, in bytes.
const SMALL: u64 = 256 << 10;

/// How much waits at most, in bytes.
const WAITING: usize = 8 << 20;

/// How many wait at most.
const COUNT: usize = 2048;

/// A content of a file, by their old ids; an empty file has none.
#[derive(Clone, Copy)]
pub(super) struct Of {
    pub(super) file: u64,
    pub(super) entity: Option<u64>,
}

/// The contents of one drive.
pub(super) struct Batch {
    drive: Drive,
    waiting: Vec<(Of, String, Bytes, Put)>,
    len: usize,
    /// The versions of each file, in the order in which they were put.
    pub(super) made: HashMap<u64, Vec<(Option<u64>, VersionId)>>,
    /// What cannot be stored.
    pub(super) refused: Vec<Of>,
}

impl Batch {
    pub(super) fn new(drive: &Drive) -> Batch {
        Batch { drive: drive.clone(), waiting: Vec::new(), len: 0, made: HashMap::new(), refused: Vec::new() }
    }

    /// Puts a content of so many bytes, or lets it wait for others.
    ///
    /// # Errors
    /// As [`Drive::put`], but for what is wrong with this content alone.
    pub(super) fn put(
        &mut self,
        of: Of,
        path: &str,
        len: u64,
        mut content: Box<dyn Read>,
        put: Put,
    ) -> Result<()> {
        let put = put.len(len);
        if len > SMALL {
            self.flush()?;
            let made = self.drive.put(path, content, put).map(|version| version.id);
            return self.done(of, made);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        content
            .read_to_end(&mut bytes)
            .map_err(|cause| Error::io(format!("reading the content of {path}"), cause))?;
        self.len = self.len.saturating_add(bytes.len());
        self.waiting.push((of, path.to_owned(), bytes.into(), put));
        if self.len >= WAITING || self.waiting.len() >= COUNT { self.flush() } else { Ok(()) }
    }

    /// Puts what waits.
    ///
    /// # Errors
    /// As [`Batch::put`].
    pub(super) fn flush(&mut self) -> Result<()> {
        self.len = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let all = waiting.iter().map(|(_, path, bytes, put)| (path.clone(), bytes.clone(), put.clone()));
        match self.drive.put_each(all) {
            Ok(versions) => {
                for ((of, ..), version) in waiting.into_iter().zip(versions) {
                    self.done(of, Ok(version.id))?;
                }
            }
            // One of them cannot be stored, so none was: each alone shows which.
            Err(error) if is_of_one(&error) => {
                for (of, path, bytes, put) in waiting {
                    let made = self.drive.put(&path, bytes.as_ref(), put).map(|version| version.id);
                    self.done(of, made)?;
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn done(&mut self, of: Of, made: Result<VersionId>) -> Result<()> {
        match made {
            Ok(version) => self.made.entry(of.file).or_default().push((of.entity, version)),
            Err(error) if is_of_one(&error) => self.refused.push(of),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Whether an error is of the one thing that was to be made, and not of the store or the disk.
pub(super) fn is_of_one(error: &Error) -> bool {
    !is_active(Mutant::OneEndsAll)
        && matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::Exists | ErrorKind::TooLarge)
}
