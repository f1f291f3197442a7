//! The statement that follows links from row to row.

use crate::kv::{FieldStep, KeyPart, RowLink};

/// Stands for a table where a row is but the number that the rows below a path begin with.
const BELOW: i16 = -1;
/// A number in LEB128, in hexadecimal: bytes with the highest bit, and one without.
const NUMBER: &str = "(?:[89a-f].)*[0-7].";

/// Returns the statement that follows links from rows, and returns all parts of all that it comes by, with NULL
/// where there is no row; and ranges.
///
/// `$1` and `$2` are the rows; `$3` and `$4` say which of the names `$6` the path of each has left, and `$5` which
/// row is of the path whose end the rows below hang on. `$7` to `$11` are the ranges. `$12` is what the first key
/// below begins with behind the number, or NULL where none are asked for, and `$13` how many are.
///
/// `OFFSET 0` keeps the planner from writing an expression out wherever its value is used, which takes it a hundred
/// times as long as all else.
pub(super) fn statement(s: &str, links: &[RowLink]) -> String {
    let value = |of: &str| {
        format!(
            "(SELECT r.value FROM {s}.row AS r WHERE r.tab = {of}.tab AND r.key = {of}.key AND r.part = 0)"
        )
    };
    let rules: Vec<String> = links.iter().flat_map(rules).collect();
    let to = links.iter().find(|link| link.takes_name()).map_or(BELOW, |link| i16::from(link.to.byte));
    let range = |reverse: bool| {
        let (order, is) = if reverse { (" DESC", "") } else { ("", "NOT ") };
        format!(
            "UNION ALL SELECT g.n::int4, g.tab, r.key, r.version, r.value, r.delta \
             FROM unnest($7::int2[], $8::bytea[], $9::bytea[], $10::bool[], $11::int8[]) WITH ORDINALITY \
             AS g(tab, low, high, reverse, most, n) CROSS JOIN LATERAL (SELECT key, version, value, delta \
             FROM {s}.row AS r WHERE r.tab = g.tab AND r.key >= g.low AND r.key < g.high \
             ORDER BY tab{order}, key{order}, part{order} LIMIT g.most) AS r WHERE {is}g.reverse"
        )
    };
    format!(
        "WITH RECURSIVE rule(origin, tab, named, below, head, head_text, head_number, tail, tail_text, tail_number) AS \
         (VALUES (0::int2, 0::int2, false, false, '', NULL, NULL, '', NULL, NULL){}), \
         walk(tab, key, at, last, path, value) AS (\
           SELECT s.tab, s.key, s.at, s.last, s.path, {} \
           FROM unnest($1::int2[], $2::bytea[], $3::int4[], $4::int4[], $5::bool[]) AS s(tab, key, at, last, path) \
           UNION \
           SELECT n.tab, n.key, n.at, n.last, n.path, {} FROM walk AS w \
           JOIN rule AS u ON u.origin = w.tab AND u.named = (w.at < w.last) \
             AND (NOT u.below OR (w.path AND $12::bytea IS NOT NULL)) \
           CROSS JOIN LATERAL (SELECT encode(substring(w.value for 600), 'hex') AS h OFFSET 0) AS h \
           {head} {tail} \
           CROSS JOIN LATERAL (SELECT u.tab::int2, \
             CASE u.head WHEN 'number' THEN int8send({head_number}) WHEN 'own' THEN substring(w.key for 8) \
               ELSE substring(w.value for 8) END || \
             CASE u.tail WHEN 'name' THEN ($6::bytea[])[w.at + 1] WHEN 'number' THEN int8send({tail_number}) \
               WHEN 'complement' THEN substring(int8send(~({tail_number})) from 5) ELSE ''::bytea END AS key, \
             CASE WHEN u.named THEN w.at + 1 ELSE 0 END AS at, CASE WHEN u.named THEN w.last ELSE 0 END AS last, \
             w.path AND u.named AS path OFFSET 0) AS n \
           WHERE w.value IS NOT NULL AND n.key IS NOT NULL) \
         SELECT NULL::int4, k.tab, k.key, r.version, r.value, r.delta \
         FROM (SELECT DISTINCT tab, key FROM walk WHERE tab <> {BELOW}) AS k \
         LEFT JOIN LATERAL (SELECT version, value, delta \
         FROM {s}.row AS r WHERE r.tab = k.tab AND r.key = k.key) AS r ON true {} {} \
         UNION ALL SELECT 0, {to}::int2, r.key, r.version, r.value, r.delta FROM walk AS w \
         CROSS JOIN LATERAL (SELECT key, version, value, delta FROM {s}.row AS r WHERE r.tab = {to} \
           AND r.key >= w.key || $12::bytea AND r.key < int8send(('x' || encode(w.key, 'hex'))::bit(64)::int8 + 1) \
           ORDER BY tab, key, part LIMIT $13::int8) AS r WHERE w.tab = {BELOW}",
        rules.concat(),
        value("s"),
        value("n"),
        range(false),
        range(true),
        head = number_at("head"),
        tail = number_at("tail"),
        head_number = leb128("head_raw.n"),
        tail_number = leb128("tail_raw.n"),
    )
}

/// Returns what the statement goes by for a link; a second one finds the number that rows below a path begin with.
fn rules(link: &RowLink) -> Vec<String> {
    let (from, to) = (i16::from(link.from.byte), i16::from(link.to.byte));
    let part = |index: usize| match link.key.get(index) {
        Some(KeyPart::Number(steps)) => ("number", Some(patterns(steps))),
        Some(KeyPart::Complement(steps)) => ("complement", Some(patterns(steps))),
        Some(KeyPart::Own) => ("own", None),
        Some(KeyPart::Value) => ("value", None),
        Some(KeyPart::Name) => ("name", None),
        None => ("", None),
    };
    let rule = |to: i16, named: bool, below: bool, tail| {
        let text = |pattern: Option<String>| pattern.map_or("NULL".to_owned(), |text| format!("'{text}'"));
        let columns = |(kind, patterns): (&str, Option<(Option<String>, String)>)| {
            let (before, number) = patterns.map_or((None, None), |(before, number)| (before, Some(number)));
            format!("'{kind}', {}, {}", text(before), text(number))
        };
        format!(", ({from}, {to}, {named}, {below}, {}, {})", columns(part(0)), columns(tail))
    };
    let mut rules = vec![rule(to, link.takes_name(), false, part(1))];
    if link.takes_name() {
        rules.push(rule(BELOW, false, true, ("", None)));
    }
    rules
}

/// Returns the patterns of what lies before a text, which captures the text's length and all behind it, if there is
/// one; and of the number behind that.
fn patterns(steps: &[FieldStep]) -> (Option<String>, String) {
    // The byte before the fields.
    let (mut before, mut pattern) = (None, "^..".to_owned());
    for step in steps {
        match step {
            FieldStep::Number => pattern = format!("{pattern}(?:{NUMBER})"),
            FieldStep::One => pattern.push_str("01"),
            FieldStep::Text => {
                before = Some(format!("{pattern}(.*)$"));
                pattern = "^".to_owned();
            }
        }
    }
    (before, format!("{pattern}({NUMBER})"))
}

/// Finds the digits of a number, as 8 bytes of which the first are those of the number: `NAME_raw.n`.
fn number_at(name: &str) -> String {
    let raw = |digits: &str| {
        format!(
            "CASE WHEN length({digits}) <= 16 THEN ('x' || rpad({digits}, 16, '0'))::bit(64)::int8 END AS n OFFSET 0"
        )
    };
    let len = leb128(&format!("{name}_len.n"));
    format!(
        "CROSS JOIN LATERAL (SELECT substring(h.h from u.{name}_text) AS t OFFSET 0) AS {name}_behind \
         CROSS JOIN LATERAL (SELECT substring({name}_behind.t from '^({NUMBER})') AS l OFFSET 0) AS {name}_digits \
         CROSS JOIN LATERAL (SELECT {}) AS {name}_len \
         CROSS JOIN LATERAL (SELECT substring(CASE WHEN u.{name}_text IS NULL THEN h.h ELSE \
           substr({name}_behind.t, length({name}_digits.l) + 1 + 2 * least({len}, 600)::int) END \
           from u.{name}_number) AS l OFFSET 0) AS {name}_found \
         CROSS JOIN LATERAL (SELECT {}) AS {name}_raw",
        raw(&format!("{name}_digits.l")),
        raw(&format!("{name}_found.l")),
    )
}

/// The number whose bytes in LEB128 are the first of 8 bytes; the others are 0.
fn leb128(raw: &str) -> String {
    let part = |position: u32| format!("((({raw} >> {}) & 127) << {})", 56 - 8 * position, 7 * position);
    (0..8).map(part).collect::<Vec<_>>().join(" | ")
}
