//! Entity tags (RFC 9110, section 8.8.3).

use std::fmt;

use super::OWS;
use crate::mutant::{self, Mutant};

/// An entity tag: `"abc"`, or `W/"abc"` where equal means only "as good as".
///
/// Two of them are compared with [`ETag::strong_eq`] or [`ETag::weak_eq`], never with `==`.
#[derive(Clone, Copy, Debug)]
pub struct ETag<'a> {
    weak: bool,
    opaque: &'a str,
}

impl<'a> ETag<'a> {
    /// Makes the strong tag to send for `opaque`, or returns `None` if that holds a quote or
    /// anything but visible ASCII.
    pub fn strong(opaque: &'a str) -> Option<ETag<'a>> {
        let visible = opaque.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        visible.then_some(ETag { weak: false, opaque })
    }

    /// Reads exactly one tag. `W/` is upper case, and the quotes are not optional.
    pub fn parse(text: &'a str) -> Option<ETag<'a>> {
        let (tag, rest) = ETag::take(text)?;
        rest.is_empty().then_some(tag)
    }

    /// Returns the text between the quotes.
    pub fn opaque(self) -> &'a str {
        self.opaque
    }

    /// Returns whether the tag is weak.
    pub fn is_weak(self) -> bool {
        self.weak
    }

    /// Returns whether both are strong and the same: the bytes are equal. For `If-Match` and
    /// `If-Range`.
    pub fn strong_eq(self, other: ETag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Returns the tag as it is sent.
    pub(super) fn text(self) -> String {
        [if self.weak { "W/" } else { "" }, "\"", self.opaque, "\""].concat()
    }

    /// Returns whether both have the same opaque text. For `If-None-Match`.
    pub fn weak_eq(self, other: ETag<'_>) -> bool {
        self.opaque == other.opaque
    }

    /// Returns whether any tag of a list satisfies `equal`. Empty elements are skipped; one
    /// malformed element, and the list matches nothing. Takes no memory.
    pub fn any_in_list(list: &str, equal: impl Fn(ETag<'_>) -> bool) -> bool {
        let mut found = false;
        let mut rest = list;
        loop {
            rest = rest.trim_start_matches([',', ' ', '\t']);
            if rest.is_empty() {
                return found;
            }
            let Some((tag, after)) = ETag::take(rest) else { return false };
            found |= equal(tag);
            rest = after.trim_start_matches(OWS);
            if !rest.is_empty() && !rest.starts_with(',') {
                return false;
            }
        }
    }

    /// Splits the tag off that `text` begins with.
    fn take(text: &'a str) -> Option<(ETag<'a>, &'a str)> {
        let (weak, quoted) = match text.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let (opaque, rest) = quoted.strip_prefix('"')?.split_once('"')?;
        let valid = opaque.bytes().all(|byte| byte.is_ascii_graphic() || !byte.is_ascii());
        valid.then_some((ETag { weak, opaque }, rest))
    }
}

/// Makes the opaque text of a strong tag for a content and the media type that it is sent as:
/// `<content>-<CRC-32 of the type>`. The type belongs to it: a client that has the bytes under
/// another type does not have what is sent (RFC 9110, section 8.8.1), and a 304 would leave it that.
///
/// `content` names the bytes, in visible ASCII without `"` and `-`.
pub fn entity_tag(content: &str, media_type: &str) -> String {
    if mutant::is_active(Mutant::TypeOutsideTag) {
        return content.to_owned();
    }
    format!("{content}-{:08x}", crc32fast::hash(media_type.as_bytes()))
}

impl fmt::Display for ETag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(list: &str, opaque: &str) -> bool {
        let own = ETag::strong(opaque).unwrap();
        ETag::any_in_list(list, |tag| own.weak_eq(tag))
    }

    #[test]
    fn the_comparison_table_of_the_rfc() {
        for (left, right, strong, weak) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
            ("\"1\"", "\"2\"", false, false),
        ] {
            let (a, b) = (ETag::parse(left).unwrap(), ETag::parse(right).unwrap());
            assert_eq!((a.strong_eq(b), a.weak_eq(b)), (strong, weak), "{left} {right}");
            assert_eq!((b.strong_eq(a), b.weak_eq(a)), (strong, weak), "{right} {left}");
        }
    }

    #[test]
    fn only_whole_tags_are_read() {
        for text in
            ["", "a", "\"", "\"a", "a\"", "w/\"a\"", "W/a", "W/ \"a\"", "\"a\"b", " \"a\"", "\"a b\"", "*"]
        {
            assert!(ETag::parse(text).is_none(), "{text}");
        }
        for text in ["\"\"", "W/\"\"", "\"a,b\"", "\"\u{e9}\"", "\"a'\\b\""] {
            assert_eq!(ETag::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn tags_to_send_are_visible_ascii_without_quotes() {
        for opaque in ["a b", "a\"b", "a\r\nb", "\u{e9}", "\u{7f}"] {
            assert!(ETag::strong(opaque).is_none(), "{opaque:?}");
        }
        assert_eq!(ETag::strong("3f2a").unwrap().to_string(), "\"3f2a\"");
    }

    #[test]
    fn lists_are_read_as_lists() {
        for list in
            ["\"a\"", "\"b\",\"a\"", " ,, \"b\" ,\t\"a\",", "W/\"a\"", "\"x,y\", \"a\"", "\"x\\\",\"a\""]
        {
            assert!(holds(list, "a"), "{list}");
        }
        for list in ["", ",", "\"b\"", "\"b,a\"", "\"a\" \"a\"", "\"a\", b", "\"a\", \"", "*, \"a\"", "a"] {
            assert!(!holds(list, "a"), "{list}");
        }
    }

    proptest! {
        #[test]
        fn a_tag_is_found_in_every_list_that_holds_it(
            before in prop::collection::vec("[!#-~]{0,8}", 0..5),
            own in "[!#-~]{1,12}",
            gap in "[ \t]{0,2},[ \t,]{0,3}",
        ) {
            let mut tags: Vec<String> = before.iter().map(|opaque| format!("\"{opaque}\"")).collect();
            tags.push(format!("\"{own}\""));
            prop_assert!(holds(&tags.join(&gap), &own));
            tags.pop();
            prop_assert_eq!(holds(&tags.join(&gap), &own), before.contains(&own));
        }

        #[test]
        fn nothing_makes_it_panic(list in "[\"W/,* a\u{e9}]{0,12}") {
            let _ = (ETag::parse(&list), holds(&list, "a"));
        }
    }
}
