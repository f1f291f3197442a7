//! Conditional requests (RFC 9110, section 13).

use super::{ETag, parse_date};

/// The conditional fields of a request, each as one value; `None` is a field that was not sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preconditions<'a> {
    /// `If-Match`: `*`, or a list of tags.
    pub if_match: Option<&'a str>,
    /// `If-Unmodified-Since`: a date.
    pub if_unmodified_since: Option<&'a str>,
    /// `If-None-Match`: `*`, or a list of tags.
    pub if_none_match: Option<&'a str>,
    /// `If-Modified-Since`: a date.
    pub if_modified_since: Option<&'a str>,
}

/// What the conditions are held against: the validators of a representation that exists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validators<'a> {
    /// The tag that a reply sends.
    pub etag: Option<ETag<'a>>,
    /// The `Last-Modified` that a reply sends, in unix seconds.
    pub last_modified: Option<i64>,
}

/// What the conditions of a request make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answer as if there were no conditions.
    Proceed,
    /// Answer 304: the client has it already.
    NotModified,
    /// Answer 412: the client means another state of it.
    Failed,
}

/// Evaluates the conditions in the order of RFC 9110, section 13.2.2, for a representation that
/// exists.
///
/// A list with a malformed element matches no tag. A date that is none, is before 1970, or meets a
/// representation without a `Last-Modified`, is ignored. A dated field beside its tagged one
/// (`If-Match`, `If-None-Match`) is ignored too.
pub fn evaluate(conditions: &Preconditions<'_>, current: &Validators<'_>, is_get_or_head: bool) -> Outcome {
    // Each is `Some(true)` where the condition of that name is met, as the RFC words it.
    let unmodified = match conditions.if_match {
        Some(list) => Some(matches(list, current, |own, tag| own.strong_eq(tag))),
        None => not_after(current, conditions.if_unmodified_since),
    };
    if unmodified == Some(false) {
        return Outcome::Failed;
    }
    let same = match conditions.if_none_match {
        Some(list) => Some(matches(list, current, |own, tag| own.weak_eq(tag))),
        None if is_get_or_head => not_after(current, conditions.if_modified_since),
        None => None,
    };
    match (same, is_get_or_head) {
        (Some(true), true) => Outcome::NotModified,
        (Some(true), false) => Outcome::Failed,
        _ => Outcome::Proceed,
    }
}

/// Returns whether a `Range` may be answered with a part: the client's copy is this representation,
/// to the byte (RFC 9110, section 13.1.5).
///
/// True for our tag, strong on both sides, and for a date that equals `Last-Modified` where that is
/// at least one second before `now` (unix seconds, what the reply's `Date` will say): within the
/// same second the content may have changed twice.
pub fn if_range_holds(if_range: &str, current: &Validators<'_>, now: i64) -> bool {
    if let Some(tag) = ETag::parse(if_range) {
        return current.etag.is_some_and(|own| own.strong_eq(tag));
    }
    match (parse_date(if_range), current.last_modified) {
        (Some(date), Some(modified)) => date == modified && modified < now,
        _ => false,
    }
}

/// Returns whether a list of tags, or `*`, holds the current one.
fn matches(list: &str, current: &Validators<'_>, equal: fn(ETag<'_>, ETag<'_>) -> bool) -> bool {
    list == "*" || current.etag.is_some_and(|own| ETag::any_in_list(list, |tag| equal(own, tag)))
}

/// Returns whether the representation was last modified at that date or before it; `None` where
/// there is nothing to compare.
fn not_after(current: &Validators<'_>, date: Option<&str>) -> Option<bool> {
    Some(current.last_modified? <= parse_date(date?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::format_date;

    const MODIFIED: i64 = 784_111_777;

    /// What a dated field says of our own date.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Date {
        Absent,
        Before,
        Equal,
        After,
        Malformed,
    }

    /// What a tagged field says of our own tag, `"own"`.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Tag {
        Absent,
        Strong,
        Weak,
        Other,
        Any,
        Malformed,
    }

    const DATES: [Date; 5] = [Date::Absent, Date::Before, Date::Equal, Date::After, Date::Malformed];
    const TAGS: [Tag; 6] = [Tag::Absent, Tag::Strong, Tag::Weak, Tag::Other, Tag::Any, Tag::Malformed];

    fn date_text(date: Date) -> Option<String> {
        match date {
            Date::Absent => None,
            Date::Before => format_date(MODIFIED - 1),
            Date::Equal => format_date(MODIFIED),
            Date::After => format_date(MODIFIED + 1),
            Date::Malformed => Some("yesterday".into()),
        }
    }

    fn tag_text(tag: Tag) -> Option<String> {
        match tag {
            Tag::Absent => None,
            Tag::Strong => Some("\"x\", \"own\"".into()),
            Tag::Weak => Some("W/\"own\"".into()),
            Tag::Other => Some("\"x\", W/\"y\"".into()),
            Tag::Any => Some("*".into()),
            Tag::Malformed => Some("\"own\", own".into()),
        }
    }

    /// The rules of section 13.1 as prose would tell them, with no code in common.
    fn oracle(im: Tag, ius: Date, inm: Tag, ims: Date, read: bool, dated: bool) -> u16 {
        let step_1_fails = [Tag::Weak, Tag::Other, Tag::Malformed].contains(&im);
        let step_2_fails = im == Tag::Absent && dated && ius == Date::Before;
        let step_3_fails = [Tag::Strong, Tag::Weak, Tag::Any].contains(&inm);
        let step_4_fails = read && inm == Tag::Absent && dated && (ims == Date::Equal || ims == Date::After);
        if step_1_fails || step_2_fails {
            412
        } else if step_3_fails || step_4_fails {
            if read { 304 } else { 412 }
        } else {
            200
        }
    }

    #[test]
    fn every_combination_of_the_four_fields_follows_the_rfc() {
        let mut seen = [0u32; 3];
        for im in TAGS {
            for ius in DATES {
                for inm in TAGS {
                    for ims in DATES {
                        for (read, dated) in [(true, true), (true, false), (false, true), (false, false)] {
                            let texts = (tag_text(im), date_text(ius), tag_text(inm), date_text(ims));
                            let conditions = Preconditions {
                                if_match: texts.0.as_deref(),
                                if_unmodified_since: texts.1.as_deref(),
                                if_none_match: texts.2.as_deref(),
                                if_modified_since: texts.3.as_deref(),
                            };
                            let current = Validators {
                                etag: ETag::strong("own"),
                                last_modified: dated.then_some(MODIFIED),
                            };
                            let (index, status) = match evaluate(&conditions, &current, read) {
                                Outcome::Proceed => (0, 200),
                                Outcome::NotModified => (1, 304),
                                Outcome::Failed => (2, 412),
                            };
                            seen[index] += 1;
                            assert_eq!(
                                status,
                                oracle(im, ius, inm, ims, read, dated),
                                "{conditions:?} {read} {dated}"
                            );
                        }
                    }
                }
            }
        }
        assert!(seen.iter().all(|count| *count > 100), "every outcome is exercised: {seen:?}");
    }

    #[test]
    fn without_a_tag_only_the_star_matches() {
        let bare = Validators::default();
        let of = |list| Preconditions { if_match: Some(list), ..Preconditions::default() };
        assert_eq!(evaluate(&of("*"), &bare, true), Outcome::Proceed);
        assert_eq!(evaluate(&of("\"\""), &bare, true), Outcome::Failed);
        assert!(!if_range_holds("\"\"", &bare, MODIFIED));
    }

    #[test]
    fn r5_if_range_holds_only_for_strong_validators() {
        let current = Validators { etag: ETag::strong("own"), last_modified: Some(MODIFIED) };
        let date = |offset| format_date(MODIFIED + offset).unwrap();
        let later = MODIFIED + 60;
        assert!(if_range_holds("\"own\"", &current, later));
        assert!(if_range_holds(&date(0), &current, later));
        assert!(if_range_holds(&date(0), &current, MODIFIED + 1));
        for text in ["W/\"own\"", "\"other\"", "own", "*", "", "\"own\", \"own\"", &date(-1), &date(1)] {
            assert!(!if_range_holds(text, &current, later), "{text}");
        }
        for now in [i64::MIN, MODIFIED - 1, MODIFIED] {
            assert!(!if_range_holds(&date(0), &current, now), "a date of this second is weak");
        }
    }
}
