//! Names and paths within a drive.
//!
//! A name is 1 to 255 bytes of UTF-8 without `/`, NUL or control character, and not `.` or `..`;
//! it is kept as given and compared byte by byte. A path is names joined by `/`; one `/` in front
//! means nothing, and the empty path is the root of the drive.

use crate::{Error, Result};

/// The longest name, in bytes.
pub(crate) const MAX_NAME: usize = 255;

/// The most names a path can have.
pub(crate) const MAX_NAMES: usize = 256;

/// Checks that a name can be one.
///
/// # Errors
/// `InvalidArgument` naming what is wrong with it.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let fault = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_NAME {
        "it is longer than 255 bytes"
    } else if name == "." || name == ".." {
        "it would name a folder relative to another"
    } else if name.contains('/') {
        "it holds a slash"
    } else if name.chars().any(char::is_control) {
        "it holds a control character"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("{} cannot be a name: {fault}", shown(name))))
}

/// Splits a path into its names; none are the root.
///
/// # Errors
/// `InvalidArgument` when a name cannot be one, or there are more than [`MAX_NAMES`].
pub(crate) fn names(path: &str) -> Result<Vec<&str>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for name in path.split('/') {
        check_name(name).map_err(|error| error.context(format!("path {}", shown(path))))?;
        if names.len() == MAX_NAMES {
            return Err(Error::invalid(format!("path {} has more than {MAX_NAMES} names", shown(path))));
        }
        names.push(name);
    }
    Ok(names)
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
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a1_what_could_leave_a_folder_is_no_name() {
        let long = "x".repeat(256);
        for name in ["", ".", "..", "a/b", "a\0", "\n", "\u{7f}", "\u{85}", &long] {
            let error = check_name(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.to_string().len() < 200);
            assert!(!error.to_string().contains(char::is_control));
        }
        for name in ["a", "...", " ", "\u{e9}", "C:\\x", "con", &long[1..]] {
            check_name(name).unwrap();
        }
    }

    #[test]
    fn paths_split_into_names() {
        assert!(names("").unwrap().is_empty());
        assert!(names("/").unwrap().is_empty());
        assert_eq!(names("/a/b").unwrap(), ["a", "b"]);
        assert_eq!(names("a/b").unwrap(), ["a", "b"]);
        for path in ["//", "a/", "a//b", "//a", "a/../b"] {
            assert!(names(path).is_err(), "{path}");
        }
        assert!(names(&vec!["a"; MAX_NAMES].join("/")).is_ok());
        assert!(names(&vec!["a"; MAX_NAMES + 1].join("/")).is_err());
    }
}
