//! Purchase tickets: what a host gives a visitor who has paid for a share.
//!
//! A ticket is signed and nothing is stored: a MAC over the share, its counter of revocations and the
//! expiry, and the expiry. Its message begins unlike a path, so no ticket is the signature of a URL.

use std::time::Duration;

use crate::Result;
use crate::api::Api;
use crate::catalog::record::ShareRecord;
use crate::catalog::share;
use crate::engine::Engine;
use crate::id::ShareId;
use crate::kv::driver::StoreReader;
use crate::time::Time;
use crate::token::{cloudreve, expiry};
use crate::{Error, ErrorKind};

impl Api {
    /// Makes the ticket that opens a share that is to be paid for, for so long: the client shows it in
    /// the header `X-Cr-Purchase-Ticket`. It opens that share alone, beside its password if it has one,
    /// and ends with the share, or when what was signed through it is revoked.
    ///
    /// # Errors
    /// `NotFound` when there is no such share, `InvalidArgument` when the lifetime is out of the store's
    /// range, 1 second to 7 days by default.
    pub fn ticket(&self, share: ShareId, lifetime: Duration) -> Result<String> {
        let engine = self.store.engine()?;
        let tx = engine.reader()?;
        let record = share::record(&tx, share)?;
        let now =
            u64::try_from(Time::now().unix()).map_err(|_| Error::invalid("the clock is before 1970"))?;
        let ends = expiry(now, lifetime.as_secs(), engine.options.max_lifetime.as_secs())?;
        let ends = i64::try_from(ends).map_err(|_| Error::invalid("the expiry is out of range"))?;
        let ring = engine.ring(&tx)?;
        let secrets = ring.1.cloudreve_secrets();
        let secret = secrets.first().ok_or_else(|| Error::new(ErrorKind::Bug, "a key ring without a key"))?;
        Ok(cloudreve::sign(secret, &message(share, &record), ends))
    }
}

/// Returns whether a ticket opens a share at `now`.
pub(super) fn check(
    engine: &Engine,
    tx: &StoreReader,
    record: &ShareRecord,
    share: ShareId,
    ticket: Option<&str>,
    now: Time,
) -> Result<bool> {
    let ring = engine.ring(tx)?;
    let secrets = ring.1.cloudreve_secrets();
    // None that never expires was ever made.
    let ends = ticket.is_some_and(|ticket| !ticket.ends_with(":0"));
    Ok(ends && cloudreve::check(&secrets, &message(share, record), ticket, now.unix()).is_ok())
}

fn message(share: ShareId, record: &ShareRecord) -> String {
    format!("ticket {share} {}", record.revocations)
}
