//! Values as the command line writes them: times, addresses, networks, offsets.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use holdall::Time;
use holdall::token::Network;

/// Reads a token and the drive that it is of.
pub(super) fn token(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((token, drive)) if token.len() >= 16 && !drive.is_empty() => {
            Ok((token.to_owned(), drive.to_owned()))
        }
        _ => Err("it takes a token of at least 16 characters, '=' and the name of a drive".to_owned()),
    }
}

/// Reads an address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not an address; one looks like 127.0.0.1:8420 or [::1]:8420"))
}

/// Reads a duration: a number and `s`, `m`, `h` or `d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("{text:?} is not a duration; one looks like 90s, 15m, 1h or 7d");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        _ => return Err(invalid()),
    };
    let digits = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    let number: u64 = digits.parse().map_err(|_| invalid())?;
    Ok(Duration::from_secs(number.checked_mul(unit).ok_or_else(invalid)?))
}

/// Reads a time: RFC 3339, or seconds since 1970.
pub(super) fn time(text: &str) -> Result<Time, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Time::from_unix(seconds));
    }
    let read = text.parse::<jiff::Timestamp>();
    read.map(|time| Time(time.as_microsecond()))
        .map_err(|_| format!("{text:?} is not a time; one looks like 2026-11-28T09:30:00Z"))
}

/// Reads the beginning of a path in a database, and the folder that it is now.
pub(super) fn map(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.into())),
        _ => Err(format!(
            "{text:?} is not of the form OLD=NEW; one looks like /cloudreve/data/uploads=/srv/uploads"
        )),
    }
}

/// Reads an offset from UTC, hours, or hours and minutes, as minutes.
pub(super) fn offset_minutes(text: &str) -> Result<i16, String> {
    let invalid = || format!("{text:?} is not an offset; one looks like +08:00, -03 or Z");
    if text == "Z" {
        return Ok(0);
    }
    let (sign, ahead) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(ahead), _) => (1, ahead),
        (_, Some(behind)) => (-1, behind),
        _ => return Err(invalid()),
    };
    let (hours, minutes) = ahead.split_once(':').unwrap_or((ahead, "00"));
    let two = |digits: &str, under: i16| {
        let is_two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|number: &i16| is_two && *number < under).ok_or_else(invalid)
    };
    Ok(sign * (two(hours, 24)? * 60 + two(minutes, 60)?))
}

/// Reads a network: an address, or an address and the length of its prefix.
pub(super) fn network(text: &str) -> Result<Network, String> {
    let invalid = || format!("{text:?} is not a network; one looks like 192.0.2.0/24 or 192.0.2.7");
    match text.split_once('/') {
        Some((address, prefix)) => {
            let address = address.parse().map_err(|_| invalid())?;
            Network::new(address, prefix.parse().map_err(|_| invalid())?).map_err(|error| error.to_string())
        }
        None => Ok(Network::host(text.parse().map_err(|_| invalid())?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_from_utc_is_minutes() {
        for (text, minutes) in [("Z", 0), ("+08:00", 480), ("-03", -180), ("+05:45", 345), ("-23:59", -1439)]
        {
            assert_eq!(offset_minutes(text), Ok(minutes), "{text}");
        }
        for text in ["", "+", "8", "+8", "+24", "+08:60", "+08:0", "CET", "+-8:00", "+08:00:00"] {
            assert!(offset_minutes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn t5_no_duration_overflows() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
        for text in
            ["", "s", "1", "1w", "-1s", "+1s", "1.5h", "99999999999999999999s", "18446744073709551615d"]
        {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_network_is_an_address_with_or_without_a_prefix() {
        assert_eq!(network("192.0.2.0/24").unwrap().to_string(), "192.0.2.0/24");
        assert_eq!(network("::1").unwrap().prefix(), 128);
        for text in ["", "192.0.2", "192.0.2.0/33", "192.0.2.0/-1", "/24"] {
            assert!(network(text).is_err(), "{text:?}");
        }
    }
}
