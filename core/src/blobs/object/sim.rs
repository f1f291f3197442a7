//! Simulated object storage: what a server keeps, and a client of it as the library has them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartId,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult,
};

use crate::network::{Exchange, Late, NoAnswer, Peer, Server, SimNetwork, exchange};

/// Names on one page of a listing.
const PAGE: usize = 7;
/// What the server refuses for now.
const REFUSALS: [&str; 3] = ["503 SlowDown", "500 InternalError", "connection reset by peer"];

/// An upload in parts that is open: its key, its id, and when it was begun, in microseconds since 1970 UTC.
pub(super) type OpenParts = (Path, String, u64);

/// Simulated object storage, which all hosts of a simulation reach. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct SimObjects {
    state: Arc<Mutex<BucketState>>,
}

#[derive(Clone, Debug, Default)]
struct BucketState {
    objects: BTreeMap<String, Object>,
    /// Objects that were removed, and when: old listings have them.
    removed: Vec<(String, Object, u64)>,
    uploads: BTreeMap<String, Upload>,
    count: u64,
    late: Late<ObjectRequest>,
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    bytes: Bytes,
    attributes: Attributes,
    /// By the server's clock, in microseconds since 1970 UTC.
    modified: u64,
}

#[derive(Clone, Debug)]
struct Upload {
    key: String,
    begun: u64,
    parts: BTreeMap<usize, Bytes>,
}

/// What a server is asked.
#[derive(Clone, Debug)]
pub(super) enum ObjectRequest {
    Put { key: String, bytes: Bytes, attributes: Attributes, create: bool },
    Get { key: String },
    Remove { key: String },
    List { prefix: String, after: Option<String>, age: Duration },
    Begin { key: String },
    Part { id: String, number: usize, bytes: Bytes },
    Complete { id: String, parts: usize },
    Abort { id: String },
    Uploads,
}

/// What it answers.
#[derive(Clone, Debug)]
pub(super) enum ObjectReply {
    Done,
    Object(Object),
    Page(Vec<(String, Object)>),
    Id(String),
    Uploads(Vec<OpenParts>),
    Exists,
    Missing,
}

impl SimObjects {
    fn lock(&self) -> MutexGuard<'_, BucketState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes another that holds what this one does now.
    #[must_use]
    pub fn copy(&self) -> SimObjects {
        let (objects, uploads) = {
            let state = self.lock();
            (state.objects.clone(), state.uploads.clone())
        };
        let state = BucketState { objects, uploads, ..BucketState::default() };
        SimObjects { state: Arc::new(Mutex::new(state)) }
    }

    /// Executes what is still on its way, however long that would take. `clock` is its own, in microseconds since 1970
    /// UTC.
    pub fn settle(&self, clock: u64) {
        let mut state = self.lock();
        for request in state.late.take_all() {
            drop(state.execute(request, clock));
        }
    }

    /// Returns how many requests are still on their way.
    pub fn on_their_way(&self) -> usize {
        self.lock().late.len()
    }

    /// Returns the keys of all objects, and how long they are.
    pub fn keys(&self) -> BTreeMap<String, u64> {
        let length = |object: &Object| u64::try_from(object.bytes.len()).unwrap_or(u64::MAX);
        self.lock().objects.iter().map(|(key, object)| (key.clone(), length(object))).collect()
    }

    /// Returns how many uploads in parts are neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.lock().uploads.len()
    }
}

impl BucketState {
    fn execute(&mut self, request: ObjectRequest, clock: u64) -> ObjectReply {
        match request {
            ObjectRequest::Put { key, .. } if self.objects.contains_key(&key) && is_create(&request) => {
                ObjectReply::Exists
            }
            ObjectRequest::Put { key, bytes, attributes, .. } => {
                self.objects.insert(key, Object { bytes, attributes, modified: clock });
                ObjectReply::Done
            }
            ObjectRequest::Get { key } => self
                .objects
                .get(&key)
                .map_or(ObjectReply::Missing, |object| ObjectReply::Object(object.clone())),
            ObjectRequest::Remove { key } => {
                let gone = self.objects.remove(&key);
                self.removed.extend(gone.map(|object| (key, object, clock)));
                ObjectReply::Done
            }
            ObjectRequest::List { prefix, after, age } => {
                let age = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
                let then = (age > 0).then(|| clock.saturating_sub(age));
                ObjectReply::Page(self.page(&prefix, after.as_deref(), then))
            }
            ObjectRequest::Begin { key } => {
                self.count = self.count.saturating_add(1);
                let id = format!("upload-{}", self.count);
                self.uploads.insert(id.clone(), Upload { key, begun: clock, parts: BTreeMap::new() });
                ObjectReply::Id(id)
            }
            ObjectRequest::Part { id, number, bytes } => match self.uploads.get_mut(&id) {
                Some(upload) => {
                    upload.parts.insert(number, bytes);
                    ObjectReply::Done
                }
                None => ObjectReply::Missing,
            },
            ObjectRequest::Complete { id, parts } => match self.uploads.remove(&id) {
                Some(upload) if upload.parts.len() == parts => {
                    let bytes = upload.parts.into_values().collect::<Vec<_>>().concat().into();
                    let object = Object { bytes, attributes: Attributes::new(), modified: clock };
                    self.objects.insert(upload.key, object);
                    ObjectReply::Done
                }
                _ => ObjectReply::Missing,
            },
            ObjectRequest::Abort { id } => {
                self.uploads.remove(&id).map_or(ObjectReply::Missing, |_| ObjectReply::Done)
            }
            ObjectRequest::Uploads => {
                let open = self.uploads.iter().filter_map(|(id, upload)| {
                    Some((Path::parse(&upload.key).ok()?, id.clone(), upload.begun))
                });
                ObjectReply::Uploads(open.collect())
            }
        }
    }

    /// Returns a page of a listing of what there was at a time, or is.
    fn page(&self, prefix: &str, after: Option<&str>, then: Option<u64>) -> Vec<(String, Object)> {
        let was_removed = self.removed.iter().filter(|(_, _, at)| then.is_some_and(|then| *at > then));
        let all = was_removed
            .map(|(key, object, _)| (key, object))
            .chain(self.objects.iter())
            .filter(|(_, object)| then.is_none_or(|then| object.modified <= then))
            .filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        let sorted: BTreeMap<_, _> = all.map(|(key, object)| (key.clone(), object.clone())).collect();
        sorted.into_iter().take(PAGE).collect()
    }

    fn execute_due(&mut self, clock: u64) {
        while let Some(request) = self.late.pop(Duration::from_micros(clock)) {
            drop(self.execute(request, clock));
        }
    }
}

fn is_create(request: &ObjectRequest) -> bool {
    matches!(request, ObjectRequest::Put { create: true, .. })
}

/// The object storage, as one process reaches it.
#[derive(Clone)]
pub(super) struct SimBackend {
    objects: SimObjects,
    network: Arc<dyn SimNetwork>,
}

impl fmt::Debug for SimBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimBackend")
    }
}

impl fmt::Display for SimBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("simulated object storage")
    }
}

impl Server for SimBackend {
    type Request = ObjectRequest;
    type Reply = ObjectReply;

    fn execute(&self, request: ObjectRequest) -> ObjectReply {
        let clock = self.network.server_clock(Peer::Objects);
        let mut state = self.objects.lock();
        state.execute_due(clock);
        state.execute(request, clock)
    }

    fn execute_later(&self, request: ObjectRequest, after: Duration) {
        let clock = Duration::from_micros(self.network.server_clock(Peer::Objects));
        self.objects.lock().late.push(clock.saturating_add(after), request);
    }
}

impl SimBackend {
    pub(super) fn new(objects: SimObjects, network: Arc<dyn SimNetwork>) -> SimBackend {
        SimBackend { objects, network }
    }

    async fn ask(
        &self,
        verb: &'static str,
        subject: &str,
        request: ObjectRequest,
    ) -> object_store::Result<ObjectReply> {
        let changes = !matches!(
            request,
            ObjectRequest::Get { .. } | ObjectRequest::List { .. } | ObjectRequest::Uploads
        );
        let creates = is_create(&request);
        let asked = Exchange { peer: Peer::Objects, verb, subject, changes };
        match exchange(self.network.as_ref(), self, &asked, request).await {
            Ok(reply) => Ok(reply),
            Err(NoAnswer::Lost) => Err(generic("the connection was lost")),
            // Of two that write at once, 409 says to each that the other does; the library takes that for "it exists".
            Err(NoAnswer::Refused(way)) if creates && way % 4 == 3 => Ok(ObjectReply::Exists),
            Err(NoAnswer::Refused(way)) => {
                let way = usize::try_from(way).unwrap_or(0) % REFUSALS.len();
                Err(generic(REFUSALS.get(way).unwrap_or(&"refused")))
            }
            Err(NoAnswer::Dead) => Err(Error::PermissionDenied {
                path: subject.to_owned(),
                source: "the simulated process has ended".into(),
            }),
        }
    }

    /// Returns the uploads in parts that are open.
    pub(super) async fn uploads(&self) -> object_store::Result<Vec<OpenParts>> {
        match self.ask("list uploads", "", ObjectRequest::Uploads).await? {
            ObjectReply::Uploads(open) => Ok(open),
            other => Err(unexpected(&other)),
        }
    }

    async fn list_all(self, prefix: String) -> Vec<object_store::Result<ObjectMeta>> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let age = self.network.listing_age();
            let request = ObjectRequest::List { prefix: prefix.clone(), after: after.take(), age };
            let page = match self.ask("list", &prefix, request).await {
                Ok(ObjectReply::Page(page)) => page,
                Ok(other) => return vec![Err(unexpected(&other))],
                Err(error) => return vec![Err(error)],
            };
            after = page.last().map(|(key, _)| key.clone());
            found.extend(page.iter().map(|(key, object)| meta(key, object)));
            if page.len() < PAGE {
                return found;
            }
        }
    }
}

fn generic(why: &str) -> Error {
    Error::Generic { store: "simulated object storage", source: why.into() }
}

fn unexpected(reply: &ObjectReply) -> Error {
    generic(&format!("it answered {reply:?}"))
}

fn missing(key: &str) -> Error {
    Error::NotFound { path: key.to_owned(), source: "there is no such object".into() }
}

fn meta(key: &str, object: &Object) -> object_store::Result<ObjectMeta> {
    let modified = std::time::SystemTime::UNIX_EPOCH + Duration::from_micros(object.modified);
    Ok(ObjectMeta {
        location: Path::parse(key)?,
        last_modified: modified.into(),
        size: u64::try_from(object.bytes.len()).unwrap_or(u64::MAX),
        e_tag: None,
        version: None,
    })
}

fn done() -> PutResult {
    PutResult { e_tag: None, version: None, extensions: Default::default() }
}

#[async_trait]
impl ObjectStore for SimBackend {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> object_store::Result<PutResult> {
        let create = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return Err(generic("no object is changed")),
        };
        let key = location.to_string();
        let request = ObjectRequest::Put {
            key: key.clone(),
            bytes: payload.into(),
            attributes: opts.attributes,
            create,
        };
        match self.ask("put", &key, request).await? {
            ObjectReply::Exists => Err(Error::AlreadyExists { path: key, source: "412".into() }),
            _ => Ok(done()),
        }
    }

    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _opts: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        Err(generic("parts are sent one by one"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        let key = location.to_string();
        let verb = if options.head { "head" } else { "get" };
        let object = match self.ask(verb, &key, ObjectRequest::Get { key: key.clone() }).await? {
            ObjectReply::Object(object) => object,
            _ => return Err(missing(&key)),
        };
        let len = u64::try_from(object.bytes.len()).unwrap_or(u64::MAX);
        let range = match &options.range {
            Some(range) => range.as_range(len).map_err(|cause| generic(&cause.to_string()))?,
            None => 0..len,
        };
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = object.bytes.slice(at(range.start)..at(range.end));
        let meta = meta(&key, &object)?;
        let payload = GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed());
        let extensions = Default::default();
        Ok(GetResult { payload, meta, range, attributes: object.attributes, extensions })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        let backend = self.clone();
        let removed = locations.then(move |location| {
            let backend = backend.clone();
            async move {
                let location = location?;
                let key = location.to_string();
                backend.ask("remove", &key, ObjectRequest::Remove { key: key.clone() }).await?;
                Ok(location)
            }
        });
        removed.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        let prefix = prefix.map_or_else(String::new, |prefix| format!("{prefix}/"));
        stream::once(self.clone().list_all(prefix)).flat_map(stream::iter).boxed()
    }

    async fn list_with_delimiter(&self, _prefix: Option<&Path>) -> object_store::Result<ListResult> {
        Err(generic("folders are not listed"))
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> object_store::Result<()> {
        Err(generic("objects are not copied"))
    }
}

#[async_trait]
impl MultipartStore for SimBackend {
    async fn create_multipart(&self, path: &Path) -> object_store::Result<MultipartId> {
        let key = path.to_string();
        match self.ask("begin parts", &key, ObjectRequest::Begin { key: key.clone() }).await? {
            ObjectReply::Id(id) => Ok(id),
            other => Err(unexpected(&other)),
        }
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        part_idx: usize,
        data: PutPayload,
    ) -> object_store::Result<PartId> {
        let request = ObjectRequest::Part { id: id.clone(), number: part_idx, bytes: data.into() };
        match self.ask("put part", path.as_ref(), request).await? {
            ObjectReply::Done => Ok(PartId { content_id: part_idx.to_string() }),
            _ => Err(missing(path.as_ref())),
        }
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> object_store::Result<PutResult> {
        let request = ObjectRequest::Complete { id: id.clone(), parts: parts.len() };
        match self.ask("complete parts", path.as_ref(), request).await? {
            ObjectReply::Done => Ok(done()),
            _ => Err(missing(path.as_ref())),
        }
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> object_store::Result<()> {
        match self.ask("abort parts", path.as_ref(), ObjectRequest::Abort { id: id.clone() }).await? {
            ObjectReply::Done => Ok(()),
            _ => Err(missing(path.as_ref())),
        }
    }
}
