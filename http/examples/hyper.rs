//! A server on hyper: `hyper STORE` serves every URL of a store, and takes uploads at `/upload`.
#![allow(clippy::print_stdout)]
use holdall::{Options, Store};
use holdall_http::{Files, Uploads, check_local};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(std::env::args().nth(1).ok_or("usage: hyper STORE")?, Options::new())?;
    // A server that others reach has to know who sends.
    let uploads = Uploads::new(&store.drive("up")?, "/upload", |head| check_local(&head.headers));
    let (files, mut stop) = (Files::new(store), signal(SignalKind::terminate())?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    while let Some((tcp, from)) =
        tokio::select!(_ = stop.recv() => None, met = listener.accept() => Some(met?))
    {
        tcp.set_nodelay(true)?;
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
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
    }
    Ok(())
}
