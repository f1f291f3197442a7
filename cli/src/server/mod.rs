//! `holdall serve`: the store's URLs over HTTP/1.1, and with `--api` the wire formats.
//!
//! A connection is a task of the reactor, which never touches a file: looking a request up and
//! faulting in the pages of a body are done on threads that may block.

mod caller;
mod connection;
mod log;
mod pace;
mod stream;
mod upload;

use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use holdall::{Error, Result, Store};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::args;

/// Between two collections of what nothing refers to any more.
const COLLECT: Duration = Duration::from_secs(3600);
/// Before the next try when the system has no descriptor left for a connection.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) fn run(store: Store, args: &args::Serve) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::io("starting the server's threads", cause))?;
    let done = runtime.block_on(serve(store, args));
    // Transfers that were not over in time are cut; a thread that reads for one is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn serve(store: Store, args: &args::Serve) -> Result<()> {
    let doing = |cause| Error::io(format!("listening on {}", args.listen), cause);
    let listener = TcpListener::bind(args.listen).await.map_err(doing)?;
    let mut stop = pin!(stopped()?);
    let address = listener.local_addr().map_err(doing)?;
    let mounted = caller::Mounted::new(&store, args, address)?;
    announce(address)?;
    let collector = tokio::spawn(collect(store.clone()));
    let slots = Arc::new(Semaphore::new(usize::try_from(args.connections).unwrap_or(usize::MAX)));
    let graceful = GracefulShutdown::new();
    loop {
        let accept = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, accept(&listener).await)
        };
        let (slot, (socket, client)) = tokio::select! {
            accepted = accept => accepted,
            () = &mut stop => break,
        };
        let serving = connection::serve(store.clone(), mounted.clone(), socket, client, args.log);
        let serving = graceful.watch(serving);
        tokio::spawn(async move {
            // A connection that breaks is the client's affair.
            let _ = serving.await;
            drop(slot);
        });
    }
    drop(listener);
    collector.abort();
    if timeout(args.grace, graceful.shutdown()).await.is_err() {
        eprintln!(
            "holdall: some transfers were unfinished after {} s and were cut off",
            args.grace.as_secs()
        );
    }
    Ok(())
}

/// Prints the address, which is a free port's where 0 was asked for.
fn announce(address: SocketAddr) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{address}/").and_then(|()| out.flush()).map_err(crate::output::writing)
}

/// Takes the next connection. What fails is that one, or the system is out of descriptors for a
/// while: neither ends the server.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(cause) if cause.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(cause) => {
                eprintln!("holdall: taking a connection: {cause}");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Ends with the first SIGINT or SIGTERM.
fn stopped() -> Result<impl Future<Output = ()>> {
    let watch = |kind| signal(kind).map_err(|cause| Error::io("watching for signals", cause));
    let (mut interrupt, mut terminate) = (watch(SignalKind::interrupt())?, watch(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Collects every hour.
async fn collect(store: Store) {
    let mut ticks = interval(COLLECT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and the store may have just been collected.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let store = store.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || store.gc()).await {
            eprintln!("holdall: collecting: {error}");
        }
    }
}
