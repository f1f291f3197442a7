//! Shares: a public entry to a file or folder.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::archive::Archive;
use super::archive_pick::{Pick, inside};
use super::url::{Subject, Url, whole_seconds};
use super::{Drive, Store};
use crate::catalog::counter::{self, Counter};
use crate::catalog::record::Owner;
use crate::catalog::share::{self, Terms};
use crate::catalog::share_access::{check_access, check_active};
use crate::catalog::{FileInfo, Row, ShareInfo, listing};
use crate::catalog::{node, path, stat};
use crate::engine::Engine;
use crate::engine::password_cache::Given;
use crate::engine::rate_limit::{Rate, network};
use crate::id::{FileId, ShareId};
use crate::kv::Read;
use crate::mutant::{self, Mutant};
use crate::name::shown;
use crate::random::{random, random_id};
use crate::time::Time;
use crate::{Error, ErrorKind, Kind, Result};

/// A client has passwords of so many shares checked, to the full budget of each, in a while.
const SHARES_OF_CLIENT: u32 = 20;

/// Says on what terms something is shared. By default: no password, no end, no limit.
#[derive(Clone, Debug, Default)]
pub struct Share {
    password: Option<String>,
    expires_in: Option<Duration>,
    expires_at: Option<Time>,
    max_downloads: Option<u64>,
    purchase: bool,
    created: Option<Time>,
    views: u64,
    downloads: u64,
}

impl Share {
    /// Returns the defaults.
    pub fn new() -> Share {
        Share::default()
    }

    /// Asks visitors for a password.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Share {
        self.password = Some(password.into());
        self
    }

    /// Ends the share after a while.
    #[must_use]
    pub fn expires_in(mut self, lifetime: Duration) -> Share {
        self.expires_in = Some(lifetime);
        self
    }

    /// Ends the share at a time, instead of after a while.
    #[must_use]
    pub fn expires_at(mut self, time: Time) -> Share {
        self.expires_at = Some(time);
        self
    }

    /// Ends the share after so many downloads, an archive counting as one.
    #[must_use]
    pub fn max_downloads(mut self, downloads: u64) -> Share {
        self.max_downloads = Some(downloads);
        self
    }

    /// Marks that the host sells entry: it asks for a ticket before it lets a visitor download.
    #[must_use]
    pub fn purchase(mut self) -> Share {
        self.purchase = true;
        self
    }

    /// Sets when the share was made in another system, in place of now.
    #[must_use]
    pub fn created(mut self, created: Time) -> Share {
        self.created = Some(created);
        self
    }

    /// Goes on counting where another system was: at so many views and downloads. The most downloads
    /// are those in all, these among them.
    #[must_use]
    pub fn counted(mut self, views: u64, downloads: u64) -> Share {
        (self.views, self.downloads) = (views, downloads);
        self
    }
}

impl Drive {
    /// Shares what is at `path`.
    ///
    /// # Errors
    /// `NotFound` when nothing is, `InvalidArgument` when the terms can never be right, `Gone` when more
    /// downloads were counted than are allowed.
    pub fn share(&self, path: &str, share: &Share) -> Result<ShareInfo> {
        let engine = self.engine()?;
        let now = Time::now();
        let password = match &share.password {
            Some(password) => Some(share::hash_password(password, random()?)?),
            None => None,
        };
        let expires = share.expires_at.or(share.expires_in.map(|lifetime| now.after(lifetime)));
        let (max_downloads, purchase, created) = (share.max_downloads, share.purchase, share.created);
        let (views, downloads) = (i64::try_from(share.views).unwrap_or(i64::MAX), share.downloads);
        let (id, drive, path) = (ShareId(random_id()?), self.id(), path.to_owned());
        engine.write(move |change| {
            let (file, _) = path::resolve(change, drive, &path)?;
            let terms = Terms { expires, password: password.clone(), max_downloads, purchase, created };
            let made = share::create(change, id, file, terms, now)?;
            if (views, downloads) == (0, 0) {
                return Ok(made);
            }
            counter::add(change, Counter::ShareViews(id), views)?;
            share::count_downloads(change, id, downloads, now)
        })
    }

    /// Lists the shares of what is at `path`, oldest first.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`.
    pub fn shares(&self, path: &str) -> Result<Vec<ShareInfo>> {
        let engine = self.engine()?;
        engine.try_flush_counts();
        let tx = engine.reader()?;
        let (file, _) = path::resolve(&tx, self.id(), path)?;
        share::list(&tx, file)
    }
}

/// A visitor of a share, whose password was right.
#[derive(Clone, Debug)]
pub struct Visit {
    store: Store,
    info: ShareInfo,
}

impl Visit {
    /// Returns what the share is.
    pub fn info(&self) -> &ShareInfo {
        &self.info
    }

    /// Returns what is at `path` in the share; `""` is what was shared.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`, or the share was deleted, `Expired` and `Gone` when it
    /// is over.
    pub fn stat(&self, path: &str) -> Result<FileInfo> {
        let tx = self.store.engine()?.reader()?;
        stat::by_id(&tx, find(&tx, &self.info, path)?)
    }

    /// Lists a folder in the share, as [`Drive::list`] does.
    ///
    /// # Errors
    /// As [`Visit::stat`]; `InvalidArgument` when a file is at `path`.
    pub fn list(&self, path: &str, after: Option<&str>, limit: usize) -> Result<Vec<Row>> {
        let tx = self.store.engine()?.reader()?;
        let folder = find(&tx, &self.info, path)?;
        if node::get(&tx, folder)?.kind != Kind::Folder {
            return Err(Error::invalid(format!("there is a file at {}, which has no listing", shown(path))));
        }
        listing::list(&tx, folder, after, limit)
    }

    /// Begins a URL of the file at `path` in the share; to sign it counts as one download. The URL ends with
    /// the share. Where the share's downloads are limited, one client has it from the URL, as
    /// [`Url::max_uses`] of 1 has it.
    ///
    /// # Errors
    /// `NotFound` when nothing is at `path`, `InvalidArgument` when a folder is, `Expired` and
    /// `Gone` when the share is over.
    pub fn url(&self, path: &str) -> Result<Url> {
        let file = self.stat(path)?;
        if file.kind == Kind::Folder {
            return Err(Error::invalid(format!("{} is a folder; make an archive of it", shown(path))));
        }
        Ok(self.once(self.counted_url(file.id)?))
    }

    /// Lets a URL serve the one download that was counted.
    fn once(&self, url: Url) -> Url {
        match self.info.max_downloads {
            Some(_) => url.max_uses(1),
            None => url,
        }
    }

    /// Begins an archive of what is at the paths in the share, as [`Drive::archive`] does. It ends with the share, and making it
    /// counts as one download.
    ///
    /// # Errors
    /// `NotFound` when nothing is at a path, `Expired` and `Gone` when the share is over.
    pub fn archive<P: AsRef<str>>(&self, paths: impl IntoIterator<Item = P>) -> Result<Archive> {
        let tx = self.store.engine()?.reader()?;
        let mut picks = Vec::new();
        for path in paths {
            let (path, inside) = inside(path.as_ref());
            picks.push((find(&tx, &self.info, path)?, inside));
        }
        Ok(self.archive_in(&tx, &picks)?.with_url(|url| self.once(url)))
    }

    /// Returns a file or folder of the share, by its id.
    ///
    /// # Errors
    /// `NotFound` when the share has none of that id, `Expired` and `Gone` when it is over.
    pub(crate) fn file(&self, file: FileId) -> Result<FileInfo> {
        let tx = self.store.engine()?.reader()?;
        check_active(&tx, self.info.id, Time::now())?;
        let absent = || Error::not_found(format!("there is no file {file} in the share"));
        check_access(&tx, self.info.id, file, Time::now()).map_err(|error| match error.kind() {
            ErrorKind::Gone | ErrorKind::NotFound => absent(),
            _ => error,
        })?;
        stat::by_id(&tx, file)
    }

    /// Begins a URL of a file of the share, by its id, as [`Visit::url`] does. It may be used any number of
    /// times.
    pub(crate) fn url_of(&self, file: FileId) -> Result<Url> {
        self.file(file)?;
        self.counted_url(file)
    }

    /// Begins a URL that counts a download when it is signed, if one is left.
    fn counted_url(&self, file: FileId) -> Result<Url> {
        let (id, engine) = (self.info.id, self.store.engine()?);
        if share::check_left(&engine.reader()?, id, Time::now())?.is_some() {
            engine.journal.writable()?;
        }
        Ok(Url::new(&self.store, Subject::Share(id, file)).counting(id))
    }

    /// Begins an archive of files and folders of the share, by their ids, as [`Visit::archive`] does.
    pub(crate) fn archive_of(&self, files: &[FileId]) -> Result<Archive> {
        for file in files {
            self.file(*file)?;
        }
        let picks: Vec<_> = files.iter().map(|file| (*file, false)).collect();
        self.archive_in(&self.store.engine()?.reader()?, &picks)
    }

    fn archive_in(&self, tx: &impl Read, picks: &[(FileId, bool)]) -> Result<Archive> {
        let ShareInfo { id, drive, .. } = self.info;
        share::check_left(tx, id, Time::now())?;
        let pick = |(file, inside): &(FileId, bool)| Pick {
            share: Some(id),
            inside: *inside,
            ..Pick::own(drive, *file)
        };
        let archive = Archive::new(
            &Drive::with_id(&self.store, drive),
            Owner::Share(id),
            picks.iter().map(pick).collect(),
        )?;
        Ok(archive.counting(BTreeMap::from([(id, 1)])))
    }
}

/// Finds what is at a path below what was shared, if the share still stands.
fn find(tx: &impl Read, info: &ShareInfo, path: &str) -> Result<FileId> {
    check_active(tx, info.id, Time::now())?;
    let mut at = info.file;
    for name in crate::name::split_path(path)? {
        let child = node::child(tx, at, name)?;
        at = child
            .ok_or_else(|| Error::not_found(format!("there is nothing at {} in the share", shown(path))))?
            .file;
    }
    Ok(at)
}

/// Lets a visitor into a share by a password. Checking one takes some tens of milliseconds of a processor,
/// and whoever tries enough of them finds it: so wrong ones have a budget, of the client and of the share,
/// and what a client has checked of all shares has one too. What was right is not checked again.
///
/// # Errors
/// As [`share::enter`]; `Denied`, with how long to wait, when the budget is spent.
pub(crate) fn enter(
    engine: &Engine,
    tx: &impl Read,
    id: ShareId,
    (password, client): (Option<&str>, Option<IpAddr>),
    now: Time,
) -> Result<ShareInfo> {
    let known = match password.filter(|_| !mutant::is_active(Mutant::PasswordsWithoutLimit)) {
        Some(_) => share::record(tx, id)?.password,
        None => None,
    };
    let Some((known, text)) = known.as_ref().zip(password) else {
        return share::enter(tx, id, password, now);
    };
    let given = Given::new(id, known, text);
    // Before the try is taken: who waits for another's check of the same password has taken none.
    let _turn = engine.passwords.turn(given);
    let minute = Duration::from_secs(60);
    let of_client = Rate { burst: engine.options.client_passwords, each: minute };
    let of_all = Rate { burst: engine.options.share_passwords, each: minute / 10 };
    let address = client.map(network);
    let client = address.map(|address| ("password", id, address));
    let limited = |wait: Duration| {
        let seconds = whole_seconds(wait);
        Error::limited(format!("too many wrong passwords for share {id}; try again in {seconds} s"), wait)
    };
    if let Some(client) = client {
        engine.budgets.take(client, of_client, now).map_err(limited)?;
    }
    let all = ("password", id);
    if let Err(wait) = engine.budgets.take(all, of_all, now) {
        if let Some(client) = client {
            engine.budgets.give_back(client, of_client);
        }
        return Err(limited(wait));
    }
    let entered = check(engine, tx, id, (given, text, address), now);
    let wrong = |error: &Error| error.kind() == ErrorKind::Denied && error.retry_after().is_none();
    if !entered.as_ref().is_err_and(wrong) {
        engine.budgets.give_back(all, of_all);
        if let Some(client) = client {
            engine.budgets.give_back(client, of_client);
        }
    }
    entered
}

/// Checks a password that is within the budget of wrong ones.
///
/// # Errors
/// As [`enter`].
fn check(
    engine: &Engine,
    tx: &impl Read,
    id: ShareId,
    (given, text, address): (Given, &str, Option<u128>),
    now: Time,
) -> Result<ShareInfo> {
    if engine.passwords.has(given) {
        share::check_left(tx, id, now)?;
        return share::get(tx, id);
    }
    let of_client = Rate {
        burst: engine.options.client_passwords.saturating_mul(SHARES_OF_CLIENT),
        each: Duration::from_secs(60) / SHARES_OF_CLIENT,
    };
    if let Some(address) = address.filter(|_| !mutant::is_active(Mutant::PasswordsOfManyShares)) {
        engine.budgets.take(("passwords", address), of_client, now).map_err(|wait| {
            let seconds = whole_seconds(wait);
            Error::limited(format!("too many passwords of shares; try again in {seconds} s"), wait)
        })?;
    }
    let entered = share::enter(tx, id, Some(text), now)?;
    engine.passwords.add(given);
    Ok(entered)
}

impl Store {
    /// Lets a visitor into a share. The host asks for what else it wants, a ticket say, before.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Denied` when the password is wrong or missing, or when too many were
    /// wrong ([`Error::retry_after`] tells how long), `Expired` and `Gone` when it is over.
    pub fn visit(&self, id: ShareId, password: Option<&str>) -> Result<Visit> {
        self.visit_from(id, password, None)
    }

    /// Lets in a visitor who comes from an address, as [`Store::visit`] does: a client that gives wrong
    /// passwords has fewer tries than all clients together have.
    ///
    /// # Errors
    /// As [`Store::visit`].
    pub fn visit_from(&self, id: ShareId, password: Option<&str>, client: Option<IpAddr>) -> Result<Visit> {
        let engine = self.engine()?;
        let now = Time::now();
        let tx = engine.read_anew(|tx| check_active(tx, id, now).map(|_| tx.clone()))?;
        let info = enter(&engine, &tx, id, (password, client), now)?;
        engine.count(Counter::ShareViews(id));
        Ok(Visit { store: self.clone(), info })
    }

    /// Lets a visitor in again whom [`Store::visit`] let in before, as a token says.
    ///
    /// # Errors
    /// `NotFound` when there is no such share, `Expired` and `Gone` when it is over.
    pub(crate) fn visit_again(&self, id: ShareId, now: Time) -> Result<Visit> {
        let info = self.engine()?.read_anew(|tx| {
            check_active(tx, id, now)?;
            share::get(tx, id)
        })?;
        Ok(Visit { store: self.clone(), info })
    }

    /// Makes every URL that was made through a share invalid, those of archives too.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn revoke_share(&self, id: ShareId) -> Result<()> {
        self.engine()?.write(move |change| share::revoke(change, id))
    }

    /// Deletes a share.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn unshare(&self, id: ShareId) -> Result<()> {
        self.engine()?.write(move |change| share::delete(change, id))
    }
}
