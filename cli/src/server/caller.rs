//! Who calls the wire formats, for a server that is tried out or stands behind another.
//!
//! A bearer token names a drive. A call without one is the drive's that the command line names, if the
//! server listens on the loopback interface alone and no page of another site made it; or nobody's.

use std::net::IpAddr;
use std::sync::Arc;

use holdall::body::Body;
use holdall::{Api, Caller, Error, ErrorKind, RapidUploads, Reply, Result, Store};
use holdall_http::check_local;
use hyper::header::{AUTHORIZATION, HeaderMap};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::args;

/// The wire formats and who may call them.
#[derive(Clone)]
pub(super) struct Mounted {
    pub(super) api: Api,
    /// Whose calls are that show no token.
    drive: Option<String>,
    /// Tokens and the drives that they are of.
    tokens: Vec<(String, String)>,
    /// The drives of administrators.
    administrators: Vec<String>,
    /// One permit for each thread that may write a part of an upload at once.
    pub(super) uploads: Arc<Semaphore>,
}

/// Threads that write parts of uploads at once: the pool has 512, which downloads need too.
const UPLOADS: usize = 128;

/// Who calls.
pub(super) struct KnownCallers {
    pub(super) caller: Caller,
    /// Whether it is anybody but a visitor.
    pub(super) is_named: bool,
}

impl Mounted {
    /// Mounts the formats as the command line says, on a server that listens at `address`; none if it
    /// says nothing.
    pub(super) fn new(
        store: &Store,
        args: &args::Serve,
        address: std::net::SocketAddr,
    ) -> Result<Option<Mounted>> {
        if !args.api {
            return Ok(None);
        }
        if args.api_drive.is_some() && !address.ip().is_loopback() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "--api-drive would give the drive to everyone who reaches {address}; use --api-token"
                ),
            ));
        }
        if args.api_drive.is_none() && args.api_tokens.is_empty() {
            eprintln!(
                "holdall: every call is a visitor's, who sees shares alone; --api-token TOKEN=DRIVE or \
                 --api-drive NAME says whose calls are"
            );
        }
        let site = args.api_site.clone().unwrap_or_else(|| format!("http://{address}"));
        let mut api = Api::new(store).site(&site)?;
        if let Some(page) = &args.api_share_page {
            api = api.share_page(page)?;
        }
        Ok(Some(Mounted {
            api: api.rapid_uploads(match args.api_rapid {
                args::Rapid::Off => RapidUploads::Off,
                args::Rapid::Drive => RapidUploads::Drive,
                args::Rapid::Store => RapidUploads::Store,
            }),
            drive: args.api_drive.clone(),
            tokens: args.api_tokens.clone(),
            administrators: args.api_administrators.clone(),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
        }))
    }

    /// Returns who calls; none for a token that is not known.
    pub(super) fn caller(&self, headers: &HeaderMap, client: IpAddr) -> Option<KnownCallers> {
        let Some(shown) = headers.get(AUTHORIZATION) else {
            let own = self.drive.as_ref().filter(|_| client.is_loopback() && check_local(headers).is_ok());
            return Some(match own {
                Some(drive) => KnownCallers { caller: self.of(drive), is_named: true },
                None => KnownCallers { caller: Caller::anonymous(), is_named: false },
            });
        };
        let token = shown.to_str().ok()?.strip_prefix("Bearer ")?.trim();
        let mut found = None;
        for (known, drive) in &self.tokens {
            // Every token is looked at, and wholly, so that time tells nothing of any.
            if same(known.as_bytes(), token.as_bytes()) {
                found = Some(drive);
            }
        }
        found.map(|drive| KnownCallers { caller: self.of(drive).token(token), is_named: true })
    }

    fn of(&self, drive: &str) -> Caller {
        let caller = Caller::of(drive);
        if self.administrators.iter().any(|known| known == drive) { caller.administrator() } else { caller }
    }
}

/// Makes the refusal of a call of PDS whose token is not known.
pub(super) fn refusal(target: &str) -> Reply {
    let mut reply = refuse(target, 401, "the bearer token is unknown to this server");
    reply.headers.push(("WWW-Authenticate", "Bearer".to_owned()));
    reply
}

/// Makes a refusal in the words of the format that a target is of.
pub(super) fn refuse(target: &str, status: u16, message: &str) -> Reply {
    let code = if status == 401 { "AccessTokenInvalid" } else { "InvalidParameterRange" };
    let text = match target.starts_with("/v2/") {
        true => json!({ "code": code, "message": message }),
        false => json!({ "code": status, "msg": message }),
    };
    let text = text.to_string();
    let mut reply = Reply::from_error(&Error::new(ErrorKind::Denied, message));
    reply.status = status;
    reply.headers.retain(|(name, _)| !matches!(*name, "Content-Type" | "Content-Length"));
    reply.headers.extend([
        ("Content-Type", "application/json; charset=utf-8".to_owned()),
        ("Content-Length", text.len().to_string()),
    ]);
    reply.body = Body::from_bytes(text);
    reply
}

/// Compares in a time that depends on the lengths alone.
fn same(known: &[u8], given: &[u8]) -> bool {
    known.len() == given.len() && known.iter().zip(given).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same(b"abc", b"abc") && same(b"", b""));
        for other in ["ab", "abcd", "abd", ""] {
            assert!(!same(b"abc", other.as_bytes()), "{other}");
        }
    }
}
