//! The network of a simulation: a request to a server, and what becomes of it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use crate::machine;

/// A server of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The database.
    Database,
    /// The object storage.
    Objects,
}

/// A request, before it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The server that it is for.
    pub peer: Peer,
    /// What it asks for.
    pub verb: &'static str,
    /// What it is about: the key of an object.
    pub subject: &'a str,
    /// Whether it may change something.
    pub changes: bool,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFate {
    /// It is executed and answered, each after a while.
    Answered {
        /// From when it is sent until it is executed.
        request: Duration,
        /// From then until the answer is there.
        reply: Duration,
    },
    /// It never arrives.
    Lost {
        /// Whether the sender learns at once that the connection is lost.
        noticed: bool,
    },
    /// It is executed, and the answer is lost.
    Unanswered {
        /// From when it is sent until it is executed.
        request: Duration,
        /// Whether the sender learns at once that the connection is lost: before it is executed, where that takes long.
        noticed: bool,
    },
    /// The server refuses it for now, in one of several ways.
    Refused {
        /// Says in which.
        way: u64,
    },
    /// The process that sends it has ended.
    Dead,
}

impl RequestFate {
    /// Executed and answered at once.
    pub const AT_ONCE: RequestFate = RequestFate::Answered { request: Duration::ZERO, reply: Duration::ZERO };
}

/// Decides what becomes of requests, and lets other processes go on meanwhile. Called without any lock held.
pub trait SimNetwork: Debug + Send + Sync {
    /// Is asked before a request is sent.
    fn before(&self, exchange: &Exchange<'_>) -> RequestFate;
    /// Is asked when an answer is there, before it is read; returns whether the process has not ended.
    fn after(&self, exchange: &Exchange<'_>) -> bool;
    /// Returns the time by the clock of a server, in microseconds since 1970 UTC.
    fn server_clock(&self, peer: Peer) -> u64;
    /// Returns for how long changes of objects are missing from a listing that is asked for now.
    fn listing_age(&self) -> Duration;
}

/// Requests that are executed later, in the order of their times.
#[derive(Clone, Debug)]
pub(crate) struct Late<T> {
    queue: BTreeMap<(Duration, u64), T>,
    count: u64,
}

impl<T> Default for Late<T> {
    fn default() -> Late<T> {
        Late { queue: BTreeMap::new(), count: 0 }
    }
}

impl<T> Late<T> {
    /// Adds one that is due at a time, by the server's clock.
    pub(crate) fn push(&mut self, due: Duration, request: T) {
        self.count = self.count.saturating_add(1);
        self.queue.insert((due, self.count), request);
    }

    /// Takes the next that is due.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<T> {
        let entry = self.queue.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Takes all of them, whenever they are due.
    pub(crate) fn take_all(&mut self) -> Vec<T> {
        std::mem::take(&mut self.queue).into_values().collect()
    }
}

/// Where a request is executed, and what waits for its answer.
pub(crate) trait Server {
    /// What is asked.
    type Request: Send + 'static;
    /// What is answered.
    type Reply: Send;

    /// Executes a request now; and before it, those that are due.
    fn execute(&self, request: Self::Request) -> Self::Reply;
    /// Has a request executed after a while, for nobody.
    fn execute_later(&self, request: Self::Request, after: Duration);
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The connection is lost.
    Lost,
    /// The server refuses it for now, in one of several ways.
    Refused(u64),
    /// The process has ended.
    Dead,
}

/// Sends a request and waits for its answer, which may never come.
pub(crate) async fn exchange<S: Server>(
    network: &dyn SimNetwork,
    server: &S,
    exchange: &Exchange<'_>,
    request: S::Request,
) -> Result<S::Reply, NoAnswer> {
    let fate = network.before(exchange);
    let now = machine::uptime();
    match fate {
        RequestFate::Answered { request: way, reply } => {
            if !way.is_zero() {
                crate::tasks::Until(now.saturating_add(way)).await;
            }
            let answer = server.execute(request);
            if !reply.is_zero() {
                crate::tasks::Until(machine::uptime().saturating_add(reply)).await;
            }
            if network.after(exchange) { Ok(answer) } else { Err(NoAnswer::Dead) }
        }
        RequestFate::Lost { noticed } => {
            drop(request);
            lost(noticed).await
        }
        RequestFate::Unanswered { request: way, noticed } => {
            match way.is_zero() {
                true => drop(server.execute(request)),
                false => server.execute_later(request, way),
            }
            lost(noticed).await
        }
        RequestFate::Refused { way } => Err(NoAnswer::Refused(way)),
        RequestFate::Dead => Err(NoAnswer::Dead),
    }
}

/// After so long a connection that nothing comes through is lost.
const SILENCE: Duration = Duration::from_secs(600);

async fn lost<T>(noticed: bool) -> Result<T, NoAnswer> {
    if !noticed {
        crate::tasks::Until(machine::uptime().saturating_add(SILENCE)).await;
    }
    Err(NoAnswer::Lost)
}
