//! A connection as the driver uses it: a session that begins, runs one of our statements and ends, in four kinds of
//! round trips. Nothing else reaches the server, but for the making of the tables.

use deadpool_postgres::Object;
use tokio_postgres::types::{FromSql, ToSql, Type};

use super::failure::Failure;
use super::query::{Query, READING, Statement};
#[cfg(all(feature = "sim", feature = "remote"))]
use super::sim::{Cell, SimSession};
use super::statements::Statements;
use crate::Result;

async fn run(
    query: &Query,
    client: &Object,
    statements: &Statements,
) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
    let parameters: Vec<(&(dyn ToSql + Sync), Type)> = query
        .parameters
        .iter()
        .map(|(value, kind)| (value.as_ref() as &(dyn ToSql + Sync), kind.clone()))
        .collect();
    client.query_typed(&query.what.text(statements), &parameters).await
}

/// A row of an answer.
pub(super) enum AnswerRow {
    Server(tokio_postgres::Row),
    #[cfg(all(feature = "sim", feature = "remote"))]
    Simulated(Vec<Cell>),
}

/// Reads a column.
pub(super) fn column<'a, T: FromSql<'a>>(row: &'a AnswerRow, index: usize) -> Result<T> {
    match row {
        AnswerRow::Server(row) => {
            row.try_get(index).map_err(|cause| Failure::of(READING, cause).into_error())
        }
        #[cfg(all(feature = "sim", feature = "remote"))]
        AnswerRow::Simulated(cells) => super::sim::cell(cells, index),
    }
}

/// A connection.
pub(super) enum DatabaseSession {
    Server(Object),
    #[cfg(all(feature = "sim", feature = "remote"))]
    Simulated(SimSession),
}

impl DatabaseSession {
    /// Begins a transaction that reads one snapshot, and asks the first query in it, in one trip.
    pub(super) async fn begin_read(
        &self,
        statements: &Statements,
        query: &Query,
    ) -> Result<Vec<AnswerRow>, Failure> {
        match self {
            DatabaseSession::Server(client) => {
                let (begun, answer) = tokio::join!(
                    biased;
                    client.batch_execute(&statements.begin_read),
                    run(query, client, statements)
                );
                rows(statements, query, begun.and(answer))
            }
            #[cfg(all(feature = "sim", feature = "remote"))]
            DatabaseSession::Simulated(session) => session.begin_read(query).await.map(simulated),
        }
    }

    /// Asks a query: in the transaction that was begun, or in one of its own.
    pub(super) async fn query(
        &self,
        statements: &Statements,
        query: &Query,
    ) -> Result<Vec<AnswerRow>, Failure> {
        match self {
            DatabaseSession::Server(client) => rows(statements, query, run(query, client, statements).await),
            #[cfg(all(feature = "sim", feature = "remote"))]
            DatabaseSession::Simulated(session) => session.query(query).await.map(simulated),
        }
    }

    /// Begins a serializable transaction, makes a query in it and commits, in one trip.
    pub(super) async fn commit(
        &self,
        statements: &Statements,
        query: &Query,
    ) -> Result<Vec<AnswerRow>, Failure> {
        match self {
            DatabaseSession::Server(client) => {
                let begin = statements.begin_write();
                let (begun, answer, ended) = tokio::join!(
                    biased;
                    client.batch_execute(&begin),
                    run(query, client, statements),
                    client.batch_execute("COMMIT")
                );
                // The first that failed says why; a COMMIT of what has failed is answered as if it were done.
                rows(statements, query, begun.and(answer).and_then(|rows| ended.map(|()| rows)))
            }
            #[cfg(all(feature = "sim", feature = "remote"))]
            DatabaseSession::Simulated(session) => session.commit(query).await.map(simulated),
        }
    }

    /// Ends the transaction that was begun.
    pub(super) async fn end(&self) -> Result<(), Failure> {
        match self {
            DatabaseSession::Server(client) => {
                let ended = client.batch_execute("ROLLBACK").await;
                ended.map_err(|cause| Failure::of(READING, cause))
            }
            #[cfg(all(feature = "sim", feature = "remote"))]
            DatabaseSession::Simulated(session) => session.end().await,
        }
    }

    /// Ends the connection, which is not to be used again.
    pub(super) fn discard(self) {
        match self {
            DatabaseSession::Server(client) => drop(Object::take(client)),
            #[cfg(all(feature = "sim", feature = "remote"))]
            DatabaseSession::Simulated(session) => session.discard(),
        }
    }
}

fn rows(
    statements: &Statements,
    query: &Query,
    answer: Result<Vec<tokio_postgres::Row>, tokio_postgres::Error>,
) -> Result<Vec<AnswerRow>, Failure> {
    let rows = answer.map_err(|cause| {
        let lacks_function = statements.lack_functions(&cause);
        let failure = Failure::of(query.what.doing(), cause);
        match (lacks_function, query.what) {
            // Nothing was done: the next try sends a statement.
            (true, Statement::Commit) => Failure::Conflict,
            (true, _) => Failure::Lost(failure.into_error()),
            (false, _) => failure,
        }
    })?;
    Ok(rows.into_iter().map(AnswerRow::Server).collect())
}

#[cfg(all(feature = "sim", feature = "remote"))]
fn simulated(rows: Vec<Vec<Cell>>) -> Vec<AnswerRow> {
    rows.into_iter().map(AnswerRow::Simulated).collect()
}
