//! Reading again by newer rows, where older ones refuse what another host may have made since.
//!
//! Rows of a database are read as they were a while ago at most, by all calls of a process together. A URL that
//! another host has just made would lead nowhere by them, or look revoked. So whoever is refused by rows that are older
//! than his call is looked after once more, by rows that are not. What is not refused stays as old as it may be.

use std::time::Duration;

use super::Engine;
use crate::kv::driver::StoreReader;
use crate::{Error, ErrorKind, Result, machine};

/// How old the rows may be by which a signature is refused: anybody can make requests with wrong ones, and they must
/// not have the database asked for each.
const FORGED: Duration = Duration::from_millis(100);

/// When a call began, where the rows that it reads may be older.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallBegan(Option<Duration>);

impl Engine {
    /// Begins a call that [`anew`](Engine::anew) looks after.
    pub(crate) fn call_begins(&self) -> CallBegan {
        CallBegan(self.is_remote().then(machine::uptime))
    }

    /// Whether a refusal may be one of rows that are too old.
    pub(crate) fn may_be_made_since(&self, error: &Error) -> bool {
        self.is_remote() && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Gone | ErrorKind::Denied)
    }

    /// Returns newer rows for a call that was refused, if those that it went by may be too old for it. `tx` is what it
    /// has read, if anything.
    ///
    /// # Errors
    /// `Io` when they cannot be read.
    pub(crate) fn newer_rows(
        &self,
        CallBegan(began): CallBegan,
        tx: Option<&StoreReader>,
        refused: ErrorKind,
    ) -> Result<Option<StoreReader>> {
        let Some(began) = began else { return Ok(None) };
        let since = match refused {
            ErrorKind::NotFound | ErrorKind::Gone => began,
            ErrorKind::Denied => began.saturating_sub(FORGED),
            _ => return Ok(None),
        };
        match tx.is_some_and(|tx| tx.is_since(since)) {
            true => Ok(None),
            false => self.journal.rows().reader_since(since).map(Some),
        }
    }

    /// Lets nobody begin to read any more what is older than rows by which something was found.
    pub(crate) fn found_by(&self, newer: &StoreReader) {
        self.journal.rows().leave_older(newer);
    }

    /// Returns what a call found; if it was refused by rows that are older than the call, what it finds by newer ones.
    /// `is_unsigned` says that a signature is why.
    ///
    /// # Errors
    /// Those of the call; `Io` when newer rows cannot be read.
    pub(crate) fn anew<T>(
        &self,
        began: CallBegan,
        (tx, is_unsigned): (Option<&StoreReader>, bool),
        found: Result<T>,
        again: impl FnOnce(&StoreReader) -> Result<T>,
    ) -> Result<T> {
        let refused = match found {
            Err(error) => error,
            found => return found,
        };
        let kind = if is_unsigned { ErrorKind::Denied } else { refused.kind() };
        let Some(newer) = self.newer_rows(began, tx, kind)? else { return Err(refused) };
        match again(&newer) {
            Ok(found) => {
                self.found_by(&newer);
                Ok(found)
            }
            // What nobody has signed is refused, whether the database answers or not.
            Err(_) if kind == ErrorKind::Denied => Err(refused),
            Err(error) => Err(error),
        }
    }

    /// Returns a reader of rows that are as new as now.
    ///
    /// # Errors
    /// `Io` when the rows cannot be read.
    pub(crate) fn reader_of_now(&self) -> Result<StoreReader> {
        self.journal.rows().reader_since(machine::uptime())
    }

    /// Reads rows, and newer ones if it is refused by older ones.
    ///
    /// # Errors
    /// As [`Engine::anew`].
    pub(crate) fn read_anew<T>(&self, read: impl Fn(&StoreReader) -> Result<T>) -> Result<T> {
        let began = self.call_begins();
        let tx = self.reader()?;
        let found = read(&tx);
        self.anew(began, (Some(&tx), false), found, read)
    }
}
