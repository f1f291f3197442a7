//! Times as a database has them, and the time zone of those without an offset.
//!
//! `MySQL` and `MariaDB` hold them in the server's zone, without an offset. What lies in the trash has
//! one time twice: that of a row, and the Unix time at which it is to be collected, which is later by
//! what the group of its owner has.

use std::collections::BTreeMap;

use holdall::{Error, ErrorKind, Result, Time};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::row::{has, rows, text};

/// How far apart the two times may be, in seconds: they are written one after the other.
const APART: i64 = 5;

/// What offsets are multiples of, in seconds.
const QUARTER: i64 = 900;

/// The farthest that a zone is from UTC, in seconds.
const FARTHEST: i64 = 14 * 3600;

/// The most weeks that are looked at: 40 years.
const WEEKS: usize = 2080;

/// The zone of times without an offset.
pub(super) struct Clock(TimeZone);

impl Clock {
    /// Returns the clock of a database: the one that is given, or else the one that it tells itself.
    /// None if its times have no offset and nothing in it shows the zone, or not enough.
    pub(super) fn of(db: &Connection, given: Option<&str>) -> rusqlite::Result<Option<Clock>> {
        let zone = match given {
            Some(given) => zone_of(given),
            None if !bears_none(db)? => Some(TimeZone::UTC),
            None => found(db)?,
        };
        Ok(zone.map(Clock))
    }

    /// Reads the text of a time.
    fn time(&self, text: &str) -> Option<Time> {
        time_of(text, &self.0)
    }
}

/// Reads an offset from UTC, or the name of a zone.
fn zone_of(text: &str) -> Option<TimeZone> {
    let pieces = format!("2000-01-01T00:00:00{text}");
    match pieces.parse::<jiff::Timestamp>() {
        Ok(at) => {
            let ahead = 946_684_800_i64.checked_sub(at.as_second())?;
            Some(Offset::from_seconds(i32::try_from(ahead).ok()?).ok()?.to_time_zone())
        }
        Err(_) => TimeZone::get(text).ok(),
    }
}

/// Checks that a text is an offset from UTC, of hours or of hours and minutes, or the name of a zone.
///
/// # Errors
/// `InvalidArgument` if it is none.
pub(super) fn check(offset: &str) -> Result<()> {
    zone_of(offset).map(|_| ()).ok_or_else(|| {
        let message = format!(
            "{offset:?} is neither an offset nor a known time zone; one looks like +08:00, -03, Z or \
             Europe/Berlin"
        );
        Error::new(ErrorKind::InvalidArgument, message)
    })
}

/// Returns whether there are times without an offset.
fn bears_none(db: &Connection) -> rusqlite::Result<bool> {
    for (table, column) in [("files", "updated_at"), ("entities", "updated_at"), ("shares", "expires")] {
        if !has(db, table, column) {
            continue;
        }
        let query = format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT 1000");
        let found = rows(db, &query, |row| text(row, 0))?;
        // With an offset of its own a text is the same time under any other.
        let other = Offset::constant(1).to_time_zone();
        let differs = |text: String| time_of(&text, &other) != time_of(&text, &TimeZone::UTC);
        if found.into_iter().flatten().any(differs) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the zone that what lies in the trash tells: each thing has the time at which it was put there
/// twice, and so the offset that the clock had then. A zone may have had another at other times, so all
/// zones that had these must agree on when the server wrote, and on when its shares end.
fn found(db: &Connection) -> rusqlite::Result<Option<TimeZone>> {
    let columns = [("metadata", "created_at"), ("users", "group_users"), ("groups", "settings")];
    if !columns.iter().all(|(table, column)| has(db, table, column)) {
        return Ok(None);
    }
    let query = "SELECT m.created_at, m.value, g.settings FROM metadata m JOIN files f ON f.id = m.file_id \
                 JOIN users u ON u.id = f.owner_id JOIN \"groups\" g ON g.id = u.group_users \
                 WHERE m.name = 'sys:expected_collect_time' AND m.deleted_at IS NULL";
    let found = rows(db, query, |row| Ok((text(row, 0)?, text(row, 1)?, text(row, 2)?)))?;
    let mut seen = BTreeMap::new();
    for (written, collected, settings) in found {
        let all = written.zip(collected).zip(settings);
        let Some((at, offset)) = all.and_then(|((w, c), s)| offset_of(&w, &c, &s)) else { return Ok(None) };
        seen.insert(at, offset);
    }
    let Some(first) = seen.values().next().copied() else { return Ok(None) };
    let fixed = Offset::from_seconds(first).ok().map(Offset::to_time_zone);
    let zones: Vec<TimeZone> = jiff::tz::db()
        .available()
        .filter_map(|name| TimeZone::get(name.as_str()).ok())
        .filter(|zone| {
            let had = |(at, offset): (&i64, &i32)| {
                let at = jiff::Timestamp::from_second(*at);
                at.is_ok_and(|at| zone.to_offset(at).seconds() == *offset)
            };
            seen.iter().all(had)
        })
        .collect();
    if zones.is_empty() {
        // No zone is known here, or none has that clock: what all say alike is taken.
        return Ok(fixed.filter(|_| seen.values().all(|offset| *offset == first)));
    }
    let times = times_that_count(db)?;
    let read = |zone: &TimeZone| times.iter().map(|time| unix_of(*time, zone)).collect::<Vec<_>>();
    let mut zones = zones.into_iter();
    let Some(one) = zones.next() else { return Ok(None) };
    let as_one = read(&one);
    if !zones.all(|zone| read(&zone) == as_one) {
        return Ok(None);
    }
    // On older times, which clients gave for their files, they may differ, and nothing says whose is
    // right. Where the clock was never seen to change, it is taken to be one that does not.
    Ok(Some(fixed.filter(|zone| read(zone) == as_one).unwrap_or(one)))
}

/// Returns the times on which zones must agree: a day of each week in which the server wrote contents,
/// and all ends of shares. How old clients said that their files are is not among them.
fn times_that_count(db: &Connection) -> rusqlite::Result<Vec<DateTime>> {
    let mut times = Vec::new();
    let column = if has(db, "entities", "created_at") { "created_at" } else { "updated_at" };
    let query = format!("SELECT min({column}), max({column}) FROM entities");
    if has(db, "entities", column) {
        let span = db.query_row(&query, [], |row| Ok((text(row, 0)?, text(row, 1)?)))?;
        let day = |text: Option<String>| civil_of(&text?);
        if let (Some(mut at), Some(last)) = (day(span.0), day(span.1)) {
            while at < last && times.len() < WEEKS {
                times.push(at);
                let Ok(next) = at.checked_add(jiff::Span::new().days(7)) else { break };
                at = next;
            }
            times.push(last);
        }
    }
    if has(db, "shares", "expires") {
        let query = "SELECT DISTINCT expires FROM shares WHERE expires IS NOT NULL LIMIT 10000";
        let ends = rows(db, query, |row| text(row, 0))?;
        times.extend(ends.into_iter().flatten().filter_map(|end| civil_of(&end)));
    }
    Ok(times)
}

/// Returns when something was trashed, in Unix seconds, and how many seconds the clock was ahead of UTC
/// that `written` is of; none where that is no offset that a zone has.
fn offset_of(written: &str, collected: &str, settings: &str) -> Option<(i64, i32)> {
    let settings: serde_json::Value = serde_json::from_str(settings).ok()?;
    let retention = settings.get("trash_retention")?.as_i64()?;
    let trashed = collected.parse::<i64>().ok()?.checked_sub(retention)?;
    let ahead = time_of(written, &TimeZone::UTC)?.unix().checked_sub(trashed)?;
    let offset = ahead.checked_add(QUARTER / 2)?.div_euclid(QUARTER) * QUARTER;
    let near = (ahead - offset).abs() <= APART && offset.abs() <= FARTHEST;
    Some((trashed, i32::try_from(offset).ok()?)).filter(|_| near)
}

/// Reads a time; None if it cannot be read.
pub(super) fn time(row: &Row<'_>, at: usize, clock: &Clock) -> rusqlite::Result<Option<Time>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Text(text) => std::str::from_utf8(text).ok().and_then(|text| clock.time(text)),
        ValueRef::Integer(seconds) => Some(Time::from_unix(seconds)),
        _ => None,
    })
}

/// Reads when something ends: what cannot be read does not make it last for ever.
pub(super) fn end(row: &Row<'_>, at: usize, clock: &Clock) -> rusqlite::Result<Option<Time>> {
    let past = Time::from_unix(0);
    Ok(match row.get_ref(at)? {
        ValueRef::Null => None,
        _ => Some(time(row, at, clock)?.unwrap_or(past)),
    })
}

/// Reads the text of a time as the driver writes it: RFC 3339 with a space, or with the offset apart
/// and names of zones and clocks behind it; `PostgreSQL` leaves minutes out, `MySQL` the offset.
fn time_of(text: &str, zone: &TimeZone) -> Option<Time> {
    let mut parts = text.split(['T', ' ']).filter(|part| !part.is_empty());
    let (day, clock) = (parts.next()?, parts.next()?);
    let at = clock.find(['+', '-', 'Z']).unwrap_or(clock.len());
    let (clock, mut offset) = clock.split_at_checked(at)?;
    if offset.is_empty() {
        offset = parts.next().filter(|part| part.starts_with(['+', '-'])).unwrap_or_default();
    }
    let read = match offset {
        // Of an hour that the clock shows twice it is the first: no share lives longer than it did.
        "" => {
            let civil: DateTime = format!("{day}T{clock}").parse().ok()?;
            zone.to_ambiguous_timestamp(civil).earlier().ok()?
        }
        offset => format!("{day}T{clock}{offset}").parse().ok()?,
    };
    Some(Time(read.as_microsecond()))
}

/// Reads what the clock showed, without its zone.
fn civil_of(text: &str) -> Option<DateTime> {
    Some(TimeZone::UTC.to_datetime(jiff::Timestamp::from_microsecond(time_of(text, &TimeZone::UTC)?.0).ok()?))
}

fn unix_of(time: DateTime, zone: &TimeZone) -> Option<i64> {
    zone.to_ambiguous_timestamp(time).earlier().ok().map(|at| at.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_spelling() {
        let at = Some(Time(1_749_528_415_011_624));
        for text in [
            "2025-06-10 12:06:55.011624+08:00",
            "2025-06-10T12:06:55.011624+08:00",
            "2025-06-10 12:06:55.011624 +0800 CST",
            "2025-06-10 12:06:55.011624 +0800 CST m=+0.5",
            "2025-06-10 04:06:55.011624 +0000 UTC",
            "2025-06-10 04:06:55.011624",
            "2025-06-10T04:06:55.011624Z",
            "2025-06-10 12:06:55.011624+08",
            "2025-06-10 09:36:55.011624+05:30",
            "2025-06-09 23:06:55.011624-05",
        ] {
            assert_eq!(time_of(text, &TimeZone::UTC), at, "{text}");
        }
        for (text, none) in [
            ("2025-06-10 12:06:55.011624", "+08:00"),
            ("2025-06-09 23:06:55.011624", "-05"),
            ("2025-06-10 12:06:55.011624+08", "-05"),
        ] {
            assert_eq!(time_of(text, &zone_of(none).unwrap()), at, "{text} {none}");
        }
        for text in [
            "",
            "x",
            "2025-06-10",
            "2025-13-10 00:00:00",
            "0000-00-00 00:00:00",
            "infinity",
            "0001-01-01 00:00:00 x +99:99",
        ] {
            assert!(time_of(text, &TimeZone::UTC).is_none() || text.starts_with("0001"), "{text}");
        }
    }

    #[test]
    fn an_end_that_cannot_be_read_is_no_promise_to_last() {
        let db = Connection::open_in_memory().unwrap();
        let clock = Clock(TimeZone::UTC);
        let ends =
            |value: &str| db.query_row(&format!("SELECT {value}"), [], |row| end(row, 0, &clock)).unwrap();
        assert_eq!(ends("NULL"), None);
        assert_eq!(ends("'nonsense'"), Some(Time::from_unix(0)));
        assert_eq!(ends("'1970-01-02 00:00:00'"), Some(Time::from_unix(86_400)));
    }

    /// A database in which things were trashed when the clock showed `written`, at these Unix times, and
    /// in which shares end.
    fn database(trash: &[(&str, i64)], contents: [&str; 2], ends: &[&str]) -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE TABLE metadata (file_id, name, value, created_at, deleted_at);
             CREATE TABLE files (id, owner_id, updated_at); CREATE TABLE users (id, group_users);
             CREATE TABLE groups (id, settings); INSERT INTO users VALUES (1, 1);
             CREATE TABLE entities (created_at); CREATE TABLE shares (expires);
             INSERT INTO groups VALUES (1, '{\"trash_retention\":604800}');
             INSERT INTO files VALUES (1, 1, '2020-01-02 15:39:40');",
        )
        .unwrap();
        for (written, unix) in trash {
            let row = "INSERT INTO metadata VALUES (1, 'sys:expected_collect_time', ?1, ?2, NULL)";
            db.execute(row, [&(unix + 604_800).to_string(), &(*written).to_owned()]).unwrap();
        }
        for at in contents {
            db.execute("INSERT INTO entities VALUES (?1)", [at]).unwrap();
        }
        for end in ends {
            db.execute("INSERT INTO shares VALUES (?1)", [end]).unwrap();
        }
        db
    }

    /// 2026-11-27 07:39:40 UTC.
    const AT: i64 = 1_795_765_180;

    fn read(db: &Connection, given: Option<&str>, text: &str) -> Option<String> {
        let clock = Clock::of(db, given).unwrap()?;
        Some(clock.time(text).unwrap().to_string())
    }

    #[test]
    fn what_is_said_twice_shows_the_zone_unless_zones_differ() {
        let lately = ["2026-09-01 00:00:00", "2026-11-27 15:00:00"];
        let summer = "2027-07-01 12:00:00";
        let clock = |trash: &[_], contents, ends: &[_]| read(&database(trash, contents, ends), None, summer);
        assert_eq!(clock(&[], lately, &[]), None, "nothing tells");
        let given = read(&database(&[], lately, &[]), Some("-03"), summer).unwrap();
        assert!(given.starts_with("2027-07-01T15:00:00"), "{given}");
        // No zone that is eight hours ahead now changes its clock.
        let shanghai = [("2026-11-27 15:39:41", AT), ("2026-11-27 15:39:39", AT)];
        assert!(clock(&shanghai, lately, &[summer]).unwrap().starts_with("2027-07-01T04:00:00"));
        // An hour ahead in winter are Berlin and Lagos; in summer they differ.
        let winter = ["2026-11-01 00:00:00", "2026-11-27 08:00:00"];
        let berlin = [("2026-11-27 08:39:40", AT)];
        assert_eq!(clock(&berlin, winter, &[summer]), None, "when the share ends is not said");
        assert!(clock(&berlin, winter, &["2027-01-01 12:00:00"]).is_some());
        assert_eq!(clock(&berlin, ["2026-06-01 00:00:00", "2026-11-27 08:00:00"], &[]), None);
        // On both sides of a change it is Berlin, or one that keeps its time.
        let change = [("2026-10-24 12:00:00", 1_792_836_000), ("2026-10-26 12:00:00", 1_793_012_400)];
        assert!(clock(&change, winter, &[summer]).unwrap().starts_with("2027-07-01T10:00:00"));
        for (written, unix) in [("2026-11-27 07:45:40", AT), ("2026-11-28 07:39:40", AT)] {
            assert_eq!(clock(&[(written, unix)], lately, &[]), None, "no zone is so far: {written}");
        }
    }

    #[test]
    fn a_zone_may_be_given_by_its_name() {
        let db = database(&[], ["2026-01-01 00:00:00", "2026-02-01 00:00:00"], &[]);
        for (text, unix) in [
            ("2026-07-01 12:00:00", "2026-07-01T10:00:00"),
            ("2026-12-01 12:00:00", "2026-12-01T11:00:00"),
            // The hour that the clock showed twice is the first one.
            ("2026-10-25 02:30:00", "2026-10-25T00:30:00"),
        ] {
            assert!(read(&db, Some("Europe/Berlin"), text).unwrap().starts_with(unix), "{text}");
        }
        assert!(check("Europe/Berlin").is_ok() && check("+08:00").is_ok() && check("-03").is_ok());
        for bad in ["", "x", "Mars/Olympus", "+99", "08:00"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
