//! URLs of the Cloudreve form: a path and an expiry, signed into one query value.
//!
//! The MAC is HMAC-SHA256 over the percent-decoded path, `:` and the expiry in decimal unix seconds,
//! 0 for never. The value is its base64url text with padding (RFC 4648 section 5), `:`, and the expiry
//! again. The rest of the query is not signed, so it can say nothing that matters; every spelling of
//! the same path is the same URL.
//!
//! The form has no key id: [`check`] tries each secret in turn, so rotation does not end a URL.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::mac::{Prepared, agrees, mac, prepare};

/// The base64 text of a MAC, with padding.
const MAC_TEXT_LEN: usize = 44;

/// What is escaped in one segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b':')
    .remove(b'=')
    .remove(b'@');

/// What is escaped in the value of a query; a space becomes `+` besides.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What is wrong with the `sign` value of a URL.
///
/// Each has the code and the message that clients of this form know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignFault {
    /// No `sign`, or nothing after its last `:`.
    ExpiryMissing,
    /// What stands after the last `:` is not a number.
    ExpiryMalformed,
    /// The time is over. Said before the MAC is looked at, so it does not mean that it was genuine.
    Expired,
    /// The MAC is not of this path, expiry and key, or the value is not in its one spelling.
    Invalid,
}

impl SignFault {
    /// Returns the number that goes into the `code` of the answer.
    pub const fn code(self) -> i32 {
        match self {
            SignFault::ExpiryMissing => 403,
            SignFault::ExpiryMalformed | SignFault::Invalid => 40071,
            SignFault::Expired => 40005,
        }
    }

    /// Returns the text that goes into the `msg` of the answer.
    pub const fn message(self) -> &'static str {
        match self {
            SignFault::ExpiryMissing => "expire timestamp is missing",
            SignFault::ExpiryMalformed => "sign expired",
            SignFault::Expired => "signature expired",
            SignFault::Invalid => "invalid sign",
        }
    }
}

impl fmt::Display for SignFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for SignFault {}

/// Signs a percent-decoded path until `expires`, in unix seconds; 0 is never. The empty path is `/`.
///
/// The value goes into a query through [`escape_query`].
///
/// ```
/// use holdall::token::cloudreve::sign;
///
/// assert_eq!(
///     sign(b"0123456789abcdef0123456789abcdef", "/", 1_749_525_301),
///     "i0wf3A8dFus-lWVTLCWEfqI50ubFM2M-QNMcVC9PCu8=:1749525301"
/// );
/// ```
pub fn sign(key: &[u8], decoded_path: &str, expires: i64) -> String {
    CloudreveSigner::new(key).sign(decoded_path, expires)
}

/// Signs many paths with one key, which is prepared once.
pub(crate) struct CloudreveSigner(Prepared);

impl CloudreveSigner {
    pub(crate) fn new(key: &[u8]) -> CloudreveSigner {
        CloudreveSigner(prepare(key))
    }

    /// Signs as [`sign`] does.
    pub(crate) fn sign(&self, decoded_path: &str, expires: i64) -> String {
        let expires = expires.to_string();
        let mac = mac(&self.0, &[signed_path(decoded_path), b":", expires.as_bytes()]);
        format!("{}:{expires}", URL_SAFE.encode(mac))
    }
}

/// Checks the `sign` value of a URL at `now`, in unix seconds, with each of `keys` in turn.
///
/// The order is part of the form: a missing expiry, one that is not a number, one that is over (valid
/// through the whole second that it names), then the MAC and the spelling.
///
/// # Errors
///
/// The first [`SignFault`] in that order.
///
/// # Example
///
/// ```
/// use holdall::token::cloudreve::{SignFault, check, sign};
///
/// let keys: [&[u8]; 1] = [b"0123456789abcdef0123456789abcdef"];
/// let value = sign(keys[0], "/a.txt", 100);
/// assert_eq!(check(&keys, "/a.txt", Some(&value), 100), Ok(()));
/// assert_eq!(check(&keys, "/a.txt", Some(&value), 101), Err(SignFault::Expired));
/// assert_eq!(check(&keys, "/b.txt", Some(&value), 100), Err(SignFault::Invalid));
/// assert_eq!(check(&keys, "/a.txt", None, 100), Err(SignFault::ExpiryMissing));
/// ```
pub fn check(
    keys: &[&[u8]],
    decoded_path: &str,
    sign_param: Option<&str>,
    now: i64,
) -> Result<(), SignFault> {
    let value = sign_param.unwrap_or_default();
    let (mac_text, digits) = value.rsplit_once(':').unwrap_or(("", value));
    if digits.is_empty() {
        return Err(SignFault::ExpiryMissing);
    }
    let expires: i64 = digits.parse().map_err(|_| SignFault::ExpiryMalformed)?;
    if expires != 0 && expires < now {
        return Err(SignFault::Expired);
    }
    if expires.to_string() != digits || mac_text.len() != MAC_TEXT_LEN {
        return Err(SignFault::Invalid);
    }
    let mac = URL_SAFE.decode(mac_text).map_err(|_| SignFault::Invalid)?;
    let message = [signed_path(decoded_path), b":", digits.as_bytes()];
    if keys.iter().any(|key| agrees(&prepare(key), &message, &mac)) {
        Ok(())
    } else {
        Err(SignFault::Invalid)
    }
}

/// Escapes a name for one segment of a path: all but `A-Z a-z 0-9 - _ . ~ $ & + : = @` becomes `%XX`.
///
/// ```
/// use holdall::token::cloudreve::escape_segment;
///
/// assert_eq!(escape_segment("The Man (live).mp3"), "The%20Man%20%28live%29.mp3");
/// ```
pub fn escape_segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// Escapes the value of a query parameter: all but `A-Z a-z 0-9 - _ . ~` becomes `%XX`, a space `+`.
///
/// ```
/// use holdall::token::cloudreve::escape_query;
///
/// assert_eq!(escape_query("8dFu-_s=:1749525301"), "8dFu-_s%3D%3A1749525301");
/// ```
pub fn escape_query(value: &str) -> String {
    utf8_percent_encode(value, QUERY).to_string().replace("%20", "+")
}

fn signed_path(decoded_path: &str) -> &[u8] {
    if decoded_path.is_empty() { b"/" } else { decoded_path.as_bytes() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::token::tests::vectors;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
    const PATH: &str = "/api/v4/file/content/aO8j/0/The Man.mp3";
    const GOOD: &str = "MGEHCDV_IYbv4I_RlWTUENQwzUKiJw0BqPj3I7pbhnI=:1749525301";

    fn verdict(value: &str, now: i64) -> Result<(), SignFault> {
        check(&[KEY], PATH, Some(value), now)
    }

    #[test]
    fn the_shared_vectors_hold() {
        let vectors = vectors("cloudreve.json");
        let key = vectors["key"].as_str().unwrap().as_bytes();
        let rows = vectors["sign"].as_array().unwrap();
        assert_eq!(rows.len(), 5);
        for row in rows {
            let (path, expires) = (row[0].as_str().unwrap(), row[1].as_i64().unwrap());
            let value = row[2].as_str().unwrap();
            assert_eq!(sign(key, path, expires), value);
            assert_eq!(check(&[key], path, Some(value), 1_749_525_301), Ok(()));
        }
        assert_eq!(sign(key, "", 1_749_525_301), sign(key, "/", 1_749_525_301));
    }

    #[test]
    fn the_further_vectors_hold() {
        let quoted = "/api/v4/file/content/aO8j/0/Taylor Swift - Untouchable (Taylor\u{2019}s Version).mp3";
        assert_eq!(
            sign(KEY, quoted, 1_749_525_301),
            "Tda9YjwOessJ-_JnVZxBusmtfHR5izJSZ26M1s6JJnw=:1749525301"
        );
        let request = concat!(
            r#"{"Path":"/api/v4/slave/ping","Header":"X-Cr-Node-Id=1\u0026X-Cr-Version=4.14.0","#,
            r#""Body":"{\"a\":\"\u003c\u0026\u003e\"}"}"#
        );
        assert_eq!(
            sign(KEY, request, 1_749_525_301),
            "rNMmcbJYGcbAkzjl5kGEMpFHdGwtaifV-3i74QCJgbE=:1749525301"
        );
    }

    #[test]
    fn whole_urls_are_the_same_to_the_byte() {
        let hard = "a+b%c&d=e;f,g@i!j~k'm[o]p^q`r{s}t#x$y.txt";
        let rows = [
            (
                0,
                "The Man.mp3",
                1_749_528_415,
                "",
                "The%20Man.mp3?download=true&sign=gKva7c9CzM9AT2wmnCg1jrQ9TywyloboL2kYyVinH9g%3D%3A1749528415",
            ),
            (
                0,
                "Taylor Swift - Untouchable (Taylor\u{2019}s Version).mp3",
                1_749_528_415,
                "",
                "Taylor%20Swift%20-%20Untouchable%20%28Taylor%E2%80%99s%20Version%29.mp3?download=true&sign=mOQPHuO69ZDJgr6fHh9zcmy8cOH9S67eoqFhr_yIVZM%3D%3A1749528415",
            ),
            (
                0,
                hard,
                1_749_528_415,
                "",
                "a+b%25c&d=e%3Bf%2Cg@i%21j~k%27m%5Bo%5Dp%5Eq%60r%7Bs%7Dt%23x$y.txt?download=true&sign=jCJzBTAUQdKLtgN-GWbhteH8G_-1lTdZl3hco4F9pls%3D%3A1749528415",
            ),
            (
                1_048_576,
                "x.txt",
                0,
                "&thumb=true",
                "x.txt?download=true&sign=31B7Z-0eR-R4WtXkJwgf7cq-VwEKu30GuTjYXmq08SA%3D%3A0&thumb=true",
            ),
        ];
        for (speed, name, expires, more, tail) in rows {
            let folder = format!("/api/v4/file/content/aO8j/{speed}");
            let value = sign(KEY, &format!("{folder}/{name}"), expires);
            let segment = escape_segment(name);
            let url = format!("{folder}/{segment}?download=true&sign={}{more}", escape_query(&value));
            assert_eq!(url, format!("{folder}/{tail}"));
        }
    }

    #[test]
    fn every_byte_is_escaped_as_the_form_says() {
        for byte in 0..=0x7fu8 {
            let text = char::from(byte).to_string();
            let escaped = format!("%{byte:02X}");
            let plain = byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
            let segment = plain || b"$&+:=@".contains(&byte);
            assert_eq!(escape_segment(&text), if segment { text.clone() } else { escaped.clone() });
            let query = if plain {
                text
            } else if byte == b' ' {
                "+".into()
            } else {
                escaped
            };
            assert_eq!(escape_query(&char::from(byte).to_string()), query);
        }
        assert_eq!(escape_query("a %20"), "a+%2520");
    }

    #[test]
    fn faults_come_in_the_order_of_the_form() {
        let missing = SignFault::ExpiryMissing;
        assert_eq!(check(&[KEY], PATH, None, 0), Err(missing));
        for value in ["", ":", "abc:", "1749525301:", "MGEH=::"] {
            assert_eq!(verdict(value, 0), Err(missing), "{value}");
        }
        for value in [
            "abc",
            "x:abc",
            "x:1_0",
            "x:0x10",
            "x: 1",
            "x:1 ",
            "x:1.5",
            "x:9223372036854775808",
            "x:+",
            "x:-",
        ] {
            assert_eq!(verdict(value, 0), Err(SignFault::ExpiryMalformed), "{value}");
        }
        for value in ["forged:99", "99", "x:-1", "x:+99", "x:0099"] {
            assert_eq!(
                verdict(value, 100),
                Err(SignFault::Expired),
                "expiry is said before the MAC: {value}"
            );
        }
        for value in ["forged:101", "101", "0", "x:0", ":101", "x:-0"] {
            assert_eq!(verdict(value, 100), Err(SignFault::Invalid), "{value}");
        }
        let codes = [missing, SignFault::ExpiryMalformed, SignFault::Expired, SignFault::Invalid]
            .map(SignFault::code);
        assert_eq!(codes, [403, 40071, 40005, 40071]);
        let messages = [missing, SignFault::ExpiryMalformed, SignFault::Expired, SignFault::Invalid]
            .map(|fault| fault.to_string());
        assert_eq!(
            messages,
            ["expire timestamp is missing", "sign expired", "signature expired", "invalid sign"]
        );
    }

    #[test]
    fn t4_valid_through_the_second_of_its_expiry_and_not_after() {
        assert_eq!(verdict(GOOD, 0), Ok(()));
        assert_eq!(verdict(GOOD, i64::MIN), Ok(()));
        assert_eq!(verdict(GOOD, 1_749_525_301), Ok(()));
        assert_eq!(verdict(GOOD, 1_749_525_302), Err(SignFault::Expired));
        let never = sign(KEY, PATH, 0);
        assert_eq!(verdict(&never, i64::MAX), Ok(()));
        let ancient = sign(KEY, PATH, -1);
        assert_eq!(verdict(&ancient, 0), Err(SignFault::Expired));
    }

    #[test]
    fn t3_only_one_spelling_is_valid() {
        let (mac, expires) = GOOD.split_once(':').unwrap();
        let respelled = [
            format!("{mac}:+{expires}"),
            format!("{mac}:0{expires}"),
            format!(":{GOOD}"),
            format!("x:{GOOD}"),
            format!("{mac}::{expires}"),
            format!("{}:{expires}", mac.trim_end_matches('=')),
            format!("{mac}=:{expires}"),
            format!("{}:{expires}", mac.replace('_', "/")),
            format!(" {GOOD}"),
            format!("{mac} :{expires}"),
            GOOD.replace("hnI=", "hnJ="),
            GOOD.replace("hnI=", "hnK="),
            GOOD.replace("hnI=", "hnL="),
            GOOD.replace('=', "%3D"),
        ];
        for value in respelled {
            assert_eq!(verdict(&value, 0), Err(SignFault::Invalid), "{value}");
        }
        // Also where whoever has the key signed another spelling.
        for digits in ["+1749525301", "01749525301", "-0", "00"] {
            let mac = super::mac(&prepare(KEY), &[PATH.as_bytes(), b":", digits.as_bytes()]);
            let value = format!("{}:{digits}", URL_SAFE.encode(mac));
            assert_eq!(verdict(&value, 0), Err(SignFault::Invalid), "{value}");
        }
    }

    #[test]
    fn t1_any_bit_flip_of_a_cloudreve_value_is_refused() {
        let mut tried = 0;
        for at in 0..GOOD.len() {
            for bit in 0..7 {
                let mut bytes = GOOD.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let value = String::from_utf8(bytes).unwrap();
                assert!(verdict(&value, 0).is_err(), "{value}");
                tried += 1;
            }
        }
        assert_eq!(tried, 7 * GOOD.len());
    }

    #[test]
    fn t8_each_key_is_tried_until_it_is_removed() {
        let (old, new): (&[u8], &[u8]) = (b"old secret of any length", KEY);
        let before = sign(old, PATH, 0);
        let after = sign(new, PATH, 0);
        assert_eq!(check(&[old], PATH, Some(&before), 0), Ok(()));
        for value in [&before, &after] {
            assert_eq!(check(&[new, old], PATH, Some(value), 0), Ok(()));
        }
        assert_eq!(check(&[new], PATH, Some(&before), 0), Err(SignFault::Invalid));
        assert_eq!(check(&[], PATH, Some(&after), 0), Err(SignFault::Invalid));
    }

    #[test]
    fn t13_an_encoded_path_is_not_its_decoded_one() {
        for path in [
            "/api/v4/file/content/aO8j/0/The%20Man.mp3",
            "/api/v4/file/content/aO8j/0/The%2520Man.mp3",
            "/api/v4/file/content/aO8j/0/The Man.mp3\0",
            "/api/v4/file/content/aO8j/0/The\u{a0}Man.mp3",
            "/api/v4/file/content/aO8j/0//The Man.mp3",
            "/api/v4/file/content/aO8j/0/The Man.mp3:1749525301",
        ] {
            assert_eq!(check(&[KEY], path, Some(GOOD), 0), Err(SignFault::Invalid), "{path}");
        }
    }

    #[test]
    fn t12_a_huge_value_is_refused() {
        let huge = format!("{}:1749525301", "A".repeat(10 << 20));
        assert_eq!(verdict(&huge, 0), Err(SignFault::Invalid));
        assert_eq!(verdict(&"1".repeat(10 << 20), 0), Err(SignFault::ExpiryMalformed));
    }

    proptest! {
        #[test]
        fn what_is_signed_is_valid(key: Vec<u8>, path in ".{0,60}", expires in 0i64..) {
            let value = sign(&key, &path, expires);
            prop_assert_eq!(check(&[&key], &path, Some(&value), 0), Ok(()));
            prop_assert_eq!(escape_query(&value), value.replace('=', "%3D").replace(':', "%3A"));
        }

        #[test]
        fn any_value_is_answered(value in ".{0,80}", now: i64) {
            prop_assert!(verdict(&value, now).is_err());
        }

        #[test]
        fn a_name_comes_back_from_its_segment(name in ".{0,60}") {
            let escaped = escape_segment(&name);
            prop_assert!(escaped.is_ascii() && !escaped.contains(['/', '?', '#', ' ', ';']));
            let decoded = percent_encoding::percent_decode_str(&escaped).decode_utf8().unwrap();
            prop_assert_eq!(decoded, name);
        }
    }
}
