//! Keys of objects.

use object_store::path::Path;

/// Digits of the number in a key.
const DIGITS: usize = 16;

/// What an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ObjectKind {
    /// One large content, by the id of its blob.
    Content,
    /// The outline of a large content, by the same id.
    Outline,
    /// The small contents of a group, by the number of the segment.
    Segment,
}

impl ObjectKind {
    const ALL: [ObjectKind; 3] = [ObjectKind::Content, ObjectKind::Outline, ObjectKind::Segment];

    pub(super) fn letter(self) -> &'static str {
        match self {
            ObjectKind::Content => "c",
            ObjectKind::Outline => "o",
            ObjectKind::Segment => "s",
        }
    }
}

/// Returns the key of an object: `c/3f/000000000000a13f`, below the store's prefix. All keys have one depth
/// and one length, since servers that keep objects as files take no key that is another's folder, and the
/// folder is the low byte, as in a store's directory.
pub(super) fn path(prefix: &Path, kind: ObjectKind, number: u64) -> Path {
    let folder = format!("{:02x}", number & 0xff);
    prefix.clone().join(kind.letter()).join(folder).join(format!("{number:016x}"))
}

/// Returns what a key names; None where it is none of ours.
pub(super) fn parse(prefix: &Path, key: &Path) -> Option<(ObjectKind, u64)> {
    let parts: Vec<_> = key.prefix_match(prefix)?.collect();
    let [letter, _, digits] = parts.as_slice() else { return None };
    let kind = ObjectKind::ALL.into_iter().find(|kind| kind.letter() == letter.as_ref())?;
    if digits.as_ref().len() != DIGITS {
        return None;
    }
    let number = u64::from_str_radix(digits.as_ref(), 16).ok()?;
    (path(prefix, kind, number) == *key).then_some((kind, number))
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_nothing_else_is() {
        for prefix in ["", "files", "a/b"] {
            let prefix = Path::from(prefix);
            for kind in ObjectKind::ALL {
                for number in [0, 1, 0xa13f, u64::MAX] {
                    let key = path(&prefix, kind, number);
                    assert_eq!(parse(&prefix, &key), Some((kind, number)), "{key}");
                    assert_eq!(parse(&Path::from("other"), &key), None, "{key}");
                }
            }
        }
        let root = Path::from("");
        for foreign in
            ["c/ab", "c/ab/cd", "x/00/0000000000000000", "c/01/0000000000000000", "c/3F/000000000000a13F"]
        {
            assert_eq!(parse(&root, &Path::from(foreign)), None, "{foreign}");
        }
        let keys = [(ObjectKind::Content, 0xa13f), (ObjectKind::Segment, 7)]
            .map(|(kind, number)| path(&root, kind, number));
        assert_eq!(keys.map(|key| key.to_string()), ["c/3f/000000000000a13f", "s/07/0000000000000007"]);
    }
}
