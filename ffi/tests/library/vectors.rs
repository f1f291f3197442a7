//! The vectors that Rust, C and Python share, as C reads them.

use std::fmt::Write;

use serde_json::Value;

use crate::build::root;

fn load(name: &str) -> Value {
    let text = std::fs::read_to_string(root().join("tests/vectors").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.bytes().map(|byte| format!("\\{byte:03o}")).collect::<String>())
}

fn bytes(hex: &Value) -> String {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| format!("0x{}, ", &hex[at..at + 2])).collect()
}

fn optional(text: Option<&str>) -> String {
    text.map_or("NULL".to_owned(), quoted)
}

fn hashes(to: &mut String) {
    *to += "static const struct hash HASHES[] = {\n";
    for one in load("pds.json")["hash"].as_array().unwrap() {
        let Some(input) = one["input_utf8"].as_str() else { continue };
        let (crc64, sha1) = (one["crc64_hash"].as_str().unwrap(), one["content_hash"].as_str().unwrap());
        writeln!(to, "{{{}, {}, UINT64_C({crc64}), \"{sha1}\"}},", quoted(input), input.len()).unwrap();
    }
    *to += "};\n";
}

fn tokens(to: &mut String) {
    let vectors = load("token.json");
    let key = vectors["keys"].as_array().unwrap().iter().find(|key| key["id"] == 258).unwrap();
    writeln!(to, "static const uint8_t UUID[16] = {{{}}};", bytes(&vectors["store"])).unwrap();
    writeln!(to, "static const uint8_t SECRET[] = {{{}}};", bytes(&key["secret"])).unwrap();
    *to += "static const struct token TOKENS[] = {\n";
    let mut row = |token: &Value, purpose: &str, client: Option<&str>, now: &str, code: &str| {
        let token = quoted(token.as_str().unwrap());
        writeln!(to, "{{{token}, \"{purpose}\", {}, {now}, HOLDALL_{code}}},", optional(client)).unwrap();
    };
    for one in vectors["tokens"].as_array().unwrap() {
        let purpose = one["claims"]["purpose"].as_str().unwrap();
        let client = one["claims"]["network"].as_str().map(|network| network.split('/').next().unwrap());
        // A token for an upload opens no download.
        let code = if purpose == "upload" { "DENIED" } else { "OK" };
        row(&one["token"], purpose, client, "1750000000", code);
    }
    for one in vectors["refused"].as_array().unwrap() {
        let code = match (one["refusal"].as_str().unwrap(), one["wanted"].as_str().unwrap()) {
            ("WrongPurpose", "upload") => "OK",
            ("Expired", _) => "EXPIRED",
            _ => "DENIED",
        };
        row(&one["token"], "version", one["client"].as_str(), one["now"].as_str().unwrap(), code);
    }
    *to += "};\n";
}

fn cloudreve(to: &mut String) {
    let vectors = load("cloudreve.json");
    writeln!(to, "static const char CLOUDREVE_KEY[] = {};", quoted(vectors["key"].as_str().unwrap()))
        .unwrap();
    *to += "static const struct sign SIGNS[] = {\n";
    for one in vectors["sign"].as_array().unwrap() {
        let (path, sign) = (quoted(one[0].as_str().unwrap()), one[2].as_str().unwrap());
        writeln!(to, "{{{path}, {}, \"{sign}\"}},", one[1]).unwrap();
    }
    *to += "};\n";
}

/// Returns the arrays that tests/c/vectors.c includes.
pub fn arrays() -> String {
    let mut made = String::new();
    hashes(&mut made);
    tokens(&mut made);
    cloudreve(&mut made);
    made
}
