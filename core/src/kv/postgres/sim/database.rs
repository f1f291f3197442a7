//! The database as a whole.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::state::{DatabaseState, ServerError, ServerSession, Trip, TripReply};
use super::statement;
use crate::{Error, machine};

/// A simulated database, which all hosts of a simulation reach. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct SimDatabase {
    state: Arc<Mutex<DatabaseState>>,
}

impl SimDatabase {
    pub(super) fn lock(&self) -> MutexGuard<'_, DatabaseState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a number that no other database of this process has, nor any disk.
    pub(crate) fn identity(&self) -> u64 {
        let address = u64::try_from(Arc::as_ptr(&self.state).addr()).unwrap_or(0);
        1 << 63 | address
    }

    /// Makes one that holds what this one does now.
    #[must_use]
    pub fn copy(&self) -> SimDatabase {
        let state = self.lock();
        let rows = state.rows.clone();
        let copy = DatabaseState { rows, commits: state.commits.clone(), ..DatabaseState::default() };
        SimDatabase { state: Arc::new(Mutex::new(copy)) }
    }

    /// Ends all sessions, with what is on its way to them, and lets nobody in until a time by its clock, in
    /// microseconds since 1970 UTC.
    pub fn restart(&self, down_until: u64) {
        let mut state = self.lock();
        state.sessions.clear();
        state.late.take_all();
        state.restarts = state.restarts.saturating_add(1);
        state.down_until = Duration::from_micros(down_until);
    }

    /// Ends the sessions of a process that has ended. What it has sent arrives all the same.
    pub fn end_process(&self, process: u64) {
        self.lock().sessions.retain(|_, session| session.process != Some(process));
    }

    /// Executes what is still on its way, however long that would take.
    pub fn settle(&self) {
        let mut state = self.lock();
        for (session, trip, clock) in state.late.take_all() {
            drop(state.execute(session, trip, clock));
            state.sessions.remove(&session);
        }
    }

    /// Returns how many requests are still on their way.
    pub fn on_their_way(&self) -> usize {
        self.lock().late.len()
    }

    /// Returns how many transactions are open.
    pub fn open_transactions(&self) -> usize {
        self.lock().sessions.values().filter(|session| session.is_in_transaction()).count()
    }
}

impl DatabaseState {
    /// Lets a process in; returns the number of its session, and how often the server was restarted.
    pub(super) fn admit(&mut self) -> (u64, u64) {
        self.next_session = self.next_session.saturating_add(1);
        let process = machine::simulated_process();
        self.sessions.insert(self.next_session, ServerSession::of(process));
        (self.next_session, self.restarts)
    }

    /// Executes what is due.
    pub(super) fn execute_due(&mut self, now: Duration) {
        while let Some((session, trip, clock)) = self.late.pop(now) {
            drop(self.execute(session, trip, clock));
            self.sessions.remove(&session);
        }
    }

    /// Executes what came in one trip. `clock` is the server's.
    pub(super) fn execute(&mut self, number: u64, trip: Trip, clock: u64) -> TripReply {
        let Some(session) = self.sessions.get(&number) else { return Err(ServerError::Gone) };
        let ServerSession { transaction, process, failed } = session.clone();
        let answer = match trip {
            Trip::Connect => Ok(Vec::new()),
            Trip::End => {
                self.sessions.insert(number, ServerSession::of(process));
                return Ok(Vec::new());
            }
            _ if failed => Err(ServerError::Other(Error::bug(
                "the current transaction of the session has failed: it must be ended first",
            ))),
            Trip::BeginRead(query) => {
                // In a transaction that is open already, that one goes on, as the server only warns.
                let rows = transaction.unwrap_or_else(|| self.rows.clone());
                let session = ServerSession { transaction: Some(rows.clone()), process, failed: false };
                self.sessions.insert(number, session);
                statement::read(&rows, &query)
            }
            Trip::Query(query) => match &transaction {
                Some(rows) => statement::read(rows, &query),
                None => self.change(&query, clock),
            },
            // What a session reads in it must not be changed in it, so that nothing can be committed.
            Trip::Commit(_) if transaction.is_some() => {
                Err(ServerError::Other(Error::bug("a commit was begun in a transaction that reads")))
            }
            Trip::Commit(query) => self.change(&query, clock),
        };
        if answer.is_err()
            && let Some(session) = self.sessions.get_mut(&number)
        {
            session.failed = session.transaction.is_some();
        }
        answer
    }
}
