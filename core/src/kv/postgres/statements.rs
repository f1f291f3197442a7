//! Every statement, with the schema's name in it. None is prepared under a name, and none leaves anything
//! behind in the session: through PgBouncer in transaction mode the next one may meet another.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::error::SqlState;

use super::functions::ServerFunction;
use super::links;
use super::row::Seal;
use crate::kv::RowLink;

/// How the planner is to go about it: by the index alone. A sequential scan, which it prefers for a small
/// table, would make every change conflict with every other in a serializable transaction.
const BY_INDEX: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
     SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off";

/// The server's clock, in microseconds since 1970 UTC; not that of when the transaction began.
const CLOCK: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::int8";

/// What is asked of the server.
#[derive(Debug)]
pub(super) struct Statements {
    /// The name of the schema, quoted.
    schema: String,
    pub(super) begin_read: String,
    pub(super) get: String,
    commit: ServerFunction,
    /// The statements that read ahead along links.
    walks: Vec<(&'static [RowLink], ServerFunction)>,
    /// Whether the functions are there.
    functions: AtomicBool,
    pub(super) void: String,
    pub(super) outcome: String,
    pub(super) fold: String,
    pub(super) forget: String,
}

impl Statements {
    /// Makes them for a schema; `links` are those that are often read along.
    pub(super) fn new(schema: &str, links: &[&'static [RowLink]]) -> Statements {
        let s = format!("\"{}\"", schema.replace('"', "\"\""));
        Statements {
            begin_read: format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {BY_INDEX}"),
            get: format!(
                "SELECT q.n, r.version, r.value, r.delta \
                 FROM unnest($1::int2[], $2::bytea[]) WITH ORDINALITY AS q(tab, key, n) \
                 CROSS JOIN LATERAL (SELECT version, value, delta FROM {s}.row AS r \
                 WHERE r.tab = q.tab AND r.key = q.key) AS r"
            ),
            commit: ServerFunction::of_commit(&s, commit(&s)),
            walks: links
                .iter()
                .map(|links| (*links, ServerFunction::of_walk(&s, links::statement(&s, links))))
                .collect(),
            functions: AtomicBool::new(false),
            void: format!(
                "INSERT INTO {s}.commit (id, void) SELECT $1, true WHERE {CLOCK} <= $2 ON CONFLICT (id) DO NOTHING"
            ),
            outcome: format!("SELECT void FROM {s}.commit WHERE id = $1"),
            fold: format!(
                "WITH gone AS (DELETE FROM {s}.row WHERE tab = $1 AND key = $2 AND part <> 0 RETURNING version, delta) \
                 INSERT INTO {s}.row (tab, key, part, version, delta) \
                 SELECT $1, $2, $3, (sum(version) % {range})::int8, sum(delta)::int8 FROM gone HAVING count(*) > 0",
                range = Seal::RANGE
            ),
            forget: format!(
                "DELETE FROM {s}.commit WHERE at < now() - make_interval(secs => $1::float8 / 1000000)"
            ),
            schema: s,
        }
    }

    /// Returns the statement of a page of a scan: of the rows of table `$1` from `$2` on and before `$3`,
    /// at most `$4` of them.
    pub(super) fn scan(&self, reverse: bool) -> String {
        let order = if reverse { " DESC" } else { "" };
        format!(
            "SELECT key, version, value, delta FROM {}.row WHERE tab = $1 AND key >= $2 AND key < $3 \
             ORDER BY tab{order}, key{order}, part{order} LIMIT $4",
            self.schema
        )
    }

    /// Returns what begins a transaction in which there is nothing but a commit.
    pub(super) fn begin_write(&self) -> Cow<'static, str> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE";
        match self.has_functions() {
            // The function says how the planner is to go about it.
            true => Cow::Borrowed(BEGIN),
            false => Cow::Owned(format!("{BEGIN}; {BY_INDEX}")),
        }
    }

    /// Returns the statement of a commit.
    pub(super) fn commit(&self) -> String {
        self.commit.text(self.has_functions())
    }

    /// Returns the statement that reads ahead along links.
    pub(super) fn prefetch(&self, links: &[RowLink]) -> String {
        match self.walks.iter().find(|(known, _)| std::ptr::eq(*known, links)) {
            Some((_, walk)) => walk.text(self.has_functions()),
            None => links::statement(&self.schema, links),
        }
    }

    fn has_functions(&self) -> bool {
        self.functions.load(Ordering::Relaxed)
    }

    /// Says that the functions are there.
    pub(super) fn use_functions(&self) {
        self.functions.store(true, Ordering::Relaxed);
    }

    /// Returns whether a statement failed because a function is gone, as after a database was restored that had none;
    /// statements are sent as they are from then on.
    pub(super) fn lack_functions(&self, cause: &tokio_postgres::Error) -> bool {
        let lacks = cause.code() == Some(&SqlState::UNDEFINED_FUNCTION) && self.has_functions();
        if lacks {
            self.functions.store(false, Ordering::Relaxed);
        }
        lacks
    }

    /// Returns what makes the functions.
    pub(super) fn make_functions(&self) -> String {
        let all = std::iter::once(&self.commit).chain(self.walks.iter().map(|(_, walk)| walk));
        all.map(|function| function.make.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// Returns what makes the schema, if it is not there.
    pub(super) fn make_schema(&self) -> String {
        let s = &self.schema;
        format!(
            "CREATE SCHEMA IF NOT EXISTS {s}; \
             CREATE TABLE IF NOT EXISTS {s}.migration \
             (version int4 PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
        )
    }

    /// Returns the query of the last migration that was made, of whether the functions are there, and of the time.
    pub(super) fn migrated(&self) -> String {
        let all = std::iter::once(&self.commit).chain(self.walks.iter().map(|(_, walk)| walk));
        let there =
            all.map(|function| format!("to_regproc('{}') IS NOT NULL", function.name.replace('\'', "''")));
        let there: Vec<String> = there.collect();
        format!("SELECT max(version), {}, {CLOCK} FROM {}.migration", there.join(" AND "), self.schema)
    }

    /// Returns what makes a migration, and notes that it was made.
    pub(super) fn migrate(&self, version: i32, statements: &str) -> String {
        let s = &self.schema;
        format!("{}; INSERT INTO {s}.migration (version) VALUES ({version})", statements.replace("SCHEMA", s))
    }
}

/// The commit: checks the seals of all that was read, and writes, in one statement.
///
/// `$1` is the id and `$2` the version; `$3` to `$6` are the ranges that were read, with their seals; `$7`
/// and `$8` the keys that are deleted; `$9` to `$11` the rows that are put; `$12` to `$14` what is added; `$15`
/// to `$17` the rows that are put where there was none; `$18` and `$19` the keys of all that are put and may have
/// been added to; `$20` is the time after which it is not made any more. The answer is the time, and negative where
/// nothing was done.
///
/// What is new is not looked for: to do so would lock a page of the index, at whose end every other process
/// writes too. Its keys are unique, and one that is there fails the statement.
fn commit(s: &str) -> String {
    let range = Seal::RANGE;
    format!(
        "WITH fit AS (SELECT clock.now, clock.now <= $20 AND NOT EXISTS (\
           SELECT FROM unnest($3::int2[], $4::bytea[], $5::bytea[], $6::int8[]) \
             AS g(tab, low, high, seal) \
           CROSS JOIN LATERAL (SELECT coalesce(sum(version) % {range}, 0) AS seal FROM {s}.row AS r \
             WHERE r.tab = g.tab AND r.key >= g.low AND r.key < g.high) AS r \
           WHERE r.seal <> g.seal) AS fits FROM (SELECT {CLOCK} AS now OFFSET 0) AS clock), \
         committed AS (INSERT INTO {s}.commit (id, void) SELECT $1, false FROM fit WHERE fits), \
         deleted AS (DELETE FROM {s}.row AS r \
           USING unnest($7::int2[], $8::bytea[]) AS d(tab, key), fit \
           WHERE fits AND r.tab = d.tab AND r.key = d.key), \
         replaced AS (DELETE FROM {s}.row AS r \
           USING unnest($18::int2[], $19::bytea[]) AS d(tab, key), fit \
           WHERE fits AND r.tab = d.tab AND r.key = d.key AND r.part <> 0), \
         put AS (INSERT INTO {s}.row (tab, key, part, version, value) \
           SELECT p.tab, p.key, 0, $2, p.value \
           FROM unnest($9::int2[], $10::bytea[], $11::bytea[]) AS p(tab, key, value), fit WHERE fits \
           ON CONFLICT (tab, key, part) DO UPDATE SET version = excluded.version, value = excluded.value, \
             delta = NULL), \
         added AS (INSERT INTO {s}.row (tab, key, part, version, delta) \
           SELECT a.tab, a.key, $2, $2, a.delta \
           FROM unnest($12::int2[], $13::bytea[], $14::int8[]) AS a(tab, key, delta), fit WHERE fits), \
         new AS (INSERT INTO {s}.row (tab, key, part, version, value) \
           SELECT n.tab, n.key, 0, $2, n.value \
           FROM unnest($15::int2[], $16::bytea[], $17::bytea[]) AS n(tab, key, value), fit WHERE fits) \
         SELECT CASE WHEN fits THEN now ELSE -now END FROM fit"
    )
}
