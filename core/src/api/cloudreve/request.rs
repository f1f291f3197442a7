//! The JSON of a request, read as leniently as the original does: field names in any case, the last
//! of a kind counts, null is nothing, what is not known is passed over.

use std::io::Read;

use serde_json::Value;

use super::error::{ApiError, Fault};
use crate::api::read_body;

/// The fields of a request's body.
pub(super) struct Fields(serde_json::Map<String, Value>);

impl Fields {
    /// Reads the body of a request.
    pub(super) fn read(body: &mut dyn Read) -> Result<Fields, ApiError> {
        let bytes = read_body(body)?.ok_or_else(|| wrong("the body is larger than 4 MiB"))?;
        let mut values = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
        match values.next() {
            Some(Ok(Value::Object(map))) => Ok(Fields(map)),
            Some(Ok(_)) => Err(wrong("the body is not JSON object").into()),
            Some(Err(cause)) => Err(wrong(&format!("the body is not JSON: {cause}")).into()),
            None => Err(wrong("EOF").into()),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let mut same = self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        same.next_back().map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// Returns a flag; one that is not there is not set.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(wrong(&format!("the field {name} is not a boolean"))),
        }
    }

    /// Returns a text; one that is not there is empty.
    pub(super) fn text(&self, name: &str) -> Result<&str, Fault> {
        match self.get(name) {
            None => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(wrong(&format!("the field {name} is not a string"))),
        }
    }

    /// Returns a text that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Fault> {
        match self.text(name)? {
            "" => Err(wrong(&format!("the field {name} is required"))),
            text => Ok(text),
        }
    }

    /// Returns a list of texts that must be there, and may be empty.
    pub(super) fn list(&self, name: &str) -> Result<Vec<&str>, Fault> {
        let Some(value) = self.get(name) else {
            return Err(wrong(&format!("the field {name} is required")));
        };
        let list = value.as_array().ok_or_else(|| wrong(&format!("the field {name} is not a list")))?;
        list.iter()
            .map(|item| match item {
                Value::String(text) => Ok(text.as_str()),
                Value::Null => Ok(""),
                _ => Err(wrong(&format!("the field {name} holds a value that is not a string"))),
            })
            .collect()
    }
}

/// A fault in the form of the request, which is sent without a correlation id.
fn wrong(text: &str) -> Fault {
    Fault::form(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::cloudreve::error::Code;

    fn read(json: &str) -> Fields {
        Fields::read(&mut json.as_bytes()).unwrap_or_else(|_| panic!("{json}"))
    }

    #[test]
    fn fields_are_read_leniently() {
        let fields = read(r#"{"URIS": ["a", null], "Download": true, "redirect": null, "x": {}} trailing"#);
        assert_eq!(fields.list("uris").unwrap(), ["a", ""]);
        assert!(fields.flag("download").unwrap() && !fields.flag("redirect").unwrap());
        assert_eq!(fields.text("entity").unwrap(), "");
        assert_eq!(read(r#"{"uris": []}"#).list("uris").unwrap(), Vec::<&str>::new());
    }

    #[test]
    fn what_has_a_wrong_form_is_said_to_have() {
        let deep = "[".repeat(100_000);
        for json in ["", "x", "[]", "1", "{", "\u{0}", r#"{"a":1"#, &deep] {
            match Fields::read(&mut json.as_bytes()) {
                Err(ApiError::Fault(fault)) => assert_eq!((fault.code, fault.form), (Code::Param, true)),
                _ => panic!("{json:.20}"),
            }
        }
        let fields = read(r#"{"uris": "a", "download": 1, "entity": [], "list": [1], "none": null}"#);
        assert!(fields.list("uris").is_err() && fields.list("list").is_err() && fields.list("none").is_err());
        assert!(fields.flag("download").is_err() && fields.text("entity").is_err());
        assert!(fields.required("version").is_err());
        let mut huge = std::io::repeat(b' ');
        assert!(matches!(Fields::read(&mut huge), Err(ApiError::Fault(_))));
    }
}
