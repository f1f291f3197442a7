//! A server on Salvo: `salvo STORE` serves every URL of a store, and takes uploads at `/upload`.
use holdall::{Options, Store};
use holdall_http::{Files, Uploads, check_local};
use salvo::{conn::tcp::TcpAcceptor, http::ReqBody, prelude::*};
use tokio::net::TcpSocket;
use tokio::signal::unix::{SignalKind, signal};

/// Notes the client's address, for URLs that are bound to a network.
#[handler]
async fn client(request: &mut Request) {
    request.remote_addr().clone().into_std().map(|from| request.extensions_mut().insert(from));
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(std::env::args().nth(1).ok_or("usage: salvo STORE")?, Options::new())?;
    let files = Files::new(store.clone());
    // A server that others reach has to know who sends.
    let uploads = Uploads::new(&store.drive("up")?, "/upload", |head| check_local(&head.headers));
    let uploads = TowerServiceCompat::<ReqBody, _, _, _>::compat(uploads);
    let files = TowerServiceCompat::<ReqBody, _, _, _>::compat(files);
    let router = Router::new()
        .hoop(client)
        .push(Router::with_path("upload/{**path}").goal(uploads))
        .push(Router::with_path("{**path}").goal(files));
    // Salvo does not set TCP_NODELAY; on Linux a connection has what its listener has.
    let socket = TcpSocket::new_v4()?;
    socket.set_nodelay(true)?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let acceptor = TcpAcceptor::try_from(socket.listen(1024)?)?;
    println!("listening on http://{}", acceptor.local_addr()?);
    let server = Server::new(acceptor);
    let (handle, mut stop) = (server.handle(), signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        stop.recv().await;
        handle.stop_graceful(None);
    });
    Ok(server.try_serve(router).await?)
}
