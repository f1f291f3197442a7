//! Percent-encoding sets (RFC 3986, section 2.1).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Escapes a name for a segment of a path.
pub(crate) fn escape_segment(name: &str) -> String {
    utf8_percent_encode(name, RESERVED).to_string()
}
