//! Rapid uploads: content that is in the store already becomes a file without being sent, for a client
//! that proves to have it.
//!
//! A claim is answered by what the caller's own drive has, and proved as PDS has it. Where the host says
//! so, also by what any drive has, but only with a proof of this package's own form, which no client of
//! PDS makes. Whatever does not prove anything is answered like content that is not there.

use std::time::Duration;

use serde_json::Value;

use super::error::{ApiError, Fault};
use super::resolve::Own;
use super::{Call, proof, response};
use crate::api::RapidUploads;
use crate::catalog::record::UploadRecord;
use crate::engine::rate_limit::Rate;
use crate::id::FileId;
use crate::mutant::{self, Mutant};
use crate::store::upload::Claimed;
use crate::{Result, VersionInfo};

/// Wrong proofs of content that a drive has: of the drive, at once and then.
const OWN: Rate = Rate { burst: 10, each: Duration::from_secs(60) };
/// Claims of content of any drive that come to nothing. Those of content that is in no drive count too:
/// what is left of the budget must not tell which was which.
const ACROSS: Rate = Rate { burst: 100, each: Duration::from_secs(6) };

/// What comes of a claim.
pub(super) enum Rapid {
    /// A version, and nothing is to be sent.
    Made(VersionInfo),
    /// Nothing: the client sends what it has.
    None,
    /// The client is asked for pieces.
    Asked(Value),
}

/// What a client says of content that it wants to have put without sending it.
struct Claim<'a> {
    sha1: [u8; 20],
    size: u64,
    code: Option<&'a str>,
}

impl Call<'_> {
    /// Makes the version out of content that is there already, if the client proves to have it.
    pub(super) fn rapid(
        &self,
        own: &Own,
        record: &UploadRecord,
        parent: FileId,
        name: &str,
    ) -> Result<Rapid, ApiError> {
        let named = self.fields.word("content_hash_name", &["sha1", "sha256", "none"])?;
        let claimed = match named {
            None | Some("sha1") => self.fields.sha1("content_hash")?,
            _ => None,
        };
        let beginning = self.fields.sha1("pre_hash")?;
        let code = self.fields.any_text("proof_code")?;
        let version = self.fields.text("proof_version")?.unwrap_or("v1");
        let allowed = self.api.mount.rapid_uploads;
        let Some(size) = record.size.filter(|_| allowed != RapidUploads::Off) else { return Ok(Rapid::None) };
        match (claimed, version) {
            (Some(sha1), "v1") => self.of_own(own, record, &Claim { sha1, size, code }),
            (Some(sha1), proof::ACROSS) if allowed == RapidUploads::Store => {
                self.of_all(own, record, &Claim { sha1, size, code })
            }
            (None, _) => {
                // Without a token nothing could be proved later.
                if let Some(beginning) = beginning.filter(|_| named != Some("none"))
                    && self.caller.token.is_some()
                    && own.drive.may_have(&beginning, size)?
                {
                    let message = "content that begins so is there; hash all of it and prove to have it";
                    return Err(Fault::beginning(message)
                        .with("pre_hash", response::hash(&beginning))
                        .with("file_name", name)
                        .with("parent_file_id", own.wire(parent))
                        .into());
                }
                Ok(Rapid::None)
            }
            _ => Ok(Rapid::None),
        }
    }

    /// A claim of content of the caller's own drive, proved by eight bytes of it at an offset that its
    /// access token decides.
    fn of_own(&self, own: &Own, record: &UploadRecord, claim: &Claim<'_>) -> Result<Rapid, ApiError> {
        let (Some(token), Some(code)) = (self.caller.token.as_ref(), claim.code) else {
            return Ok(Rapid::None);
        };
        let Some(content) = own.drive.claimed(&claim.sha1, claim.size)? else { return Ok(Rapid::None) };
        let holds = || {
            let bytes = match claim.size {
                0 => bytes::Bytes::new(),
                size => content.read(proof::offset(&token.0, size), proof::LEN)?,
            };
            Ok(proof::holds(code, &bytes).then_some(&content))
        };
        self.proved(own, record, (OWN, "proof"), holds)
    }

    /// A claim of content of any drive, proved by a MAC over many pieces of it, which the client learns from the answer
    /// first whether the content is there or not.
    fn of_all(&self, own: &Own, record: &UploadRecord, claim: &Claim<'_>) -> Result<Rapid, ApiError> {
        let day = self.now.unix().div_euclid(proof::DAY);
        let Some(code) = claim.code else {
            return Ok(Rapid::Asked(self.challenge(own, claim, day)?.shown()));
        };
        let content = own.drive.claimed_of_all(&claim.sha1, claim.size)?;
        let holds = || {
            let Some(content) = content.as_ref().filter(|_| claim.size >= proof::LEAST) else {
                return Ok(None);
            };
            // One that was asked for before midnight is answered after it.
            for day in [day, day - 1] {
                let challenge = self.challenge(own, claim, day)?;
                if challenge.holds(code, |offset, len| content.read_whole(offset, len))? {
                    return Ok(Some(content));
                }
            }
            Ok(None)
        };
        self.proved(own, record, (ACROSS, "claim"), holds)
    }

    /// Makes the pieces that are asked for. They are the same for one claim all day, so that nobody asks
    /// until they are ones that he has; and who does not have the store's keys cannot know them before.
    fn challenge(&self, own: &Own, claim: &Claim<'_>, day: i64) -> Result<proof::Challenge> {
        let engine = self.api.store.engine()?;
        let ring = engine.ring(&engine.reader()?)?;
        let (drive, sha1, size) = (own.drive.id(), response::hash(&claim.sha1), claim.size);
        let secret = ring.1.claim_secret(&format!("{drive} {sha1} {size} {day}"));
        Ok(proof::Challenge::new(&secret, size))
    }

    /// Makes the version if a proof holds. Wrong ones are counted, and past their budget none is looked at.
    fn proved<'c>(
        &self,
        own: &Own,
        record: &UploadRecord,
        (rate, what): (Rate, &'static str),
        holds: impl FnOnce() -> Result<Option<&'c Claimed>>,
    ) -> Result<Rapid, ApiError> {
        let engine = self.api.store.engine()?;
        let key = (what, own.drive.id());
        let counted = !mutant::is_active(Mutant::ProofsWithoutLimit);
        if counted && engine.budgets.take(key, rate, self.now).is_err() {
            tracing::debug!("too many proofs of content did not hold; this one is not looked at");
            return Ok(Rapid::None);
        }
        let Some(content) = holds()? else {
            tracing::debug!("a proof of content does not hold");
            return Ok(Rapid::None);
        };
        engine.budgets.give_back(key, rate);
        let made = self.api.store.put_claimed(record, content, self.now)?;
        Ok(made.map_or(Rapid::None, Rapid::Made))
    }
}
