//! The header lines of a request, as they came.

use std::borrow::Cow;

use super::OWS;

/// The header lines of a request: pairs of name and value, in the order received.
///
/// Names are compared without regard to ASCII case. Values need not be valid; whoever reads one
/// ignores what is malformed.
#[derive(Clone, Copy, Debug)]
pub struct RequestHeaders<'a>(pub &'a [(&'a str, &'a str)]);

impl<'a> RequestHeaders<'a> {
    /// Returns the value of the first line of that name, without the white space around it.
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.get_all(name).next()
    }

    /// Returns the values of all lines of that name, in order.
    pub fn get_all(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim_matches(OWS))
    }

    /// Returns the value of the field: of several lines, their values joined by a comma
    /// (RFC 9110, section 5.3). A field that is not a list becomes invalid by that, as it should.
    pub fn joined(self, name: &str) -> Option<Cow<'a, str>> {
        let mut lines = self.get_all(name);
        let mut field = Cow::Borrowed(lines.next()?);
        for line in lines {
            let text = field.to_mut();
            text.push_str(", ");
            text.push_str(line);
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_lines_keep_their_order() {
        let headers =
            RequestHeaders(&[("if-none-match", " \"a\"\t"), ("X", "1"), ("If-None-Match", "\"b\"")]);
        assert_eq!(headers.get("IF-NONE-MATCH"), Some("\"a\""));
        assert_eq!(headers.get_all("If-None-Match").collect::<Vec<_>>(), ["\"a\"", "\"b\""]);
        assert_eq!(headers.joined("If-None-Match").unwrap(), "\"a\", \"b\"");
        assert!(matches!(headers.joined("x"), Some(Cow::Borrowed("1"))));
        assert_eq!(headers.get("Range"), None);
        assert_eq!(headers.joined("Range"), None);
    }
}
