//! How `MySQL` and `MariaDB` write values.

use super::error::Fault;

/// Appends what a character behind a backslash stands for ("String Literals" in the manual): itself,
/// but for these.
pub(super) fn unescape(byte: u8, to: &mut Vec<u8>) {
    // Only in a pattern is the backslash no part of these two.
    if matches!(byte, b'%' | b'_') {
        to.push(b'\\');
    }
    to.push(match byte {
        b'0' => 0,
        b'b' => 0x08,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'Z' => 0x1a,
        other => other,
    });
}

/// Returns the bytes that hexadecimal digits stand for, two for each.
pub(super) fn hex(digits: &str) -> Result<Vec<u8>, Fault> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    let bytes = digits.as_bytes().chunks(2).map(pair).collect::<Option<Vec<u8>>>();
    bytes.ok_or_else(|| "a hexadecimal number is malformed".into())
}
