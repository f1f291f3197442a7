//! The names that things have in URIs.

use crate::Result;
use crate::api::Api;
use crate::catalog::{alias, share, signing_key};
use crate::id::ShareId;
use crate::token::{HashIds, HashKind};

impl Api {
    /// Returns the URI that Cloudreve clients name a share by, `cloudreve://<id>@share`; what is in the
    /// share follows behind a `/`, and a password behind the id and a `:`.
    ///
    /// # Errors
    /// `NotFound` when there is no such share.
    pub fn share_uri(&self, share: ShareId) -> Result<String> {
        let tx = self.store.engine()?.reader()?;
        share::record(&tx, share)?;
        let ids = HashIds::new(&signing_key::salt(&tx)?)?;
        let id = match alias::foreign(&tx, alias::AliasKind::Share, share.0)? {
            Some(number) => ids.encode(number, HashKind::Share),
            None => ids.encode_random(share.0, HashKind::Share),
        };
        Ok(format!("cloudreve://{id}@share"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Caller, ErrorKind, Options, Put, Request, Share, Store};

    #[test]
    fn a_share_is_found_by_its_uri() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::new()).unwrap();
        let alice = store.drive("alice").unwrap();
        alice.put("docs/a.txt", &b"hello"[..], Put::new()).unwrap();
        let share = alice.share("docs", &Share::new()).unwrap();
        let api = Api::new(&store);
        let body = format!("{{\"uris\":[\"{}/a.txt\"]}}", api.share_uri(share.id).unwrap());
        let request = Request::new("POST", "/api/v4/file/url");
        let reply = api.answer(&Caller::anonymous(), &request, body.as_bytes()).unwrap();
        let answer = String::from_utf8(reply.body.to_vec(1 << 20).unwrap()).unwrap();
        assert!(answer.contains("\"code\":0"), "{answer}");
        assert_eq!(api.share_uri(ShareId(77)).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
