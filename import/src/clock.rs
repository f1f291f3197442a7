//! Moments as a database has them, and the clock that they are of where they do not say.
//!
//! `MySQL` and `MariaDB` hold them in the server's zone, without an offset. What lies in the trash has
//! one moment twice: that of a row, and the Unix time at which it is to be collected, which is later by
//! what the group of its owner has.

use holdall::{Error, ErrorKind, Result, Time};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::row::{has, rows, text};

/// The offset that moments without one have.
pub(super) struct Clock {
    offset: String,
}

/// How far the two moments may be apart, in seconds: they are written one after the other.
const APART: i64 = 5;

/// What offsets are multiples of, in seconds.
const QUARTER: i64 = 900;

/// The farthest that a zone is from UTC, in seconds.
const FARTHEST: i64 = 14 * 3600;

impl Clock {
    /// Returns the clock of a database: the one that is given, or else the one that it tells itself.
    /// None where its moments bear no offset and nothing tells, or not the same.
    pub(super) fn of(db: &Connection, given: Option<&str>) -> rusqlite::Result<Option<Clock>> {
        let offset = match given {
            Some(given) => Some(given.to_owned()),
            None if !bears_none(db)? => Some("Z".to_owned()),
            None => told(db)?,
        };
        Ok(offset.map(|offset| Clock { offset }))
    }

    /// Reads the text of a moment.
    fn time(&self, text: &str) -> Option<Time> {
        time_of(text, &self.offset)
    }
}

/// Checks that a text is an offset from UTC: hours, or hours and minutes.
///
/// # Errors
/// `InvalidArgument` if it is none.
pub(super) fn check(offset: &str) -> Result<()> {
    let told = |_| {
        let told = format!("{offset:?} is no offset; one looks like +08:00, -03 or Z");
        Error::new(ErrorKind::InvalidArgument, told)
    };
    format!("2000-01-01T00:00:00{offset}").parse::<jiff::Timestamp>().map(|_| ()).map_err(told)
}

/// Returns whether there are moments without an offset.
fn bears_none(db: &Connection) -> rusqlite::Result<bool> {
    for (table, column) in [("files", "updated_at"), ("entities", "updated_at"), ("shares", "expires")] {
        if !has(db, table, column) {
            continue;
        }
        let query = format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT 1000");
        let found = rows(db, &query, |row| text(row, 0))?;
        // With an offset of its own a text is the same moment under any other.
        let differs = |text: String| time_of(&text, "+01:00") != time_of(&text, "Z");
        if found.into_iter().flatten().any(differs) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the offset that all things in the trash tell alike.
fn told(db: &Connection) -> rusqlite::Result<Option<String>> {
    let columns = [("metadata", "created_at"), ("users", "group_users"), ("groups", "settings")];
    if !columns.iter().all(|(table, column)| has(db, table, column)) {
        return Ok(None);
    }
    let query = "SELECT m.created_at, m.value, g.settings FROM metadata m JOIN files f ON f.id = m.file_id \
                 JOIN users u ON u.id = f.owner_id JOIN \"groups\" g ON g.id = u.group_users \
                 WHERE m.name = 'sys:expected_collect_time' AND m.deleted_at IS NULL";
    let found = rows(db, query, |row| Ok((text(row, 0)?, text(row, 1)?, text(row, 2)?)))?;
    let mut offsets =
        found.into_iter().map(|(written, collected, settings)| offset_of(&written?, &collected?, &settings?));
    let Some(Some(first)) = offsets.next() else { return Ok(None) };
    if offsets.any(|offset| offset != Some(first)) {
        return Ok(None);
    }
    let sign = if first < 0 { '-' } else { '+' };
    let minutes = first.unsigned_abs() / 60;
    Ok(Some(format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)))
}

/// Returns how many seconds a clock was ahead of UTC that wrote down when something was trashed; none
/// where that is no offset that a zone has.
fn offset_of(written: &str, collected: &str, settings: &str) -> Option<i64> {
    let settings: serde_json::Value = serde_json::from_str(settings).ok()?;
    let retention = settings.get("trash_retention")?.as_i64()?;
    let trashed = collected.parse::<i64>().ok()?.checked_sub(retention)?;
    let ahead = time_of(written, "Z")?.unix().checked_sub(trashed)?;
    let offset = ahead.checked_add(QUARTER / 2)?.div_euclid(QUARTER) * QUARTER;
    ((ahead - offset).abs() <= APART && offset.abs() <= FARTHEST).then_some(offset)
}

/// Reads a moment: none for what cannot be read as one.
pub(super) fn moment(row: &Row<'_>, at: usize, clock: &Clock) -> rusqlite::Result<Option<Time>> {
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
        _ => Some(moment(row, at, clock)?.unwrap_or(past)),
    })
}

/// Reads the text of a moment as the driver writes it: RFC 3339 with a space, or with the offset apart
/// and names of zones and clocks behind it; `PostgreSQL` leaves minutes out, `MySQL` the offset.
fn time_of(text: &str, none: &str) -> Option<Time> {
    let mut parts = text.split(['T', ' ']).filter(|part| !part.is_empty());
    let (day, clock) = (parts.next()?, parts.next()?);
    let at = clock.find(['+', '-', 'Z']).unwrap_or(clock.len());
    let (clock, mut offset) = clock.split_at_checked(at)?;
    if offset.is_empty() {
        offset = parts.next().filter(|part| part.starts_with(['+', '-'])).unwrap_or(none);
    }
    let told: jiff::Timestamp = format!("{day}T{clock}{offset}").parse().ok()?;
    Some(Time(told.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_spelling() {
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
            assert_eq!(time_of(text, "Z"), at, "{text}");
        }
        for (text, none) in [
            ("2025-06-10 12:06:55.011624", "+08:00"),
            ("2025-06-09 23:06:55.011624", "-05"),
            ("2025-06-10 12:06:55.011624+08", "-05"),
        ] {
            assert_eq!(time_of(text, none), at, "{text} {none}");
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
            assert!(time_of(text, "Z").is_none() || text.starts_with("0001"), "{text}");
        }
    }

    #[test]
    fn an_end_that_cannot_be_read_is_no_promise_to_last() {
        let db = Connection::open_in_memory().unwrap();
        let clock = Clock { offset: "Z".to_owned() };
        let ends =
            |value: &str| db.query_row(&format!("SELECT {value}"), [], |row| end(row, 0, &clock)).unwrap();
        assert_eq!(ends("NULL"), None);
        assert_eq!(ends("'nonsense'"), Some(Time::from_unix(0)));
        assert_eq!(ends("'1970-01-02 00:00:00'"), Some(Time::from_unix(86_400)));
    }

    #[test]
    fn what_is_told_twice_tells_the_offset_unless_it_differs() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE TABLE metadata (file_id, name, value, created_at, deleted_at);
             CREATE TABLE files (id, owner_id, updated_at); CREATE TABLE users (id, group_users);
             CREATE TABLE groups (id, settings); INSERT INTO users VALUES (1, 1);
             INSERT INTO groups VALUES (1, '{\"trash_retention\":604800}');
             INSERT INTO files VALUES (1, 1, '2026-11-27 15:39:40');",
        )
        .unwrap();
        let offset = |given| Clock::of(&db, given).unwrap().map(|clock| clock.offset);
        assert_eq!(offset(None), None, "nothing tells");
        assert_eq!(offset(Some("-03")).as_deref(), Some("-03"));
        // 2026-11-27 07:39:40 UTC and seven days.
        let trash = |written: &str| {
            let row = "INSERT INTO metadata VALUES (1, 'sys:expected_collect_time', '1796369980', ?1, NULL)";
            db.execute(row, [written]).unwrap();
        };
        trash("2026-11-27 15:39:41");
        assert_eq!(offset(None).as_deref(), Some("+08:00"));
        trash("2026-11-27 15:39:39");
        assert_eq!(offset(None).as_deref(), Some("+08:00"));
        trash("2026-11-27 16:39:40");
        assert_eq!(offset(None), None, "a clock that was set forward has two");
        db.execute_batch("DELETE FROM metadata").unwrap();
        for (written, found) in [
            ("2026-11-27 04:09:40", Some("-03:30")),
            ("2026-11-27 07:39:40", Some("+00:00")),
            ("2026-11-27 07:45:40", None),
            ("2026-11-28 07:39:40", None),
        ] {
            trash(written);
            assert_eq!(offset(None).as_deref(), found, "{written}");
            db.execute_batch("DELETE FROM metadata").unwrap();
        }
        db.execute_batch("UPDATE files SET updated_at = '2026-11-27 15:39:40+08:00'").unwrap();
        assert_eq!(offset(None).as_deref(), Some("Z"), "nothing is asked for");
    }
}
