//! What became of a statement that did not succeed.

use std::io;

use tokio_postgres::error::SqlState;

use crate::{Error, ErrorKind, tls};

/// Why a statement did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection, or the server, was lost. A statement that was sent may have been executed.
    Lost(Error),
    /// Others changed what the statement looks at; it did nothing.
    Conflict,
    /// The server has refused it; it did nothing.
    Refused(Error),
}

impl Failure {
    /// Says that there was no answer in time.
    pub(super) fn timed_out(doing: &str) -> Failure {
        Failure::Lost(Error::io(doing, io::ErrorKind::TimedOut.into()))
    }

    /// Returns the error that a caller is given who does not try again.
    pub(super) fn into_error(self) -> Error {
        match self {
            Failure::Lost(error) | Failure::Refused(error) => error,
            Failure::Conflict => Error::new(
                ErrorKind::Locked,
                "other processes changed the rows meanwhile that this change goes by; try again",
            ),
        }
    }

    /// Makes one of what the client has to say of a statement.
    pub(super) fn of(doing: &str, cause: tokio_postgres::Error) -> Failure {
        let Some(code) = cause.code() else {
            // A server that is not the one that was named does not become it.
            let is_other = tls::failure(&cause).is_some() || lacks_tls(&cause);
            let error = error(ErrorKind::Io, doing, cause);
            return if is_other { Failure::Refused(error) } else { Failure::Lost(error) };
        };
        match code {
            // The last: a row is there that was not there when it was looked for.
            &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::UNIQUE_VIOLATION => Failure::Conflict,
            code if is_lost(code) => Failure::Lost(error(ErrorKind::Io, doing, cause)),
            &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                Failure::Refused(error(ErrorKind::Denied, doing, cause))
            }
            &SqlState::INSUFFICIENT_PRIVILEGE => Failure::Refused(error(ErrorKind::Denied, doing, cause)),
            &SqlState::READ_ONLY_SQL_TRANSACTION => {
                Failure::Refused(error(ErrorKind::ReadOnly, doing, cause))
            }
            &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => {
                Failure::Refused(error(ErrorKind::Corrupt, doing, cause))
            }
            _ => Failure::Refused(error(ErrorKind::Io, doing, cause)),
        }
    }
}

/// Whether a code says that the session is over, or that none could be had. PgBouncer says so with codes
/// of class 08.
fn is_lost(code: &SqlState) -> bool {
    let lost = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    code.code().starts_with("08") || lost.contains(code)
}

/// Whether a server speaks no TLS where it is asked for; the client has nothing but words for that.
fn lacks_tls(cause: &tokio_postgres::Error) -> bool {
    std::error::Error::source(cause).is_some_and(|source| source.to_string() == "server does not support TLS")
}

fn error(kind: ErrorKind, doing: &str, cause: tokio_postgres::Error) -> Error {
    Error::with_source(kind, doing, cause)
}
