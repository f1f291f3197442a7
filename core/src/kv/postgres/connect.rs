//! The way to the database: its address, TLS, the connections, and the runtime that they live in.
//!
//! The address is that of libpq: `postgres://user:password@host:port/database?name=value`. Beside what the
//! client knows, `schema` names the schema that the store is in ("holdall" by default), and `sslrootcert`
//! a file of certificates in PEM that the server's is verified by, in place of the system's. Where TLS is
//! spoken, the server's certificate and name are verified, whatever the mode.

use std::future::Future;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Timeouts};
use percent_encoding::percent_decode_str;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::Failure;
use super::options::PostgresOptions;
use super::session::DatabaseSession;
#[cfg(all(feature = "sim", feature = "remote"))]
use super::sim::{SimClient, SimDatabase};
use super::statements::Statements;
use crate::{Error, ErrorKind, Result, fork, machine, tasks, tls};

/// Connections that write: one commits, and one is there when that is lost.
const WRITING: usize = 2;
/// Between two tries to reach the server, at first and at most.
const PAUSE: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// Bytes of the name of a schema: PostgreSQL cuts a longer one.
const MAX_SCHEMA: usize = 63;

/// A database, as this process reaches it.
pub(super) struct Database {
    way: Way,
    pub(super) statements: Statements,
    pub(super) options: PostgresOptions,
    /// What the server's clock said last, in microseconds since 1970 UTC: it is no earlier now.
    clock: AtomicI64,
    /// The threads of a runtime do not live in a forked child.
    generation: u64,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("options", &self.options).finish_non_exhaustive()
    }
}

/// How a database is reached.
enum Way {
    /// A server: the runtime, which is none once it is being dropped, and the connections.
    Server { runtime: Option<Runtime>, reading: Pool, writing: Pool },
    #[cfg(all(feature = "sim", feature = "remote"))]
    Simulated(SimClient),
}

/// What work on the runtime's thread is going to return; that of a simulation is done where it is waited for.
pub(super) enum PendingAnswer<'d, T> {
    Server(Receiver<Result<T>>, std::marker::PhantomData<&'d ()>),
    #[cfg(all(feature = "sim", feature = "remote"))]
    Simulated(super::sim::BegunWork<'d, Result<T>>),
}

impl<T> PendingAnswer<'_, T> {
    /// Waits for it.
    pub(super) fn wait(self) -> Result<T> {
        match self {
            PendingAnswer::Server(answer, _) => {
                answer.recv().map_err(|_| Error::bug("the thread that talks to the database is gone"))?
            }
            #[cfg(all(feature = "sim", feature = "remote"))]
            PendingAnswer::Simulated(begun) => begun.wait(),
        }
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Reading,
    /// Apart, so that a thread that reads can wait for a commit.
    Writing,
}

impl Database {
    /// Makes one of an address; nothing is connected yet.
    ///
    /// # Errors
    /// `InvalidArgument` when the address is none, `Io` when certificates cannot be read.
    pub(super) fn new(url: &str, options: PostgresOptions) -> Result<Database> {
        let address = Address::parse(url)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("holdall-postgres")
            .enable_all()
            .build()
            .map_err(|cause| Error::io("starting the thread that talks to the database", cause))?;
        let pool = |size| address.pool(size, options.patience);
        Ok(Database {
            way: Way::Server {
                reading: pool(options.connections.max(1))?,
                writing: pool(WRITING)?,
                runtime: Some(runtime),
            },
            statements: Statements::new(&address.schema, options.links),
            options,
            clock: AtomicI64::new(0),
            generation: fork::generation(),
        })
    }

    /// Makes one of a simulated server, as a simulated host reaches it.
    #[cfg(all(feature = "sim", feature = "remote"))]
    pub(super) fn simulated(
        database: SimDatabase,
        network: std::sync::Arc<dyn crate::network::SimNetwork>,
        options: PostgresOptions,
    ) -> Database {
        let clock = network.server_clock(crate::network::Peer::Database);
        Database {
            way: Way::Simulated(SimClient::new(database, network, (options.connections.max(1), WRITING))),
            statements: Statements::new("", &[]),
            options,
            clock: AtomicI64::new(i64::try_from(clock).unwrap_or(i64::MAX)),
            generation: fork::generation(),
        }
    }

    /// Notes what the server's clock said.
    pub(super) fn saw_clock(&self, micros: i64) {
        self.clock.store(micros, Ordering::Relaxed);
    }

    /// Returns until when a commit may be made, by the server's clock, that begins now.
    pub(super) fn deadline(&self) -> i64 {
        self.options.deadline(self.clock.load(Ordering::Relaxed))
    }

    /// Runs `work` on the runtime's thread, and waits for it. The caller may be a thread of another runtime,
    /// which must not be blocked by its own means.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.begin(work)?.wait()
    }

    /// Begins to run `work` on the runtime's thread.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<PendingAnswer<'_, T>> {
        #[cfg(all(feature = "sim", feature = "remote"))]
        if let Way::Simulated(client) = &self.way {
            self.expect_ours()?;
            return Ok(PendingAnswer::Simulated(client.begin(work)));
        }
        let (done, outcome) = sync_channel(1);
        self.spawn(async move {
            let _gone = done.send(work.await);
        })?;
        Ok(PendingAnswer::Server(outcome, std::marker::PhantomData))
    }

    /// Runs `work` beside what others do.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        self.expect_ours()?;
        match &self.way {
            Way::Server { runtime: Some(runtime), .. } => drop(runtime.spawn(work)),
            Way::Server { runtime: None, .. } => {}
            #[cfg(all(feature = "sim", feature = "remote"))]
            Way::Simulated(client) => client.spawn(work),
        }
        Ok(())
    }

    fn expect_ours(&self) -> Result<()> {
        if self.generation == fork::generation() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Forked,
            "the connections to the database belong to the process that forked; open the store again",
        ))
    }

    /// Takes a connection of the pool, or makes one; waits for a server that is not there as long as
    /// the options say.
    pub(super) async fn connection(&self, used: Use) -> Result<DatabaseSession, Failure> {
        let begun = machine::uptime();
        let mut pause = PAUSE;
        loop {
            let failure = match self.try_connection(used).await {
                Ok(connection) => return Ok(connection),
                Err(failure) => failure,
            };
            let waited = machine::uptime().saturating_sub(begun);
            if !matches!(failure, Failure::Lost(_)) || waited >= self.options.patience {
                return Err(failure);
            }
            tasks::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn try_connection(&self, used: Use) -> Result<DatabaseSession, Failure> {
        match &self.way {
            Way::Server { reading, writing, .. } => {
                let pool = if used == Use::Reading { reading } else { writing };
                pool.get().await.map(DatabaseSession::Server).map_err(pool_failure)
            }
            #[cfg(all(feature = "sim", feature = "remote"))]
            Way::Simulated(client) => {
                let connected = client.connection(used == Use::Reading, self.options.patience).await;
                connected.map(DatabaseSession::Simulated)
            }
        }
    }

    /// As [`Database::connection`], to a server that is none of a simulation: for what is no statement of ours.
    pub(super) async fn client(&self, used: Use) -> Result<Object, Failure> {
        match self.connection(used).await? {
            DatabaseSession::Server(client) => Ok(client),
            #[cfg(all(feature = "sim", feature = "remote"))]
            DatabaseSession::Simulated(_) => {
                Err(Failure::Refused(Error::bug("a simulated server has its tables")))
            }
        }
    }

    /// Returns how many connections nobody uses.
    #[cfg(test)]
    pub(super) fn idle(&self, used: Use) -> usize {
        match &self.way {
            Way::Server { reading, writing, .. } => {
                let pool = if used == Use::Reading { reading } else { writing };
                pool.status().available
            }
            #[cfg(all(feature = "sim", feature = "remote"))]
            Way::Simulated(_) => 0,
        }
    }

    /// Ends the connections that nobody uses; those in use end when they are given back.
    pub(super) fn close(&self) {
        match &self.way {
            Way::Server { reading, writing, .. } => {
                reading.close();
                writing.close();
            }
            #[cfg(all(feature = "sim", feature = "remote"))]
            Way::Simulated(client) => client.close(),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let runtime = match &mut self.way {
            Way::Server { runtime, .. } => runtime.take(),
            #[cfg(all(feature = "sim", feature = "remote"))]
            Way::Simulated(_) => None,
        };
        let Some(runtime) = runtime else { return };
        if self.generation == fork::generation() {
            // Waiting is forbidden on a thread of another runtime, where this may be dropped.
            runtime.shutdown_background();
        } else {
            // Its threads are the parent's.
            std::mem::forget(runtime);
        }
    }
}

fn pool_failure(error: PoolError) -> Failure {
    const DOING: &str = "connecting to the database";
    match error {
        PoolError::Backend(cause) => Failure::of(DOING, cause),
        PoolError::Closed => Failure::Refused(Error::invalid("the store was closed; open it again")),
        PoolError::Timeout(_) => Failure::Lost(Error::new(
            ErrorKind::Locked,
            "every connection to the database is in use, or none can be made; try again",
        )),
        error => Failure::Refused(Error::with_source(ErrorKind::Bug, DOING, error)),
    }
}

/// An address, taken apart.
struct Address {
    config: Config,
    schema: String,
    root_certificates: Option<String>,
}

impl Address {
    fn parse(url: &str) -> Result<Address> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut schema, mut root_certificates, mut rest) = ("holdall".to_owned(), None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || {
                let decoded = percent_decode_str(value).decode_utf8();
                decoded
                    .map(String::from)
                    .map_err(|_| Error::invalid(format!("the value of {name} is not UTF-8")))
            };
            match name {
                "schema" => schema = value()?,
                "sslrootcert" => root_certificates = Some(value()?),
                _ => rest.push(pair),
            }
        }
        if schema.is_empty() || schema.len() > MAX_SCHEMA || schema.contains('\0') {
            return Err(Error::invalid(format!(
                "the schema of the database has a name of {} bytes; it takes 1 to {MAX_SCHEMA}",
                schema.len()
            )));
        }
        let joined = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        // Without the address in the message: it has the password.
        let mut config = Config::from_str(&joined).map_err(|cause| {
            Error::with_source(ErrorKind::InvalidArgument, "reading the address of the database", cause)
        })?;
        if config.get_application_name().is_none() {
            config.application_name("holdall");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        // A server that vanished is noticed in a minute and a half, not in two hours.
        config.keepalives_idle(Duration::from_secs(30));
        config.keepalives_interval(Duration::from_secs(15)).keepalives_retries(4);
        Ok(Address { config, schema, root_certificates })
    }

    fn pool(&self, size: usize, patience: Duration) -> Result<Pool> {
        let way = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match self.config.get_ssl_mode() {
            SslMode::Disable => Manager::from_config(self.config.clone(), NoTls, way),
            _ => Manager::from_config(
                self.config.clone(),
                MakeRustlsConnect::new(tls::client_config(self.root_certificates.as_deref())?),
                way,
            ),
        };
        let timeouts =
            Timeouts { wait: Some(patience), create: Some(patience), recycle: Some(Duration::from_secs(5)) };
        let pool = Pool::builder(manager)
            .max_size(size)
            .timeouts(timeouts)
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .build();
        pool.map_err(|cause| Error::with_source(ErrorKind::Bug, "making a pool of connections", cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_in_an_address_is_taken_out_and_the_rest_is_the_clients() {
        let address =
            Address::parse("postgres://u:p@host:1/db?schema=a%20b&sslmode=require&sslrootcert=/x.pem")
                .unwrap();
        assert_eq!((address.schema.as_str(), address.root_certificates.as_deref()), ("a b", Some("/x.pem")));
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(address.config.get_dbname(), Some("db"));
        assert_eq!(Address::parse("postgres://host/db").unwrap().schema, "holdall");
    }

    #[test]
    fn a_wrong_address_is_refused_and_its_password_kept_secret() {
        let long = format!("postgres://host/db?schema={}", "x".repeat(64));
        for url in [
            "postgres://u:secret@host:port/db",
            "postgres://u:secret@host/db?colour=red",
            "postgres://host/db?schema=",
            long.as_str(),
        ] {
            let refused = Address::parse(url).map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{refused}");
            assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused:?}");
        }
    }
}
