//! A server on axum: `axum STORE` serves every URL of a store, and takes uploads at `/upload`.
#![allow(clippy::print_stdout)]
use axum::{Router, extract::ConnectInfo, serve::ListenerExt};
use holdall::{Options, Store};
use holdall_http::{Files, Uploads, check_local};
use std::net::SocketAddr;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(std::env::args().nth(1).ok_or("usage: axum STORE")?, Options::new())?;
    // A server that others reach has to know who sends.
    let uploads = Uploads::new(&store.drive("up")?, "/upload", |head| check_local(&head.headers));
    let files = Files::new(store).client(|noted| Some(noted.get::<ConnectInfo<SocketAddr>>()?.0.ip()));
    let app = Router::new()
        .route_service("/upload", uploads.clone())
        .route_service("/upload/{*path}", uploads)
        .fallback_service(files)
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|tcp| drop(tcp.set_nodelay(true)));
    let mut stop = signal(SignalKind::terminate())?;
    let stopped = async move { stop.recv().await.unwrap_or_default() };
    Ok(axum::serve(listener, app).with_graceful_shutdown(stopped).await?)
}
