//! What ends a call of either format before it has its answer.

use crate::Error;

/// A fault, which is sent to the client in its format, or an error, which is returned to the host.
#[derive(Debug)]
pub(super) enum ApiError<F> {
    Fault(F),
    Error(Error),
}
