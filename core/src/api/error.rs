//! What ends a call of either format before it has its answer.

use crate::Error;

/// A fault, which the client is told in the words of its format, or an error, which the host is.
#[derive(Debug)]
pub(super) enum ApiError<F> {
    Fault(F),
    Error(Error),
}
