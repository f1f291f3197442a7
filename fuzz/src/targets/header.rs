//! Ranges and conditions of a request.

use holdall::http::{
    ETag, Head, MAX_RANGES, Outcome, Preconditions, Ranges, Representation, RequestHeaders, Selected,
    Validators, evaluate, if_range_holds, parse, respond,
};

use super::input::Input;

const NOW: i64 = 1_750_000_000;

/// The ranges that a field selects exist, are apart and are not too many; and the reply has them.
pub fn range(data: &[u8]) {
    let mut input = Input(data);
    let len = match input.byte() {
        0 => 0,
        255 => u64::MAX >> input.byte().min(63),
        _ => input.short() as u64,
    };
    let text = input.text();
    if let Ranges::Some(ranges) = parse(&text, len) {
        assert!((1..=MAX_RANGES).contains(&ranges.len()), "{text:?}");
        assert!(
            ranges.iter().all(|range| range.start < range.end && range.end <= len),
            "{text:?} {ranges:?}"
        );
        let mut sorted = ranges.clone();
        sorted.sort_unstable_by_key(|range| range.start);
        assert!(sorted.windows(2).all(|two| two[0].end + 80 <= two[1].start), "{text:?} {ranges:?}");
        if let Some(want) = simple(&text, len) {
            assert_eq!(ranges, [want], "{text:?}");
        }
    }
    let representation = Representation { len, etag: "e".to_owned(), ..Representation::default() };
    for method in ["GET", "HEAD", "PUT"] {
        let headers = [("Range", text.as_str())];
        let head = respond(method, RequestHeaders(&headers), &representation, NOW, || 7);
        sound(&head, len);
        assert!(method == "GET" || head.selected == Selected::Nothing);
    }
}

/// What a single range of plain numbers selects, by a second reading of the rule.
fn simple(text: &str, len: u64) -> Option<std::ops::Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        (!text.is_empty() && text.len() < 19 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u64>().ok())?
    };
    match (number(first), number(last), last.is_empty()) {
        (Some(first), Some(last), _) => Some(first..len.min(last + 1)),
        (Some(first), None, true) => Some(first..len),
        (None, Some(suffix), _) if first.is_empty() => Some(len.saturating_sub(suffix)..len),
        _ => None,
    }
}

/// A head that goes on the wire, and its length is that of what is selected.
fn sound(head: &Head, len: u64) {
    for (name, value) in &head.headers {
        assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{name}: {value:?}");
        assert_eq!(head.headers.iter().filter(|(other, _)| other == name).count(), 1, "{name}");
    }
    let declared = head.header("Content-Length").map(|len| len.parse::<u64>().unwrap());
    match (&head.selected, head.status) {
        (Selected::Whole, status) => assert_eq!((status, declared), (200, Some(len))),
        (Selected::One(range), status) => {
            assert_eq!((status, declared), (206, Some(range.end - range.start)));
            let says = format!("bytes {}-{}/{len}", range.start, range.end - 1);
            assert_eq!(head.header("Content-Range"), Some(says.as_str()));
        }
        (Selected::Many(_), status) => {
            assert_eq!(status, 206);
            assert!(declared.unwrap() < len, "longer than the whole");
        }
        (Selected::Nothing, status) => assert!([200, 304, 405, 412, 416].contains(&status), "{status}"),
    }
}

/// Conditions decide as section 13.2.2 of RFC 9110 orders them, whatever they hold.
pub fn condition(data: &[u8]) {
    let mut input = Input(data);
    let present = input.byte();
    let texts: Vec<String> = (0..5).map(|_| input.text()).collect();
    let field = |index: usize| (present >> index & 1 == 1).then(|| texts[index].as_str());
    let conditions = Preconditions {
        if_match: field(0),
        if_unmodified_since: field(1),
        if_none_match: field(2),
        if_modified_since: field(3),
    };
    let current = Validators {
        etag: (present & 64 == 0).then(|| ETag::strong("abc").unwrap()),
        last_modified: (present & 128 == 0).then_some(NOW - 1000),
    };
    let outcome = evaluate(&conditions, &current, true);
    match outcome {
        Outcome::Failed => assert!(conditions.if_match.or(conditions.if_unmodified_since).is_some()),
        Outcome::NotModified => {
            assert!(conditions.if_none_match.or(conditions.if_modified_since).is_some());
        }
        Outcome::Proceed => assert_ne!(conditions.if_none_match, Some("*")),
    }
    if conditions.if_match == Some("*") {
        assert_ne!(outcome, Outcome::Failed);
    }
    // Of If-None-Match the method decides what a hit is.
    if evaluate(&conditions, &current, false) == Outcome::Proceed {
        assert_ne!(conditions.if_none_match, Some("*"));
    }
    if let Some(tag) = ETag::parse(&texts[4]) {
        assert!(tag.weak_eq(tag) && tag.strong_eq(tag) != tag.is_weak());
    }
    let holds = if_range_holds(&texts[4], &current, NOW);
    assert!(!(holds && texts[4].starts_with("W/")), "a weak tag holds for a range");
}
