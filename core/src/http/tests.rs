//! [`respond()`] as a whole: examples by risk, and every combination against a naive model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const MODIFIED: i64 = 784_111_777;
const NOW: i64 = MODIFIED + 3600;
const SECURITY: [(&str, &str); 3] = [
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
    ("Cross-Origin-Resource-Policy", "same-site"),
];

fn report() -> Representation {
    Representation {
        len: 1000,
        etag: "own".into(),
        last_modified: Some(MODIFIED),
        media_type: "application/pdf".into(),
        name: "Q3.pdf".into(),
        ..Representation::default()
    }
}

fn ask(method: &str, lines: &[(&str, &str)], representation: &Representation) -> Head {
    respond(method, RequestHeaders(lines), representation, NOW, || 7)
}

fn get(lines: &[(&str, &str)]) -> Head {
    ask("GET", lines, &report())
}

fn date(offset: i64) -> String {
    format_date(MODIFIED + offset).unwrap()
}

fn body_len(head: &Head, representation: &Representation) -> u64 {
    match &head.selected {
        Selected::Nothing => 0,
        Selected::Whole => representation.len,
        Selected::One(range) => range.end - range.start,
        Selected::Many(multipart) => multipart.len,
    }
}

#[test]
fn the_whole_answer_header_by_header() {
    let digest = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    let representation = Representation {
        repr_digest: Some(digest.into()),
        extra: vec![("Vary", "Origin".into())],
        ..report()
    };
    let head = ask("GET", &[], &representation);
    let expected = [
        ("Content-Type", "application/pdf"),
        ("Content-Length", "1000"),
        ("Content-Disposition", "attachment; filename=\"Q3.pdf\""),
        ("Accept-Ranges", "bytes"),
        ("ETag", "\"own\""),
        ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("Cache-Control", "private, max-age=0, must-revalidate"),
        ("Repr-Digest", digest),
        SECURITY[0],
        SECURITY[1],
        SECURITY[2],
        ("Vary", "Origin"),
    ];
    let headers: Vec<_> = head.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!((head.status, headers, &head.selected), (200, expected.to_vec(), &Selected::Whole));
    let same = ask("HEAD", &[], &representation);
    assert_eq!((same.status, same.headers, same.selected), (200, head.headers, Selected::Nothing));
}

#[test]
fn one_range_is_a_206() {
    let head = get(&[("range", "bytes=-100")]);
    assert_eq!((head.status, head.selected.clone()), (206, Selected::One(900..1000)));
    assert_eq!(head.header("Content-Range"), Some("bytes 900-999/1000"));
    assert_eq!(head.header("Content-Length"), Some("100"));
    assert_eq!(head.header("Content-Type"), Some("application/pdf"));
}

#[test]
fn several_ranges_are_a_multipart_206() {
    let head = get(&[("Range", "bytes=-10, 0-9")]);
    let asked = [990..1000, 0..10];
    let Selected::Many(multipart) = &head.selected else { panic!("{head:?}") };
    assert_eq!(multipart.parts.iter().map(|part| part.range.clone()).collect::<Vec<_>>(), asked);
    assert_eq!(head.status, 206);
    assert_eq!(head.header("Content-Range"), None);
    assert_eq!(head.header("Content-Length"), Some(multipart.len.to_string().as_str()));
    assert_eq!(
        head.header("Content-Type"),
        Some("multipart/byteranges; boundary=00000000000000000000000000000007")
    );
}

#[test]
fn a_boundary_is_drawn_only_when_it_is_used() {
    for (field, draws) in
        [("bytes=0-0", 0), ("bytes=0-0,50-50", 0), ("bytes=9999-", 0), ("bytes=0-0,500-", 1)]
    {
        let mut drawn = 0;
        let mut draw = || {
            drawn += 1;
            1
        };
        respond("GET", RequestHeaders(&[("Range", field)]), &report(), NOW, &mut draw);
        assert_eq!(drawn, draws, "{field}");
    }
}

#[test]
fn r1_many_ranges_are_the_whole() {
    let many = format!("bytes={}", "0-0,".repeat(10_000));
    assert_eq!(get(&[("Range", &many)]).status, 200);
    let apart: Vec<String> = (0..17).map(|n| format!("{0}-{0}", n * 1000)).collect();
    let large = Representation { len: 1 << 20, ..report() };
    assert_eq!(ask("GET", &[("Range", &format!("bytes={}", apart.join(",")))], &large).status, 200);
    assert_eq!(ask("GET", &[("Range", &format!("bytes={}", apart[..16].join(",")))], &large).status, 206);
}

#[test]
fn r2_parts_that_take_as_much_as_the_whole_are_the_whole() {
    assert_eq!(get(&[("Range", "bytes=0-449,550-")]).status, 200);
    let overhead = Multipart::new(&[0..1, 500..1000], 1000, "application/pdf", 7).unwrap().len - 501;
    assert_eq!(get(&[("Range", &format!("bytes=0-0,{}-", overhead + 1))]).status, 200, "just as long");
    assert_eq!(get(&[("Range", &format!("bytes=0-0,{}-", overhead + 2))]).status, 206, "one byte shorter");
    assert_eq!(get(&[("Range", "bytes=5-,4-,3-")]).selected, Selected::One(3..1000));
}

#[test]
fn r3_lines_that_contradict_each_other_are_ignored() {
    assert_eq!(get(&[("Range", "bytes=0-0"), ("range", "bytes=0-0")]).status, 200);
    assert_eq!(get(&[("Range", "bytes=0-0, items=1-2")]).status, 200);
    assert_eq!(get(&[("Range", "bytes=18446744073709551615-")]).status, 416);
}

#[test]
fn r4_nothing_to_send_is_a_416_that_says_the_length() {
    let head = get(&[("Range", "bytes=1000-")]);
    assert_eq!((head.status, &head.selected), (416, &Selected::Nothing));
    for (name, value) in [
        ("Content-Range", "bytes */1000"),
        ("Content-Length", "0"),
        ("ETag", "\"own\""),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", "sandbox; default-src 'none'"),
    ] {
        assert_eq!(head.header(name), Some(value));
    }
    assert_eq!(head.header("Content-Type"), None);
    assert_eq!(head.header("Content-Disposition"), None);
}

#[test]
fn r4_an_empty_file() {
    let empty = Representation { len: 0, ..report() };
    for field in ["bytes=0-", "bytes=0-1048575", "bytes=-0", "bytes=-5", "bytes=7-", "bytes=x"] {
        let head = ask("GET", &[("Range", field)], &empty);
        assert_eq!((head.status, head.header("Content-Length")), (200, Some("0")), "{field}");
    }
}

#[test]
fn r5_another_if_range_is_the_whole() {
    for (value, status) in [
        ("\"own\"", 206),
        (date(0).as_str(), 206),
        ("W/\"own\"", 200),
        ("\"other\"", 200),
        ("own", 200),
        (date(-1).as_str(), 200),
        (date(1).as_str(), 200),
    ] {
        assert_eq!(get(&[("Range", "bytes=0-9"), ("If-Range", value)]).status, status, "{value}");
        assert_eq!(get(&[("If-Range", value)]).status, 200, "alone it means nothing: {value}");
    }
    let two = [("Range", "bytes=0-9"), ("If-Range", "\"own\""), ("If-Range", "\"own\"")];
    assert_eq!(get(&two).status, 200);
    let late = [("Range", "bytes=5000-"), ("If-Range", "\"other\"")];
    assert_eq!(get(&late).status, 200, "a range that does not count is not unsatisfiable");
}

#[test]
fn r5_the_date_of_this_second_is_weak() {
    let fresh = Representation { last_modified: Some(NOW), ..report() };
    let now = format_date(NOW).unwrap();
    assert_eq!(ask("GET", &[("Range", "bytes=0-9"), ("If-Range", &now)], &fresh).status, 200);
}

#[test]
fn a_time_to_come_is_sent_as_now() {
    let early = Representation { last_modified: Some(NOW + 100), ..report() };
    assert_eq!(ask("GET", &[], &early).header("Last-Modified"), format_date(NOW).as_deref());
    for seconds in [i64::MIN, -1] {
        let old = Representation { last_modified: Some(seconds), ..report() };
        assert_eq!(ask("GET", &[("If-Unmodified-Since", &date(0))], &old).header("Last-Modified"), None);
    }
}

#[test]
fn a_time_to_come_of_what_changes_is_no_date() {
    let early = Representation { last_modified: Some(NOW + 100), changes: true, ..report() };
    for at in [NOW, NOW + 100, NOW + 101] {
        let date = format_date(at).unwrap();
        assert_eq!(ask("GET", &[], &early).header("Last-Modified"), None);
        assert_eq!(ask("GET", &[("If-Modified-Since", &date)], &early).status, 200);
        assert_eq!(ask("GET", &[("If-Unmodified-Since", &date)], &early).status, 200);
        assert_eq!(ask("GET", &[("Range", "bytes=0-9"), ("If-Range", &date)], &early).status, 200);
    }
}

#[test]
fn another_media_type_is_another_tag() {
    let mut representation = Representation { etag: entity_tag("own", "text/plain"), ..report() };
    let tag = representation.etag.clone();
    let asked = |representation: &Representation| {
        ask("GET", &[("If-None-Match", &format!("\"{tag}\""))], representation).status
    };
    assert_eq!(asked(&representation), 304);
    representation.set_media_type("text/csv");
    assert_eq!(asked(&representation), 200);
    representation.set_media_type("text/plain");
    assert_eq!((asked(&representation), &representation.etag), (304, &tag), "a tag goes with its type");
}

#[test]
fn only_a_player_may_load_its_own_url() {
    let shown = |media_type: &str, disposition, range: &[(&str, &str)]| {
        let representation = Representation { media_type: media_type.into(), disposition, ..report() };
        let head = ask("GET", range, &representation);
        let inline = head.header("Content-Disposition").is_some_and(|value| value.starts_with("inline"));
        (inline, head.header("Content-Security-Policy").map(str::to_owned))
    };
    let player = Some("sandbox allow-same-origin; default-src 'none'; media-src 'self'".to_owned());
    let isolated = Some("sandbox; default-src 'none'".to_owned());
    for media_type in ["video/mp4", "AUDIO/ogg; codecs=opus"] {
        for range in [&[][..], &[("Range", "bytes=0-9")], &[("Range", "bytes=0-9,900-909")]] {
            assert_eq!(shown(media_type, Disposition::Inline, range), (true, player.clone()), "{media_type}");
        }
        assert_eq!(
            shown(media_type, Disposition::Attachment, &[]),
            (false, isolated.clone()),
            "{media_type}"
        );
    }
    for media_type in
        ["image/png", "application/pdf", "text/plain", "text/html", "video/html", "audio/x+xml", "video", ""]
    {
        assert_eq!(shown(media_type, Disposition::Inline, &[]).1, isolated, "{media_type}");
    }
}

#[test]
fn a_304_keeps_what_caches_need_and_drops_what_describes_content() {
    let extra = vec![("Vary", "Origin".into()), ("Content-Language", "en".into())];
    let representation = Representation { extra, cache: CacheControl::Public(86_400), ..report() };
    let head = ask("GET", &[("If-None-Match", "\"x\""), ("If-None-Match", "W/\"own\"")], &representation);
    let names: Vec<_> = head.headers.iter().map(|(name, _)| *name).collect();
    let expected = [
        "ETag",
        "Last-Modified",
        "Cache-Control",
        "X-Content-Type-Options",
        "Cross-Origin-Resource-Policy",
        "Vary",
    ];
    assert_eq!((head.status, names, &head.selected), (304, expected.to_vec(), &Selected::Nothing));
    assert_eq!(head.header("cache-control"), Some("public, max-age=86400"));
}

#[test]
fn other_methods_are_told_which_there_are() {
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get", "", "TRACE"] {
        let head = ask(method, &[("If-None-Match", "*"), ("Range", "bytes=0-0")], &report());
        assert_eq!((head.status, head.header("Allow")), (405, Some("GET, HEAD")), "{method}");
        assert_eq!((head.header("Content-Length"), head.header("ETag")), (Some("0"), None));
    }
}

#[test]
fn h1_h2_h3_names_never_leave_their_header() {
    let name = "a\r\nSet-Cookie: x\u{202e}\"; filename*=UTF-8''evil.exe; \u{e9}.txt";
    let head = ask("GET", &[], &Representation { name: name.into(), ..report() });
    let expected = "attachment; filename=\"aSet-Cookie: x_; filename*=UTF-8''evil.exe; _.txt\"; \
        filename*=UTF-8''aSet-Cookie%3A%20x%22%3B%20filename%2A%3DUTF-8%27%27evil.exe%3B%20%C3%A9.txt";
    assert_eq!(head.header("Content-Disposition"), Some(expected));
}

#[test]
fn h5_active_types_are_never_inline() {
    for (media_type, sent, word) in [
        ("text/html", "text/html", "attachment"),
        ("image/svg+xml", "image/svg+xml", "attachment"),
        ("application/xml", "application/xml", "attachment"),
        ("", "application/octet-stream", "attachment"),
        ("image/png", "image/png", "inline"),
        ("text/plain", "text/plain; charset=utf-8", "inline"),
        ("Text/Plain", "text/plain; charset=utf-8", "inline"),
        ("text/plain; charset=iso-8859-1", "text/plain; charset=iso-8859-1", "attachment"),
    ] {
        let declared =
            Representation { media_type: media_type.into(), disposition: Disposition::Inline, ..report() };
        let head = ask("GET", &[], &declared);
        assert_eq!(head.header("Content-Type"), Some(sent));
        assert!(head.header("Content-Disposition").unwrap().starts_with(word), "{media_type}");
        for (name, value) in SECURITY {
            assert_eq!(head.header(name), Some(value));
        }
    }
}

#[test]
fn a_type_of_the_name_follows_the_name_and_is_text_in_utf_8() {
    for (put, served, sent) in [
        ("a.part", "clip.mp4", "video/mp4"),
        ("a.txt", "a.csv", "text/csv; charset=utf-8"),
        ("a.bin", "notes.MD", "text/markdown; charset=utf-8"),
        ("a.csv", "a", "application/octet-stream"),
    ] {
        let mut guessed = Representation { type_of_name: true, ..report() };
        guessed.set_name(put);
        let tag = guessed.etag.clone();
        guessed.set_name(served);
        assert_eq!(ask("GET", &[], &guessed).header("Content-Type"), Some(sent));
        assert_ne!(guessed.etag, tag, "{served}: another type is another representation");
        let mut declared = Representation { media_type: "text/csv".into(), ..report() };
        declared.set_name(served);
        assert_eq!(ask("GET", &[], &declared).header("Content-Type"), Some("text/csv"), "as it was declared");
    }
}

#[test]
fn h6_an_injected_type_is_octet_stream() {
    for media_type in [
        "text/plain\r\nSet-Cookie: a=b",
        "image/png; a=\"",
        "image/png, text/html",
        "multipart/byteranges; boundary=x",
    ] {
        let declared =
            Representation { media_type: media_type.into(), disposition: Disposition::Inline, ..report() };
        for field in ["bytes=0-", "bytes=0-0,999-"] {
            let head = ask("GET", &[("Range", field)], &declared);
            if let Selected::Many(multipart) = &head.selected {
                let part = String::from_utf8(multipart.parts[0].head.clone()).unwrap();
                assert!(part.contains("\r\nContent-Type: application/octet-stream\r\n"), "{part}");
            } else {
                assert_eq!(head.header("Content-Type"), Some("application/octet-stream"), "{media_type}");
            }
            assert!(head.header("Content-Disposition").unwrap().starts_with("attachment"));
        }
    }
}

#[test]
fn unfit_values_of_the_caller_are_left_out() {
    let representation = Representation {
        etag: "a\"\r\n".into(),
        repr_digest: Some("x\r\ny".into()),
        extra: vec![("X-A", "a\nb".into()), ("X-B", "\u{e9}".into()), ("X-C", "c".into())],
        ..report()
    };
    let head = ask("GET", &[], &representation);
    for name in ["ETag", "Repr-Digest", "X-A", "X-B"] {
        assert_eq!(head.header(name), None);
    }
    assert_eq!(head.header("X-C"), Some("c"));
}

/// One value of a conditional field, with what is known of it.
#[derive(Clone, Debug)]
struct Sent {
    value: Option<String>,
    strong: bool,
    weak: bool,
    date: Option<i64>,
}

fn sent(value: &str, strong: bool, weak: bool, offset: Option<i64>) -> Sent {
    Sent { value: Some(value.into()), strong, weak, date: offset }
}

fn absent() -> Sent {
    Sent { value: None, strong: false, weak: false, date: None }
}

fn dates() -> Vec<Sent> {
    let mut all = vec![absent(), sent("soon", false, false, None)];
    all.extend([-1, 0, 1].map(|offset| sent(&date(offset), false, false, Some(offset))));
    all
}

fn tags() -> Vec<Sent> {
    vec![
        absent(),
        sent("\"own\"", true, true, None),
        sent("W/\"own\"", false, true, None),
        sent("\"other\"", false, false, None),
        sent("*", true, true, None),
    ]
}

/// What a server that knows nothing but the RFC's sentences would answer.
fn model(method: &str, fields: [&Sent; 5], range: (Option<&str>, u16)) -> u16 {
    let [if_match, unmodified, none_match, modified, if_range] = fields;
    if method != "GET" && method != "HEAD" {
        return 405;
    }
    if if_match.value.is_some() && !if_match.strong {
        return 412;
    }
    if if_match.value.is_none() && unmodified.date == Some(-1) {
        return 412;
    }
    if none_match.weak {
        return 304;
    }
    if none_match.value.is_none() && modified.date.is_some_and(|offset| offset >= 0) {
        return 304;
    }
    if method == "HEAD" || range.0.is_none() {
        return 200;
    }
    let whole = if_range.value.is_some() && !if_range.strong && if_range.date != Some(0);
    if whole { 200 } else { range.1 }
}

/// Asks everything that can be asked, and counts the answers, and those that are not the model's.
fn compare(answer: impl Fn(&str, &[(&str, &str)]) -> u16) -> (BTreeMap<u16, u32>, u32) {
    const NAMES: [&str; 5] =
        ["If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since", "If-Range"];
    let ranges = [
        (None, 200),
        (Some("bytes=0-9"), 206),
        (Some("bytes=0-9,900-"), 206),
        (Some("bytes=1000-"), 416),
        (Some("bytes=9-0"), 200),
    ];
    let if_ranges = [dates(), tags()[1..4].to_vec()].concat();
    let axes = [tags(), dates(), tags(), dates(), if_ranges];
    let (mut answers, mut wrong) = (BTreeMap::new(), 0);
    for number in 0..axes.iter().map(Vec::len).product() {
        let mut rest = number;
        let fields = axes.each_ref().map(|axis| {
            let field = &axis[rest % axis.len()];
            rest /= axis.len();
            field
        });
        for range in ranges {
            let mut lines: Vec<(&str, &str)> = NAMES
                .into_iter()
                .zip(fields)
                .filter_map(|(name, field)| Some((name, field.value.as_deref()?)))
                .collect();
            lines.extend(range.0.map(|value| ("Range", value)));
            for method in ["GET", "HEAD", "POST"] {
                let status = answer(method, &lines);
                *answers.entry(status).or_default() += 1;
                wrong += u32::from(status != model(method, fields, range));
            }
        }
    }
    (answers, wrong)
}

#[test]
fn every_combination_of_headers_has_the_status_of_the_model() {
    let (answers, wrong) = compare(|method, lines| ask(method, lines, &report()).status);
    assert_eq!(wrong, 0);
    assert_eq!(answers.keys().copied().collect::<Vec<_>>(), [200, 206, 304, 405, 412, 416]);
}

/// A control: servers that forget one rule are caught.
#[test]
fn the_model_catches_a_forgotten_rule() {
    let without = |name: &'static str| {
        move |method: &str, lines: &[(&str, &str)]| {
            let heard: Vec<_> = lines.iter().copied().filter(|(known, _)| *known != name).collect();
            ask(method, &heard, &report()).status
        }
    };
    for name in ["If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since", "If-Range", "Range"]
    {
        assert!(compare(without(name)).1 > 0, "{name}");
    }
    let ranged_head = |method: &str, lines: &[(&str, &str)]| {
        let method = if method == "HEAD" { "GET" } else { method };
        ask(method, lines, &report()).status
    };
    assert!(compare(ranged_head).1 > 0);
}

proptest! {
    #[test]
    fn h1_every_header_is_visible_ascii_and_every_length_is_exact(
        name: String,
        media_type in prop_oneof![any::<String>(), "[a-z]{1,5}/[a-z+]{1,5}[;= a-z\r\n]{0,6}"],
        etag: String,
        extra: String,
        digest: Option<String>,
        len in prop_oneof![0u64..3, 0u64..5000, any::<u64>()],
        last_modified: Option<i64>,
        changes: bool,
        now: i64,
        boundary: u128,
        inline: bool,
        method in prop_oneof![Just("GET"), Just("HEAD"), Just("PUT")],
        range in prop_oneof!["bytes=[0-9]{0,4}-[0-9]{0,4}(, ?[0-9]{1,4}-[0-9]{0,4}){0,3}", any::<String>()],
        condition in prop_oneof![Just("\"own\"".to_owned()), any::<String>()],
    ) {
        let disposition = if inline { Disposition::Inline } else { Disposition::Attachment };
        let cache = CacheControl::Private(60);
        let extra = vec![("X-Extra", extra)];
        let representation = Representation {
            len, etag, last_modified, changes, media_type, type_of_name: inline, disposition, name, cache, repr_digest: digest, extra,
        };
        let lines = [("Range", range.as_str()), ("If-Match", "*"), ("If-None-Match", &condition), ("If-Range", &condition)];
        for count in [1, 4] {
            let head = respond(method, RequestHeaders(&lines[..count]), &representation, now, || boundary);
            for (name, value) in &head.headers {
                prop_assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{}: {:?}", name, value);
            }
            let mut names: Vec<_> = head.headers.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            prop_assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
            let length = head.header("Content-Length").map(|text| text.parse::<u64>().unwrap());
            match (method, head.status) {
                (_, 304) => prop_assert_eq!(length, None),
                ("HEAD", 200) => prop_assert_eq!(length, Some(len)),
                _ => prop_assert_eq!(length, Some(body_len(&head, &representation))),
            }
        }
    }
}
