//! Statements as functions in the database. To plan the statement of a commit takes the server longer than to
//! execute it, and that of reading ahead twenty times as long; a session that calls a function plans it once. A
//! statement that is prepared by name would do the same, but belongs to a connection, which PgBouncer may hand to
//! another.
//!
//! A function is named by a hash of its text, so that processes of several versions of this library work side by side.
//! Where they cannot be made, the statements are sent as they are.

/// How the planner is to go about it, as for statements that are sent as they are; and that it does so once.
const SETTINGS: &str = "SET plan_cache_mode = force_generic_plan SET enable_seqscan = off \
     SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off";

/// A statement, and the function that does the same.
#[derive(Debug)]
pub(super) struct ServerFunction {
    /// With the schema's.
    pub(super) name: String,
    /// The statement that makes it.
    pub(super) make: String,
    /// The statement itself, and the call.
    text: String,
    call: String,
}

impl ServerFunction {
    /// Makes one of a commit, in a schema whose name is quoted.
    pub(super) fn of_commit(schema: &str, text: String) -> ServerFunction {
        let takes = "uuid, int8, int2[], bytea[], bytea[], int8[], int2[], bytea[], int2[], bytea[], bytea[], int2[], \
                     bytea[], int8[], int2[], bytea[], bytea[], int2[], bytea[], int8";
        // The last SELECT of the statement.
        let body = text.rsplit_once(" FROM fit").map_or_else(String::new, |(before, _)| {
            format!("DECLARE answer int8; BEGIN {before} INTO answer FROM fit; RETURN answer; END")
        });
        ServerFunction::new((schema, "commit"), (takes, "int8"), &body, text, "SELECT")
    }

    /// Makes one of reading ahead.
    pub(super) fn of_walk(schema: &str, text: String) -> ServerFunction {
        let takes = "int2[], bytea[], int4[], int4[], bool[], bytea[], int2[], bytea[], bytea[], bool[], int8[], \
                     bytea, int8";
        let returns = "TABLE (n int4, tab int2, key bytea, version int8, value bytea, delta int8)";
        let body = format!("#variable_conflict use_column\nBEGIN RETURN QUERY {text}; END");
        ServerFunction::new((schema, "walk"), (takes, returns), &body, text, "SELECT * FROM")
    }

    fn new(
        (schema, what): (&str, &str),
        (takes, returns): (&str, &str),
        body: &str,
        text: String,
        how: &str,
    ) -> ServerFunction {
        let of = blake3::hash([body, SETTINGS, takes].concat().as_bytes()).to_hex();
        let name = format!("{schema}.{what}_{}", of.get(..16).unwrap_or_default());
        let make = format!(
            "CREATE OR REPLACE FUNCTION {name} ({takes}) RETURNS {returns} LANGUAGE plpgsql {SETTINGS} \
             AS $body${body}$body$"
        );
        let given: Vec<String> =
            takes.split(", ").enumerate().map(|(index, kind)| format!("${}::{kind}", index + 1)).collect();
        let call = format!("{how} {name}({})", given.join(", "));
        ServerFunction { name, make, text, call }
    }

    /// Returns what is sent.
    pub(super) fn text(&self, is_there: bool) -> String {
        if is_there { self.call.clone() } else { self.text.clone() }
    }
}
