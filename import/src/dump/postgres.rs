//! How `PostgreSQL` writes rows that are to be copied in ("COPY", text format, in the manual).

use std::iter::Peekable;

use super::error::Fault;

/// Returns the values of a row: a tab stands between two, and none is `\N`.
pub(super) fn row(line: &[u8]) -> Result<Vec<Option<Vec<u8>>>, Fault> {
    line.split(|byte| *byte == b'\t').map(value).collect()
}

fn value(field: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    if field == b"\\N" {
        return Ok(None);
    }
    let (mut value, mut rest) = (Vec::with_capacity(field.len()), field.iter().copied().peekable());
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        let byte = match rest.next() {
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 0x0b,
            Some(digit @ b'0'..=b'7') => number(u32::from(digit - b'0'), &mut rest, 8),
            Some(b'x') if digit(rest.peek(), 16).is_some() => number(0, &mut rest, 16),
            Some(other) => other,
            None => return Err("a row ends within an escape".into()),
        };
        value.push(byte);
    }
    Ok(Some(value))
}

/// Reads up to two more digits. More than a byte holds is cut, as the server does.
fn number(first: u32, rest: &mut Peekable<impl Iterator<Item = u8>>, base: u32) -> u8 {
    let mut number = first;
    for _ in 0..2 {
        let Some(digit) = digit(rest.peek(), base) else { break };
        number = number * base + digit;
        rest.next();
    }
    u8::try_from(number & 0xff).unwrap_or_default()
}

fn digit(byte: Option<&u8>, base: u32) -> Option<u32> {
    byte.and_then(|byte| char::from(*byte).to_digit(base))
}
