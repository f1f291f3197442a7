//! `multipart/byteranges` bodies (RFC 9110, section 14.6), planned to the byte.

use std::ops::Range;

/// A body of several ranges: what to send in turn, and how long that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multipart {
    /// For each range its head, then its bytes.
    pub parts: Vec<Part>,
    /// Closes the body, after the last part.
    pub trailer: Vec<u8>,
    /// Exact length of the whole body, in bytes.
    pub len: u64,
    /// The `Content-Type` of the reply.
    pub content_type: String,
}

/// One part of a [`Multipart`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Delimiter, with the line end before it, and header lines, up to and with the empty line.
    pub head: Vec<u8>,
    /// The bytes of the representation that follow.
    pub range: Range<u64>,
}

impl Multipart {
    /// Plans the body for `ranges` of a representation of `whole_len` bytes, or returns `None` if
    /// its length is beyond 64 bits.
    ///
    /// A line end stands before the first delimiter too, as common servers send it (RFC 2046, section
    /// 5.1.1, has it as an empty preamble): there are clients that wait for it.
    ///
    /// `boundary` is 128 random bits, so that the content cannot hold it. `media_type` is valid, as
    /// [`super::valid_media_type`] says.
    pub fn new(ranges: &[Range<u64>], whole_len: u64, media_type: &str, boundary: u128) -> Option<Multipart> {
        let mut parts = Vec::with_capacity(ranges.len());
        let trailer = format!("\r\n--{boundary:032x}--\r\n").into_bytes();
        let mut len = u64::try_from(trailer.len()).ok()?;
        for range in ranges {
            let head = format!(
                "\r\n--{boundary:032x}\r\nContent-Type: {media_type}\r\nContent-Range: {}\r\n\r\n",
                content_range(range, whole_len),
            )
            .into_bytes();
            len = len.checked_add(u64::try_from(head.len()).ok()?)?;
            len = len.checked_add(range.end.checked_sub(range.start)?)?;
            parts.push(Part { head, range: range.clone() });
        }
        let content_type = format!("multipart/byteranges; boundary={boundary:032x}");
        Some(Multipart { parts, trailer, len, content_type })
    }
}

/// Returns the value of `Content-Range` for a range that is not empty.
pub(super) fn content_range(range: &Range<u64>, whole_len: u64) -> String {
    format!("bytes {}-{}/{whole_len}", range.start, range.end.saturating_sub(1))
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn render(multipart: &Multipart, content: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        for part in &multipart.parts {
            body.extend_from_slice(&part.head);
            body.extend_from_slice(&content[part.range.start as usize..part.range.end as usize]);
        }
        body.extend_from_slice(&multipart.trailer);
        body
    }

    #[test]
    fn two_parts_read_as_the_rfc_shows_them() {
        let multipart = Multipart::new(&[0..2, 8..10], 10, "text/plain", 0xab).unwrap();
        let mark = "000000000000000000000000000000ab";
        let expected = format!(
            "\r\n--{mark}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\
             \r\n--{mark}\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89\
             \r\n--{mark}--\r\n"
        );
        assert_eq!(String::from_utf8(render(&multipart, b"0123456789")).unwrap(), expected);
        assert_eq!(multipart.len, expected.len() as u64);
        assert_eq!(multipart.content_type, format!("multipart/byteranges; boundary={mark}"));
    }

    #[test]
    fn a_length_beyond_64_bits_is_refused() {
        assert!(Multipart::new(&[0..u64::MAX - 200, 0..1], u64::MAX, "a/b", 0).is_none());
        assert!(Multipart::new(&[0..u64::MAX], u64::MAX, "a/b", 0).is_none());
    }

    /// Splits a rendered body at its boundary, as a client would.
    fn split(body: &[u8], boundary: u128) -> Vec<(String, Vec<u8>)> {
        let mark = format!("\r\n--{boundary:032x}").into_bytes();
        let mut rest = body.strip_prefix(mark.as_slice()).unwrap();
        let mut parts = Vec::new();
        while rest != b"--\r\n" {
            let at = rest.windows(mark.len()).position(|window| window == mark).unwrap();
            let empty_line = rest.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
            let head = String::from_utf8(rest[2..empty_line].to_vec()).unwrap();
            parts.push((head, rest[empty_line + 4..at].to_vec()));
            rest = &rest[at + mark.len()..];
        }
        parts
    }

    proptest! {
        #[test]
        fn the_length_is_exact_and_a_client_reads_the_parts_back(
            bounds in prop::collection::vec((0u64..500, 1u64..500), 1..8), boundary: u128,
        ) {
            let content: Vec<u8> = (0..1000u32).map(|n| (n % 251) as u8).collect();
            let ranges: Vec<_> = bounds.iter().map(|(start, len)| *start..start + len).collect();
            let multipart = Multipart::new(&ranges, 1000, "application/pdf", boundary).unwrap();
            let body = render(&multipart, &content);
            prop_assert_eq!(multipart.len, body.len() as u64);
            let parts = split(&body, boundary);
            prop_assert_eq!(parts.len(), ranges.len());
            for ((head, bytes), range) in parts.iter().zip(&ranges) {
                let line = format!("Content-Range: bytes {}-{}/1000", range.start, range.end - 1);
                prop_assert!(head.ends_with(&line));
                prop_assert_eq!(bytes, &content[range.start as usize..range.end as usize]);
            }
        }
    }
}
