//! A server on hyper: `hyper STORE` serves every URL of a store, and takes uploads from this machine at `/upload`.
#![allow(clippy::print_stdout)]
use holdall::{Options, Store};
use holdall_http::{Files, Uploads, check_local};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(std::env::args().nth(1).ok_or("usage: hyper STORE")?, Options::new())?;
    let uploads = Uploads::new(&store.drive("up")?, "/upload", |head| check_local(&head.headers));
    let (files, open, mut stop) =
        (Files::new(store), GracefulShutdown::new(), signal(SignalKind::terminate())?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let met = tokio::select!(_ = stop.recv() => break, met = listener.accept() => met);
        let Ok((tcp, from)) = met else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await; // No descriptor is free?
            continue;
        };
        let _ = tcp.set_nodelay(true);
        let (files, uploads) = (files.clone(), uploads.clone());
        let service = service_fn(move |mut asked: Request<Incoming>| {
            asked.extensions_mut().insert(from);
            let (files, uploads) = (files.clone(), uploads.clone());
            async move {
                if uploads.is_at(asked.uri().path()) {
                    return Ok(uploads.answer(asked).await);
                }
                files.answer(&asked).await
            }
        });
        tokio::spawn(open.watch(http1::Builder::new().serve_connection(TokioIo::new(tcp), service)));
    }
    open.shutdown().await; // Downloads that are under way come to their end.
    Ok(())
}
