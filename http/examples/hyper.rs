//! A server on hyper: `hyper STORE` serves every URL of a store, and takes `PUT /upload/PATH`.
#![allow(clippy::print_stdout)]
use holdall::{Drive, Options, Put, Store};
use holdall_http::{Body, Files, PutError, blocking, check_local, put};
use hyper::{Method, Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::signal::unix::{SignalKind, signal};

async fn answer(store: Store, drive: Drive, asked: Request<Incoming>) -> Result<Response<Body>, PutError> {
    let path = asked.uri().path().strip_prefix("/upload/").map(str::to_owned);
    let Some(path) = path.filter(|_| asked.method() == Method::PUT) else {
        return Files::new(store).answer(&asked).await.map_err(|never| match never {});
    };
    let local = check_local(asked.headers()).map_err(PutError::from);
    let put = async { local.map(|()| put(&drive, &path, Put::new(), asked.into_body()))?.await };
    let version = match put.await {
        Ok(version) => version,
        Err(error) => return Ok(error.response()),
    };
    let url = blocking(move || store.url(&version).sign()).await?;
    let mut response = Response::new(Body::new(holdall::body::Body::from_bytes(url)));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(std::env::args().nth(1).ok_or("usage: hyper STORE")?, Options::new())?;
    let (drive, mut stop) = (store.drive("up")?, signal(SignalKind::terminate())?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    while let Some((tcp, from)) =
        tokio::select!(_ = stop.recv() => None, met = listener.accept() => Some(met?))
    {
        tcp.set_nodelay(true)?;
        let (store, drive) = (store.clone(), drive.clone());
        let service = service_fn(move |mut asked: Request<Incoming>| {
            asked.extensions_mut().insert(from);
            answer(store.clone(), drive.clone(), asked)
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
    }
    Ok(())
}
