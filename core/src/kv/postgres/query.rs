//! Our statements by what they are for, and a statement with its parameters.

use std::borrow::Cow;

use tokio_postgres::types::{ToSql, Type};

use super::statements::Statements;
use crate::kv::RowLink;

/// What an error says is being done.
pub(super) const READING: &str = "reading rows from the database";
pub(super) const COMMITTING: &str = "committing rows to the database";

/// A statement, by what it is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Statement {
    /// Reads the rows under keys.
    Get,
    /// Reads a page of a table.
    Scan { reverse: bool },
    /// Reads rows and those to which they lead.
    Prefetch(&'static [RowLink]),
    /// Checks what was read, and writes.
    Commit,
    /// Makes the id of a commit void.
    Void,
    /// Asks what became of a commit.
    Outcome,
    /// Brings the deltas of a counter together.
    Fold,
    /// Removes the ids of old commits.
    Forget,
}

impl Statement {
    pub(super) fn doing(self) -> &'static str {
        match self {
            Statement::Get | Statement::Scan { .. } | Statement::Prefetch(_) => READING,
            _ => COMMITTING,
        }
    }

    pub(super) fn text(self, statements: &Statements) -> Cow<'_, str> {
        match self {
            Statement::Get => statements.get.as_str().into(),
            Statement::Scan { reverse } => statements.scan(reverse).into(),
            Statement::Prefetch(links) => statements.prefetch(links).into(),
            Statement::Commit => statements.commit().into(),
            Statement::Void => statements.void.as_str().into(),
            Statement::Outcome => statements.outcome.as_str().into(),
            Statement::Fold => statements.fold.as_str().into(),
            Statement::Forget => statements.forget.as_str().into(),
        }
    }
}

/// A parameter and its type.
pub(super) type Parameter = (Box<dyn ToSql + Send + Sync>, Type);

/// A statement with its parameters, which move to the runtime's thread.
pub(super) struct Query {
    pub(super) what: Statement,
    pub(super) parameters: Vec<Parameter>,
}
