//! The error of reading a dump.

/// Why a dump cannot be read. It never holds a value of the dump, which may be a key.
pub(super) type Fault = Box<dyn std::error::Error + Send + Sync>;
