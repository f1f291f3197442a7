//! Errors: one pointer-sized type with a kind that never changes its number.

use std::fmt;
use std::io;
use std::time::Duration;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what went wrong, in a form that a program can act on.
///
/// The numbers are fixed for ever: C return codes, Python exception classes, exit codes of the
/// command line and HTTP statuses are all derived from this one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ErrorKind {
    /// A value that the caller passed can never be right.
    InvalidArgument = 1,
    /// The thing named does not exist.
    NotFound = 2,
    /// Something of that name exists already.
    Exists = 3,
    /// The signature, the password or the caller does not permit it.
    Denied = 4,
    /// The URL, share or session was valid once and its time is over.
    Expired = 5,
    /// No byte of the requested range exists.
    RangeNotSatisfiable = 6,
    /// Content is not what was declared: a length, a hash or an expected version.
    Mismatch = 7,
    /// A limit on size or count would be passed.
    TooLarge = 8,
    /// Another process or call holds what is needed; trying again later may succeed.
    Locked = 9,
    /// Bytes on disk are not what was written.
    Corrupt = 10,
    /// The operating system refused a read, a write or a sync.
    Io = 11,
    /// An earlier failed write made this handle refuse further writes; reopen the store.
    Poisoned = 12,
    /// A format version, mode or feature that this build does not know.
    Unsupported = 13,
    /// A defect of this library.
    Bug = 14,
    /// It existed and was removed or revoked on purpose.
    Gone = 15,
    /// Work that was in progress when the process forked cannot go on in the child.
    Forked = 16,
    /// The store was opened for reading, or its disk has become read-only.
    ReadOnly = 17,
}

impl ErrorKind {
    /// Every kind, in order of its number.
    pub const ALL: [ErrorKind; 17] = [
        ErrorKind::InvalidArgument,
        ErrorKind::NotFound,
        ErrorKind::Exists,
        ErrorKind::Denied,
        ErrorKind::Expired,
        ErrorKind::RangeNotSatisfiable,
        ErrorKind::Mismatch,
        ErrorKind::TooLarge,
        ErrorKind::Locked,
        ErrorKind::Corrupt,
        ErrorKind::Io,
        ErrorKind::Poisoned,
        ErrorKind::Unsupported,
        ErrorKind::Bug,
        ErrorKind::Gone,
        ErrorKind::Forked,
        ErrorKind::ReadOnly,
    ];

    /// Returns the fixed number, 1 to 17.
    ///
    /// ```
    /// assert_eq!(holdall::ErrorKind::Gone.number(), 15);
    /// ```
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the HTTP status that an answer with this error carries.
    ///
    /// ```
    /// assert_eq!(holdall::ErrorKind::RangeNotSatisfiable.http_status(), 416);
    /// ```
    pub const fn http_status(self) -> u16 {
        match self {
            ErrorKind::InvalidArgument => 400,
            ErrorKind::NotFound => 404,
            ErrorKind::Exists => 409,
            ErrorKind::Denied | ErrorKind::Expired => 403,
            ErrorKind::RangeNotSatisfiable => 416,
            ErrorKind::Mismatch => 422,
            ErrorKind::TooLarge => 413,
            ErrorKind::Locked | ErrorKind::Poisoned | ErrorKind::ReadOnly => 503,
            ErrorKind::Corrupt | ErrorKind::Io | ErrorKind::Bug | ErrorKind::Forked => 500,
            ErrorKind::Unsupported => 501,
            ErrorKind::Gone => 410,
        }
    }

    /// Returns whether nothing more can be written after an error of this kind.
    pub(crate) const fn ends_writing(self) -> bool {
        matches!(self, ErrorKind::Poisoned | ErrorKind::ReadOnly | ErrorKind::Forked)
    }

    /// Returns the name of the kind, as the documentation spells it.
    pub const fn name(self) -> &'static str {
        match self {
            ErrorKind::InvalidArgument => "InvalidArgument",
            ErrorKind::NotFound => "NotFound",
            ErrorKind::Exists => "Exists",
            ErrorKind::Denied => "Denied",
            ErrorKind::Expired => "Expired",
            ErrorKind::RangeNotSatisfiable => "RangeNotSatisfiable",
            ErrorKind::Mismatch => "Mismatch",
            ErrorKind::TooLarge => "TooLarge",
            ErrorKind::Locked => "Locked",
            ErrorKind::Corrupt => "Corrupt",
            ErrorKind::Io => "Io",
            ErrorKind::Poisoned => "Poisoned",
            ErrorKind::Unsupported => "Unsupported",
            ErrorKind::Bug => "Bug",
            ErrorKind::Gone => "Gone",
            ErrorKind::Forked => "Forked",
            ErrorKind::ReadOnly => "ReadOnly",
        }
    }
}

/// The error of this crate: a kind, a sentence, and what caused it.
///
/// The sentence names the offending value and the remedy. It never holds a key or a token.
pub struct Error(Box<Repr>);

struct Repr {
    kind: ErrorKind,
    message: String,
    retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Makes an error of `kind` with a lowercase sentence.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Repr { kind, message: message.into(), retry_after: None, source: None }))
    }

    /// Makes an error of `kind` that keeps what caused it.
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error(Box::new(Repr {
            kind,
            message: message.into(),
            retry_after: None,
            source: Some(source.into()),
        }))
    }

    /// Makes an error of kind [`ErrorKind::Io`] from the operating system's own, saying what was
    /// being done ("opening blob/3f/2a"); of kind [`ErrorKind::ReadOnly`] where the file system takes no
    /// writes.
    pub fn io(doing: impl Into<String>, source: io::Error) -> Error {
        let kind = match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem => ErrorKind::ReadOnly,
            _ => ErrorKind::Io,
        };
        Error::with_source(kind, doing, source)
    }

    /// Makes an [`ErrorKind::InvalidArgument`].
    pub(crate) fn invalid(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidArgument, message)
    }

    /// Makes an [`ErrorKind::Corrupt`].
    pub(crate) fn corrupt(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Corrupt, message)
    }

    /// Makes an [`ErrorKind::NotFound`].
    pub(crate) fn not_found(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::NotFound, message)
    }

    /// Makes an [`ErrorKind::Bug`]: a state that the code was written to exclude.
    pub(crate) fn bug(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Bug, message)
    }

    /// Makes an [`ErrorKind::Denied`] of a rate limit, which ends after a while.
    pub fn limited(message: impl Into<String>, retry_after: Duration) -> Error {
        let mut error = Error::new(ErrorKind::Denied, message);
        error.0.retry_after = Some(retry_after);
        error
    }

    /// Returns how long to wait before the same is tried again, where a rate limit refused it: what a host
    /// tells as 429 and `Retry-After` (RFC 6585 section 4).
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Makes the same error for one more who waits for it: of what caused it, the system's code stays.
    pub(crate) fn again(&self) -> Error {
        let cause = self.0.source.as_ref().and_then(|source| source.downcast_ref::<io::Error>());
        match cause.and_then(io::Error::raw_os_error) {
            Some(code) => {
                Error::with_source(self.0.kind, self.0.message.clone(), io::Error::from_raw_os_error(code))
            }
            None => Error::new(self.0.kind, self.to_string()),
        }
    }

    /// Puts what was being done in front of the sentence.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Error {
        self.0.message = format!("{doing}: {}", self.0.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({self})", self.0.kind.name())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn numbers_are_fixed_and_dense() {
        for (index, kind) in ErrorKind::ALL.iter().enumerate() {
            assert_eq!(usize::from(kind.number()), index + 1);
        }
    }

    #[test]
    fn an_error_again_says_the_same_and_has_the_systems_code() {
        let full = Error::io("writing seg/1", io::Error::from_raw_os_error(28));
        for error in [full, Error::io("x", io::Error::other("y")), Error::bug("z")] {
            let again = error.again();
            assert_eq!((again.kind(), again.to_string()), (error.kind(), error.to_string()));
        }
        let again = Error::io("x", io::Error::from_raw_os_error(28)).again();
        let cause = std::error::Error::source(&again).unwrap().downcast_ref::<io::Error>().unwrap();
        assert_eq!(cause.raw_os_error(), Some(28));
    }

    #[test]
    fn a_file_system_that_takes_no_writes_has_a_kind_of_its_own() {
        let error = |code| Error::io("writing seg/1", io::Error::from_raw_os_error(code)).kind();
        assert_eq!((error(30), error(5)), (ErrorKind::ReadOnly, ErrorKind::Io));
    }

    #[test]
    fn context_and_cause_read_as_one_sentence() {
        let cause = io::Error::other("disk on fire");
        let error = Error::io("reading 4 bytes", cause).context("opening blob 3f2a");
        assert_eq!(error.to_string(), "opening blob 3f2a: reading 4 bytes: disk on fire");
        assert_eq!(error.kind(), ErrorKind::Io);
    }
}
