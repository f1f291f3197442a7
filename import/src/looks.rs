//! Whether bytes look like what a name says: the only way to see that a key was the wrong one, since the
//! mode of the encryption has no check of its own.

/// How content of some types begins, from which byte on.
const BEGINNINGS: [(usize, &[u8]); 13] = [
    (0, b"\x89PNG"),
    (0, b"\xff\xd8\xff"),
    (0, b"GIF8"),
    (0, b"%PDF"),
    (0, b"PK\x03\x04"),
    (0, b"PK\x05\x06"),
    (0, b"Rar!"),
    (0, b"7z\xbc\xaf"),
    (0, b"\x1f\x8b"),
    (0, b"RIFF"),
    (0, b"ID3"),
    (4, b"ftyp"),
    (0, b"\x1a\x45\xdf\xa3"),
];

/// Names whose content begins with one of these.
const MARKED: [&str; 22] = [
    "png", "jpg", "jpeg", "gif", "pdf", "zip", "docx", "xlsx", "pptx", "odt", "epub", "apk", "jar", "rar",
    "7z", "gz", "webp", "wav", "mp4", "mov", "mkv", "webm",
];

/// Names of text.
const TEXT: [&str; 12] = ["txt", "md", "csv", "json", "xml", "html", "htm", "css", "js", "log", "srt", "vtt"];

/// How many bytes are enough to judge text by: that so many random ones hold no control character is
/// once in 50,000.
pub(super) const ENOUGH: usize = 96;

/// How many are enough where they are UTF-8.
const SHORT: usize = 12;

/// Says whether the beginning of content looks like what its name says; none where that cannot be said.
pub(super) fn looks_right(name: &str, beginning: &[u8]) -> Option<bool> {
    let marked = |bytes: &[u8]| {
        BEGINNINGS.iter().any(|(at, mark)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(mark)))
    };
    let extension = name.rsplit_once('.')?.1.to_ascii_lowercase();
    if MARKED.contains(&extension.as_str()) && beginning.len() >= 16 {
        return Some(marked(beginning));
    }
    if !TEXT.contains(&extension.as_str()) || beginning.is_empty() {
        return None;
    }
    // What was called text and is something else that is known does not speak against the key, and text
    // of two bytes a character has a mark.
    let of_two = beginning.starts_with(&[0xff, 0xfe]) || beginning.starts_with(&[0xfe, 0xff]);
    if of_two || marked(beginning) {
        return Some(true);
    }
    let control = |byte: &u8| *byte == 0x7f || *byte < 0x20 && !b"\t\n\r\x0c\x1b".contains(byte);
    if beginning.iter().any(control) {
        return Some(false);
    }
    // Few random bytes may hold none, so that only more, or such that are UTF-8, speak for the key: a
    // character may be cut off at the end.
    let whole = match std::str::from_utf8(beginning) {
        Ok(_) => true,
        Err(cut) => cut.error_len().is_none(),
    };
    (beginning.len() >= ENOUGH || whole && beginning.len() >= SHORT).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_right_is_distinguished_from_what_does_not() {
        let noise: Vec<u8> =
            (0..200_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
        let (words, gbk) = ("words and words ".repeat(10), [0xc4, 0xe3, 0xba, 0xc3].repeat(40));
        for (name, bytes, looks) in [
            ("a.png", b"\x89PNG\r\n\x1a\n00000000".as_slice(), Some(true)),
            ("a.JPG", b"\x89PNG\r\n\x1a\n00000000", Some(true)),
            ("a.png", &noise, Some(false)),
            ("a.txt", words.as_bytes(), Some(true)),
            ("a.txt", &gbk, Some(true)),
            ("a.txt", &noise, Some(false)),
            ("a.txt", b"\xff\xfea\0b\0", Some(true)),
            ("a.txt", b"a short text", Some(true)),
            ("a.txt", b"\x01\x90ab", Some(false)),
            ("a.txt", b"short", None),
            ("a.bin", &noise, None),
            ("a", &noise, None),
        ] {
            assert_eq!(looks_right(name, bytes), looks, "{name}");
        }
    }
}
