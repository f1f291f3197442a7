//! File URIs: `cloudreve://[id[:password]@]<my|share|trash|shared_with_me>[/path][?search]`. Pure.
//!
//! A URI is read once, and written again the way clients know: what was escaped rightly stays as it
//! was given, all else is escaped anew. The path is decoded, and cleaned of `//`, `.` and `..`, so
//! it never climbs; `%2F` separates names like `/` does.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Which tree a URI is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    My,
    Share,
    Trash,
    SharedWithMe,
    /// One that nobody knows; an error when it is used.
    Unknown(String),
}

/// A file URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileUri {
    pub(super) tree: Tree,
    /// The user's or the share's hash id; empty if there is none.
    pub(super) id: String,
    pub(super) password: Option<String>,
    /// The names of the path, decoded.
    pub(super) names: Vec<String>,
    /// The whole, as it is written again.
    text: String,
}

/// The longest URI that is read, in bytes.
const MAX_LEN: usize = 16 << 10;

/// What is escaped in a path: what Go's `net/url` does.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// What may stand in a path as it is, besides what [`PATH`] leaves alone.
const PLAIN: &[u8] = b"!'()*[]%";

/// What is escaped in an id or a password.
const USER: &AsciiSet = &PATH.add(b'@').add(b'/').add(b':');

/// What is escaped in a name that the server writes: what JavaScript's `encodeURIComponent` does.
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

impl FileUri {
    /// Reads a URI; none for what is not a URI, or one of another scheme.
    pub(super) fn parse(text: &str) -> Option<FileUri> {
        if text.len() > MAX_LEN || text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return None;
        }
        let (text, fragment) = match text.split_once('#') {
            Some((text, fragment)) => (text, Some(decode(fragment)?)),
            None => (text, None),
        };
        let (scheme, rest) = text.split_once(':')?;
        if !scheme.eq_ignore_ascii_case("cloudreve") {
            return None;
        }
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => match rest.find('/') {
                Some(slash) => rest.split_at_checked(slash)?,
                None => (rest, ""),
            },
            None => ("", rest),
        };
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let (id, password) = match user {
            Some(user) => read_user(user)?,
            None => (String::new(), None),
        };
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=".contains(&byte)) {
            return None;
        }
        let decoded = decode(path)?;
        // The slash is cut off the decoded path: what was escaped otherwise is escaped anew then.
        let (decoded, path) = match decoded.strip_suffix('/') {
            Some(cut) => (cut.to_owned(), escape_path(cut)),
            None => {
                let written = if is_escaped(path) { path.to_owned() } else { escape_path(&decoded) };
                (decoded, written)
            }
        };
        let mut written = "cloudreve:".to_owned();
        if rest.starts_with("//") {
            written.push_str("//");
        }
        if user.is_some() {
            written.push_str(&user_text(&id, password.as_deref()));
        }
        written.push_str(host);
        written.push_str(&path);
        if let Some(query) = query {
            written.push('?');
            written.push_str(query);
        }
        if let Some(fragment) = fragment {
            written.push('#');
            written.push_str(&utf8_percent_encode(&fragment, FRAGMENT).to_string());
        }
        let tree = match host.to_ascii_lowercase().as_str() {
            "my" => Tree::My,
            "share" => Tree::Share,
            "trash" => Tree::Trash,
            "shared_with_me" => Tree::SharedWithMe,
            other => Tree::Unknown(other.to_owned()),
        };
        Some(FileUri { tree, id, password, names: clean(&decoded), text: written })
    }

    /// Writes the URI of what lies at this one, with the names escaped one way.
    pub(super) fn canonical(&self) -> String {
        let mut text = "cloudreve://".to_owned();
        if !self.id.is_empty() {
            text.push_str(&user_text(&self.id, self.password.as_deref()));
        }
        text.push_str(match &self.tree {
            Tree::My => "my",
            Tree::Share => "share",
            Tree::Trash => "trash",
            Tree::SharedWithMe => "shared_with_me",
            Tree::Unknown(other) => other,
        });
        for name in &self.names {
            text.push('/');
            text.extend(utf8_percent_encode(name, NAME));
        }
        text
    }
}

/// Writes the URI again: its key among the faults of a batch.
impl std::fmt::Display for FileUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

const FRAGMENT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'%');

fn user_text(id: &str, password: Option<&str>) -> String {
    let mut text = utf8_percent_encode(id, USER).to_string();
    if let Some(password) = password {
        text.push(':');
        text.extend(utf8_percent_encode(password, USER));
    }
    text.push('@');
    text
}

fn read_user(user: &str) -> Option<(String, Option<String>)> {
    if !user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte)) {
        return None;
    }
    match user.split_once(':') {
        Some((id, password)) => Some((decode(id)?, Some(decode(password)?))),
        None => Some((decode(user)?, None)),
    }
}

/// Decodes a text; none where a `%` is not followed by two hex digits, or it is no UTF-8.
fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('%') {
        let hex = bytes.get(at + 1..at + 3)?;
        if !hex.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
    }
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn escape_path(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// Tells whether a path whose escapes are good needs no other.
fn is_escaped(path: &str) -> bool {
    path.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte) || PLAIN.contains(&byte))
}

/// Splits a path into names, without empty ones and `.`; `..` takes the one before it away.
fn clean(path: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name.to_owned()),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> FileUri {
        FileUri::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn the_parts_are_read() {
        let uri = read("Cloudreve://zGetJ:p%40ss@Share/a%20b/c.txt?name=x");
        assert_eq!((uri.tree.clone(), uri.id.as_str()), (Tree::Share, "zGetJ"));
        assert_eq!(uri.password.as_deref(), Some("p@ss"));
        assert_eq!(uri.names, ["a b", "c.txt"]);
        assert_eq!(uri.to_string(), "cloudreve://zGetJ:p%40ss@Share/a%20b/c.txt?name=x");
        assert_eq!(uri.canonical(), "cloudreve://zGetJ:p%40ss@share/a%20b/c.txt");
        for (text, tree) in [
            ("cloudreve://my", Tree::My),
            ("cloudreve://my/", Tree::My),
            ("cloudreve://trash/x", Tree::Trash),
            ("cloudreve://shared_with_me", Tree::SharedWithMe),
            ("cloudreve://foo/x", Tree::Unknown("foo".into())),
            ("cloudreve:my/x", Tree::Unknown(String::new())),
        ] {
            assert_eq!(read(text).tree, tree, "{text}");
        }
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for text in [
            "",
            "my/a.txt",
            "/a.txt",
            "http://my/a.txt",
            "cloudreve2://my/a",
            "cloudreve://my/%",
            "cloudreve://my/%4",
            "cloudreve://my/%zz",
            "cloudreve://my/%ff",
            "cloudreve://my/a\nb",
            "cloudreve://my/\u{7f}",
            "cloudreve://a b@my/x",
            "cloudreve://m y/x",
            "cloudreve://my/x#%",
        ] {
            assert_eq!(FileUri::parse(text), None, "{text:?}");
        }
        assert_eq!(FileUri::parse(&format!("cloudreve://my/{}", "a".repeat(10 << 20))), None);
    }

    #[test]
    fn a_path_is_cleaned_and_never_climbs() {
        for (path, names) in [
            ("", vec![]),
            ("/", vec![]),
            ("/a//b", vec!["a", "b"]),
            ("/./a/.", vec!["a"]),
            ("/a/../b", vec!["b"]),
            ("/../../etc/passwd", vec!["etc", "passwd"]),
            ("/%2e%2e/%2E./x", vec!["x"]),
            ("/a%2Fb", vec!["a", "b"]),
            ("/a+b", vec!["a+b"]),
            ("/\u{e9}%C3%A9 x", vec!["\u{e9}\u{e9} x"]),
            ("/a%252Fb", vec!["a%2Fb"]),
        ] {
            assert_eq!(read(&format!("cloudreve://my{path}")).names, names, "{path}");
        }
    }

    #[test]
    fn escapes_stay_as_they_were_given_where_they_are_good() {
        for (given, written) in [
            ("/a%28b%29", "/a%28b%29"),
            ("/a(b)", "/a(b)"),
            ("/Taylor%20(x)/", "/Taylor%20%28x%29"),
            ("/Taylor%20(x)", "/Taylor%20(x)"),
            ("/a b", "/a%20b"),
            ("/a b(c)", "/a%20b%28c%29"),
            ("/\u{e9}", "/%C3%A9"),
            ("/a%c3%a9", "/a%c3%a9"),
            ("/a/", "/a"),
            ("/a//", "/a/"),
            ("/", ""),
            ("/x?name=a b", "/x?name=a b"),
            ("/x?", "/x?"),
            ("/x#y", "/x#y"),
        ] {
            let uri = read(&format!("cloudreve://my{given}"));
            assert_eq!(uri.to_string(), format!("cloudreve://my{written}"), "{given}");
        }
        let uri = read("cloudreve://my/The%20Man%20(live)%21*'.mp3");
        assert_eq!(uri.canonical(), "cloudreve://my/The%20Man%20(live)!*'.mp3");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(cloudreve://)?.{0,60}") {
            if let Some(uri) = FileUri::parse(&text) {
                prop_assert!(uri.names.iter().all(|name| !matches!(name.as_str(), "" | "." | "..")));
                let again = FileUri::parse(&uri.canonical());
                prop_assert!(matches!(uri.tree, Tree::Unknown(_)) || again.is_some_and(|again| again.names == uri.names));
            }
        }
    }
}
