//! The schema in the database, and how it came about: each step is made once, in order.

use deadpool_postgres::Object;

use super::connect::{Database, Use};
use super::failure::Failure;
use crate::{Error, ErrorKind, Result, machine, tasks};

/// The steps, the first of which is number 1. One that was published never changes.
const STEPS: [&str; 1] = [
    // A row has a base (part 0, with a value) and deltas (part and version of the commit that added them).
    "CREATE TABLE SCHEMA.row (tab int2 NOT NULL, key bytea NOT NULL, part int8 NOT NULL, version int8 NOT NULL, \
     value bytea, delta int8, PRIMARY KEY (tab, key, part), CHECK ((value IS NULL) <> (delta IS NULL))); \
     CREATE TABLE SCHEMA.commit (id uuid PRIMARY KEY, void bool NOT NULL, \
     at timestamptz NOT NULL DEFAULT now()); \
     CREATE INDEX commit_at ON SCHEMA.commit (at)",
];

/// How often it is tried.
const TRIES: u32 = 3;

/// Begins a transaction in which nobody else makes anything.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(4269817970753838615)";

const DOING: &str = "making the tables in the database";

/// Brings the schema up to date.
///
/// # Errors
/// `Unsupported` when a later version of this library has changed it.
pub(super) async fn migrate(database: &Database) -> Result<()> {
    let begun = machine::uptime();
    let mut tries = 0;
    loop {
        let Err(failure) = try_migrate(database).await else { return Ok(()) };
        tries += 1;
        let again = match &failure {
            Failure::Lost(_) => machine::uptime().saturating_sub(begun) < database.options.patience,
            // A session that has once found no schema can hold on to that throughout the transaction in which it
            // waits for another that makes it, and then fails to make it: the name is there, or the row of the
            // server's own table that has it. In the next one it knows better.
            Failure::Conflict => true,
            Failure::Refused(error) => error.kind() == ErrorKind::Io,
        };
        if !again || tries >= TRIES {
            return Err(failure.into_error());
        }
    }
}

async fn try_migrate(database: &Database) -> Result<(), Failure> {
    let connection = database.client(Use::Writing).await?;
    let made = tasks::timeout(database.options.patience, steps(&connection, database)).await;
    let made = made.unwrap_or_else(|| Err(Failure::timed_out(DOING)));
    if made.is_err() {
        // What is in the middle of a transaction must not be used again.
        drop(Object::take(connection));
    }
    made
}

async fn steps(connection: &Object, database: &Database) -> Result<(), Failure> {
    let statements = &database.statements;
    let failed = |cause| Failure::of(DOING, cause);
    // Mostly there is nothing to do, and one query tells.
    let (made, has_functions) = match connection.query_typed(&statements.migrated(), &[]).await {
        Ok(rows) => version(database, &rows)?,
        Err(cause) if is_absent(&cause) => (0, false),
        Err(cause) => return Err(failed(cause)),
    };
    check(made)?;
    if made < last() {
        migrate_from(connection, database).await?;
    }
    if !has_functions {
        let made =
            connection.batch_execute(&format!("{BEGIN}; {}; COMMIT", statements.make_functions())).await;
        match made.map_err(failed) {
            Ok(()) => {}
            // A user who may not make them, or a server that knows no such.
            Err(Failure::Refused(cause)) => {
                tracing::debug!(%cause, "the functions could not be made; statements are sent as they are");
                return connection.batch_execute("ROLLBACK").await.map_err(failed);
            }
            Err(failure) => return Err(failure),
        }
    }
    statements.use_functions();
    Ok(())
}

async fn migrate_from(connection: &Object, database: &Database) -> Result<(), Failure> {
    let statements = &database.statements;
    let failed = |cause| Failure::of(DOING, cause);
    connection.batch_execute(&format!("{BEGIN}; {}", statements.make_schema())).await.map_err(failed)?;
    let rows = connection.query_typed(&statements.migrated(), &[]).await.map_err(failed)?;
    let (made, _) = version(database, &rows)?;
    check(made)?;
    for (number, step) in (1_i32..).zip(STEPS).filter(|(number, _)| *number > made) {
        connection.batch_execute(&statements.migrate(number, step)).await.map_err(failed)?;
    }
    connection.batch_execute("COMMIT").await.map_err(failed)
}

fn last() -> i32 {
    i32::try_from(STEPS.len()).unwrap_or(i32::MAX)
}

fn check(made: i32) -> Result<(), Failure> {
    match made > last() {
        true => Err(Failure::Refused(Error::new(
            ErrorKind::Unsupported,
            format!("the tables in the database have version {made}; this build knows up to {}", last()),
        ))),
        false => Ok(()),
    }
}

/// Returns the last migration that was made, and whether the functions are there.
fn version(database: &Database, rows: &[tokio_postgres::Row]) -> Result<(i32, bool), Failure> {
    let Some(row) = rows.first() else { return Ok((0, false)) };
    let read = row
        .try_get::<_, Option<i32>>(0)
        .and_then(|made| Ok((made.unwrap_or(0), row.try_get(1)?, row.try_get(2)?)));
    let (made, has_functions, clock) = read.map_err(|cause| Failure::of(DOING, cause))?;
    database.saw_clock(clock);
    Ok((made, has_functions))
}

/// Whether there is no such table, or schema.
fn is_absent(cause: &tokio_postgres::Error) -> bool {
    use tokio_postgres::error::SqlState;
    cause.code().is_some_and(|code| [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(code))
}
