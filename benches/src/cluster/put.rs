//! Puts of 4 KiB by several processes, against pgbench with the statement that commits one.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout};
use std::time::Duration;

use holdall::{Drive, Put};

use super::{address, commit, open, sql};
use crate::measure::{Table, Want, Work, time, turns};
use crate::place::Contents;
use crate::process;

const LEN: usize = 4096;
/// Processes, and clients of pgbench.
const PROCESSES: usize = 4;
/// What each puts, or commits, in a round.
const EACH: usize = 250;
const ROUNDS: usize = 7;
/// Files that are there before.
const FILES: usize = 10_000;

/// A process that puts when it is told.
struct Putter {
    child: Child,
    orders: ChildStdin,
    done: BufReader<ChildStdout>,
}

impl Putter {
    fn start(address: &str, number: usize) -> Putter {
        let mut child = process::start("cluster-put", &[address.as_ref(), format!("{number}").as_ref()]);
        let orders = child.stdin.take().expect("a pipe");
        let done = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut putter = Putter { child, orders, done };
        putter.wait();
        putter
    }

    fn begin(&mut self, count: usize) {
        writeln!(self.orders, "{count}").expect("an order");
    }

    fn wait(&mut self) {
        let mut line = String::new();
        assert_ne!(self.done.read_line(&mut line).expect("a line"), 0, "the process that puts has ended");
    }

    fn end(self) {
        let Putter { mut child, orders, .. } = self;
        drop(orders);
        assert!(child.wait().expect("its end").success(), "a process that puts failed");
    }
}

/// Puts as many files as each line of the input says, and says when it is done.
pub fn child(address: &str, number: &str) {
    let store = open(address);
    let drive = store.drive("bench").expect("a drive");
    let mut draw = Contents::new(200 + number.parse::<u64>().expect("a number"));
    let mut next = 0;
    put_each(&drive, number, &mut draw, &mut next, 20);
    println!("ready");
    for order in std::io::stdin().lines() {
        let count = order.expect("a line").trim().parse().expect("a number");
        put_each(&drive, number, &mut draw, &mut next, count);
        println!("done");
    }
}

fn put_each(drive: &Drive, folder: &str, draw: &mut Contents, next: &mut usize, count: usize) {
    for content in draw.many(count, LEN) {
        *next += 1;
        drive.put(&format!("folder-{folder}/{next:08}.bin"), content.as_ref(), Put::new()).expect("put");
    }
}

/// Puts 4 KiB, each durable, by four processes.
pub fn put(table: &mut Table) {
    let Some(address) = address("puts") else { return };
    let store = open(&address);
    let drive = store.drive("bench").expect("a drive");
    for (batch, contents) in Contents::new(199).many(FILES, 64).chunks(1000).enumerate() {
        let path = |index| format!("before/{batch:04}-{index:04}.bin");
        let items = contents.iter().enumerate().map(|(index, content)| (path(index), content.clone()));
        drive.put_many(items, &Put::new()).expect("put");
    }
    sql(&address, "VACUUM ANALYZE");
    let mut putters: Vec<Putter> = (0..PROCESSES).map(|number| Putter::start(&address, number)).collect();
    // A put goes by the newest session: no other begins from now on.
    let bench = commit::Bench::of_put(&address, &drive);
    let ours = || {
        time(|| {
            putters.iter_mut().for_each(|putter| putter.begin(EACH));
            putters.iter_mut().for_each(Putter::wait);
        })
    };
    let alone = || {
        let rate = bench.run(PROCESSES, EACH);
        Duration::from_secs_f64((PROCESSES * EACH) as f64 / rate)
    };
    let works: Vec<Work<'_>> = vec![Box::new(ours), Box::new(alone)];
    let times = turns(ROUNDS, works);
    let shown = times.each(&["puts", "pgbench"], PROCESSES * EACH);
    let peer = "pgbench with the statement that commits one, 4 clients";
    table.row("41", "put 4 KiB, 4 processes", peer, times.speed(0, 1), Want::AtLeast(0.7), &shown);
    putters.into_iter().for_each(Putter::end);
}
