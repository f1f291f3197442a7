//! A server on axum: `axum STORE` serves every URL of a store, and takes forms at `POST /upload`.
#![allow(clippy::print_stdout)]
use axum::extract::{ConnectInfo, DefaultBodyLimit, Multipart, State, multipart::MultipartError};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::{Router, body::Body, routing::post, serve::ListenerExt};
use holdall::{Drive, Options, Put, Store};
use holdall_http::{Files, PutError, Upload, blocking, check_local};
use std::net::SocketAddr;
use tokio::signal::unix::{SignalKind, signal};

async fn upload(
    headers: HeaderMap,
    shared: State<(Store, Drive)>,
    form: Multipart,
) -> Result<(StatusCode, String), Response<Body>> {
    let put = async {
        check_local(&headers)?; // a server that others reach has to know who sends
        put_form(&shared.0.0, &shared.0.1, form).await
    };
    let url = put.await.map_err(|error: PutError| error.response().map(Body::new))?;
    Ok((StatusCode::CREATED, url))
}

async fn put_form(store: &Store, drive: &Drive, mut form: Multipart) -> Result<String, PutError> {
    let cut = |error: MultipartError| PutError::Body(error.into());
    let field = form.next_field().await.map_err(cut)?;
    let mut field = field.ok_or_else(|| PutError::Body("an empty form".into()))?;
    let name = field.file_name().unwrap_or("unnamed").to_owned();
    let mut upload = Upload::begin(drive, &name, Put::new()).await?;
    while let Some(chunk) = field.chunk().await.map_err(cut)? {
        upload.write(chunk).await?;
    }
    let (version, store) = (upload.commit().await?, store.clone());
    Ok(blocking(move || store.url(&version).sign()).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(std::env::args().nth(1).ok_or("usage: axum STORE")?, Options::new())?;
    let files =
        Files::new(store.clone()).client(|noted| Some(noted.get::<ConnectInfo<SocketAddr>>()?.0.ip()));
    let app = Router::new().route("/upload", post(upload)).layer(DefaultBodyLimit::disable());
    let app = app.fallback_service(files).with_state((store.clone(), store.drive("up")?));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|tcp| drop(tcp.set_nodelay(true)));
    let (app, mut stop) =
        (app.into_make_service_with_connect_info::<SocketAddr>(), signal(SignalKind::terminate())?);
    Ok(axum::serve(listener, app)
        .with_graceful_shutdown(async move { stop.recv().await.unwrap_or_default() })
        .await?)
}
