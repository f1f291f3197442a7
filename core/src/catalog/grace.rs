//! The grace: how long content outlives the last version that has it. It is the store's, the same for
//! every process.
//!
//! An archive keeps nothing of what it holds: it lives no longer than the grace, and so does what was
//! deleted after it was made. A shorter grace must not break that for archives that are out already. So
//! the longer one goes on counting until the last of them is over; where none is out, the shorter one counts
//! at once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::{row, table};
use crate::Result;
use crate::kv::{Read, Write};
use crate::time::Time;

/// The grace of a store that was never given one.
pub(crate) const DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// What is kept beyond the grace, at most: what a group takes to become durable, and what a clock is set
/// back by between the making of an archive and a deletion.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// The row of META that it is in. There is none in stores of before it was theirs.
const ROW: &[u8] = b"grace";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GraceRecord {
    micros: u64,
    promised: Option<(u64, Time)>,
}

impl Record for GraceRecord {
    const VERSION: u8 = 1;
    const NOUN: &'static str = "grace";
}

/// The grace as the rows have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grace {
    /// How long an archive may live that is made now.
    pub(crate) length: Duration,
    /// A longer one that was promised, and when the last archive of then is over.
    promised: Option<(Duration, Time)>,
}

/// Reads the grace.
///
/// # Errors
/// `Corrupt` when its row cannot be read.
pub(crate) fn get(tx: &impl Read) -> Result<Grace> {
    let Some(record) = row::get::<GraceRecord>(tx, table::META, ROW)? else {
        return Ok(Grace { length: DEFAULT, promised: None });
    };
    let promised = record.promised.map(|(micros, until)| (Duration::from_micros(micros), until));
    Ok(Grace { length: Duration::from_micros(record.micros), promised })
}

/// Sets the grace; `last` is when the last archive is over that is out at `now`, the time of the group.
///
/// # Errors
/// `Corrupt` when its row cannot be read.
pub(crate) fn set(tx: &mut impl Write, length: Duration, last: Option<Time>, now: Time) -> Result<()> {
    let before = get(tx)?;
    if before.length == length {
        return Ok(());
    }
    let promised = last.map(|last| (before.longest(now), last.after(MARGIN)));
    put(tx, Grace { length, promised: promised.filter(|(promised, _)| *promised > length) })
}

/// Sets the grace of a new store, of which no archive is out.
pub(crate) fn begin(tx: &mut impl Write, length: Duration) -> Result<()> {
    put(tx, Grace { length, promised: None })
}

fn put(tx: &mut impl Write, grace: Grace) -> Result<()> {
    let promised = grace.promised.map(|(promised, until)| (micros(promised), until));
    row::put(tx, table::META, ROW, &GraceRecord { micros: micros(grace.length), promised })
}

fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

/// Adds what is kept beyond the grace.
fn with_margin(grace: Duration) -> Duration {
    grace.saturating_add(grace.min(MARGIN))
}

impl Grace {
    /// Returns how long what is deleted stays, as `now` is.
    pub(crate) fn stay(self, now: Time) -> Duration {
        with_margin(self.longest(now))
    }

    /// Returns when what was let go of at `released` may be removed.
    pub(crate) fn due(self, released: Time) -> Time {
        let due = released.after(with_margin(self.length));
        match self.promised {
            Some((promised, until)) => due.max(released.after(with_margin(promised)).min(until)),
            None => due,
        }
    }

    /// Returns until when what was let go of may be removed at `now`.
    pub(crate) fn released_by(self, now: Time) -> Time {
        now.before(self.stay(now))
    }

    /// Returns the longest grace of which an archive may be out at `now`.
    fn longest(self, now: Time) -> Duration {
        let outstanding = self.promised.filter(|(_, until)| now < *until).map(|(promised, _)| promised);
        outstanding.map_or(self.length, |promised| promised.max(self.length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{Kv, memory::MemoryKv};

    const HOUR: Duration = Duration::from_secs(3600);
    const START: Time = Time::from_unix(1_000_000);

    fn rows() -> <MemoryKv as Kv>::Writer {
        MemoryKv::default().writer().unwrap()
    }

    #[test]
    fn a_store_of_before_it_had_a_row_promises_the_default() {
        let mut tx = rows();
        assert_eq!(get(&tx).unwrap().length, DEFAULT);
        set(&mut tx, HOUR, Some(START.after(DEFAULT)), START).unwrap();
        let grace = get(&tx).unwrap();
        assert_eq!((grace.length, grace.stay(START)), (HOUR, DEFAULT + MARGIN));
    }

    #[test]
    fn a_shorter_grace_counts_at_once_where_no_archive_is_out() {
        let mut tx = rows();
        set(&mut tx, Duration::ZERO, None, START).unwrap();
        let grace = get(&tx).unwrap();
        assert_eq!((grace.length, grace.stay(START)), (Duration::ZERO, Duration::ZERO));
        assert_eq!(grace.due(START), START);
    }

    #[test]
    fn a_shorter_grace_counts_when_the_last_archive_is_over() {
        let mut tx = rows();
        begin(&mut tx, 2 * HOUR).unwrap();
        set(&mut tx, Duration::ZERO, Some(START.after(HOUR)), START).unwrap();
        let grace = get(&tx).unwrap();
        assert_eq!(grace.length, Duration::ZERO);
        let over = START.after(HOUR + MARGIN);
        let before = over.before(Duration::from_micros(1));
        assert_eq!(grace.stay(before), 2 * HOUR + MARGIN);
        assert_eq!((grace.stay(over), grace.released_by(over)), (Duration::ZERO, over));
        assert_eq!(grace.due(START), over);
        assert_eq!(grace.due(START.before(HOUR)), over);
        assert_eq!(grace.due(START.before(2 * HOUR)), START.after(MARGIN), "it was due by the longer one");
        assert_eq!(grace.due(over), over);
    }

    #[test]
    fn a_longer_grace_counts_at_once_and_graces_in_between_forget_no_promise() {
        let mut tx = rows();
        let at = |hours: u32| START.after(hours * HOUR);
        begin(&mut tx, HOUR).unwrap();
        set(&mut tx, 48 * HOUR, Some(at(1)), at(0)).unwrap();
        assert_eq!(get(&tx).unwrap().stay(at(0)), 48 * HOUR + MARGIN);
        set(&mut tx, 24 * HOUR, Some(at(49)), at(1)).unwrap();
        set(&mut tx, HOUR, Some(at(49)), at(2)).unwrap();
        let grace = get(&tx).unwrap();
        assert_eq!(grace.stay(at(49)), 48 * HOUR + MARGIN);
        assert_eq!(grace.stay(at(50)), HOUR + MARGIN);
        // One that is over is forgotten.
        set(&mut tx, Duration::ZERO, Some(at(61)), at(60)).unwrap();
        assert_eq!(get(&tx).unwrap().stay(at(60)), HOUR + MARGIN);
        assert_eq!(get(&tx).unwrap().stay(at(62)), Duration::ZERO);
    }

    #[test]
    fn when_something_is_due_is_when_it_may_be_removed() {
        let mut tx = rows();
        begin(&mut tx, 3 * HOUR).unwrap();
        set(&mut tx, HOUR, Some(START.after(2 * HOUR)), START).unwrap();
        let grace = get(&tx).unwrap();
        for minutes in 0..600 {
            let released = START.after(Duration::from_secs(60 * minutes));
            let due = grace.due(released);
            assert!(grace.released_by(due) >= released, "{minutes}");
            assert!(grace.released_by(due.before(Duration::from_micros(1))) < released, "{minutes}");
        }
    }

    #[test]
    fn t5_no_grace_overflows() {
        let mut tx = rows();
        begin(&mut tx, Duration::MAX).unwrap();
        let grace = get(&tx).unwrap();
        assert_eq!(grace.due(Time(i64::MAX)), Time(i64::MAX));
        assert_eq!(grace.released_by(Time(i64::MIN)), Time(i64::MIN));
        set(&mut tx, Duration::ZERO, Some(Time(i64::MAX)), Time(i64::MAX)).unwrap();
    }
}
