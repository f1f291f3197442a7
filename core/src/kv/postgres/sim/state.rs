//! What the server keeps, and what it is asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::types::FromSql;

use super::cell::{Cell, cell, encode};
use super::rows::StoredRows;
use crate::kv::postgres::query::{Parameter, Query, Statement};
use crate::network::Late;
use crate::{Error, Result};

/// A statement on its way.
#[derive(Clone, Debug)]
pub(super) struct SentQuery {
    pub(super) what: Statement,
    parameters: Vec<Cell>,
}

impl SentQuery {
    pub(super) fn of(query: &Query) -> Result<SentQuery> {
        let encoded = |(value, kind): &Parameter| encode(value.as_ref(), kind);
        let parameters = query.parameters.iter().map(encoded).collect::<Result<_>>()?;
        Ok(SentQuery { what: query.what, parameters })
    }

    /// Reads a parameter, the first of which is number 1.
    pub(super) fn parameter<'a, T: FromSql<'a>>(&'a self, number: usize) -> Result<T> {
        cell(&self.parameters, number.saturating_sub(1))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct DatabaseState {
    pub(super) rows: Arc<StoredRows>,
    /// Whether each is void, and when it was made, in microseconds since 1970 UTC.
    pub(super) commits: BTreeMap<u128, (bool, u64)>,
    pub(super) sessions: BTreeMap<u64, ServerSession>,
    pub(super) next_session: u64,
    /// How often it was restarted; nothing of a session outlives that.
    pub(super) restarts: u64,
    /// Nobody is let in before, by its clock.
    pub(super) down_until: Duration,
    pub(super) late: Late<(u64, Trip, u64)>,
}

/// A session, as the server has it.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerSession {
    /// The snapshot of the transaction that is open.
    pub(super) transaction: Option<Arc<StoredRows>>,
    /// The process that has it.
    pub(super) process: Option<u64>,
    /// Its transaction has failed, and it takes nothing but the end of it.
    pub(super) failed: bool,
}

impl ServerSession {
    pub(super) fn of(process: Option<u64>) -> ServerSession {
        ServerSession { process, ..ServerSession::default() }
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        self.transaction.is_some()
    }
}

/// What is sent in one trip.
#[derive(Clone, Debug)]
pub(super) enum Trip {
    Connect,
    BeginRead(SentQuery),
    Query(SentQuery),
    Commit(SentQuery),
    End,
}

/// Why the server does not do what it is asked.
#[derive(Debug)]
pub(super) enum ServerError {
    /// The session is gone, or there can be none now.
    Gone,
    /// Others were first.
    Conflict,
    /// Something that the driver does not expect.
    Other(Error),
}

impl From<Error> for ServerError {
    fn from(error: Error) -> ServerError {
        ServerError::Other(error)
    }
}

/// The rows of an answer; of a connection, the number of its session and how often the server was restarted.
pub(super) type TripReply = Result<Vec<Vec<Cell>>, ServerError>;
