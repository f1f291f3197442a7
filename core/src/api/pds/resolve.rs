//! Who reaches what: the owner and an administrator a drive, a visitor with a token a share.

use super::Call;
use super::error::{ApiError, Fault, not_found};
use crate::catalog::record::ShareRecord;
use crate::catalog::revocation;
use crate::catalog::state::State;
use crate::catalog::{drive, share};
use crate::http::RequestHeaders;
use crate::id::{DriveId, FileId, ShareId};
use crate::kv::Read;
use crate::mutant::{self, Mutant};
use crate::store::{Drive, Visit};
use crate::token::{Claims, Purpose, Refusal};
use crate::{ErrorKind, FileInfo, Kind, Result};

/// The header that a share token comes in.
const SHARE_TOKEN: &str = "x-share-token";

/// A drive that a call may work on.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) drive: Drive,
    /// The folder that `root` names.
    pub(super) root: FileId,
}

/// What a call reaches, and why. Every call that reads has one, and it alone says what may be read.
pub(super) enum Reach {
    /// All of a drive.
    Own(Own),
    /// What is in a share, to look at; `closed` says why nothing of it may be downloaded.
    Share { visit: Visit, closed: Option<Fault> },
}

/// The right to have the bytes of what is reached, and to learn their hashes, which prove to others
/// that one has them. Only [`Reach::download`] gives it.
#[derive(Clone, Copy)]
pub(super) struct Download<'a>(std::marker::PhantomData<&'a Reach>);

impl Own {
    pub(super) fn of(call: &Call<'_>, id: DriveId) -> Result<Own, ApiError> {
        let record = drive::get(&call.api.store.engine()?.reader()?, id)
            .map_err(|error| not_found(error, |_| Fault::drive("there is no such drive")))?;
        Ok(Own { drive: Drive::with_id(&call.api.store, id), root: record.root })
    }

    /// Returns the right to bytes and hashes: all of a drive is its owner's.
    pub(super) fn download(&self) -> Download<'static> {
        Download(std::marker::PhantomData)
    }

    /// Returns the id in which a client speaks of a file.
    pub(super) fn wire(&self, file: FileId) -> String {
        if file == self.root { "root".to_owned() } else { file.to_string() }
    }

    /// Reads the id of a file or folder, `root` among them.
    pub(super) fn id(&self, text: &str) -> Result<FileId, Fault> {
        match text {
            "root" => Ok(self.root),
            _ => file_id(text),
        }
    }

    /// Finds a file or folder in its tree.
    pub(super) fn live(&self, file: FileId) -> Result<FileInfo, ApiError> {
        let found = self.drive.find(file).map_err(|error| not_found(error, Fault::file))?;
        match found.state {
            State::Live => Ok(found.info),
            _ => Err(Fault::trashed(format!("file {file} is in the recycle bin")).into()),
        }
    }

    /// Finds a file that is not a folder, in its tree.
    pub(super) fn live_file(&self, file: FileId) -> Result<FileInfo, ApiError> {
        let info = self.live(file)?;
        match info.kind {
            Kind::File => Ok(info),
            Kind::Folder => Err(Fault::unsupported(format!("{file} is a folder")).into()),
        }
    }
}

impl Reach {
    /// Returns the right to bytes and hashes.
    ///
    /// # Errors
    /// The fault that says why there is none.
    pub(super) fn download(&self) -> Result<Download<'_>, Fault> {
        match self {
            Reach::Share { closed: Some(fault), .. } if !mutant::is_active(Mutant::HashesWithoutDownload) => {
                Err(fault.clone())
            }
            _ => Ok(Download(std::marker::PhantomData)),
        }
    }

    /// Returns the id in which a client speaks of a file.
    pub(super) fn wire(&self, file: FileId) -> String {
        match self {
            Reach::Own(own) => own.wire(file),
            Reach::Share { .. } => file.to_string(),
        }
    }

    /// Returns the drive that is reached, or reached into.
    pub(super) fn drive(&self) -> DriveId {
        match self {
            Reach::Own(own) => own.drive.id(),
            Reach::Share { visit, .. } => visit.info().drive,
        }
    }

    /// Finds a file or folder that may be read.
    pub(super) fn live(&self, text: &str) -> Result<FileInfo, ApiError> {
        match self {
            Reach::Own(own) => own.live(own.id(text)?),
            Reach::Share { visit, .. } => {
                let id = if text == "root" { visit.info().file } else { file_id(text)? };
                visit.file(id).map_err(|error| match error.kind() {
                    ErrorKind::NotFound => Fault::file(error.to_string()).into(),
                    _ => error.into(),
                })
            }
        }
    }
}

/// Reads the id of a file: what is none names no file.
pub(super) fn file_id(text: &str) -> Result<FileId, Fault> {
    if text.len() > 50 {
        return Err(Fault::format("a file_id is longer than 50 characters"));
    }
    text.parse().map_err(|_| Fault::file(format!("there is no file {}", crate::name::shown(text))))
}

impl Call<'_> {
    /// Finds the drive of a call that changes something, or shows what visitors do not see.
    pub(super) fn own(&self) -> Result<Own, ApiError> {
        if self.caller.drive.is_none() && !self.caller.administrator {
            return Err(Fault::login("the access token is missing or not valid").into());
        }
        let id = self.fields.required("drive_id")?;
        let number = id.bytes().all(|byte| byte.is_ascii_digit()).then(|| id.parse().ok()).flatten();
        let id = DriveId(number.ok_or_else(|| {
            Fault::format("drive_id is not a number in decimal digits; drive/get_default_drive tells it")
        })?);
        if !self.caller.administrator && self.own_drive()? != Some(id) {
            return Err(Fault::permission("the drive is not the caller's").into());
        }
        Own::of(self, id)
    }

    /// Returns the caller's own drive, if there is one already.
    pub(super) fn own_drive(&self) -> Result<Option<DriveId>, ApiError> {
        let Some(name) = &self.caller.drive else { return Ok(None) };
        Ok(drive::find(&self.api.store.engine()?.reader()?, name)?)
    }

    /// Finds what a call reads from: a share, where a share token comes with the share's id, or else
    /// a drive.
    pub(super) fn reach(&self) -> Result<Reach, ApiError> {
        let Some(share) = self.fields.any_text("share_id")?.filter(|share| !share.is_empty()) else {
            return self.own().map(Reach::Own);
        };
        match self.share_token() {
            Some(token) => {
                let id =
                    share.parse::<ShareId>().map_err(|_| Fault::share_token("there is no such share"))?;
                self.visit(token, id)
            }
            None if self.fields.any_text("drive_id")?.is_some_and(|drive| !drive.is_empty()) => {
                self.own().map(Reach::Own)
            }
            None => {
                Err(Fault::share_token("share_id takes a share token in the header x-share-token").into())
            }
        }
    }

    /// Returns the share token that the request carries.
    pub(super) fn share_token(&self) -> Option<&str> {
        RequestHeaders(&self.request.headers).get(SHARE_TOKEN).filter(|token| !token.is_empty())
    }

    /// Lets in a visitor by the token that was made when the password was right, and finds out what the
    /// visitor may do: to see what is there is not to download it.
    pub(super) fn visit(&self, token: &str, id: ShareId) -> Result<Reach, ApiError> {
        let claims = self.share_claims(token)?;
        if claims.subject != id.0 {
            return Err(Fault::share_token("ShareLinkToken is invalid. It is of another share").into());
        }
        let visit = self.api.store.visit_again(id, self.now)?;
        let closed = match self.check_share_download(visit.info().drive) {
            Err(ApiError::Fault(fault)) => Some(fault),
            Err(stop) => return Err(stop),
            Ok(()) => match share::check_left(&self.api.store.engine()?.reader()?, id, self.now) {
                Ok(_) => None,
                Err(error) => match ApiError::from(error) {
                    ApiError::Fault(fault) => Some(fault),
                    stop => return Err(stop),
                },
            },
        };
        Ok(Reach::Share { visit, closed })
    }

    /// Checks that the caller's group may download from shares of a drive; from those of the caller's own
    /// everybody may.
    pub(super) fn check_share_download(&self, drive: DriveId) -> Result<(), ApiError> {
        if self.caller.limits.share_download || self.own_drive()? == Some(drive) {
            return Ok(());
        }
        Err(Fault::permission("the caller's group may not download from shares").into())
    }

    /// Verifies a share token.
    pub(super) fn share_claims(&self, token: &str) -> Result<Claims, ApiError> {
        let engine = self.api.store.engine()?;
        let tx = engine.reader()?;
        let now = u64::try_from(self.now.unix()).unwrap_or(u64::MAX);
        let claims = engine.ring(&tx)?.1.verify(token, Purpose::Share, now, self.request.client);
        let claims = claims.map_err(|refusal| match refusal {
            Refusal::Expired => Fault::share_token("ShareLinkToken is invalid. expired"),
            _ => Fault::share_token("ShareLinkToken is invalid"),
        })?;
        let revoked = || Fault::share_token("ShareLinkToken is invalid. revoked");
        // The URL of a file in a share is a token of the same purpose; it opens no share.
        if claims.file != 0 {
            return Err(Fault::share_token("ShareLinkToken is invalid").into());
        }
        let record = share::record(&tx, ShareId(claims.subject)).map_err(|error| {
            not_found(error, |_| Fault::share_token("ShareLinkToken is invalid. The share was deleted"))
        })?;
        if share_epoch(&tx, &record)? != claims.epoch {
            return Err(revoked().into());
        }
        Ok(claims)
    }
}

/// The revocation counters that a share token carries: the share's and its drive's.
pub(super) fn share_epoch(tx: &impl Read, record: &ShareRecord) -> Result<u64> {
    Ok(record.revocations.wrapping_add(revocation::of_drive(tx, record.drive)?))
}
