//! `Content-Disposition` (RFC 6266, RFC 8187).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The longest name that is sent, in bytes of UTF-8.
const MAX_NAME_LEN: usize = 255;
/// The longest extension that survives the cut, in bytes, its dot included.
const MAX_EXTENSION_LEN: usize = 32;
/// What a name is called that has nothing left.
const NAMELESS: &str = "download";
/// All but `attr-char` of RFC 8187, section 3.2.1.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// What a browser does with a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// Saves it as a file.
    #[default]
    Attachment,
    /// Shows it.
    Inline,
}

impl Disposition {
    /// Returns the word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Disposition::Attachment => "attachment",
            Disposition::Inline => "inline",
        }
    }
}

/// Returns the value of `Content-Disposition` that names a reply `name`, whatever `name` holds.
///
/// Control and bidirectional control characters are removed and a slash becomes `_`; the rest is cut
/// to 255 bytes of UTF-8, keeping the extension; a name that is empty, `.` or `..` by then becomes
/// `download`. `filename` is that name for every client, with `_` for `"`, `\` and what is not ASCII.
/// Where it differs, or holds a `%` or `;` that clients read in two ways (RFC 6266, appendix D),
/// `filename*` is the name itself.
///
/// `na\u{ef}ve plan.txt` gives `attachment; filename="na_ve plan.txt"; filename*=UTF-8''na%C3%AFve%20plan.txt`.
pub fn content_disposition(kind: Disposition, name: &str) -> String {
    if is_plain(name) {
        return [kind.as_str(), "; filename=\"", name, "\""].concat();
    }
    any_disposition(kind, name)
}

fn any_disposition(kind: Disposition, name: &str) -> String {
    let name = cut(clean(name));
    let fits = |c: char| c.is_ascii() && !matches!(c, '"' | '\\');
    let plain: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    let kind = kind.as_str();
    if plain == name && !name.contains(['%', ';']) {
        return format!("{kind}; filename=\"{plain}\"");
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, NOT_ATTR_CHAR))
}

/// Returns whether a name goes as it is: most do.
fn is_plain(name: &str) -> bool {
    let fits = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'%' | b';' | b'/');
    name.len() <= MAX_NAME_LEN && name.bytes().all(fits) && !is_nameless(name)
}

/// Returns the name without what could deceive a terminal, a dialog or a path.
fn clean(name: &str) -> String {
    let name: String =
        name.chars().filter(|c| !is_deceptive(*c)).map(|c| if c == '/' { '_' } else { c }).collect();
    if is_nameless(&name) { NAMELESS.to_owned() } else { name }
}

fn is_nameless(name: &str) -> bool {
    matches!(name.trim(), "" | "." | "..")
}

/// Returns whether `c` is a control character, or one that turns the direction of text.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Cuts a name to [`MAX_NAME_LEN`] at a character's edge, before its extension if that is short.
fn cut(name: String) -> String {
    if name.len() <= MAX_NAME_LEN {
        return name;
    }
    let extension = name
        .rfind('.')
        .and_then(|dot| name.get(dot..))
        .filter(|extension| extension.len() <= MAX_EXTENSION_LEN)
        .unwrap_or_default();
    let room = MAX_NAME_LEN.saturating_sub(extension.len());
    let stem = (0..=room).rev().find_map(|end| name.get(..end)).unwrap_or_default();
    format!("{stem}{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BIDI: &str =
        "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";

    fn attachment(name: &str) -> String {
        content_disposition(Disposition::Attachment, name)
    }

    /// Reads the two names back as a client does: the quoted one, and the encoded one.
    fn read(value: &str) -> (String, Option<String>) {
        let rest = value.strip_prefix("attachment; filename=\"").unwrap();
        let (plain, rest) = rest.split_once('"').unwrap();
        if rest.is_empty() {
            return (plain.to_owned(), None);
        }
        let encoded = rest.strip_prefix("; filename*=UTF-8''").unwrap();
        assert!(
            encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%".contains(&b)),
            "{encoded}"
        );
        let name = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap();
        (plain.to_owned(), Some(name.into_owned()))
    }

    fn name_of(value: &str) -> String {
        let (plain, full) = read(value);
        full.unwrap_or(plain)
    }

    #[test]
    fn plain_names_need_one_parameter() {
        assert_eq!(attachment("Q3.pdf"), "attachment; filename=\"Q3.pdf\"");
        assert_eq!(attachment("a b (1)'.tar.gz"), "attachment; filename=\"a b (1)'.tar.gz\"");
        assert_eq!(content_disposition(Disposition::Inline, "x"), "inline; filename=\"x\"");
    }

    #[test]
    fn other_names_need_two() {
        assert_eq!(
            attachment("\u{9060}\u{91ce} - a+b (1).mp3"),
            "attachment; filename=\"__ - a+b (1).mp3\"; filename*=UTF-8''%E9%81%A0%E9%87%8E%20-%20a+b%20%281%29.mp3"
        );
        assert_eq!(
            attachment("na\u{ef}ve plan.txt"),
            "attachment; filename=\"na_ve plan.txt\"; filename*=UTF-8''na%C3%AFve%20plan.txt"
        );
    }

    #[test]
    fn h1_line_breaks_are_inert() {
        let value = attachment("a\r\nSet-Cookie: x=1\r\n\r\n<p>.txt\0");
        assert_eq!(value, "attachment; filename=\"aSet-Cookie: x=1<p>.txt\"");
    }

    #[test]
    fn h2_quotes_and_parameters_stay_inside_one_name() {
        for name in [
            "a\".txt",
            "a\\\".txt",
            "%22a%22.txt",
            "a.txt\"; filename*=UTF-8''evil.exe",
            "a;b.txt",
            "100%.txt",
        ] {
            let value = attachment(name);
            assert_eq!(name_of(&value), name);
            assert_eq!(
                value.matches("filename*=").count(),
                1 + name.matches("filename*=").count(),
                "{value}"
            );
            let (plain, _) = read(&value);
            assert!(!plain.contains(['"', '\\']), "{plain}");
        }
        let value = attachment("a.txt\"; filename*=UTF-8''evil.exe");
        let expected = "filename=\"a.txt_; filename*=UTF-8''evil.exe\"; filename*=UTF-8''a.txt%22%3B%20filename%2A%3DUTF-8%27%27evil.exe";
        assert_eq!(value, format!("attachment; {expected}"));
    }

    #[test]
    fn h3_bidi_overrides_are_gone_from_both_names() {
        assert_eq!(attachment("invoice\u{202e}gpj.exe"), "attachment; filename=\"invoicegpj.exe\"");
        let value = attachment(&format!("{BIDI}\u{e9}{BIDI}.exe"));
        assert_eq!(read(&value), ("_.exe".into(), Some("\u{e9}.exe".into())));
    }

    #[test]
    fn h4_long_names_are_cut_before_the_extension() {
        for (name, expected) in [
            ("x".repeat(65_536) + ".pdf", "x".repeat(251) + ".pdf"),
            ("\u{e9}".repeat(40_000) + ".pdf", "\u{e9}".repeat(125) + ".pdf"),
            ("x".repeat(300), "x".repeat(255)),
            ("a.".to_owned() + &"x".repeat(300), "a.".to_owned() + &"x".repeat(253)),
            ("x".repeat(255), "x".repeat(255)),
        ] {
            assert_eq!(name_of(&attachment(&name)), expected);
        }
    }

    #[test]
    fn nothing_left_is_a_download() {
        for name in ["", " ", ".", "..", "\r\n", "\u{202e}", "\u{85}"] {
            assert_eq!(attachment(name), "attachment; filename=\"download\"", "{name:?}");
        }
        assert_eq!(read(&attachment("\";\"")), ("_;_".into(), Some("\";\"".into())));
        assert_eq!(attachment("../../etc/passwd"), "attachment; filename=\".._.._etc_passwd\"");
    }

    proptest! {
        #[test]
        fn a_plain_name_takes_the_short_way_to_the_same_value(name in "[ -~]{0,8}") {
            let kind = Disposition::Inline;
            prop_assert_eq!(content_disposition(kind, &name), any_disposition(kind, &name));
        }

        #[test]
        fn h1_every_value_is_visible_ascii_and_reads_back(name in any::<String>(), wild in "[\\PC\r\n\u{202a}-\u{2069}\"%;/.]{0,300}") {
            for name in [name, wild] {
                let value = attachment(&name);
                prop_assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{value}");
                prop_assert!(name_of(&value).len() <= MAX_NAME_LEN);
                prop_assert!(!name_of(&value).chars().any(is_deceptive));
            }
        }

        #[test]
        fn h2_names_without_forbidden_characters_round_trip(name in "[^\\p{Cc}/\u{61c}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}]{1,60}") {
            prop_assume!(!is_nameless(&name));
            prop_assert_eq!(name_of(&attachment(&name)), name);
        }
    }
}
