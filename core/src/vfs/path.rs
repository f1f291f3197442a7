//! Paths inside a store: relative, `/` between the parts, no part that leads elsewhere.

use std::io;

/// Splits a path into its directory (`""` for the store's own) and its last part.
///
/// # Errors
/// `InvalidInput` for an empty path and for every path that [`check`] refuses.
pub(super) fn split(path: &str) -> io::Result<(&str, &str)> {
    if path.is_empty() {
        return Err(invalid("the path is empty; name a file below the store's directory"));
    }
    check(path)?;
    Ok(path.rsplit_once('/').unwrap_or(("", path)))
}

/// Returns the parts of a directory's path, none for the store's own.
///
/// # Errors
/// `InvalidInput` for a part that is empty, `.`, `..` or holds a NUL.
pub(super) fn parts(path: &str) -> io::Result<impl Iterator<Item = &str>> {
    check(path)?;
    Ok(path.split('/').filter(|part| !part.is_empty()))
}

fn check(path: &str) -> io::Result<()> {
    let bad = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains('\0');
    if !path.is_empty() && path.split('/').any(bad) {
        let shown = path.escape_default();
        return Err(invalid(format!("the path \"{shown}\" is not relative names joined by one /")));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_splits_at_its_last_slash() {
        assert_eq!(split("meta").unwrap(), ("", "meta"));
        assert_eq!(split("blob/ab/id").unwrap(), ("blob/ab", "id"));
        assert_eq!(parts("blob/ab").unwrap().collect::<Vec<_>>(), ["blob", "ab"]);
        assert_eq!(parts("").unwrap().count(), 0);
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        for bad in ["", "/", "/etc/passwd", "a//b", "a/", "..", "a/../b", "./a", "a/.", "a\0b"] {
            assert_eq!(split(bad).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{bad:?}");
        }
    }
}
