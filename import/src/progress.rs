//! How far an import is.

use holdall::Result;

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The drive that is being made.
    pub drive: &'a str,
    /// How many contents have been read, or left out.
    pub contents: u64,
    /// How many there are.
    pub total_contents: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The bytes of all.
    pub total_bytes: u64,
}

/// Counts what is done and says so.
pub(super) struct Meter<F> {
    say: F,
    drive: String,
    contents: u64,
    total_contents: u64,
    bytes: u64,
    total_bytes: u64,
}

impl<F: FnMut(&Progress<'_>) -> Result<()>> Meter<F> {
    /// Begins to count; `lengths` are those of all contents.
    pub(super) fn new(lengths: impl Iterator<Item = u64>, say: F) -> Meter<F> {
        let (total_contents, total_bytes) =
            lengths.fold((0_u64, 0_u64), |(count, bytes), len| (count + 1, bytes.saturating_add(len)));
        Meter { say, drive: String::new(), contents: 0, total_contents, bytes: 0, total_bytes }
    }

    /// Says that a drive is begun.
    ///
    /// # Errors
    /// That of whoever listens.
    pub(super) fn begin(&mut self, drive: &str) -> Result<()> {
        drive.clone_into(&mut self.drive);
        self.tell()
    }

    /// Counts a content.
    ///
    /// # Errors
    /// That of whoever listens.
    pub(super) fn add(&mut self, len: u64) -> Result<()> {
        self.contents = self.contents.saturating_add(1);
        self.bytes = self.bytes.saturating_add(len);
        self.tell()
    }

    fn tell(&mut self) -> Result<()> {
        let Meter { say, drive, contents, total_contents, bytes, total_bytes } = self;
        let now = Progress {
            drive,
            contents: *contents,
            total_contents: *total_contents,
            bytes: *bytes,
            total_bytes: *total_bytes,
        };
        say(&now)
    }
}
