//! `holdall-bench [--json FILE] [name...]`: measures holdall against peers and limits, all in one run.
//!
//! Only ratios count: each figure is our time against that of a peer that took turns with us. A
//! row of the table is a row of the figures to reach. Without names everything runs. The file gets
//! the same rows, with the machine, the date and the commit, for `docs/figures/plot.py`.
#![allow(clippy::print_stdout, reason = "the table is what it is for")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "what fails ends the measurement")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "numbers of this program's own making"
)]

mod api;
mod archive;
mod btree;
#[cfg(feature = "remote")]
mod cluster;
mod growth;
mod import;
mod leak;
mod log;
mod maintain;
mod measure;
mod million;
mod peer;
mod place;
mod process;
mod put;
mod read;
mod report;
#[cfg(feature = "peers")]
mod stores;
mod watched;
mod web;

use std::path::{Path, PathBuf};

use measure::Table;
use report::Run;

/// A name on the command line, and the rows that it measures.
type Work = (&'static str, fn(&mut Table));

/// Every measurement, by name.
const ALL: &[Work] = &[
    ("ingest", put::ingest),
    ("single", put::single),
    ("batch", put::batch),
    ("threads", put::threads),
    ("medium", put::medium),
    ("again", put::again),
    ("read", read::read),
    ("serve", read::serve),
    ("plan", archive::plan),
    ("zip", archive::zip),
    ("range", archive::range),
    ("sign", read::sign),
    ("cloudreve", api::cloudreve),
    ("leak", leak::leak),
    ("import", import::import),
    ("million", million::million),
    ("growth", growth::growth),
    ("btree", btree::btree),
    ("collect", maintain::collect),
    ("check", maintain::check),
    ("rebuild", maintain::rebuild),
    ("backup", maintain::backup),
    #[cfg(feature = "peers")]
    ("stores", stores::stores),
    ("log", log::log),
    ("web", web::web),
    #[cfg(feature = "remote")]
    ("cluster-put", cluster::put),
    #[cfg(feature = "remote")]
    ("cluster-read", cluster::read),
    #[cfg(feature = "remote")]
    ("cluster-large", cluster::large),
    #[cfg(feature = "remote")]
    ("cluster-migrate", cluster::migrate),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, task, paths @ ..] = arguments.as_slice()
        && first == process::CHILD
    {
        let paths: Vec<&Path> = paths.iter().map(Path::new).collect();
        return child(task, &paths);
    }
    // Cargo says this to a program that measures.
    let mut names: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|name| *name != "--bench").collect();
    let json = names.iter().position(|name| *name == "--json").map(|at| {
        names.remove(at);
        if at == names.len() {
            println!("--json takes a file");
            std::process::exit(2);
        }
        PathBuf::from(names.remove(at))
    });
    if let Some(unknown) = names.iter().find(|name| !ALL.iter().any(|(known, _)| known == *name)) {
        let known: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        println!("there is no measurement {unknown}; there are {}", known.join(", "));
        std::process::exit(2);
    }
    let (mut table, run) = (Table::default(), Run::begin());
    Table::head();
    for (name, measure) in ALL {
        if names.is_empty() || names.contains(name) {
            measure(&mut table);
        }
    }
    if let Some(path) = json {
        run.write(&table, &path);
    }
    match table.short {
        0 => println!("\nevery figure is reached"),
        short => println!("\n{short} figures fall short"),
    }
}

fn child(task: &str, paths: &[&Path]) {
    match (task, paths) {
        ("ingest", [place, source]) => put::ingest_child(place, source),
        ("crash", [place]) => million::crash_child(place),
        #[cfg(feature = "remote")]
        ("cluster-put", [address, number]) => {
            cluster::child(address.to_str().expect("text"), number.to_str().expect("text"));
        }
        _ => std::process::exit(2),
    }
}
