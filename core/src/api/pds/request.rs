//! Requests: the fields of the JSON body. A field that a call does not read is ignored, and `null` is the
//! same as a field that is missing.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::error::Fault;
use crate::time::Time;

/// The JSON object that a call came with.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

impl From<Map<String, Value>> for Fields {
    fn from(fields: Map<String, Value>) -> Fields {
        Fields(fields)
    }
}

impl Fields {
    /// Reads a body; an empty one has no fields.
    ///
    /// # Errors
    /// A fault when it is no JSON object.
    pub(super) fn parse(body: &[u8]) -> Result<Fields, Fault> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Fields(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Fields(fields)),
            Ok(_) => Err(Fault::json("the body is JSON, but no object")),
            Err(cause) => Err(Fault::json(format!("the body is not JSON: {cause}"))),
        }
    }

    /// Makes the fields of an object within a body.
    pub(super) fn of(value: &Value, within: &str) -> Result<Fields, Fault> {
        match value {
            Value::Object(fields) => Ok(Fields(fields.clone())),
            _ => Err(Fault::format(format!("{within} holds a value that is not an object"))),
        }
    }

    /// Makes fields of the query of a target: each a text, except the lifetime.
    pub(super) fn of_query(target: &str) -> Fields {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        let mut fields = Map::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = value.replace('+', " ");
            let value = percent_decode_str(&value).decode_utf8_lossy().into_owned();
            let value = match (name, value.parse::<u64>()) {
                ("expire_sec", Ok(number)) => Value::from(number),
                _ => Value::from(value),
            };
            fields.entry(name.to_owned()).or_insert(value);
        }
        Fields::from(fields)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns a text, which may be empty.
    pub(super) fn any_text(&self, name: &str) -> Result<Option<&str>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Fault::format(format!("{name} is not a string"))),
        }
    }

    /// Returns a text that is not empty, if there is one.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        match self.any_text(name)? {
            Some("") => Err(Fault::empty(format!("{name} is empty"))),
            other => Ok(other),
        }
    }

    /// Returns a text that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.text(name)?.ok_or_else(|| Fault::missing(format!("{name} is missing")))
    }

    /// Returns a whole number in bounds, if there is one.
    pub(super) fn number(&self, name: &str, bounds: RangeInclusive<u64>) -> Result<Option<u64>, Fault> {
        let out = || Fault::range(format!("{name} is not {} to {}", bounds.start(), bounds.end()));
        match self.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => match whole(number) {
                WholeNumber::Is(number) if bounds.contains(&number) => Ok(Some(number)),
                WholeNumber::Is(_) | WholeNumber::Beyond => Err(out()),
                WholeNumber::Not => Err(Fault::format(format!("{name} is not a whole number"))),
            },
            Some(_) => Err(Fault::format(format!("{name} is not a whole number"))),
        }
    }

    /// Returns a whole number that was sent as a number or as its text.
    pub(super) fn number_or_text(&self, name: &str) -> Result<Option<u64>, Fault> {
        match self.get(name) {
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(Fault::format(format!("{name} is not a whole number"))),
            },
            _ => self.number(name, 0..=u64::MAX),
        }
    }

    /// Returns true or false, if it is said.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Fault::format(format!("{name} is neither true nor false"))),
        }
    }

    /// Returns a list of at most `max`, if there is one.
    pub(super) fn list(&self, name: &str, max: usize) -> Result<Option<&[Value]>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(list)) if list.len() <= max => Ok(Some(list)),
            Some(Value::Array(list)) => {
                let len = list.len();
                Err(Fault::range(format!("{name} has {len} elements; {max} is the most")))
            }
            Some(_) => Err(Fault::format(format!("{name} is not a list"))),
        }
    }

    /// Returns one of the words that a field may hold.
    pub(super) fn word<'a>(&self, name: &str, words: &[&'a str]) -> Result<Option<&'a str>, Fault> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => Err(Fault::unsupported(format!("{name} is not one of {}", words.join(", ")))),
        }
    }

    /// Returns a time in the form of RFC 3339, if there is one.
    pub(super) fn time(&self, name: &str) -> Result<Option<Time>, Fault> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Some(Time(time.as_microsecond()))),
            Err(_) => Err(Fault::format(format!("{name} is not a time such as 2026-01-02T15:04:05Z"))),
        }
    }

    /// Returns a SHA-1 in hexadecimal digits of any case, if there is one.
    pub(super) fn sha1(&self, name: &str) -> Result<Option<[u8; 20]>, Fault> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match sha1(text) {
            Some(sha1) => Ok(Some(sha1)),
            None => Err(Fault::format(format!("{name} is not a SHA-1 of 40 hexadecimal digits"))),
        }
    }
}

/// What a number is to those who want a whole one.
enum WholeNumber {
    Is(u64),
    /// Whole, and below 0 or past 64 bits.
    Beyond,
    Not,
}

/// Reads a whole number. JSON knows one kind of number, so 17.0 is 17.
fn whole(number: &serde_json::Number) -> WholeNumber {
    match (number.as_u64(), number.as_f64()) {
        (Some(number), _) => WholeNumber::Is(number),
        (None, Some(float)) if float.fract() == 0.0 => {
            format!("{float:.0}").parse().map_or(WholeNumber::Beyond, WholeNumber::Is)
        }
        _ => WholeNumber::Not,
    }
}

fn sha1(text: &str) -> Option<[u8; 20]> {
    if text.len() != 40 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut sha1 = [0; 20];
    for (byte, at) in sha1.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(sha1)
}

/// Reads a cursor that [`marker`] made; none for the first page.
pub(super) fn cursor(fields: &Fields) -> Result<Option<String>, Fault> {
    let Some(text) = fields.any_text("marker")?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = || Fault::invalid("marker was not given by an earlier call");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    String::from_utf8(bytes).map(Some).map_err(|_| wrong())
}

/// Makes the cursor of the next page.
pub(super) fn marker(cursor: Option<String>) -> String {
    cursor.map(|text| URL_SAFE_NO_PAD.encode(text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        Fields::parse(text.as_bytes()).unwrap()
    }

    fn code<T>(found: Result<T, Fault>) -> &'static str {
        found.err().expect("a fault").code
    }

    #[test]
    fn a_body_is_an_object_or_nothing() {
        assert!(Fields::parse(b"").is_ok() && Fields::parse(b" \r\n").is_ok());
        let deep = "[".repeat(10_000);
        for bad in ["[]", "1", "null", "{", "{}x", "\u{feff}{}", "{\"a\":}", deep.as_str()] {
            assert_eq!(code(Fields::parse(bad.as_bytes())), "InvalidRequestJSONFormat", "{bad:.20}");
        }
        assert_eq!(code(Fields::parse(b"{\"a\":\"\xff\"}")), "InvalidRequestJSONFormat");
    }

    #[test]
    fn t5_numbers_keep_their_bounds_and_are_never_rounded() {
        for (text, expected) in [
            ("1", Ok(Some(1))),
            ("115200", Ok(Some(115_200))),
            ("17.0", Ok(Some(17))),
            ("1.152e5", Ok(Some(115_200))),
            ("-0.0", Err("InvalidParameterOutOfRange")),
            ("null", Ok(None)),
            ("0", Err("InvalidParameterOutOfRange")),
            ("-1", Err("InvalidParameterOutOfRange")),
            ("115201", Err("InvalidParameterOutOfRange")),
            ("18446744073709551616", Err("InvalidParameterOutOfRange")),
            ("1e300", Err("InvalidParameterOutOfRange")),
            ("1.5", Err("InvalidParameterWrongFormat")),
            ("\"900\"", Err("InvalidParameterWrongFormat")),
            ("true", Err("InvalidParameterWrongFormat")),
            ("[900]", Err("InvalidParameterWrongFormat")),
        ] {
            let found = fields(&format!("{{\"n\":{text}}}")).number("n", 1..=115_200);
            assert_eq!(found.map_err(|fault| fault.code), expected, "{text}");
        }
    }

    #[test]
    fn texts_are_missing_empty_or_there() {
        let fields = fields(r#"{"a":"x","b":"","c":null,"d":7}"#);
        assert_eq!(fields.required("a"), Ok("x"));
        assert_eq!(code(fields.required("b")), "InvalidParameterEmpty");
        assert_eq!(code(fields.required("c")), "InvalidParameterMissing");
        assert_eq!(code(fields.required("d")), "InvalidParameterWrongFormat");
        assert_eq!(fields.any_text("b"), Ok(Some("")));
    }

    #[test]
    fn a_hash_is_read_in_any_case() {
        let upper = "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709";
        assert_eq!(sha1(upper), sha1(&upper.to_lowercase()));
        assert!(sha1(upper).is_some());
        for bad in ["", "DA39", &upper.replace('D', "G"), &format!("{upper}00"), &"\u{e9}".repeat(20)] {
            assert_eq!(sha1(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_cursor_reads_back() {
        for name in ["a", "a b/\u{e9}", ""] {
            let body = format!("{{\"marker\":\"{}\"}}", marker(Some(name.to_owned())));
            let fields = Fields::parse(body.as_bytes()).unwrap();
            assert_eq!(cursor(&fields).unwrap().unwrap_or_default(), name);
        }
        for bad in ["*", "a", "_w"] {
            let fields = Fields::parse(format!("{{\"marker\":\"{bad}\"}}").as_bytes()).unwrap();
            assert_eq!(cursor(&fields).unwrap_err().code, "InvalidParameter", "{bad}");
        }
    }
}
