//! Names and paths: what a file may be called, and how names make a path.
//!
//! A name is kept as given and compared byte by byte: no case folding, no normalization. A path is
//! names joined by `/`; the empty path is the root of a drive. There is no `.` and no `..`, so a
//! path never climbs.

use crate::{Error, Result};

/// The longest name, in bytes of UTF-8.
pub const MAX_NAME: usize = 255;

/// The longest path, in bytes of UTF-8, slashes included.
pub const MAX_PATH: usize = 4096;

/// The most names that a path may hold.
pub const MAX_DEPTH: usize = 128;

/// Checks that `name` may name a file or a folder.
///
/// A name is 1 to 255 bytes of UTF-8 without `/`, NUL or another control character (U+0000 to
/// U+001F, U+007F, U+0080 to U+009F), and is neither `.` nor `..`.
///
/// # Errors
///
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument), naming the value and the rule.
///
/// # Example
///
/// ```
/// use holdall::name::check_name;
///
/// assert!(check_name("q3 report.pdf").is_ok());
/// let error = check_name("a/b").unwrap_err();
/// assert_eq!(error.to_string(), "name 'a/b' holds '/': give one name, not a path");
/// ```
pub fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::invalid("a name is empty: give 1 to 255 bytes"));
    }
    if name.len() > MAX_NAME {
        let length = name.len();
        return Err(Error::invalid(format!(
            "name '{}' has {length} bytes of UTF-8: shorten it to 255",
            Shown(name)
        )));
    }
    if name == "." || name == ".." {
        return Err(Error::invalid(format!("name '{name}' stands for a folder in a path: choose another")));
    }
    match name.chars().find(|&c| c == '/' || c.is_control()) {
        None => Ok(()),
        Some('/') => {
            Err(Error::invalid(format!("name '{}' holds '/': give one name, not a path", Shown(name))))
        }
        Some(c) => Err(Error::invalid(format!(
            "name '{}' holds the control character U+{:04X}: remove it",
            Shown(name),
            u32::from(c)
        ))),
    }
}

/// Splits a path into its names; the root has no names.
///
/// One leading and one trailing `/` mean nothing and are accepted. A path has at most 4,096 bytes
/// and 128 names, and every name keeps the rules of [`check_name`].
///
/// # Errors
///
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a path that is too long or too deep,
/// for an empty part (`a//b`), and for a bad name.
///
/// # Example
///
/// ```
/// use holdall::name::split_path;
///
/// assert_eq!(split_path("/reports/q3.pdf").unwrap(), ["reports", "q3.pdf"]);
/// assert!(split_path("").unwrap().is_empty());
/// assert!(split_path("reports/../secret").is_err());
/// ```
pub fn split_path(path: &str) -> Result<Vec<&str>> {
    Ok(Path::parse(path)?.names().collect())
}

/// A path that keeps the rules, in its one normal form: without a slash at either end. Whatever a
/// client wrote, two of these are equal when they lead through the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Path<'a>(&'a str);

impl<'a> Path<'a> {
    /// Reads a path as [`split_path`] does.
    ///
    /// # Errors
    /// As [`split_path`].
    pub(crate) fn parse(path: &'a str) -> Result<Path<'a>> {
        if path.len() > MAX_PATH {
            let length = path.len();
            return Err(Error::invalid(format!(
                "path '{}' has {length} bytes of UTF-8: shorten it to 4096",
                Shown(path)
            )));
        }
        let inner = path.strip_prefix('/').unwrap_or(path);
        if inner.is_empty() {
            return Ok(Path(""));
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        for (depth, name) in inner.split('/').enumerate() {
            if name.is_empty() {
                return Err(Error::invalid(format!(
                    "path '{}' has an empty part: join names by a single '/'",
                    Shown(path)
                )));
            }
            if depth == MAX_DEPTH {
                return Err(Error::invalid(format!("path '{}' is deeper than 128 names", Shown(path))));
            }
            check_name(name)?;
        }
        Ok(Path(inner))
    }

    /// Returns its names, from the root down; the root has none.
    pub(crate) fn names(self) -> impl Iterator<Item = &'a str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// Splits it into its folder and its name; None for the root.
    pub(crate) fn split_last(self) -> Option<(Path<'a>, &'a str)> {
        match self.0.rsplit_once('/') {
            Some((folder, name)) => Some((Path(folder), name)),
            None if self.0.is_empty() => None,
            None => Some((Path(""), self.0)),
        }
    }

    /// Returns its text.
    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }
}

/// Joins a name to the path of its folder; the root is the empty path.
///
/// ```
/// use holdall::name::join;
///
/// assert_eq!(join("", "reports"), "reports");
/// assert_eq!(join("reports", "q3.pdf"), "reports/q3.pdf");
/// ```
pub fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Shows a value in a message: control and invisible characters escaped, at most 60 characters.
struct Shown<'a>(&'a str);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const LIMIT: usize = 60;
        for c in self.0.chars().take(LIMIT) {
            match c {
                '\'' | '"' | '\\' => write!(f, "{c}")?,
                c => write!(f, "{}", c.escape_debug())?,
            }
        }
        if self.0.chars().nth(LIMIT).is_some() { f.write_str("...") } else { Ok(()) }
    }
}

/// Returns a text in quotes, fit for an error: nothing in it that a terminal obeys, and not long.
pub(crate) fn shown(text: &str) -> String {
    let mut start: String = text.chars().take(60).collect();
    if start.len() < text.len() {
        start.push_str("...");
    }
    format!("{start:?}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_text_is_shown_in_quotes_and_not_at_length() {
        assert_eq!(shown("a\u{1b}[2J"), "\"a\\u{1b}[2J\"");
        assert_eq!(shown(&"x".repeat(60)), format!("\"{}\"", "x".repeat(60)));
        assert_eq!(shown(&"x".repeat(61)), format!("\"{}...\"", "x".repeat(60)));
        assert_eq!(shown(&"\u{e9}".repeat(60)), format!("\"{}\"", "\u{e9}".repeat(60)));
    }

    #[test]
    fn every_single_character_is_a_name_unless_a_rule_names_it() {
        for c in '\0'..=char::MAX {
            let refused =
                matches!(c, '/' | '.' | '\u{7f}') || c < '\u{20}' || ('\u{80}'..='\u{9f}').contains(&c);
            assert_eq!(check_name(c.encode_utf8(&mut [0; 4])).is_err(), refused, "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn t13_a_control_character_is_refused_at_any_place() {
        for c in (0..=0x9f).filter_map(char::from_u32).filter(|c| c.is_control()) {
            for name in [format!("{c}ab"), format!("a{c}b"), format!("ab{c}")] {
                let error = check_name(&name).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidArgument);
                assert!(error.to_string().contains(&format!("U+{:04X}", u32::from(c))));
                assert!(!error.to_string().contains(c), "a message must not repeat a control character");
                assert!(split_path(&format!("x/{name}/y")).is_err());
            }
        }
    }

    #[test]
    fn dots_are_names_only_in_company() {
        for name in [".", ".."] {
            assert!(check_name(name).is_err());
            assert!(split_path(&format!("a/{name}/b")).is_err());
            assert!(split_path(name).is_err());
        }
        for name in ["...", ".a", "a.", "..a", ". ", " "] {
            check_name(name).unwrap();
        }
    }

    #[test]
    fn the_length_of_a_name_is_counted_in_bytes() {
        check_name(&"a".repeat(255)).unwrap();
        check_name(&"\u{20ac}".repeat(85)).unwrap();
        for name in ["a".repeat(256), "\u{20ac}".repeat(86), "b".repeat(10 << 20)] {
            let error = check_name(&name).unwrap_err();
            assert!(error.to_string().len() < 400, "the message shows only the start of the name");
        }
        assert!(check_name("").is_err());
    }

    #[test]
    fn one_slash_at_either_end_means_nothing() {
        for path in ["a/b", "/a/b", "a/b/", "/a/b/"] {
            assert_eq!(split_path(path).unwrap(), ["a", "b"]);
        }
        for path in ["", "/"] {
            assert!(split_path(path).unwrap().is_empty());
        }
        for path in ["//", "//a", "a//", "a//b", "///", "/a//b"] {
            let error = split_path(path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{path}");
            assert!(error.to_string().contains(path));
        }
    }

    #[test]
    fn a_path_is_bounded_in_depth_and_bytes() {
        let names = vec!["n"; MAX_DEPTH];
        assert_eq!(split_path(&names.join("/")).unwrap().len(), 128);
        assert!(split_path(&vec!["n"; 129].join("/")).is_err());
        let wide = vec!["x".repeat(255); 16].join("/");
        assert_eq!(wide.len(), 4095);
        assert_eq!(split_path(&wide).unwrap().len(), 16);
        assert_eq!(split_path(&format!("/{wide}")).unwrap().len(), 16);
        assert!(split_path(&format!("/{wide}/")).is_err());
        assert!(split_path(&"/".repeat(10 << 20)).is_err());
    }

    /// Every string of up to six of the characters that matter, against the rules said differently.
    #[test]
    fn short_paths_exhaustively() {
        let letters = ['/', '.', 'a', '\0'];
        let mut paths = vec![String::new()];
        for length in 0..6 {
            let longer: Vec<String> = paths
                .iter()
                .filter(|path| path.len() == length)
                .flat_map(|path| letters.iter().map(move |c| format!("{path}{c}")))
                .collect();
            paths.extend(longer);
        }
        for path in paths {
            let mut parts: Vec<&str> = path.split('/').collect();
            if parts.first() == Some(&"") {
                parts.remove(0);
            }
            if parts.last() == Some(&"") {
                parts.pop();
            }
            let good = path != "//"
                && parts.iter().all(|p| !p.is_empty() && *p != "." && *p != ".." && !p.contains('\0'));
            match split_path(&path) {
                Ok(names) => assert!(good && names == parts, "{path:?}"),
                Err(_) => assert!(!good, "{path:?}"),
            }
        }
    }

    #[test]
    fn every_spelling_of_a_path_is_one_path() {
        for path in ["/a/b", "a/b/", "/a/b/"] {
            assert_eq!(Path::parse(path).unwrap(), Path::parse("a/b").unwrap());
            assert_eq!(Path::parse(path).unwrap().as_str(), "a/b");
        }
        assert_eq!(Path::parse("/").unwrap(), Path::parse("").unwrap());
        let parts = |path| Path::parse(path).unwrap().split_last().map(|(folder, name)| (folder.0, name));
        assert_eq!(parts("/a/b/c/"), Some(("a/b", "c")));
        assert_eq!((parts("c/"), parts("/")), (Some(("", "c")), None));
    }

    proptest! {
        #[test]
        fn splitting_undoes_joining(names in prop::collection::vec("[a-z. ]{1,9}", 0..9)) {
            prop_assume!(names.iter().all(|name| check_name(name).is_ok()));
            let path = names.iter().fold(String::new(), |path, name| join(&path, name));
            prop_assert_eq!(split_path(&path).unwrap(), names);
        }

        #[test]
        fn any_text_is_answered(text in ".{0,300}") {
            let _ = check_name(&text);
            if let Ok(names) = split_path(&text) {
                prop_assert!(names.iter().all(|name| check_name(name).is_ok()));
            }
        }
    }
}
