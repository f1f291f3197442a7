//! A proxy before a server: counts round trips, and cuts connections at a COMMIT.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// The message that ends a transaction.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// What is in the statements that are sent now and then beside what is done, and that nobody waits for.
const UPKEEP: [&[u8]; 2] = [b"WITH gone AS (DELETE", b".commit WHERE at < now()"];

/// Where the connection is cut whose COMMIT passes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server is sent nothing of the transaction.
    Before,
    /// The server has executed the transaction, and is not sent the COMMIT.
    Within,
    /// The COMMIT is sent, and no answer comes back.
    After,
    /// As `Within` for the client; the server is sent the COMMIT so much later, on a connection that lives on.
    Late(Duration),
    /// As `Before` for the client; the server is sent the whole transaction so much later.
    AllLate(Duration),
}

#[derive(Default)]
struct Watched {
    trips: AtomicU64,
    connections: AtomicU64,
    cut: Mutex<Option<Cut>>,
    cuts: AtomicU64,
    held: Mutex<bool>,
    released: Condvar,
}

/// Passes on what goes to a port, and comes back from it.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    watched: Arc<Watched>,
}

impl Proxy {
    pub(crate) fn before(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let watched = Arc::new(Watched::default());
        let shared = watched.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) else {
                    // Where there is no server, the client meets the end of the connection.
                    continue;
                };
                shared.connections.fetch_add(1, Ordering::SeqCst);
                pass(client, server, shared.clone());
            }
        });
        Proxy { port, watched }
    }

    /// Returns how many round trips there were while `work` was done: how often the client sent something
    /// after the server had, or first. Upkeep, which nobody waits for, is none, nor is what makes a connection.
    pub(crate) fn trips<T>(&self, work: impl FnOnce() -> T) -> (u64, T) {
        let before = self.watched.trips.load(Ordering::SeqCst);
        let done = work();
        (self.watched.trips.load(Ordering::SeqCst) - before, done)
    }

    /// Cuts a connection at the next COMMIT.
    pub(crate) fn cut(&self, how: Cut) {
        *self.watched.cut.lock().unwrap() = Some(how);
    }

    /// Keeps the server's answers back while `work` is done.
    pub(crate) fn holding<T>(&self, work: impl FnOnce() -> T) -> T {
        *self.watched.held.lock().unwrap() = true;
        let done = work();
        *self.watched.held.lock().unwrap() = false;
        self.watched.released.notify_all();
        done
    }

    /// Returns how many connections were made.
    pub(crate) fn connections(&self) -> u64 {
        self.watched.connections.load(Ordering::SeqCst)
    }

    /// Returns how many connections were cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.watched.cuts.load(Ordering::SeqCst)
    }
}

fn pass(client: TcpStream, server: TcpStream, watched: Arc<Watched>) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    // Whether the server has sent something since the client did.
    let answered = Arc::new(Mutex::new(true));
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let asked = answered.clone();
    let muted = Arc::new(AtomicBool::new(false));
    let mute = muted.clone();
    let (mut from_server, mut to_client) = (server, client);
    let watching = watched.clone();
    thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(len @ 1..) = from_client.read(&mut bytes) {
            let sent = &bytes[..len];
            let position = |part: &[u8]| sent.windows(part.len()).position(|at| at == part);
            let is_upkeep = UPKEEP.into_iter().any(|statement| position(statement).is_some());
            // A query, or a statement that is to be parsed; what goes before the first makes the connection.
            let asks = matches!(sent, [b'Q' | b'P', ..]);
            if std::mem::take(&mut *asked.lock().unwrap()) && asks && !is_upkeep {
                watched.trips.fetch_add(1, Ordering::SeqCst);
            }
            let commit = position(COMMIT);
            let cut = commit.and_then(|at| Some((at, watched.cut.lock().unwrap().take()?)));
            let Some((at, cut)) = cut else {
                if to_server.write_all(sent).is_err() {
                    break;
                }
                continue;
            };
            watched.cuts.fetch_add(1, Ordering::SeqCst);
            let forwarded = match cut {
                Cut::Before | Cut::AllLate(_) => &[][..],
                Cut::Within | Cut::Late(_) => &sent[..at],
                Cut::After => sent,
            };
            // Nothing that the server answers reaches the client. The server has the time to execute what it is
            // sent before the client misses the answer.
            muted.store(true, Ordering::SeqCst);
            let _ = to_server.write_all(forwarded);
            thread::sleep(Duration::from_millis(100));
            let _ = from_client.shutdown(Shutdown::Both);
            let late = match cut {
                Cut::Late(after) => Some((after, &sent[at..])),
                Cut::AllLate(after) => Some((after, sent)),
                Cut::Before | Cut::Within | Cut::After => None,
            };
            if let Some((after, late)) = late {
                thread::sleep(after);
                let _ = to_server.write_all(late);
                thread::sleep(Duration::from_millis(100));
            }
            break;
        }
        let _ = to_server.shutdown(Shutdown::Both);
        let _ = from_client.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        let mut open = true;
        // Read to the end even when nobody is there any more, or the server would notice.
        while let Ok(len @ 1..) = from_server.read(&mut bytes) {
            let held = watching.held.lock().unwrap();
            drop(watching.released.wait_while(held, |held| *held).unwrap());
            *answered.lock().unwrap() = true;
            open = open && !mute.load(Ordering::SeqCst) && to_client.write_all(&bytes[..len]).is_ok();
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
}
