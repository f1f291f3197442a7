//! The synchronous face of the client library.
//!
//! Work is handed to a runtime with two threads, and the caller waits on a channel. It does not enter the
//! runtime, so that a host may call from a thread of a runtime of its own. A forked child makes a runtime
//! and connections anew: its parent's threads are not there, and two processes must not share a socket.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::client::{HttpClient, HttpConnector};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use super::connector::Connector;
use super::options::ObjectOptions;
#[cfg(all(feature = "sim", feature = "remote"))]
use super::sim::SimBackend;
use crate::machine::lock;
use crate::{Error, ErrorKind, Result, fork, tasks, tls};

/// Threads that move bytes.
const THREADS: usize = 2;
/// Threads that hash and read ahead at once, at most.
const BLOCKING: usize = 16;

/// A result of the client library.
pub(super) type Asked<T> = std::result::Result<T, object_store::Error>;

/// Where objects are.
#[derive(Debug)]
pub(super) enum Backend {
    /// A server that speaks S3, and a client for what the library has no call for.
    S3(Box<AmazonS3>, HttpClient),
    /// The memory of this process.
    #[cfg(test)]
    Memory(Arc<object_store::memory::InMemory>),
    /// Those of a simulation.
    #[cfg(all(feature = "sim", feature = "remote"))]
    Simulated(SimBackend),
}

impl Backend {
    fn new(options: &ObjectOptions) -> Asked<Backend> {
        #[cfg(test)]
        if let Some(memory) = &options.memory {
            return Ok(Backend::Memory(memory.clone()));
        }
        let http = ClientOptions::new()
            .with_allow_http(options.endpoint.as_ref().is_some_and(|url| url.starts_with("http://")));
        let connector =
            Connector { patience: options.patience, root_certificates: options.root_certificates.clone() };
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(5),
                base: 2.0,
            },
            max_retries: 5,
            retry_timeout: options.patience,
        };
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&options.bucket)
            .with_client_options(http.clone())
            .with_http_connector(connector.clone())
            .with_retry(retry)
            .with_checksum_algorithm(Checksum::CRC64NVME);
        if let Some(endpoint) = &options.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &options.region {
            builder = builder.with_region(region);
        }
        if let Some((id, secret)) = &options.credentials {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        }
        Ok(Backend::S3(Box::new(builder.build()?), connector.connect(&http)?))
    }

    pub(super) fn objects(&self) -> &dyn ObjectStore {
        match self {
            Backend::S3(s3, _) => s3.as_ref(),
            #[cfg(test)]
            Backend::Memory(memory) => memory.as_ref(),
            #[cfg(all(feature = "sim", feature = "remote"))]
            Backend::Simulated(objects) => objects,
        }
    }

    pub(super) fn multipart(&self) -> &dyn MultipartStore {
        match self {
            Backend::S3(s3, _) => s3.as_ref(),
            #[cfg(test)]
            Backend::Memory(memory) => memory.as_ref(),
            #[cfg(all(feature = "sim", feature = "remote"))]
            Backend::Simulated(objects) => objects,
        }
    }
}

/// A runtime and the connections that live on it.
struct RunningClient {
    generation: u64,
    /// None only while it is taken apart.
    runtime: Option<Runtime>,
    backend: Arc<Backend>,
}

impl Drop for RunningClient {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        if self.generation == fork::system_generation() {
            // It may be dropped on a thread of a host's own runtime, which must not wait.
            runtime.shutdown_background();
        } else {
            // The threads are the parent's, and so are the locks that they may hold.
            std::mem::forget(runtime);
        }
    }
}

/// Asks the object store, and waits for the answer.
pub(super) struct Client {
    pub(super) options: ObjectOptions,
    pub(super) prefix: Path,
    running: Mutex<Option<RunningClient>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?})", self.options)
    }
}

impl Client {
    pub(super) fn new(options: ObjectOptions) -> Result<Client> {
        let prefix = Path::parse(&options.prefix).map_err(|cause| {
            let message = format!("{:?} is not a prefix of keys", options.prefix);
            Error::with_source(ErrorKind::InvalidArgument, message, cause)
        })?;
        Ok(Client { options, prefix, running: Mutex::new(None) })
    }

    /// Hands work to the runtime and returns at once.
    ///
    /// # Errors
    /// `Io` when no thread can be started, `InvalidArgument` when the server's address is none.
    pub(super) fn start<F>(&self, work: impl FnOnce(Arc<Backend>) -> F) -> Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        #[cfg(all(feature = "sim", feature = "remote"))]
        if let Some(backend) = self.simulated() {
            tasks::block_on(work(backend), || ());
            return Ok(());
        }
        self.with_runtime(|runtime, backend| {
            drop(runtime.spawn(work(backend)));
        })
    }

    /// Runs what blocks on a thread beside the runtime's own, and returns at once.
    pub(super) fn start_blocking(&self, work: impl FnOnce() + Send + 'static) -> Result<()> {
        #[cfg(all(feature = "sim", feature = "remote"))]
        if self.simulated().is_some() {
            work();
            return Ok(());
        }
        self.with_runtime(|runtime, _| drop(runtime.spawn_blocking(work)))
    }

    /// Hands work to the runtime and waits for what it returns.
    ///
    /// # Errors
    /// As [`Client::start`]; `Bug` when the work panicked.
    pub(super) fn run<T, F>(&self, work: impl FnOnce(Arc<Backend>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        #[cfg(all(feature = "sim", feature = "remote"))]
        if let Some(backend) = self.simulated() {
            return Ok(tasks::block_on(work(backend), || ()));
        }
        let (sender, receiver) = mpsc::sync_channel(1);
        self.start(|backend| {
            let work = work(backend);
            async move {
                // Nobody waits any more where the caller's thread was torn down.
                let _ = sender.send(work.await);
            }
        })?;
        receiver.recv().map_err(|_| Error::bug("a request to the object store panicked"))
    }

    /// As [`Client::run`], for what asks the object store: `doing` says what, in an error.
    pub(super) fn ask<T, F>(&self, doing: &str, work: impl FnOnce(Arc<Backend>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Asked<T>> + Send + 'static,
    {
        self.run(work)?.map_err(|cause| failed(doing, cause))
    }

    /// Returns simulated objects: who asks for them does all the work.
    #[cfg(all(feature = "sim", feature = "remote"))]
    fn simulated(&self) -> Option<Arc<Backend>> {
        let (objects, network) = self.options.simulated.clone()?;
        Some(Arc::new(Backend::Simulated(SimBackend::new(objects, network))))
    }

    fn with_runtime<T>(&self, work: impl FnOnce(&Runtime, Arc<Backend>) -> T) -> Result<T> {
        let generation = fork::system_generation();
        let mut running = lock(&self.running);
        if running.as_ref().is_none_or(|running| running.generation != generation) {
            *running = Some(self.begin(generation)?);
        }
        match running.as_ref().and_then(|running| Some((running.runtime.as_ref()?, running))) {
            Some((runtime, running)) => Ok(work(runtime, running.backend.clone())),
            None => Err(Error::bug("the runtime is gone")),
        }
    }

    fn begin(&self, generation: u64) -> Result<RunningClient> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(BLOCKING)
            .thread_name("holdall-object")
            .enable_all()
            .build()
            .map_err(|cause| Error::io("starting threads for the object store", cause))?;
        let backend = Backend::new(&self.options).map_err(|cause| {
            let message = "the object store cannot be reached with these options";
            Error::with_source(ErrorKind::InvalidArgument, message, cause)
        })?;
        Ok(RunningClient { generation, runtime: Some(runtime), backend: Arc::new(backend) })
    }
}

/// Whether an error says that an object does not exist. Servers say with the same status that there is no such bucket, or
/// no such user, and then nobody knows; what HEAD is answered has no code.
pub(super) fn is_absent(error: &object_store::Error) -> bool {
    match error {
        object_store::Error::NotFound { source, .. } => {
            let said = source.to_string();
            let codes = ["<Code>NoSuchKey<", "<Code>NoSuchUpload<", "<Code>NoSuchVersion<"];
            !said.contains("<Code>") || codes.iter().any(|code| said.contains(code))
        }
        _ => false,
    }
}

/// Whether trying again cannot help.
pub(super) fn is_final(error: &object_store::Error) -> bool {
    use object_store::Error as Cause;
    let is_answer = matches!(
        error,
        Cause::PermissionDenied { .. }
            | Cause::Unauthenticated { .. }
            | Cause::NotFound { .. }
            | Cause::NotSupported { .. }
            | Cause::NotImplemented { .. }
            | Cause::InvalidPath { .. }
    );
    is_answer || tls::failure(error).is_some()
}

/// Makes an error of the client library one of ours.
pub(super) fn failed(doing: &str, cause: object_store::Error) -> Error {
    use object_store::Error as Cause;
    let kind = match &cause {
        cause if is_absent(cause) => ErrorKind::NotFound,
        Cause::NotSupported { .. } | Cause::NotImplemented { .. } => ErrorKind::Unsupported,
        _ => ErrorKind::Io,
    };
    Error::with_source(kind, doing, cause)
}

/// Makes the error of a request that took longer than its length explains.
pub(super) fn stalled(limit: Duration) -> object_store::Error {
    object_store::Error::Generic {
        store: "object store",
        source: format!("no answer within {} seconds", limit.as_secs()).into(),
    }
}

/// Waits for a request no longer than `limit`.
pub(super) async fn within<T>(limit: Duration, request: impl Future<Output = Asked<T>>) -> Asked<T> {
    tasks::timeout(limit, request).await.unwrap_or_else(|| Err(stalled(limit)))
}
