//! Safe names: one member's path, made so that every extractor puts it inside the root.

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Longest part of a path, in bytes: the limit of ext4, APFS and (in other units) NTFS.
pub(super) const PART_MAX: usize = 255;

/// Longest path, in bytes, the `/` at the end of a folder included. A central directory record with
/// its name and extra fields stays within 65,535 bytes (4.4.10): 46 fixed, at most 64 of extras.
pub(super) const PATH_MAX: usize = 65_535 - 46 - 64;

/// Longest thing after the last dot that is kept when a name is cut, in bytes, with its dot.
const EXTENSION_MAX: usize = 32;

/// Returns `path` as a name that is safe in every extractor.
///
/// The result is relative and in NFC; `/` parts its parts. Empty parts, `.` and `..` are dropped.
/// Controls, bidi controls, `\`, `:` and the other characters that Windows refuses (`< > " | ? *`)
/// become `_`. Dots and spaces at the end of a part are dropped; a part that is left empty
/// becomes `_`. So does a dot before a dot: Python's `shutil.unpack_archive` leaves out, without an
/// error, every file with two dots anywhere in its name, and minizip 1.1 cuts off what stands before them. A DOS device name (`CON`, `nul.txt`) gets a `_` in front. A part is cut to 255 bytes,
/// keeping its extension; folders that would take the path over 65,425 bytes are left out.
///
/// Safe names of different paths can be equal: [`Names`](super::Names) keeps them apart.
///
/// ```text
/// ../../etc/passwd -> etc/passwd      C:\x -> C__x      aux.c -> _aux.c      a..b -> a_.b      "" -> _
/// ```
pub fn safe_name(path: &str) -> String {
    let (parent, last) = split_last(path);
    let mut name = String::with_capacity(path.len());
    let mut part = String::new();
    for folder in parts(parent) {
        safe_part(folder, &mut part);
        if folder_fits(name.len(), part.len()) {
            name.push_str(&part);
            name.push('/');
        }
    }
    safe_part(last, &mut part);
    name.push_str(&part);
    name
}

/// Returns whether a folder named in `part` bytes fits under a parent of `path` bytes (its `/`
/// included), with room for a member of any name in it.
pub(super) fn folder_fits(path: usize, part: usize) -> bool {
    let longest = path + part + 1 + PART_MAX + 1;
    longest <= PATH_MAX
}

/// Returns the parts of `path` that name something.
pub(super) fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| names_something(part))
}

/// Splits `path` into what is above its last part that names something, and that part (empty if
/// there is none).
pub(super) fn split_last(path: &str) -> (&str, &str) {
    let mut rest = path;
    loop {
        match rest.rsplit_once('/') {
            Some((parent, last)) if names_something(last) => return (parent, last),
            Some((parent, _)) => rest = parent,
            None if names_something(rest) => return ("", rest),
            None => return ("", ""),
        }
    }
}

fn names_something(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
}

/// Makes `part`, which holds no `/`, safe, and leaves it in `out`.
pub(super) fn safe_part(part: &str, out: &mut String) {
    out.clear();
    if part.bytes().all(is_plain) {
        out.push_str(part);
    } else if is_nfc(part) {
        out.extend(part.chars().map(allowed));
    } else {
        out.extend(part.nfc().map(allowed));
    }
    out.truncate(out.trim_end_matches(['.', ' ']).len());
    if out.is_empty() {
        out.push('_');
    }
    if out.as_bytes().windows(2).any(|two| two == b"..") {
        let next = out.chars().skip(1).chain(['_']);
        *out = out.chars().zip(next).map(|two| if two == ('.', '.') { '_' } else { two.0 }).collect();
    }
    if out.len() > PART_MAX {
        cut(out, PART_MAX);
    }
    if is_device(out) {
        out.insert(0, '_');
        if out.len() > PART_MAX {
            cut(out, PART_MAX);
        }
    }
}

/// Returns whether `byte` is one of the ASCII characters that [`allowed`] leaves alone and that need no
/// normalising.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
        && !matches!(byte, b'/' | b'\\' | b':' | b'<' | b'>' | b'"' | b'|' | b'?' | b'*')
}

/// Returns `c`, or `_` where some extractor would refuse it or take it for something else.
fn allowed(c: char) -> char {
    match c {
        '/' | '\\' | ':' | '<' | '>' | '"' | '|' | '?' | '*' => '_',
        '\u{61C}' | '\u{200E}' | '\u{200F}' => '_',
        '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '_',
        c if c.is_control() => '_',
        c => c,
    }
}

/// Shortens `name` to `room` bytes (at least 64), keeping a short extension.
fn cut(name: &mut String, room: usize) {
    let (stem, extension) = split_extension(name);
    // No dot before the extension's: it would be two.
    let mut shorter = prefix(stem, room - extension.len()).trim_end_matches('.').to_owned();
    shorter.push_str(extension);
    shorter.truncate(shorter.trim_end_matches(['.', ' ']).len());
    if shorter.is_empty() {
        shorter.push('_');
    }
    *name = shorter;
}

/// Returns the longest prefix of `text` within `room` bytes that ends between two characters.
pub(super) fn prefix(text: &str, room: usize) -> &str {
    let mut end = room.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Splits the extension, with its dot, from `name`. A leading dot starts no extension, and neither
/// does one that is followed by a space or by more than 31 bytes.
pub(super) fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 => {
            let (stem, extension) = name.split_at(dot);
            match extension.len() > EXTENSION_MAX || extension.contains(' ') {
                true => (name, ""),
                false => (stem, extension),
            }
        }
        _ => (name, ""),
    }
}

/// Returns whether Windows takes `name` for a device: the case, an extension and the spaces before it
/// do not matter, and superscript digits count as digits.
fn is_device(name: &str) -> bool {
    if !matches!(
        name.as_bytes().first(),
        Some(b'C' | b'P' | b'A' | b'N' | b'L' | b'c' | b'p' | b'a' | b'n' | b'l')
    ) {
        return false;
    }
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ');
    if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
        .iter()
        .any(|device| stem.eq_ignore_ascii_case(device))
    {
        return true;
    }
    let Some((port, number)) = stem.split_at_checked(3) else { return false };
    let mut number = number.chars();
    (port.eq_ignore_ascii_case("COM") || port.eq_ignore_ascii_case("LPT"))
        && matches!(number.next(), Some('0'..='9' | '\u{B9}' | '\u{B2}' | '\u{B3}'))
        && number.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a1_paths_that_climb_out_are_brought_inside() {
        for (path, safe) in [
            ("../x", "x"),
            ("/x", "x"),
            ("//x", "x"),
            ("C:\\x", "C__x"),
            ("C:/x", "C_/x"),
            ("\\\\srv\\x", "__srv_x"),
            ("..%2f", "_.%2f"),
            ("a/../../b", "a/b"),
            ("..\\..\\x", "_.__._x"),
            ("report..final.txt", "report_.final.txt"),
            ("..foo/.hidden/a....b", "_.foo/.hidden/a___.b"),
            ("a.. /b", "a/b"),
            ("./a/./b", "a/b"),
            ("...", "_"),
            ("a/.../b", "a/_/b"),
            ("", "_"),
            ("/", "_"),
            ("../..", "_"),
        ] {
            assert_eq!(safe_name(path), safe, "{path}");
        }
    }

    #[test]
    fn a3_device_names_streams_and_trailing_spaces_are_renamed() {
        for (path, safe) in [
            ("CON.txt", "_CON.txt"),
            ("lpt1", "_lpt1"),
            ("com\u{B9}.tar.gz", "_com\u{B9}.tar.gz"),
            ("LPT0", "_LPT0"),
            ("conin$", "_conin$"),
            ("CONOUT$.x", "_CONOUT$.x"),
            ("nul .txt", "_nul .txt"),
            ("NUL ", "_NUL"),
            ("aux/x", "_aux/x"),
            ("name:stream", "name_stream"),
            ("x ", "x"),
            ("x. . ", "x"),
            ("COM10", "COM10"),
            ("console", "console"),
            ("COM", "COM"),
            ("com\u{E9}", "com\u{E9}"),
        ] {
            assert_eq!(safe_name(path), safe, "{path}");
        }
    }

    #[test]
    fn controls_and_direction_marks_become_visible() {
        assert_eq!(safe_name("a\0b\nc\u{85}d\u{7F}"), "a_b_c_d_");
        assert_eq!(safe_name("pic\u{202E}gpj.exe"), "pic_gpj.exe");
        assert_eq!(safe_name("\u{2066}x\u{200F}"), "_x_");
        assert_eq!(safe_name("cafe\u{301}"), "caf\u{E9}");
    }

    #[test]
    fn plain_ascii_is_what_is_allowed_as_it_is() {
        for byte in 0..=0x7F_u8 {
            assert_eq!(is_plain(byte), allowed(char::from(byte)) == char::from(byte), "{byte}");
        }
        assert!((0x80..=0xFF).all(|byte| !is_plain(byte)));
    }

    #[test]
    fn a_long_part_is_cut_between_characters_and_keeps_its_extension() {
        let name = safe_name(&format!("{}.jpeg", "\u{20AC}".repeat(200)));
        assert!(name.len() <= 255 && name.len() > 250);
        assert!(name.ends_with("\u{20AC}.jpeg"));
        let device = safe_name(&format!("CON{}X.txt", " ".repeat(300)));
        assert!(device.starts_with("_CON ") && device.ends_with(".txt") && device.len() <= 255);
        assert_eq!(safe_name(&format!("{}.{}", "a".repeat(254), "b".repeat(254))).len(), 254);
    }

    #[test]
    fn a_path_of_any_depth_stays_within_the_name_field() {
        let deep = "d/".repeat(100_000) + "leaf";
        let name = safe_name(&deep);
        assert!(name.len() <= PATH_MAX && name.ends_with("d/leaf"));
        let wide = format!("{}/", "w".repeat(255)).repeat(1000) + &"z".repeat(255);
        assert!(safe_name(&wide).len() < PATH_MAX);
    }

    /// What section 7 of the reliability rules says of one name, in other words than the code.
    pub(crate) fn assert_safe(name: &str) {
        assert!(is_nfc(name), "{name:?}");
        assert!(!name.is_empty() && name.len() <= 65_535);
        for part in name.strip_suffix('/').unwrap_or(name).split('/') {
            assert!(!part.is_empty() && part.len() <= 255, "{name:?}");
            assert!(part != "." && !part.contains(".."), "{name:?}");
            assert!(!part.ends_with('.') && !part.ends_with(' '), "{name:?}");
            assert!(!part.contains(['\\', ':', '\0']), "{name:?}");
            assert!(!part.chars().any(char::is_control), "{name:?}");
            let direction = ('\u{202A}'..='\u{202E}').chain('\u{2066}'..='\u{2069}');
            assert!(!direction.into_iter().any(|c| part.contains(c)), "{name:?}");
            let stem = part.split('.').next().unwrap().trim_end().to_uppercase();
            let devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
            assert!(!devices.contains(&stem.as_str()), "{name:?}");
            for digit in "0123456789\u{B9}\u{B2}\u{B3}".chars() {
                assert!(stem != format!("COM{digit}") && stem != format!("LPT{digit}"), "{name:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn any_text_becomes_a_safe_name_and_a_safe_name_stays(path in any::<String>()) {
            let name = safe_name(&path);
            assert_safe(&name);
            prop_assert_eq!(safe_name(&name), name);
        }

        #[test]
        fn text_made_of_traps_becomes_a_safe_name(
            path in "([./\\\\: ]|CON|com1|\u{B9}|\u{202E}|e\u{301}|\u{20AC}{80}|a{250}|\\.txt|\0){0,12}"
        ) {
            let name = safe_name(&path);
            assert_safe(&name);
            prop_assert_eq!(safe_name(&name), name);
        }
    }
}
