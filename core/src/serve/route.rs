//! Which address of the store a request is for. Pure.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::nowhere;
use crate::store::url::base_path;
use crate::{Error, Result};

/// The longest target that is looked at, in bytes.
pub(crate) const MAX_TARGET: usize = 8 << 10;

/// The most segments that a route has.
const MAX_PARTS: usize = 5;

/// Where a target leads, if it leads anywhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// `d/<token>/<name>`
    Token { token: &'a str, name: Cow<'a, str> },
    /// `f/<link>/<name>` and `f/d/<link>/<name>`
    Link { id: &'a str, name: Cow<'a, str>, save: bool },
    /// `file/content/<entity>/<speed>/<name>`
    #[cfg(feature = "cloudreve")]
    Content { entity: &'a str, speed: &'a str, name: Cow<'a, str>, signed: Signed<'a> },
    /// `file/archive/<archive>/<name>`
    #[cfg(feature = "cloudreve")]
    Archive { id: &'a str, name: Cow<'a, str>, signed: Signed<'a> },
}

/// What the Cloudreve form signs, and the parameters that it looks at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signed<'a> {
    /// The whole path, decoded.
    pub(crate) path: Cow<'a, str>,
    /// The first `sign`, decoded.
    pub(crate) sign: Option<Cow<'a, str>>,
    /// Whether `download` is there and not empty.
    pub(crate) download: bool,
}

/// Finds the route of a target, which is a URL of the store, whole or from its path on.
///
/// # Errors
/// `NotFound` for everything else.
pub(super) fn parse<'a>(base_url: &str, target: &'a str) -> Result<Route<'a>> {
    if target.len() > MAX_TARGET {
        return Err(nowhere());
    }
    let target = target.split_once('#').map_or(target, |(target, _)| target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path_of(path);
    let below = path.strip_prefix(base_path(base_url)).ok_or_else(nowhere)?;
    let (mut parts, mut count) = ([""; MAX_PARTS], 0);
    for part in below.split('/') {
        *parts.get_mut(count).ok_or_else(nowhere)? = part;
        count += 1;
    }
    match *parts.get(..count).unwrap_or_default() {
        ["d", token, name] => Ok(Route::Token { token, name: decode(name)? }),
        ["f", "d", id, name] => Ok(Route::Link { id, name: decode(name)?, save: true }),
        ["f", id, name] => Ok(Route::Link { id, name: decode(name)?, save: false }),
        #[cfg(feature = "cloudreve")]
        ["file", "content", entity, speed, name] => {
            Ok(Route::Content { entity, speed, name: decode_any(name)?, signed: signed(path, query)? })
        }
        #[cfg(feature = "cloudreve")]
        ["file", "archive", id, name] => {
            Ok(Route::Archive { id, name: decode(name)?, signed: signed(path, query)? })
        }
        _ => Err(nowhere()),
    }
}

/// Refuses a path in which a `%` does not start a percent-encoding (RFC 3986, section 2.1): some servers
/// refuse it before we see it, and to take it for itself would give one name two addresses. A target
/// that is too long is not looked at, and leads nowhere.
///
/// # Errors
/// `InvalidArgument`.
pub(crate) fn check_escapes(target: &str) -> Result<()> {
    if target.len() > MAX_TARGET {
        return Ok(());
    }
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let is_escape = |text: &str| text.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !path.split('%').skip(1).all(is_escape) {
        return Err(Error::invalid("a '%' in the address is followed by no two hex digits; write it as %25"));
    }
    Ok(())
}

/// Returns a URL from its path on.
pub(crate) fn path_of(url: &str) -> &str {
    if url.starts_with('/') {
        return url;
    }
    match url.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/")
        }
        _ => url,
    }
}

/// Decodes a text once, which may hold control characters: names of other systems may, and what signs
/// a path signs it as it is. What is no UTF-8 leads nowhere.
pub(crate) fn decode_any(text: &str) -> Result<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().map_err(|_| nowhere())
}

/// Decodes a text once. What is no UTF-8 or holds a control character leads nowhere.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| nowhere())?;
    if decoded.chars().any(char::is_control) {
        return Err(nowhere());
    }
    Ok(decoded)
}

/// Reads what a URL of the Cloudreve form says in its path and query.
///
/// # Errors
/// `NotFound` for what is no UTF-8, and for a `sign` that holds a control character.
pub(crate) fn signed<'a>(path: &'a str, query: &'a str) -> Result<Signed<'a>> {
    // A pair that holds a semicolon is none, as the servers that made these URLs had it.
    let pairs = || query.split('&').filter(|pair| !pair.contains(';'));
    let value = |name: &str| {
        pairs().find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    };
    let sign = match value("sign") {
        Some(text) => Some(match text.contains('+') {
            true => Cow::Owned(decode(&text.replace('+', " "))?.into_owned()),
            false => decode(text)?,
        }),
        None => None,
    };
    let download = value("download").is_some_and(|value| !value.is_empty());
    Ok(Signed { path: decode_any(path)?, sign, download })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn targets_are_found_whole_and_from_their_path_on() {
        let token = |name: &'static str| Route::Token { token: "tok", name: name.into() };
        for (target, name) in [
            ("/d/tok/a%20b.txt", "a b.txt"),
            ("/d/tok/", ""),
            ("/d/tok/x?y=1", "x"),
            ("https://host/d/tok/a", "a"),
            ("/d/tok/a#b", "a"),
        ] {
            assert_eq!(parse("/", target).unwrap(), token(name), "{target}");
        }
        assert_eq!(parse("https://h/files/", "/files/d/tok/a").unwrap(), token("a"));
        assert_eq!(parse("https://h/files/", "https://other/files/d/tok/a").unwrap(), token("a"));
        assert!(parse("/files/", "/d/tok/a").is_err());
    }

    #[test]
    fn t13_odd_paths_lead_nowhere() {
        for target in [
            "",
            "/",
            "/d",
            "/d/",
            "/d/tok",
            "//d/tok/a",
            "/x/../d/tok/a",
            "/D/tok/a",
            "/d/tok/a/b",
            "/%64/tok/a",
        ] {
            assert!(parse("/", target).is_err(), "{target}");
        }
        for name in ["%00", "a%0d%0ab", "%ff", "%c3%28"] {
            assert!(parse("/", &format!("/f/l1/{name}")).is_err(), "{name}");
        }
        assert_eq!(
            parse("/", "/f/l1/%2561").unwrap(),
            Route::Link { id: "l1", name: "%61".into(), save: false },
            "decoded once"
        );
    }

    #[test]
    fn t13_a_percent_sign_that_begins_no_escape_is_refused() {
        for good in ["/f/l1/100%25", "/d/t/%c3%A9", "/d/t/a?b=%zz", "/d/t/a#%"] {
            assert!(check_escapes(good).is_ok(), "{good}");
            assert!(parse("/", good).is_ok(), "{good}");
        }
        for name in ["%", "a%", "%2", "%zz", "a%zzb", "%2g", "%g2", "%%25", "%25%", "%-1", "%+1", "%\u{e9}"] {
            for target in [format!("/f/l1/{name}"), format!("/d/t/{name}?x"), format!("/{name}/d/t/a")] {
                assert_eq!(
                    check_escapes(&target).unwrap_err().kind(),
                    ErrorKind::InvalidArgument,
                    "{target}"
                );
            }
        }
    }

    #[test]
    fn t12_a_huge_target_is_refused_by_its_length() {
        assert!(parse("/", &format!("/d/{}", "a".repeat(10 << 20))).is_err());
    }

    #[test]
    fn the_first_sign_counts_and_a_semicolon_voids_a_pair() {
        let route = parse("/", "/file/content/e/0/a%20b?download=false&sign=a%3A1&sign=b").unwrap();
        let Route::Content { signed, .. } = route else { panic!("content") };
        assert_eq!(signed.path, "/file/content/e/0/a b");
        assert_eq!(signed.sign.as_deref(), Some("a:1"));
        assert!(signed.download);
        let Route::Content { signed, .. } = parse("/", "/file/content/e/0/a?sign=x;y&download=").unwrap()
        else {
            panic!("content")
        };
        assert_eq!((signed.sign, signed.download), (None, false));
    }
}
