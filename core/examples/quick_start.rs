//! Puts a file, signs a URL, and answers a request for a part of it.
use holdall::{Options, Put, Request, Store};
use std::time::Duration;

fn main() -> Result<(), holdall::Error> {
    let store = Store::open("files", Options::new())?; // a directory, created if missing
    let alice = store.drive("alice")?;
    let version = alice.put("notes/today.txt", &b"hello, world"[..], Put::new())?; // durable now
    let url = store.url(&version).expires_in(Duration::from_secs(3600)).sign()?;

    let reply = store.serve(&Request::get(&url).range("bytes=7-"))?; // for your server to send
    assert_eq!((reply.status, reply.header("Content-Range")), (206, Some("bytes 7-11/12")));
    assert_eq!(reply.body.to_vec(100)?, b"world");
    store.close()
}
