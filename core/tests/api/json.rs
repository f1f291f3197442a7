//! JSON for people to read.

use std::collections::BTreeMap;

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
