//! The vectors of native tokens that C and Python read too.

use serde_json::{Value, json};

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<T: TryFrom<Vec<u8>>>(text: &Value) -> T
where
    T::Error: std::fmt::Debug,
{
    let text = text.as_str().unwrap();
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    T::try_from((0..text.len()).step_by(2).map(byte).collect()).unwrap()
}

/// Numbers above 2^53 do not survive every JSON reader, so all numbers are text.
fn to_json(claims: &Claims) -> Value {
    json!({
        "purpose": claims.purpose.name(),
        "subject": claims.subject.to_string(),
        "epoch": claims.epoch.to_string(),
        "file": claims.file.to_string(),
        "expires": claims.expires().map(|expires| expires.to_string()),
        "disposition": if claims.disposition == Disposition::Inline { "inline" } else { "attachment" },
        "name": claims.name,
        "media_type": claims.media_type,
        "network": claims.network.map(|network| network.to_string()),
        "uses": claims.uses.map(|uses| json!({ "limit": uses.limit, "id": hex(&uses.id) })),
        "public_cache": claims.public_cache,
        "pace": claims.pace.map(|pace| pace.to_string()),
    })
}

fn number(text: &Value) -> Option<u64> {
    text.as_str().map(|digits| digits.parse().unwrap())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn from_json(value: &Value) -> Claims {
    let purpose = Purpose::ALL.into_iter().find(|purpose| value["purpose"] == purpose.name()).unwrap();
    let subject = number(&value["subject"]).unwrap();
    let epoch = number(&value["epoch"]).unwrap();
    let mut claims = match number(&value["expires"]) {
        Some(expires) => Claims::new(purpose, subject, epoch, expires),
        None => Claims::never_expiring(purpose, subject, epoch),
    };
    claims.file = number(&value["file"]).unwrap();
    if value["disposition"] == "inline" {
        claims.disposition = Disposition::Inline;
    }
    claims.name = text(&value["name"]);
    claims.media_type = text(&value["media_type"]);
    claims.network = value["network"].as_str().map(|network| network.parse().unwrap());
    claims.uses = value["uses"].as_object().map(|uses| UseLimit {
        limit: uses["limit"].as_u64().unwrap().try_into().unwrap(),
        id: unhex(&uses["id"]),
        each_request: false,
    });
    claims.public_cache = value["public_cache"].as_bool().unwrap();
    claims.pace = number(&value["pace"]);
    claims
}

fn ring_of(vectors: &Value) -> KeyRing {
    let keys = vectors["keys"].as_array().unwrap().iter().map(|key| {
        let id = key["id"].as_u64().unwrap().try_into().unwrap();
        Key::new(id, unhex(&key["secret"]), key["created"].as_u64().unwrap()).unwrap()
    });
    KeyRing::new(unhex(&vectors["store"]), keys).unwrap()
}

#[test]
fn the_tokens_of_the_vectors_do_not_drift() {
    let vectors = vectors("token.json");
    let ring = ring_of(&vectors);
    let rows = vectors["tokens"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    for row in rows {
        let claims = from_json(&row["claims"]);
        let token = row["token"].as_str().unwrap();
        assert_eq!(to_json(&claims), row["claims"]);
        assert_eq!(ring.sign(&claims).unwrap(), token);
        let client = claims.network.map(|network| network.address());
        assert_eq!(ring.verify(token, claims.purpose, NOW, client), Ok(claims));
    }
}

#[test]
fn the_refusals_of_the_vectors_do_not_drift() {
    let vectors = vectors("token.json");
    let ring = ring_of(&vectors);
    let rows = vectors["refused"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    for row in rows {
        let wanted = Purpose::ALL.into_iter().find(|purpose| row["wanted"] == purpose.name()).unwrap();
        let client = row["client"].as_str().map(|client| client.parse().unwrap());
        let now = number(&row["now"]).unwrap();
        let refusal = ring.verify(row["token"].as_str().unwrap(), wanted, now, client).unwrap_err();
        assert_eq!(format!("{refusal:?}"), row["refusal"].as_str().unwrap(), "{}", row["why"]);
    }
}
