//! Every statement, with the schema's name in it. None is prepared under a name, and none leaves anything
//! behind in the session: through PgBouncer in transaction mode the next one may meet another.

use super::links;
use super::row::Seal;
use crate::kv::RowLink;

/// How the planner is to go about it: by the index alone. A sequential scan, which it prefers for a small
/// table, would make every change conflict with every other in a serializable transaction.
const BY_INDEX: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
     SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off";

/// What is asked of the server.
#[derive(Debug)]
pub(super) struct Statements {
    /// The name of the schema, quoted.
    schema: String,
    pub(super) begin_read: String,
    pub(super) begin_write: String,
    pub(super) get: String,
    pub(super) commit: String,
    pub(super) void: String,
    pub(super) outcome: String,
    pub(super) fold: String,
    pub(super) forget: String,
}

impl Statements {
    pub(super) fn new(schema: &str) -> Statements {
        let s = format!("\"{}\"", schema.replace('"', "\"\""));
        Statements {
            begin_read: format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {BY_INDEX}"),
            begin_write: format!("BEGIN ISOLATION LEVEL SERIALIZABLE; {BY_INDEX}"),
            get: format!(
                "SELECT q.n, r.version, r.value, r.delta \
                 FROM unnest($1::int2[], $2::bytea[]) WITH ORDINALITY AS q(tab, key, n) \
                 CROSS JOIN LATERAL (SELECT version, value, delta FROM {s}.row AS r \
                 WHERE r.tab = q.tab AND r.key = q.key) AS r"
            ),
            commit: commit(&s),
            void: format!("INSERT INTO {s}.commit (id, void) VALUES ($1, true) ON CONFLICT (id) DO NOTHING"),
            outcome: format!("SELECT void FROM {s}.commit WHERE id = $1"),
            fold: format!(
                "WITH gone AS (DELETE FROM {s}.row WHERE tab = $1 AND key = $2 AND part <> 0 RETURNING version, delta) \
                 INSERT INTO {s}.row (tab, key, part, version, delta) \
                 SELECT $1, $2, $3, (sum(version) % {range})::int8, sum(delta)::int8 FROM gone HAVING count(*) > 0",
                range = Seal::RANGE
            ),
            forget: format!("DELETE FROM {s}.commit WHERE at < now() - interval '7 days'"),
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

    /// Returns the statement that reads ahead along links.
    pub(super) fn prefetch(&self, links: &[RowLink]) -> String {
        links::statement(&self.schema, links)
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

    /// Returns the query of the last migration that was made.
    pub(super) fn migrated(&self) -> String {
        format!("SELECT max(version) FROM {}.migration", self.schema)
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
/// and `$8` the keys that are deleted; `$9` to `$11` the rows that are put; `$12` to `$14` what is added.
fn commit(s: &str) -> String {
    let range = Seal::RANGE;
    format!(
        "WITH fit AS (SELECT NOT EXISTS (\
           SELECT FROM unnest($3::int2[], $4::bytea[], $5::bytea[], $6::int8[]) \
             AS g(tab, low, high, seal) \
           CROSS JOIN LATERAL (SELECT coalesce(sum(version) % {range}, 0) AS seal FROM {s}.row AS r \
             WHERE r.tab = g.tab AND r.key >= g.low AND r.key < g.high) AS r \
           WHERE r.seal <> g.seal) AS fits), \
         committed AS (INSERT INTO {s}.commit (id, void) SELECT $1, false FROM fit WHERE fits), \
         deleted AS (DELETE FROM {s}.row AS r \
           USING unnest($7::int2[], $8::bytea[]) AS d(tab, key), fit \
           WHERE fits AND r.tab = d.tab AND r.key = d.key), \
         replaced AS (DELETE FROM {s}.row AS r \
           USING unnest($9::int2[], $10::bytea[]) AS d(tab, key), fit \
           WHERE fits AND r.tab = d.tab AND r.key = d.key AND r.part <> 0), \
         put AS (INSERT INTO {s}.row (tab, key, part, version, value) \
           SELECT p.tab, p.key, 0, $2, p.value \
           FROM unnest($9::int2[], $10::bytea[], $11::bytea[]) AS p(tab, key, value), fit WHERE fits \
           ON CONFLICT (tab, key, part) DO UPDATE SET version = excluded.version, value = excluded.value, \
             delta = NULL), \
         added AS (INSERT INTO {s}.row (tab, key, part, version, delta) \
           SELECT a.tab, a.key, $2, $2, a.delta \
           FROM unnest($12::int2[], $13::bytea[], $14::int8[]) AS a(tab, key, delta), fit WHERE fits) \
         SELECT fits FROM fit"
    )
}
