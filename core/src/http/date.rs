//! HTTP dates (RFC 9110, section 5.6.7), as whole seconds since 1970-01-01T00:00:00Z.

use std::time::{Duration, UNIX_EPOCH};

use super::OWS;

/// The first second that has no HTTP date: 10000-01-01T00:00:00Z.
const END: i64 = 253_402_300_800;

/// Returns the date in the one form to send, or `None` before 1970 and after 9999.
///
/// `784111777` gives `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn format_date(unix_seconds: i64) -> Option<String> {
    let seconds = u64::try_from(unix_seconds).ok().filter(|_| has_date(unix_seconds))?;
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    Some(httpdate::fmt_http_date(time))
}

/// Returns whether a time has a date: whether it is from 1970 on and before the year 10000.
pub(super) fn has_date(unix_seconds: i64) -> bool {
    (0..END).contains(&unix_seconds)
}

/// Reads a date in any of the three forms (IMF-fixdate, RFC 850, asctime), or returns `None`: a
/// field that holds no date is ignored.
///
/// Years of two digits are 1970 to 2069. A date before 1970 is not read.
pub fn parse_date(text: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(text.trim_matches(OWS)).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_three_forms_of_the_rfc_are_one_time() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse_date(text), Some(784_111_777), "{text}");
        }
        assert_eq!(format_date(784_111_777).unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn times_out_of_range_have_no_date() {
        for seconds in [i64::MIN, -1, 253_402_300_800, i64::MAX] {
            assert_eq!(format_date(seconds), None, "{seconds}");
        }
        assert_eq!(format_date(0).unwrap(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(format_date(253_402_300_799).unwrap(), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn what_is_no_date_is_ignored() {
        for text in [
            "",
            "0",
            "784111777",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "S\u{fc}n, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_survives_the_round_trip(seconds in 0i64..253_402_300_800) {
            prop_assert_eq!(parse_date(&format_date(seconds).unwrap()), Some(seconds));
        }

        #[test]
        fn nothing_makes_it_panic(text in ".{0,40}", like in "[A-Za-z0-9,: -]{18,34}", seconds: i64) {
            let _ = (parse_date(&text), parse_date(&like), format_date(seconds));
        }
    }
}
