//! A whole server: axum with `holdall-http`, against the same axum with tower-http's `ServeDir` and `ServeFile`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use holdall::{Mode, Put};
use holdall_http::Files;
use tower_http::services::{ServeDir, ServeFile};

use crate::measure::{Table, Want, Work, time, turns};
use crate::place::{Contents, dir, store};

/// Small files, and the length of each.
const SMALL: usize = 500;
const SMALL_LEN: usize = 4096;
/// Connections that stay open, and the requests of each in a round.
const CONNECTIONS: usize = 8;
const REQUESTS: usize = 1500;
const LARGE_LEN: usize = 1 << 30;

/// Sends small files over open connections, and one of 1 GiB; everything is in the system's cache.
pub fn web(table: &mut Table) {
    let dir = dir();
    let plain = dir.path().join("plain");
    std::fs::create_dir(&plain).expect("a folder");
    let store = store(&dir.path().join("store"), Mode::Exclusive);
    let drive = store.drive("bench").expect("a drive");
    let mut contents = Contents::new(60);
    let mut urls = [Vec::new(), Vec::new()];
    let mut put = |name: &str, len: usize| {
        let bytes = contents.bytes(len);
        std::fs::write(plain.join(name), &bytes).expect("written");
        let version = drive.put(name, &bytes[..], Put::new()).expect("put");
        [store.url(&version).sign().expect("a URL"), format!("/plain/{name}")]
    };
    for at in 0..SMALL {
        let [ours, peer] = put(&format!("{at}.bin"), SMALL_LEN);
        urls[0].push(ours);
        urls[1].push(peer);
    }
    let [large, _] = put("large.bin", LARGE_LEN);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let address = runtime.block_on(listen(Files::new(store.clone()), &plain));

    let work = |urls: &'_ [String]| -> Work<'static> {
        let urls = urls.to_vec();
        Box::new(move || small(address, &urls))
    };
    let times = turns(7, vec![work(&urls[0]), work(&urls[1])]);
    let shown = times.each(&["holdall-http", "ServeDir"], CONNECTIONS * REQUESTS);
    let ratio = times.speed(0, 1);
    table.row("-", "axum, files of 4 KiB", "tower-http's ServeDir", ratio, Want::AtLeast(2.0), &shown);

    let work = |url: String| -> Work<'static> {
        Box::new(move || time(|| get(&mut connect(address), &url, LARGE_LEN)))
    };
    let times = turns(5, vec![work(large), work(String::from("/large"))]);
    let shown = times.each(&["holdall-http", "ServeFile"], 1);
    let ratio = times.speed(0, 1);
    table.row("-", "axum, a file of 1 GiB", "tower-http's ServeFile", ratio, Want::AtLeast(1.5), &shown);
}

/// Serves both; without a wait for acknowledgements, which would be all that is measured.
async fn listen(files: Files, plain: &Path) -> SocketAddr {
    let app = Router::new()
        .nest_service("/plain", ServeDir::new(plain))
        .route_service("/large", ServeFile::new(plain.join("large.bin")))
        .fallback_service(files);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let listener = listener.tap_io(|tcp| drop(tcp.set_nodelay(true)));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn connect(address: SocketAddr) -> TcpStream {
    let tcp = TcpStream::connect(address).expect("a connection");
    tcp.set_nodelay(true).expect("no delay");
    tcp
}

fn small(address: SocketAddr, urls: &[String]) -> Duration {
    let connections: Vec<TcpStream> = (0..CONNECTIONS).map(|_| connect(address)).collect();
    time(|| {
        std::thread::scope(|scope| {
            for (first, mut tcp) in connections.into_iter().enumerate() {
                scope.spawn(move || {
                    for at in 0..REQUESTS {
                        get(&mut tcp, &urls[(first * 61 + at) % urls.len()], SMALL_LEN);
                    }
                });
            }
        });
    })
}

/// Asks for a file, and reads it to its end.
fn get(tcp: &mut TcpStream, url: &str, len: usize) {
    tcp.write_all(format!("GET {url} HTTP/1.1\r\nHost: bench\r\n\r\n").as_bytes()).expect("asked");
    let mut buffer = vec![0; if len > SMALL_LEN { 256 << 10 } else { 8192 }];
    let (mut got, mut head) = (0, None);
    loop {
        let read = tcp.read(&mut buffer[if head.is_none() { got } else { 0 }..]).expect("a reply");
        assert!(read > 0, "the connection ended");
        got += read;
        if head.is_none() {
            head = buffer[..got].windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
            assert!(head.is_none() || buffer.starts_with(b"HTTP/1.1 200"), "a refusal");
        }
        match head {
            Some(head) if got >= head + len => return assert_eq!(got, head + len, "more than was asked for"),
            _ => {}
        }
    }
}
