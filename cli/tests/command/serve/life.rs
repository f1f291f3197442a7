//! The server's life: beside other processes, at its limits, and at its end.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::host::{Host, noise, other, tree};

#[test]
fn a_server_serves_what_another_process_puts() {
    let host = Host::new();
    let bytes = noise(2_000_000, 30);
    let url = host.url_of("a.bin", &bytes);
    let source = host.dir.path().join("source");
    tree(&source, 31);
    let putting =
        host.command(&["put", source.to_str().unwrap(), "--to", "tree"]).stdout(Stdio::null()).spawn();
    let mut putting = putting.unwrap();
    for number in 0..10_u64 {
        let fresh = noise(1000, 100 + number);
        assert!(host.get(&host.url_of(&format!("new/{number}"), &fresh)).body == fresh);
        assert!(host.get(&url).body == bytes);
    }
    assert!(putting.wait().unwrap().success());
    assert_eq!(host.json(&["ls", "-R", "tree"]).as_array().unwrap().len(), 60 + 5);
    assert_eq!(host.json(&["check", "--content"])["sound"], true);
}

#[test]
fn a_signal_lets_transfers_end_and_takes_no_more() {
    if other().is_some() {
        return;
    }
    for signal in ["-TERM", "-INT"] {
        let mut host = Host::new();
        let bytes = noise(200_000, 32);
        host.put("a.bin", &bytes);
        let url = host.ok(&["url", "a.bin", "--pace", "100000"]);
        let out = host.fresh();
        let mut getting = Command::new("curl").args(["-sS", &url, "-o"]).arg(&out).spawn().unwrap();
        sleep(Duration::from_millis(600));
        host.signal(signal);
        sleep(Duration::from_millis(200));
        assert_eq!(host.get(&url).code, 7, "no connection is taken any more");
        assert!(getting.wait().unwrap().success(), "the transfer went on");
        assert!(std::fs::read(&out).unwrap() == bytes);
        assert!(host.server.wait().unwrap().success());
    }
}

#[test]
fn a_transfer_that_outlasts_the_grace_is_cut() {
    if other().is_some() {
        return;
    }
    let mut host = Host::with(&["--grace", "1s"]);
    host.put("a.bin", &noise(1_000_000, 33));
    let url = host.ok(&["url", "a.bin", "--pace", "10000"]);
    let mut getting =
        Command::new("curl").args(["-sS", "-o", "/dev/null", &url]).stderr(Stdio::null()).spawn().unwrap();
    sleep(Duration::from_millis(500));
    let begun = Instant::now();
    host.signal("-TERM");
    assert!(host.server.wait().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(!getting.wait().unwrap().success());
}

#[test]
fn more_connections_than_the_limit_wait_their_turn() {
    if other().is_some() {
        return;
    }
    let host = Host::with(&["--connections", "2"]);
    let bytes = noise(100_000, 34);
    let url = host.url_of("a.bin", &bytes);
    let outs: Vec<_> = (0..10).map(|_| host.fresh()).collect();
    let all: Vec<_> = outs
        .iter()
        .map(|out| {
            Command::new("curl").args(["-sS", "--max-time", "30", &url, "-o"]).arg(out).spawn().unwrap()
        })
        .collect();
    for mut one in all {
        assert!(one.wait().unwrap().success());
    }
    assert!(outs.iter().all(|out| std::fs::read(out).unwrap() == bytes));
}

#[test]
fn a_client_that_goes_away_leaves_the_server_well() {
    let host = Host::new();
    let bytes = noise(8_000_000, 35);
    let url = host.url_of("a.bin", &bytes);
    for _ in 0..5 {
        let cut = Command::new("sh").args(["-c", "curl -s \"$0\" | head -c 1000 >/dev/null", &url]).status();
        assert!(cut.unwrap().success());
    }
    assert!(host.get(&url).body == bytes);
}

#[test]
fn r1_a_server_killed_at_once_leaves_a_sound_store() {
    let mut host = Host::new();
    let source = host.dir.path().join("source");
    tree(&source, 36);
    let mut putting = host.command(&["put", source.to_str().unwrap()]).stdout(Stdio::null()).spawn().unwrap();
    host.put("a.txt", b"acknowledged");
    putting.kill().unwrap();
    host.server.kill().unwrap();
    putting.wait().unwrap();
    host.server.wait().unwrap();
    assert_eq!(host.ok(&["get", "a.txt"]), "acknowledged");
    assert_eq!(host.json(&["check", "--content"])["sound"], true);
}
