//! The wire formats of Cloudreve and PDS, and who calls them.

use std::sync::{Mutex, PoisonError};

use holdall::{Limits, PartWriter, RapidUploads};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::convert;
use crate::drive::Drive;
use crate::fault::{Fault, Outcome};
use crate::feed::Feed;
use crate::job;
use crate::serve::{Asked, Reply};
use crate::share::share_id;
use crate::store::Store;

/// The wire formats of Cloudreve v4 and PDS, mounted over a store. Every thread may use it.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Api {
    api: holdall::Api,
    /// The store that it answers from; last, so that it is dropped last.
    #[pyo3(get)]
    store: Py<Store>,
}

impl Api {
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        verb: impl FnOnce(&holdall::Api) -> holdall::Result<T> + Send,
    ) -> Outcome<T> {
        // A handle that was closed answers nothing more.
        self.store.get().store()?;
        Ok(py.detach(|| verb(&self.api))?)
    }
}

#[pymethods]
impl Api {
    /// Answers a request of either format, and one for a URL that they handed out. What a client
    /// does wrong is a reply in its format, so a host sends what comes back.
    ///
    /// caller: who calls, as the host has checked: nothing in the request is believed.
    /// method, target, headers, client, now: as `Store.serve` takes them; all headers are looked at.
    /// body: bytes-like, a binary file, or an iterable of bytes. Parts of uploads are read as they
    ///     come and never held whole, JSON up to 4 MiB.
    ///
    /// Raises only errors that concern the host: Io, Corrupt, Poisoned, Locked, Bug, Forked, ReadOnly,
    /// InvalidArgument for a store that was closed or settings beyond its limits, and what the body
    /// raises. `Reply.from_error` turns them into replies.
    #[pyo3(
        signature = (caller, method, target, headers = None, body = None, *, client = None, now = None),
        text_signature = "($self, caller, method, target, headers=None, body=None, *, client=None, now=None)"
    )]
    #[allow(clippy::too_many_arguments)]
    fn answer(
        &self,
        py: Python<'_>,
        caller: &Caller,
        method: &str,
        target: &str,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        client: Option<&str>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Reply> {
        let asked = Asked::whole(headers, client, now)?;
        let mut feed = Feed::new(body)?;
        self.store.get().store()?;
        let answered = py.detach(|| {
            let request = asked.request(method, target);
            self.api.answer(&caller.caller, &request, &mut feed)
        });
        Ok(Reply::new(py, feed.outcome(answered)?)?)
    }

    /// Begins to take the part of an upload that a PUT is; None when it is none. Nothing waits between
    /// two pieces of it.
    #[pyo3(signature = (target, headers = None, *, client = None))]
    fn _part(
        &self,
        py: Python<'_>,
        target: &str,
        headers: Option<&Bound<'_, PyAny>>,
        client: Option<&str>,
    ) -> Outcome<Option<Part>> {
        let asked = Asked::whole(headers, client, None)?;
        let part = self.call(py, |api| api.part_writer(&asked.request("PUT", target)))?;
        Ok(part.map(|part| Part(Mutex::new(Some(part)))))
    }

    /// Returns whether a target is at an address of the formats, so that a host may serve what is
    /// not in another way.
    fn is_at(&self, target: &str) -> bool {
        self.api.is_at(target)
    }

    /// Returns the URI that Cloudreve clients name a share by: "cloudreve://<id>@share". What is in
    /// the share follows behind a "/", a password behind the id and a ":".
    ///
    /// share: the Share or its id.
    ///
    /// Raises NotFound when there is no such share.
    fn share_uri(&self, py: Python<'_>, share: &Bound<'_, PyAny>) -> Outcome<String> {
        let share = share_id(share)?;
        self.call(py, |api| api.share_uri(share))
    }

    /// Makes the ticket that opens a share with `purchase=True`, for a visitor who has paid: the
    /// client shows it in the header X-Cr-Purchase-Ticket.
    ///
    /// share: the Share or its id. The ticket opens it alone, beside its password if it has one.
    /// expires: when the ticket ends: seconds from now, a timedelta or an aware datetime.
    ///
    /// Raises NotFound when there is no such share, InvalidArgument when it would live longer than
    /// the store allows.
    #[pyo3(signature = (share, *, expires))]
    fn ticket(
        &self,
        py: Python<'_>,
        share: &Bound<'_, PyAny>,
        expires: &Bound<'_, PyAny>,
    ) -> Outcome<String> {
        let (share, lifetime) = (share_id(share)?, convert::lifetime(expires)?);
        self.call(py, |api| api.ticket(share, lifetime))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Api of {}>", self.store.bind(py).repr()?))
    }
}

#[pymethods]
impl Store {
    /// Mounts the wire formats of Cloudreve v4 and PDS over this store.
    ///
    /// prefix: the path that the host mounts them under, such as "/files"; none by default.
    /// site: the address that URLs begin with, such as "https://files.example"; by default they
    ///     begin with their path.
    /// secondary_sites: other addresses: a request whose Host has one gets URLs that begin with it.
    /// internal_base, cdn_base: what URLs in the host's own network, and at a content network, begin
    ///     with.
    /// url_life, url_margin: the most and the least that a URL of the Cloudreve form has left when
    ///     it is handed out: seconds or a timedelta, an hour and 10 minutes by default.
    /// archive_life: how long an archive of the Cloudreve form lives: 10 minutes by default.
    /// max_age: how long caches may keep what a URL of the Cloudreve form gives: a day by default.
    /// max_batched_file: the most URIs of one Cloudreve call: 3,000 by default.
    /// redirect_links: whether a direct link leads to a signed URL or gives the content itself.
    /// rapid_uploads: of what content a PDS client may prove to have it instead of sending it: "drive",
    ///     of what its own drive has; "store", also of what other drives have, by a proof of many
    ///     pieces ("holdall-1"); "off", of none.
    /// share_page: where the host shows a share, with {uri} for its URI, such as "/home?path={uri}":
    ///     links of the form /s/<id> and /s/<id>/<password> lead there; by default they are not answered.
    /// debug: whether replies to clients say what went wrong inside.
    ///
    /// Raises InvalidArgument when a setting can never be right.
    #[pyo3(signature = (
        *, prefix = "", site = None, secondary_sites = vec![], internal_base = None, cdn_base = None,
        url_life = None, url_margin = None, archive_life = None, max_age = None, max_batched_file = None,
        redirect_links = true, rapid_uploads = "drive", share_page = None, debug = false
    ), text_signature = "($self, *, prefix='', site=None, secondary_sites=(), internal_base=None, \
        cdn_base=None, url_life=None, url_margin=None, archive_life=None, max_age=None, \
        max_batched_file=None, redirect_links=True, rapid_uploads='drive', share_page=None, \
        debug=False)")]
    #[allow(clippy::too_many_arguments)]
    fn api(
        slf: PyRef<'_, Self>,
        prefix: &str,
        site: Option<&str>,
        secondary_sites: Vec<String>,
        internal_base: Option<&str>,
        cdn_base: Option<&str>,
        url_life: Option<&Bound<'_, PyAny>>,
        url_margin: Option<&Bound<'_, PyAny>>,
        archive_life: Option<&Bound<'_, PyAny>>,
        max_age: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = convert::count)] max_batched_file: Option<usize>,
        redirect_links: bool,
        rapid_uploads: &str,
        share_page: Option<&str>,
        debug: bool,
    ) -> Outcome<Api> {
        let rapid = match rapid_uploads {
            "off" => RapidUploads::Off,
            "drive" => RapidUploads::Drive,
            "store" => RapidUploads::Store,
            other => {
                let message = format!("rapid_uploads {other:?} is not one of \"off\", \"drive\", \"store\"");
                return Err(Fault::invalid(message));
            }
        };
        let mut api = holdall::Api::new(slf.store()?);
        api = api.prefix(prefix)?.redirect_links(redirect_links).rapid_uploads(rapid).debug(debug);
        if let Some(page) = share_page {
            api = api.share_page(page)?;
        }
        if let Some(site) = site {
            api = api.site(site)?;
        }
        for secondary in &secondary_sites {
            api = api.secondary_site(secondary)?;
        }
        if let Some(internal) = internal_base {
            api = api.internal_base(internal)?;
        }
        if let Some(cdn) = cdn_base {
            api = api.cdn_base(cdn)?;
        }
        if url_life.is_some() || url_margin.is_some() {
            let seconds = |length: Option<_>, default| {
                length.map_or(Ok(std::time::Duration::from_secs(default)), convert::duration)
            };
            api = api.url_life(seconds(url_life, 3600)?, seconds(url_margin, 600)?)?;
        }
        if let Some(life) = archive_life {
            api = api.archive_life(convert::duration(life)?);
        }
        if let Some(age) = max_age {
            api = api.max_age(convert::duration(age)?);
        }
        if let Some(uris) = max_batched_file {
            api = api.max_batched_file(uris);
        }
        Ok(Api { store: slf.into(), api })
    }
}

/// A part of an upload on its way in.
#[pyclass(frozen, name = "_Part", module = "holdall")]
pub(crate) struct Part(Mutex<Option<PartWriter>>);

impl Part {
    fn take(&self) -> Outcome<PartWriter> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or_else(|| Fault::invalid("the part has ended, or is being written to"))
    }
}

#[pymethods]
impl Part {
    /// Takes the next bytes. Returns whether more are wanted; after an error it has ended.
    fn write(&self, py: Python<'_>, piece: PyBackedBytes) -> Outcome<bool> {
        let mut part = self.take()?;
        let more = py.detach(|| part.write(&piece))?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(part);
        Ok(more)
    }

    /// Ends the part and returns the reply.
    fn finish(&self, py: Python<'_>) -> Outcome<Reply> {
        let part = self.take()?;
        let reply = py.detach(|| part.finish())?;
        Ok(Reply::new(py, reply)?)
    }

    /// Ends the part, if it has not ended, and leaves nothing behind.
    fn discard(&self, py: Python<'_>) {
        if let Ok(part) = self.take() {
            job::discard(py, part);
        }
    }
}

/// Who makes a call: the host has checked it, and the wire formats go by it alone.
///
/// drive: the caller's own Drive or its name; None if the caller is unknown.
/// administrator: whether every drive is open to the caller.
/// token: the access token that the caller showed: what PDS proofs of content are made with.
/// speed: bytes a second that a download goes at; 0 is any speed.
/// archive: whether several files may be had as one zip, which takes room in the store: by default, unless
///     nobody knows the caller.
/// share_download: whether shares of others may be downloaded from.
/// links: direct links that one call may make: 10 by default, 1,000 for an administrator, and none
///     for one whom nobody knows.
/// unique_links: whether a direct link is made anew where there is one under the same name and speed.
#[pyclass(frozen, module = "holdall")]
pub(crate) struct Caller {
    caller: holdall::Caller,
    limits: Limits,
    has_token: bool,
}

#[pymethods]
impl Caller {
    #[new]
    #[pyo3(signature = (
        drive = None, *, administrator = false, token = None, speed = 0, archive = None,
        share_download = true, links = None, unique_links = false
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        drive: Option<&Bound<'_, PyAny>>,
        administrator: bool,
        token: Option<String>,
        #[pyo3(from_py_with = convert::number)] speed: u64,
        archive: Option<bool>,
        share_download: bool,
        #[pyo3(from_py_with = convert::count)] links: Option<u32>,
        unique_links: bool,
    ) -> Outcome<Caller> {
        let mut caller = match drive {
            Some(drive) => holdall::Caller::of(drive_name(drive)?),
            None => holdall::Caller::anonymous(),
        };
        let links = links.unwrap_or(match (administrator, drive) {
            (true, _) => 1000,
            (false, Some(_)) => Limits::new().links,
            (false, None) => 0,
        });
        if administrator {
            caller = caller.administrator();
        }
        let archive = archive.unwrap_or(drive.is_some() || administrator);
        let has_token = token.is_some();
        if let Some(token) = token {
            caller = caller.token(token);
        }
        let limits = Limits::new().speed(speed).archive(archive).share_download(share_download);
        let limits = limits.links(links).unique_links(unique_links);
        Ok(Caller { caller: caller.limits(limits.clone()), limits, has_token })
    }

    /// The name of the caller's own drive; None if the caller is unknown.
    #[getter]
    fn drive(&self) -> Option<&str> {
        self.caller.drive()
    }

    /// Whether every drive is open to the caller.
    #[getter]
    fn administrator(&self) -> bool {
        self.caller.is_administrator()
    }

    /// Bytes a second that a download goes at; 0 is any speed.
    #[getter]
    fn speed(&self) -> u64 {
        self.limits.speed
    }

    /// Whether several files may be had as one zip.
    #[getter]
    fn archive(&self) -> bool {
        self.limits.archive
    }

    /// Whether shares of others may be downloaded from.
    #[getter]
    fn share_download(&self) -> bool {
        self.limits.share_download
    }

    /// Direct links that one call may make; 0 allows none.
    #[getter]
    fn links(&self) -> u32 {
        self.limits.links
    }

    /// Whether a direct link is made anew where there is one under the same name and speed.
    #[getter]
    fn unique_links(&self) -> bool {
        self.limits.unique_links
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = match self.caller.drive() {
            Some(drive) => format!("<Caller of {}", drive.into_pyobject(py)?.repr()?),
            None => "<Caller anonymous".to_owned(),
        };
        if self.caller.is_administrator() {
            text.push_str(", administrator");
        }
        if self.has_token {
            text.push_str(", with a token");
        }
        Ok(text + ">")
    }
}

/// Reads a drive: itself, or its name.
fn drive_name(value: &Bound<'_, PyAny>) -> Outcome<String> {
    if let Ok(drive) = value.cast::<Drive>() {
        return Ok(drive.get().name().to_owned());
    }
    let name = value.extract::<String>();
    Ok(name.map_err(|_| PyTypeError::new_err("a drive is a holdall.Drive, or its name as a str"))?)
}
