//! Pages of the documentation that hold what the calls give.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// JSON with its fields in order of name, however the library was built.
pub fn pretty(value: &Value) -> String {
    struct Sorted<'a>(&'a Value);

    impl serde::Serialize for Sorted<'_> {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                Value::Object(fields) => {
                    let sorted: BTreeMap<_, _> =
                        fields.iter().map(|(name, value)| (name, Sorted(value))).collect();
                    to.collect_map(sorted)
                }
                Value::Array(values) => to.collect_seq(values.iter().map(Sorted)),
                value => value.serialize(to),
            }
        }
    }

    serde_json::to_string_pretty(&Sorted(value)).unwrap()
}

/// Holds the part of a page of `docs/api` between two marks to what the calls give.
pub fn assert_kept(page: &str, (begin, end): (&str, &str), made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api").join(page);
    let kept = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = kept.split_once(begin).expect("the page has lost its first mark");
    let (known, tail) = rest.split_once(end).expect("the page has lost its second mark");
    if std::env::var_os("HOLDALL_WRITE_PAGES").is_some() {
        std::fs::write(&path, format!("{head}{begin}\n{made}{end}{tail}")).unwrap();
        return;
    }
    assert!(
        known.trim() == made.trim(),
        "docs/api/{page} is not what the calls give; HOLDALL_WRITE_PAGES=1 writes it anew:\n{made}"
    );
}
