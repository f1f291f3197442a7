//! A server that refuses, stalls, loses its answers, and dies.

use super::proxy::{FaultyProxy, ServerFault};
use super::servers::ObjectServer;
use super::*;
use crate::ErrorKind;

fn servers() -> Vec<ObjectServer> {
    std::iter::once(ObjectServer::seaweedfs()).chain(ObjectServer::versitygw()).collect()
}

const WRITES: [ServerFault; 8] = [
    ServerFault::Refused,
    ServerFault::Cut,
    ServerFault::Stalled,
    ServerFault::Answered(409),
    ServerFault::Answered(503),
    ServerFault::DoneAndAnswered(500),
    ServerFault::DoneAndAnswered(409),
    ServerFault::ReplyLost,
];

#[test]
fn whatever_becomes_of_an_answer_what_is_acknowledged_is_there() {
    for server in servers() {
        let dir = tempfile::tempdir().unwrap();
        let proxy = FaultyProxy::start(server.port);
        let pool = ObjectPool::open(STORE, server.options_through(proxy.port, dir.path())).unwrap();
        for (number, fault) in (1..).zip(WRITES) {
            let small = (BlobId(number), content(number, 1000));
            proxy.fail([("PUT", "/s/", fault)]);
            let locations =
                put_segment(&pool, u32::try_from(number).unwrap(), std::slice::from_ref(&small)).unwrap();
            assert_eq!(bytes_of(open(&pool, small.0, locations[0], 1000)).unwrap(), small.1, "{fault:?}");

            let (blob, bytes) = (BlobId(1000 + number), content(number, 17 << 20));
            proxy.fail([("PUT", "partNumber=2", fault), ("POST", "uploadId=", fault), ("PUT", "/o/", fault)]);
            put_large(&pool, blob, &bytes).unwrap();
            assert!(bytes_of(open(&pool, blob, Location::File, bytes.len())).unwrap() == bytes, "{fault:?}");
            assert_eq!(proxy.left(), 0, "{fault:?}");
        }
    }
}

#[test]
fn a_reply_that_is_cut_or_stalls_is_asked_for_again() {
    for server in servers() {
        let dir = tempfile::tempdir().unwrap();
        let proxy = FaultyProxy::start(server.port);
        let pool = ObjectPool::open(STORE, server.options_through(proxy.port, dir.path())).unwrap();
        let faults = [
            ServerFault::Refused,
            ServerFault::Stalled,
            ServerFault::Answered(503),
            ServerFault::ReplyLost,
            ServerFault::ReplyCut,
        ];
        for (blob, fault) in (1..).map(BlobId).zip(faults) {
            let bytes = content(blob.0, 2 << 20);
            put_large(&pool, blob, &bytes).unwrap();
            proxy.fail([("GET", "/c/", fault)]);
            assert!(bytes_of(open(&pool, blob, Location::File, bytes.len())).unwrap() == bytes, "{fault:?}");
            assert_eq!(proxy.left(), 0, "{fault:?}");
        }
    }
}

#[test]
fn what_was_acknowledged_outlives_the_server() {
    for server in servers() {
        let dir = tempfile::tempdir().unwrap();
        let pool = ObjectPool::open(STORE, server.options(dir.path())).unwrap();
        let bytes = content(1, 9 << 20);
        put_large(&pool, BlobId(1), &bytes).unwrap();
        let small = [(BlobId(2), content(2, 5000))];
        let locations = put_segment(&pool, 1, &small).unwrap();
        server.kill_and_restart();
        assert!(bytes_of(open(&pool, BlobId(1), Location::File, bytes.len())).unwrap() == bytes);
        assert_eq!(bytes_of(open(&pool, BlobId(2), locations[0], 5000)).unwrap(), small[0].1);
    }
}

#[test]
fn a_server_that_is_not_there_is_an_error_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = ObjectOptions {
        endpoint: Some(format!("http://127.0.0.1:{nobody}")),
        credentials: Some(("id".to_owned(), "a-secret-of-tests".to_owned())),
        patience: Duration::from_millis(300),
        ..options(dir.path())
    };
    let pool = ObjectPool::open(STORE, options).unwrap();
    let begun = std::time::Instant::now();
    for error in [
        put_segment(&pool, 1, &[(BlobId(1), content(1, 10))]).map(drop).unwrap_err(),
        put_large(&pool, BlobId(1), &content(1, 9 << 20)).unwrap_err(),
        pool.open_blob(BlobId(1), Location::File, 5).map(drop).unwrap_err(),
        pool.sweep_uploads().map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
}
