//! The client's side: sessions, the pool that they come from, and the futures that run where they are waited for.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use super::cell::Cell;
use super::database::SimDatabase;
use super::state::{SentQuery, ServerError, Trip, TripReply};
use crate::kv::postgres::failure::Failure;
use crate::kv::postgres::query::{Query, Statement};
use crate::network::{Exchange, NoAnswer, Peer, Server, SimNetwork, exchange};
use crate::tasks::{self, block_on, poll_once};
use crate::{Error, ErrorKind, machine};

/// Between two looks whether a connection was given back.
const LOOK: Duration = Duration::from_millis(1);

type WorkBeside = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A database as one process reaches it.
#[derive(Clone)]
pub(in super::super) struct SimClient {
    database: SimDatabase,
    network: Arc<dyn SimNetwork>,
    reading: Arc<SimPool>,
    writing: Arc<SimPool>,
    /// What is done beside what others do.
    beside: Arc<Mutex<Vec<WorkBeside>>>,
}

/// Connections that are open.
struct SimPool {
    most: usize,
    state: Mutex<PoolState>,
}

#[derive(Default)]
struct PoolState {
    idle: Vec<(u64, u64)>,
    used: usize,
    closed: bool,
}

impl SimPool {
    fn new(most: usize) -> Arc<SimPool> {
        Arc::new(SimPool { most, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work that was begun: it goes on when it is waited for.
pub(in super::super) enum BegunWork<'c, T> {
    Done(T),
    Pending(&'c SimClient, Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> BegunWork<'_, T> {
    pub(in super::super) fn wait(self) -> T {
        match self {
            BegunWork::Done(done) => done,
            BegunWork::Pending(client, work) => block_on(work, || client.go_on_beside()),
        }
    }
}

impl SimClient {
    pub(in super::super) fn new(
        database: SimDatabase,
        network: Arc<dyn SimNetwork>,
        (reading, writing): (usize, usize),
    ) -> SimClient {
        let (reading, writing) = (SimPool::new(reading), SimPool::new(writing));
        SimClient { database, network, reading, writing, beside: Arc::default() }
    }

    /// Begins work: its first request is sent.
    pub(in super::super) fn begin<T>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> BegunWork<'_, T> {
        self.go_on_beside();
        let mut work: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(work);
        match poll_once(work.as_mut()) {
            Poll::Ready(done) => BegunWork::Done(done),
            Poll::Pending => BegunWork::Pending(self, work),
        }
    }

    /// Has work done beside what others do.
    pub(in super::super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if !self.writing.lock().closed {
            self.beside().push(Box::pin(work));
        }
    }

    fn beside(&self) -> MutexGuard<'_, Vec<WorkBeside>> {
        self.beside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn go_on_beside(&self) {
        let mut left = std::mem::take(&mut *self.beside());
        left.retain_mut(|work| poll_once(work.as_mut()).is_pending());
        self.beside().extend(left);
    }

    /// Returns a connection that nobody uses, or makes one.
    pub(in super::super) async fn connection(
        &self,
        reading: bool,
        patience: Duration,
    ) -> Result<SimSession, Failure> {
        let pool = if reading { &self.reading } else { &self.writing };
        let begun = machine::uptime();
        let idle = loop {
            {
                let mut state = pool.lock();
                if state.closed {
                    return Err(refused(Error::invalid("the store was closed; open it again")));
                }
                if state.used < pool.most {
                    state.used = state.used.saturating_add(1);
                    break state.idle.pop();
                }
            }
            if machine::uptime().saturating_sub(begun) >= patience {
                let message = "every connection to the database is in use, or none can be made; try again";
                return Err(Failure::Lost(Error::new(ErrorKind::Locked, message)));
            }
            tasks::sleep(LOOK).await;
        };
        let restarts = self.database.lock().restarts;
        let known = idle.filter(|(_, of)| *of == restarts);
        let (number, of) = known.unwrap_or_else(|| self.database.lock().admit());
        let session = SimSession {
            database: self.database.clone(),
            network: self.network.clone(),
            pool: Arc::downgrade(pool),
            number,
            restarts: of,
            kept: true,
        };
        if known.is_none() {
            let connected = tasks::timeout(patience, session.trip("connect", false, Trip::Connect)).await;
            let connected =
                connected.unwrap_or_else(|| Err(Failure::timed_out("connecting to the database")));
            if let Err(failure) = connected {
                session.discard();
                return Err(failure);
            }
        }
        Ok(session)
    }

    /// Ends the connections that nobody uses.
    pub(in super::super) fn close(&self) {
        for pool in [&self.reading, &self.writing] {
            let mut state = pool.lock();
            state.closed = true;
            for (number, _) in std::mem::take(&mut state.idle) {
                self.database.lock().sessions.remove(&number);
            }
        }
        let left = std::mem::take(&mut *self.beside());
        drop(left);
    }
}

/// A connection. Dropped, it goes back to its pool as it is.
pub(in super::super) struct SimSession {
    database: SimDatabase,
    network: Arc<dyn SimNetwork>,
    pool: Weak<SimPool>,
    number: u64,
    /// How often the server had been restarted when it was made.
    restarts: u64,
    kept: bool,
}

/// The server, as a session reaches it.
struct Reached<'s>(&'s SimSession);

impl Server for Reached<'_> {
    type Request = Trip;
    type Reply = TripReply;

    fn execute(&self, trip: Trip) -> TripReply {
        let SimSession { database, network, number, .. } = self.0;
        let clock = network.server_clock(Peer::Database);
        let now = Duration::from_micros(clock);
        let mut state = database.lock();
        state.execute_due(now);
        if now < state.down_until {
            return Err(ServerError::Gone);
        }
        state.execute(*number, trip, clock)
    }

    fn execute_later(&self, trip: Trip, after: Duration) {
        let SimSession { database, network, number, .. } = self.0;
        let clock = network.server_clock(Peer::Database);
        // By a session of its own, which nobody has any more when it comes to that.
        let mut state = database.lock();
        if state.sessions.contains_key(number) {
            let (left, _) = state.admit();
            if let Some(session) = state.sessions.get_mut(&left) {
                session.process = None;
            }
            let due = Duration::from_micros(clock).saturating_add(after);
            let clock = u64::try_from(due.as_micros()).unwrap_or(u64::MAX);
            state.late.push(due, (left, trip, clock));
        }
    }
}

impl SimSession {
    pub(in super::super) async fn begin_read(&self, query: &Query) -> Result<Vec<Vec<Cell>>, Failure> {
        self.send("begin", query, Trip::BeginRead).await
    }

    pub(in super::super) async fn query(&self, query: &Query) -> Result<Vec<Vec<Cell>>, Failure> {
        self.send("query", query, Trip::Query).await
    }

    pub(in super::super) async fn commit(&self, query: &Query) -> Result<Vec<Vec<Cell>>, Failure> {
        self.send("commit", query, Trip::Commit).await
    }

    pub(in super::super) async fn end(&self) -> Result<(), Failure> {
        self.trip("end", false, Trip::End).await.map(drop)
    }

    async fn send(
        &self,
        verb: &'static str,
        query: &Query,
        trip: impl FnOnce(SentQuery) -> Trip,
    ) -> Result<Vec<Vec<Cell>>, Failure> {
        let sent = SentQuery::of(query).map_err(refused)?;
        let reads = [
            matches!(query.what, Statement::Get | Statement::Scan { .. } | Statement::Prefetch(_)),
            matches!(query.what, Statement::Outcome),
        ];
        let changes = !reads.contains(&true);
        self.trip(verb, changes, trip(sent)).await
    }

    async fn trip(&self, verb: &'static str, changes: bool, trip: Trip) -> Result<Vec<Vec<Cell>>, Failure> {
        let asked = Exchange { peer: Peer::Database, verb, subject: "", changes };
        let answer = exchange(self.network.as_ref(), &Reached(self), &asked, trip).await;
        let lost = || {
            let cause = std::io::ErrorKind::ConnectionReset.into();
            Failure::Lost(Error::io("talking to the simulated database", cause))
        };
        match answer {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(ServerError::Gone)) | Err(NoAnswer::Lost) => Err(lost()),
            Ok(Err(ServerError::Conflict)) => Err(Failure::Conflict),
            Ok(Err(ServerError::Other(error))) => Err(refused(error)),
            // A transaction that reads has nothing that could be in another's way.
            Err(NoAnswer::Refused(_)) if changes => Err(Failure::Conflict),
            Err(NoAnswer::Refused(_)) => Err(lost()),
            Err(NoAnswer::Dead) => Err(refused(Error::new(ErrorKind::Io, "the simulated process has ended"))),
        }
    }

    pub(in super::super) fn discard(mut self) {
        self.kept = false;
    }
}

impl Drop for SimSession {
    fn drop(&mut self) {
        let mut kept = false;
        if let Some(pool) = self.pool.upgrade() {
            let mut state = pool.lock();
            state.used = state.used.saturating_sub(1);
            kept = self.kept && !state.closed;
            if kept {
                state.idle.push((self.number, self.restarts));
            }
        }
        if !kept {
            self.database.lock().sessions.remove(&self.number);
        }
    }
}

/// Makes the failure of an error that no other try mends.
fn refused(error: Error) -> Failure {
    Failure::Refused(error)
}
