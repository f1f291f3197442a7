//! Media types (RFC 9110, section 8.3.1): guessed from names, checked, and judged.

/// The longest media type that is valid, parameters included, in bytes.
const MAX_LEN: usize = 255;
/// What a type is called that is not known.
const UNKNOWN: &str = "application/octet-stream";

/// Returns the media type that the extension of a name stands for, in any case, or
/// `application/octet-stream`.
///
/// `.ts` is an MPEG transport stream, since a store serves more HLS segments to players than
/// TypeScript to people.
pub fn media_type_of(name: &str) -> &'static str {
    let extension = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        _ => return UNKNOWN,
    };
    // No extension that is known is longer; this bounds the work for a hostile name.
    if extension.len() > 32 {
        return UNKNOWN;
    }
    override_of(&extension.to_ascii_lowercase())
        .or_else(|| mime_guess::from_ext(extension).first_raw())
        .unwrap_or(UNKNOWN)
}

/// The extensions that the public table misses, or has under a name that was never registered.
fn override_of(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "br" => "application/x-brotli",
        "cbr" => "application/vnd.comicbook-rar",
        "cbz" => "application/vnd.comicbook+zip",
        "cjs" | "mjs" => "text/javascript",
        "deb" => "application/vnd.debian.binary-package",
        "dmg" => "application/x-apple-diskimage",
        "go" | "ps1" | "rs" | "tsx" => "text/plain",
        "ipynb" => "application/x-ipynb+json",
        "jsonl" => "application/jsonl",
        "m3u8" => "application/vnd.apple.mpegurl",
        "m4a" => "audio/mp4",
        "md" | "markdown" => "text/markdown",
        "ndjson" => "application/x-ndjson",
        "otf" => "font/otf",
        "psd" => "image/vnd.adobe.photoshop",
        "rar" => "application/vnd.rar",
        "rpm" => "application/x-rpm",
        "sqlite" | "sqlite3" => "application/vnd.sqlite3",
        "toml" => "application/toml",
        "ts" | "mts" | "m2ts" => "video/mp2t",
        "usdz" => "model/vnd.usdz+zip",
        "vcf" => "text/vcard",
        "woff" => "font/woff",
        "yaml" | "yml" => "application/yaml",
        "zst" => "application/zstd",
        _ => return None,
    })
}

/// Returns whether a declared media type may be sent as it is: a type, a subtype, and parameters,
/// each named once.
///
/// At most 255 bytes of visible ASCII and spaces. `multipart` types are not valid: on a partial
/// answer they would say that the content is split into parts.
pub fn valid_media_type(text: &str) -> bool {
    if text.len() > MAX_LEN {
        return false;
    }
    let Some((top, rest)) = text.split_once('/') else { return false };
    if !is_token(top) || top.eq_ignore_ascii_case("multipart") {
        return false;
    }
    let (sub, mut rest) = split_token(rest);
    if sub.is_empty() {
        return false;
    }
    let mut names: Vec<&str> = Vec::new();
    while !rest.is_empty() {
        let Some((name, after)) = take_parameter(rest) else { return false };
        if names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return false;
        }
        names.push(name);
        rest = after;
    }
    true
}

/// Splits `; name=value` off, and returns the name and what follows.
fn take_parameter(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(' ').strip_prefix(';')?.trim_start_matches(' ');
    let (name, rest) = split_token(text);
    let rest = rest.strip_prefix('=').filter(|_| !name.is_empty())?;
    if let Some(quoted) = rest.strip_prefix('"') {
        return Some((name, after_quoted(quoted)?));
    }
    let (value, rest) = split_token(rest);
    (!value.is_empty()).then_some((name, rest))
}

/// Returns what follows the closing quote of a quoted string (RFC 9110, section 5.6.4).
fn after_quoted(text: &str) -> Option<&str> {
    let mut bytes = text.bytes().enumerate();
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'"' => return text.get(index..)?.strip_prefix('"'),
            b'\\' => {
                bytes.next().filter(|(_, escaped)| matches!(escaped, 0x20..=0x7e))?;
            }
            0x20..=0x7e => {}
            _ => return None,
        }
    }
    None
}

/// Splits the longest token off the front.
fn split_token(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !is_token_char(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_char)
}

/// `tchar` of RFC 9110, section 5.6.2.
fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// Returns whether content of that type may be shown in a browser on the store's own origin: raster
/// images, audio, video, PDF and plain text.
///
/// Never what can hold a script (HTML, SVG, anything in XML, whose subtypes end in `+xml`), nor what
/// is not listed. Plain text is UTF-8 or says nothing of its characters.
pub fn safe_inline(media_type: &str) -> bool {
    if !valid_media_type(media_type) {
        return false;
    }
    let lower = media_type.to_ascii_lowercase();
    let (essence, parameters) = lower.split_once(';').unwrap_or((&lower, ""));
    let Some((top, sub)) = essence.trim_end_matches(' ').split_once('/') else { return false };
    match top {
        "audio" | "video" => !sub.contains('+') && sub != "xml" && sub != "html",
        "image" => {
            matches!(sub, "png" | "jpeg" | "gif" | "webp" | "avif" | "bmp" | "x-icon" | "vnd.microsoft.icon")
        }
        "application" => sub == "pdf",
        "text" => sub == "plain" && matches!(parameters.trim(), "" | "charset=utf-8" | "charset=\"utf-8\""),
        _ => false,
    }
}

/// Returns whether a valid media type is text that is sent as UTF-8, since it says nothing of its
/// character set: plain text, and what is only guessed to be text. HTML, CSS and scripts are not among
/// it: they have ways of their own to say it, which a header would overrule.
pub(super) fn is_bare_text(media_type: &str, guessed: bool) -> bool {
    let lower = media_type.to_ascii_lowercase();
    let Some(sub) = lower.strip_prefix("text/") else { return false };
    sub == "plain" || guessed && !sub.contains(';') && !matches!(sub, "html" | "css" | "xml" | "javascript")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_give_types_by_their_last_extension() {
        for (name, expected) in [
            ("a.zst", "application/zstd"),
            ("a.ipynb", "application/x-ipynb+json"),
            ("a.usdz", "model/vnd.usdz+zip"),
            ("a.jsonl", "application/jsonl"),
            ("clip.ts", "video/mp2t"),
            ("a.js", "text/javascript"),
            ("a.mjs", "text/javascript"),
            ("a.parquet", "application/vnd.apache.parquet"),
            ("a.wasm", "application/wasm"),
            ("README.md", "text/markdown"),
            ("a.avif", "image/avif"),
            ("a.webp", "image/webp"),
            ("a.opus", "audio/ogg"),
            ("a.m4a", "audio/mp4"),
            ("a.mkv", "video/x-matroska"),
            ("a.heic", "image/heic"),
            ("a.7z", "application/x-7z-compressed"),
            ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            ("a.tar.gz", "application/gzip"),
            ("PHOTO.JPG", "image/jpeg"),
            ("a.svg", "image/svg+xml"),
            ("a.html", "text/html"),
            ("a.rpm", "application/x-rpm"),
            ("notes.TXT", "text/plain"),
            ("Q3.pdf", "application/pdf"),
        ] {
            assert_eq!(media_type_of(name), expected, "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "Makefile",
            ".png",
            "a.",
            "a.unheard",
            "a.\u{e9}",
            &format!("a.{}", "x".repeat(70_000)),
        ] {
            assert_eq!(media_type_of(name), UNKNOWN, "{name:.20}");
        }
    }

    #[test]
    fn every_guessed_type_is_valid() {
        let letters: Vec<char> = ('a'..='z').chain('0'..='9').collect();
        let mut known = 0;
        for a in &letters {
            for b in &letters {
                for c in letters.iter().map(Some).chain([None]) {
                    let name = format!("x.{a}{b}{}", c.map(char::to_string).unwrap_or_default());
                    let guessed = media_type_of(&name);
                    assert!(valid_media_type(guessed), "{name}: {guessed}");
                    known += u32::from(guessed != UNKNOWN);
                }
            }
        }
        assert!(known > 500, "{known}");
    }

    #[test]
    fn valid_types_are_accepted() {
        for text in [
            "text/plain",
            "a/b",
            "application/vnd.oasis.opendocument.text",
            "image/svg+xml",
            "text/plain; charset=utf-8",
            "text/plain;charset=utf-8",
            "text/plain ; charset=\"utf-8\" ;a=b",
            "text/plain; a=\"x;y=\\\"z\\\"\"",
        ] {
            assert!(valid_media_type(text), "{text}");
        }
    }

    #[test]
    fn h6_injected_types_are_refused() {
        for text in [
            "",
            "/",
            "text",
            "text/",
            "/plain",
            "text/plain\r\nSet-Cookie: a=b",
            "text/plain\n",
            "text/plain; charset=utf-8\r\nX: y",
            "text/plain; a=\"x\r\ny\"",
            "text/plain\0",
            "text/plain, text/html",
            "text/plain text/html",
            "text/plain/html",
            "text/plain;",
            "text/plain; ",
            "text/plain; charset",
            "text/plain; charset=",
            "text/plain; =utf-8",
            "text/plain; charset =utf-8",
            "text/plain; charset=\"utf-8",
            "text/plain; charset=\"utf-8\\",
            "text/plain; charset=\"a\"b",
            "text/plain; charset=a b",
            "text/plain; charset=utf-8; CHARSET=utf-7",
            "text/pl\u{e4}in",
            "text/plain; a=\"\u{e4}\"",
            "text/plain; a=\"\\\n\"",
            "text/plain; a=\"\\\u{e4}\"",
            " text/plain",
            "text/plain ",
            "te xt/plain",
            "text/\"plain\"",
            "multipart/byteranges; boundary=x",
            "Multipart/x-mixed-replace",
            &format!("a/{}", "b".repeat(254)),
        ] {
            assert!(!valid_media_type(text), "{text:?}");
        }
    }

    #[test]
    fn h5_only_passive_types_are_shown() {
        for text in [
            "image/png",
            "IMAGE/JPEG",
            "image/gif",
            "image/webp",
            "image/avif",
            "image/bmp",
            "image/x-icon",
            "audio/mpeg",
            "audio/ogg; codecs=opus",
            "video/mp4",
            "application/pdf",
            "text/plain",
            "text/plain; charset=UTF-8",
        ] {
            assert!(safe_inline(text), "{text}");
        }
        for text in [
            "text/html",
            "TEXT/HTML",
            "text/html; charset=utf-8",
            "image/svg+xml",
            "image/svg+xml;a=b",
            "text/xml",
            "application/xml",
            "application/xhtml+xml",
            "audio/x+xml",
            "video/svg+xml",
            "audio/xml",
            "video/html",
            "text/javascript",
            "text/css",
            "text/plain; charset=utf-7",
            "text/plain; a=b",
            "image/svg",
            "image/*",
            "application/octet-stream",
            "application/x-shockwave-flash",
            "multipart/x-mixed-replace",
            "message/rfc822",
            "image/png\r\n",
            "",
            "image",
            "application/pdf, text/html",
        ] {
            assert!(!safe_inline(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn h6_what_is_valid_is_visible_ascii(text in ".{0,30}", like in "[a-z]{1,3}/[a-z]{1,3}[ ;a-z=\"\\\\\r\n\t\u{e9}]{0,12}") {
            for text in [text, like] {
                if valid_media_type(&text) {
                    prop_assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{:?}", text);
                }
                let _ = (safe_inline(&text), media_type_of(&text));
            }
        }
    }
}
