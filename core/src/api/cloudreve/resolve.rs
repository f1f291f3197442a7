//! What URIs lead to, for one caller at one time.
//!
//! Every right is decided here, and nothing is remembered from one call to the next: a context hint
//! opens nothing.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::error::{ApiError, Code, Fault};
use super::ticket;
use super::uri::{FileUri, Tree};
use crate::api::{Api, Caller};
use crate::catalog::record::ChildRecord;
use crate::catalog::share_access;
use crate::catalog::{ShareInfo, alias, drive, node, revocation, share, signing_key};
use crate::engine::Engine;
use crate::http::RequestHeaders;
use crate::id::{DriveId, FileId, LinkId, ShareId, VersionId};
use crate::kv::driver::StoreReader;
use crate::name::check_name;
use crate::serve::Request;
use crate::store::share as shares;
use crate::time::Time;
use crate::token::{Entity, HashIds, HashKind, Through};
use crate::{Error, ErrorKind, Kind};

/// The most passwords that one call has checked: each takes some tens of milliseconds, so a call that
/// tries many would keep a thread busy, or guess. What a user picks is in one share.
const MAX_PASSWORDS: usize = 4;

/// What a caller wants to do with what a URI leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Download,
    Version,
}

/// What a URI leads to.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    pub(super) file: FileId,
    /// The drive that it is in, whoever asks.
    pub(super) drive: DriveId,
    pub(super) kind: Kind,
    pub(super) name: String,
    /// The number of its current version.
    pub(super) current: u32,
    /// The share that it was found through.
    pub(super) share: Option<ShareId>,
    /// Whether it is the root of what the URI names: a drive's, or the shared folder itself.
    pub(super) root: bool,
}

/// Finds what URIs lead to.
pub(super) struct Resolver<'a> {
    caller: &'a Caller,
    ticket: Option<&'a str>,
    client: Option<IpAddr>,
    now: Time,
    pub(super) engine: Arc<Engine>,
    pub(super) tx: StoreReader,
    ids: HashIds,
    /// The caller's drive and its root.
    own: Option<(DriveId, FileId)>,
    /// The folders that paths led through in this call, by where each path begins.
    folders: HashMap<(FileId, String), FileId>,
    /// The shares that were entered in this call, by id and the password given; and why others were not.
    entered: BTreeMap<(ShareId, Option<String>), Result<ShareInfo, Fault>>,
    /// How many passwords were checked.
    checked: usize,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        api: &Api,
        caller: &'a Caller,
        request: &'a Request<'_>,
    ) -> Result<Resolver<'a>, Error> {
        let engine = api.store.engine()?;
        let tx = engine.reader()?;
        Resolver::over(engine, tx, caller, request)
    }

    /// Makes one that reads through a transaction.
    pub(super) fn over(
        engine: Arc<Engine>,
        tx: StoreReader,
        caller: &'a Caller,
        request: &'a Request<'_>,
    ) -> Result<Resolver<'a>, Error> {
        let own = match caller.drive() {
            Some(name) => drive::find(&tx, name)?,
            None => None,
        };
        let own = own.map(|id| Ok::<_, Error>((id, drive::get(&tx, id)?.root))).transpose()?;
        let ids = HashIds::new(&signing_key::salt(&tx)?)?;
        let ticket = RequestHeaders(&request.headers).get("X-Cr-Purchase-Ticket");
        Ok(Resolver {
            caller,
            ticket,
            client: request.client,
            now: request.now,
            engine,
            tx,
            ids,
            own,
            folders: HashMap::new(),
            entered: BTreeMap::new(),
            checked: 0,
        })
    }

    /// Returns whether the caller owns a drive.
    pub(super) fn owns(&self, drive: DriveId) -> bool {
        self.own.is_some_and(|(own, _)| own == drive)
    }

    /// Returns the caller's drive, if there is one already.
    pub(super) fn own_drive(&self) -> Option<DriveId> {
        self.own.map(|(own, _)| own)
    }

    /// Finds what a URI leads to, if the caller may do that with it.
    pub(super) fn find(&mut self, uri: &FileUri, act: Act) -> Result<Resolved, ApiError> {
        match &uri.tree {
            Tree::My => self.in_drive(uri),
            Tree::Share => self.in_share(uri),
            Tree::Trash => self.known().and(Err(Fault::not_supported())).map_err(ApiError::from),
            Tree::SharedWithMe => {
                self.known()?;
                match (act, uri.names.is_empty()) {
                    (Act::Version, _) => Err(Fault::not_supported().into()),
                    // Its root is a folder, which has no content.
                    (Act::Download, true) => Err(Fault::entity().into()),
                    (Act::Download, false) => Err(Fault::path("only the root is there").into()),
                }
            }
            Tree::Unknown(name) => {
                Err(Fault::new(Code::NotSet, "").detail(format!("unknown file system {name:?}")).into())
            }
        }
    }

    fn known(&self) -> Result<&str, Fault> {
        self.caller.drive().ok_or_else(Fault::login)
    }

    fn in_drive(&mut self, uri: &FileUri) -> Result<Resolved, ApiError> {
        self.known()?;
        if !uri.id.is_empty() {
            let id = self.number(&uri.id, HashKind::User, alias::AliasKind::Drive)?;
            let id = id.ok_or_else(|| Fault::path("the id in the URI is not a user's"))?;
            if !self.owns(DriveId(id)) {
                return Err(Fault::permission().into());
            }
        }
        // A drive that nothing was put in yet is not there yet.
        let (own, root) = self.own.ok_or_else(|| Fault::path("the drive is empty"))?;
        self.below((own, root), &uri.names, None)
    }

    fn in_share(&mut self, uri: &FileUri) -> Result<Resolved, ApiError> {
        let id = self.random(&uri.id, HashKind::Share, alias::AliasKind::Share)?;
        let id = ShareId(id.ok_or_else(|| Fault::share("the id in the URI is not a share's"))?);
        let info = self.enter(id, uri.password.as_deref())?;
        let record = node::get(&self.tx, info.file)?;
        match (record.kind, uri.names.as_slice()) {
            (Kind::Folder, names) => self.below((info.drive, info.file), names, Some(id)),
            // The root of a shared file is a folder that holds it alone.
            (Kind::File, []) => Err(Fault::entity().detail("the file in the share is to be named").into()),
            (Kind::File, [name]) if *name == record.name => {
                let (drive, current) = (record.drive, record.current);
                let (kind, share) = (Kind::File, Some(id));
                Ok(Resolved { file: info.file, drive, kind, name: record.name, current, share, root: false })
            }
            (Kind::File, _) => Err(Fault::path("the share holds another file").into()),
        }
    }

    /// Lets the caller into a share.
    fn enter(&mut self, id: ShareId, password: Option<&str>) -> Result<ShareInfo, ApiError> {
        let params = (id, password.map(str::to_owned));
        if let Some(known) = self.entered.get(&params) {
            return Ok(known.clone()?);
        }
        match self.enter_anew(id, password) {
            Ok(info) => {
                self.entered.insert(params, Ok(info.clone()));
                Ok(info)
            }
            Err(ApiError::Fault(fault)) => {
                self.entered.insert(params, Err(fault.clone()));
                Err(fault.into())
            }
            Err(stop) => Err(stop),
        }
    }

    fn enter_anew(&mut self, id: ShareId, password: Option<&str>) -> Result<ShareInfo, ApiError> {
        let closed = |error: Error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::Expired | ErrorKind::Gone => {
                ApiError::Fault(Fault::share(error))
            }
            ErrorKind::Denied if error.retry_after().is_some() => ApiError::Fault(too_many().detail(error)),
            ErrorKind::Denied => ApiError::Fault(wrong_password().detail(error)),
            _ => error.into(),
        };
        let record = share_access::check_active(&self.tx, id, self.now).map_err(closed)?;
        if self.owns(record.drive) {
            // Whose it is needs neither password nor ticket: all of it is in the caller's own drive.
            share::check_left(&self.tx, id, self.now).map_err(closed)?;
            return Ok(share::get(&self.tx, id)?);
        }
        if record.password.is_some() && password.is_some() {
            self.checked += 1;
            if self.checked > MAX_PASSWORDS {
                return Err(wrong_password().detail("too many passwords are given in one call").into());
            }
        }
        let info =
            shares::enter(&self.engine, &self.tx, id, (password, self.client), self.now).map_err(closed)?;
        if !self.caller.limits.share_download {
            return Err(match self.caller.drive() {
                None => Fault::new(Code::AnonymousAccessDenied, "Anonymous access denied"),
                Some(_) => Fault::permission(),
            }
            .into());
        }
        if info.purchase && !ticket::check(&self.engine, &self.tx, &record, id, self.ticket, self.now)? {
            return Err(Fault::new(Code::PurchaseRequired, "Purchase required").into());
        }
        Ok(info)
    }

    fn below(
        &mut self,
        (drive, root): (DriveId, FileId),
        names: &[String],
        share: Option<ShareId>,
    ) -> Result<Resolved, ApiError> {
        let Some((last, folders)) = names.split_last() else {
            let (kind, name, current) = (Kind::Folder, String::new(), 0);
            return Ok(Resolved { file: root, drive, kind, name, current, share, root: true });
        };
        let key = (root, folders.join("/"));
        let folder = match self.folders.get(&key) {
            Some(known) => *known,
            None => {
                let mut at = root;
                for name in folders {
                    at = self.child(at, name)?.file;
                }
                self.folders.insert(key, at);
                at
            }
        };
        let child = self.child(folder, last)?;
        let (kind, current) = (child.kind, child.number);
        Ok(Resolved { file: child.file, drive, kind, name: last.clone(), current, share, root: false })
    }

    fn child(&self, folder: FileId, name: &str) -> Result<ChildRecord, ApiError> {
        let absent = || Fault::path(format!("there is nothing called {name:?}"));
        // What cannot be a name names nothing.
        check_name(name).map_err(|_| absent())?;
        Ok(node::child(&self.tx, folder, name)?.ok_or_else(absent)?)
    }

    /// Reads a hash id, an imported one too; none if it is no id of that kind.
    fn number(&self, text: &str, kind: HashKind, aliased: alias::AliasKind) -> Result<Option<u64>, Error> {
        match self.ids.decode(text, kind) {
            Ok(number) => alias::resolve(&self.tx, aliased, number).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Reads a hash id of what is reached without a login: a random one, or the number that it was
    /// imported under. No other number names anything, so that nothing is found by counting.
    fn random(&self, text: &str, kind: HashKind, aliased: alias::AliasKind) -> Result<Option<u64>, Error> {
        if let Ok(id) = self.ids.decode_random(text, kind) {
            return Ok(Some(id));
        }
        match self.ids.decode(text, kind) {
            Ok(number) => alias::find(&self.tx, aliased, number),
            Err(_) => Ok(None),
        }
    }

    /// Reads the hash id of a version, of whatever URL it stands in.
    pub(super) fn version(&self, text: &str) -> Result<Option<VersionId>, Error> {
        let Some(entity) = self.read_entity(text) else { return Ok(None) };
        alias::resolve(&self.tx, alias::AliasKind::Version, entity.number).map(|id| Some(VersionId(id)))
    }

    /// Reads what names a version in a URL.
    pub(super) fn read_entity(&self, text: &str) -> Option<Entity> {
        Entity::read(&self.ids, text)
    }

    /// Reads the hash id of a direct link, or the id that the store itself gives it; none if it is the
    /// hash id of none.
    ///
    /// # Errors
    /// A fault for what is not an id.
    pub(super) fn link(&self, text: &str) -> Result<Option<LinkId>, ApiError> {
        if let Some(id) = self.random(text, HashKind::SourceLink, alias::AliasKind::Link)? {
            return Ok(Some(LinkId(id)));
        }
        match (text.parse(), self.ids.decode(text, HashKind::SourceLink)) {
            (Ok(id), _) => Ok(Some(id)),
            (Err(_), Ok(_)) => Ok(None),
            (Err(_), Err(_)) => Err(Fault::param("Failed to parse object ID").into()),
        }
    }

    /// Returns what names a version in a URL that is given through a share or direct link, or to the
    /// owner: with all the counters of revocations that the URL is to be held to.
    pub(super) fn entity(&self, id: VersionId, through: Option<Through>) -> Result<String, Error> {
        let mut epoch = revocation::of_version(&self.tx, id)?;
        if let Some(Through::Share(share)) = through {
            epoch = epoch.wrapping_add(share::record(&self.tx, share)?.revocations);
        }
        // What was imported goes by the id that clients and caches know.
        let Some(number) = alias::foreign(&self.tx, alias::AliasKind::Version, id.0)? else {
            return Ok(Entity::new(id, epoch, through).text(&self.ids));
        };
        let unchanged = through.is_none() && alias::named(&self.tx, number)?.epoch == Some(epoch);
        let epoch = if unchanged { 0 } else { epoch };
        Ok(Entity { number, epoch, through }.text(&self.ids))
    }

    /// Returns the hash id of the version alone.
    pub(super) fn plain_entity(&self, entity: &Entity) -> String {
        Entity { epoch: 0, through: None, ..*entity }.text(&self.ids)
    }

    /// Returns the hash id of a direct link: the one that it was imported under, if it was.
    pub(super) fn source(&self, id: LinkId) -> Result<String, Error> {
        Ok(match alias::foreign(&self.tx, alias::AliasKind::Link, id.0)? {
            Some(number) => self.ids.encode(number, HashKind::SourceLink),
            None => self.ids.encode_random(id.0, HashKind::SourceLink),
        })
    }
}

fn too_many() -> Fault {
    Fault::new(Code::IncorrectPassword, "Too many incorrect share passwords, try again later")
}

fn wrong_password() -> Fault {
    Fault::new(Code::IncorrectPassword, "Incorrect share password")
}
