//! The `holdall` command: the verbs of a store on the command line, and a server of its URLs. The
//! Python package has it too, so it is a library, and the program a line that calls it.

mod archive;
mod args;
mod check;
mod demo;
mod get;
#[cfg(feature = "import")]
mod import;
mod key;
mod link;
mod migrate;
mod output;
mod progress;
mod put;
mod save;
mod server;
mod ship;
mod tree;
mod upkeep;
mod url;
mod version;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use clap::Parser;
use holdall::{Error, ErrorKind, Mode, Options, Result, Store};

use args::{Args, Verb};
use output::Output;

/// The exit code of a `put` that left files out because they could not be read.
const INCOMPLETE: u8 = 23;

/// Runs the command line and returns its exit code: 0, the number of the kind of error, or 23 for a
/// `put` that left out what could not be read.
///
/// `program` is what runs this command line, for the demo to call; `args` are what follows its name.
pub fn main_with(program: &Path, args: impl IntoIterator<Item = OsString>) -> u8 {
    let words = std::iter::once(OsString::from("holdall")).chain(args);
    let args = match Args::try_parse_from(words) {
        Ok(args) => args,
        Err(usage) => {
            let wrong = usage.use_stderr();
            let _ = usage.print();
            return if wrong { ErrorKind::InvalidArgument.number() } else { 0 };
        }
    };
    let done = run(program, args);
    // Where this is not a program of Rust's, nobody else does.
    let _ = std::io::stdout().flush();
    match done {
        Ok(code) => code,
        // Whoever reads our output has had enough, as `head` has.
        Err(error) if output::is_closed_pipe(&error) => 0,
        Err(error) => {
            eprintln!("holdall: {error}");
            error.kind().number()
        }
    }
}

/// Runs a verb. Returns 0, or [`INCOMPLETE`].
fn run(program: &Path, args: Args) -> Result<u8> {
    let Args { global, verb } = args;
    let out = Output { json: global.json };
    // An import leaves room for ids, which nobody else may draw meanwhile.
    let alone = global.exclusive || matches!(verb, Verb::Import { .. });
    let mode = if alone { Mode::Exclusive } else { Mode::Shared };
    let mut options = Options::new().mode(mode).base_url(global.base_url.as_str());
    if let Verb::Serve(serve) = &verb {
        options = options.cross_origin(serve.cross_origin.clone());
    }
    let dir = match &verb {
        Verb::Demo => return demo::run(program).map(|()| 0),
        Verb::Serve(serve) if serve.dir.is_some() => serve.dir.as_ref(),
        _ => global.store.as_ref(),
    };
    let dir = dir.ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, "no store is named; give --store DIR or set HOLDALL_STORE")
    })?;
    if let Verb::Repair { rebuild: true } = verb {
        let rebuilt = check::rebuild(dir, &options, out);
        return rebuilt.map(|()| 0).map_err(|error| or_no_store(error, dir));
    }
    if let Verb::Restore { from: Some(from), at, .. } = &verb {
        return ship::restore(from, dir, *at, out).map(|()| 0);
    }
    // What cannot be put leaves no empty store behind.
    let walk = match &verb {
        Verb::Put(put) => put::Walk::of(put)?,
        _ => put::Walk::default(),
    };
    #[cfg(feature = "import")]
    let mut server = match &verb {
        Verb::Import { from: args::Import::Cloudreve(args) } => Some(import::open(args)?),
        _ => None,
    };
    #[cfg(not(feature = "import"))]
    if matches!(verb, Verb::Import { .. }) {
        return Err(no_import());
    }
    // Only what brings content makes a store or a drive: to all others a mistyped name is an error.
    let makes = matches!(verb, Verb::Put(_) | Verb::Mkdir { .. });
    let takes = matches!(&verb, Verb::Serve(serve) if serve.api) || matches!(verb, Verb::Import { .. });
    let store = open(dir, options, makes || takes)?;
    let drive = || {
        if makes {
            return store.drive(&global.drive);
        }
        store.find_drive(&global.drive)?.ok_or_else(|| {
            let message = format!("there is no drive {:?}; `holdall put` creates it", global.drive);
            Error::new(ErrorKind::NotFound, message)
        })
    };
    let mut code = 0;
    let done = match verb {
        Verb::Put(put) => put::run(&drive()?, &put, walk, out).map(|unread| {
            code = if unread == 0 { 0 } else { INCOMPLETE };
        }),
        Verb::Get(get) => get::run(&drive()?, &get),
        Verb::Ls(ls) => tree::ls(&drive()?, &ls, out),
        Verb::Mkdir { path } => tree::mkdir(&drive()?, &path, out),
        Verb::Mv { from, to, replace } => tree::mv(&drive()?, &from, &to, replace, out),
        Verb::Cp { from, to, all_versions } => tree::cp(&drive()?, &from, &to, all_versions, out),
        Verb::Rm(rm) => tree::rm(&drive()?, &rm, out),
        Verb::Restore { file: Some(file), to, .. } => tree::restore(&drive()?, file, to.as_deref(), out),
        Verb::Trash { empty, older } => tree::trash(&drive()?, empty, older, out),
        Verb::Versions { path } => version::list(&drive()?, &path, out),
        Verb::Current { version } => version::set_current(&store, version, out),
        Verb::Keep { version, off } => version::keep(&store, version, !off, out),
        Verb::Revoke { id } => version::revoke(&store, &id, out),
        Verb::Url(url) => url::run(&drive()?, &url, out),
        Verb::Verify { url, client } => url::verify(&store, &url, client, out),
        Verb::Archive(archive) => archive::run(&store, drive, &archive, out),
        Verb::Link { path, pace } => link::link(&drive()?, &path, pace, out),
        Verb::Links(listed) => link::links(&drive()?, &listed, out),
        Verb::Unlink { id } => link::unlink(&store, id, out),
        Verb::Share(share) => link::share(&store, &drive()?, &share, out),
        Verb::Shares(listed) => link::shares(&drive()?, &listed, out),
        Verb::Unshare { id } => link::unshare(&store, id, out),
        Verb::Visit(visit) => link::visit(&store, &visit, out),
        Verb::Keys { act } => key::run(&store, act, out),
        Verb::Check { content, digests } => check::run(&store, content, digests, out),
        Verb::Repair { .. } => check::repair(&store, out),
        Verb::Backup { target } => upkeep::backup(&store, &target, out),
        Verb::Gc { grace } => upkeep::gc(&store, grace, out),
        Verb::Ship(ship) => ship::run(&store, &ship, out),
        Verb::Migrate { to } => migrate::run(&store, &to, out),
        Verb::Stats => upkeep::stats(&store, out),
        #[cfg(feature = "import")]
        Verb::Import { .. } => server.take().map_or(Ok(()), |server| import::run(server, &store, out)),
        Verb::Serve(serve) => server::run(store.clone(), &serve),
        #[cfg(not(feature = "import"))]
        Verb::Import { .. } => Err(no_import()),
        Verb::Demo | Verb::Restore { .. } => Ok(()),
    };
    // What this leaves undone is done by the next opening; an error of the verb comes first.
    done.and(store.close()).map(|()| code)
}

/// Says where the verb is that this command was built without.
#[cfg(not(feature = "import"))]
fn no_import() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "this holdall was built without `import`, which brings SQLite along; use the one that \
         `cargo install --path cli` builds, on the same store",
    )
}

/// Opens the store; with `make`, creates it if there is none, and says so.
fn open(dir: &Path, options: Options, make: bool) -> Result<Store> {
    match Store::open(dir, options.clone().create(false)) {
        Err(error) if make && error.kind() == ErrorKind::NotFound => {
            let store = Store::open(dir, options)?;
            eprintln!("holdall: made a new store in {}", shown(dir));
            Ok(store)
        }
        found => found.map_err(|error| or_no_store(error, dir)),
    }
}

/// Returns how messages name a store. The address of a database may have a password, and is not shown.
fn shown(dir: &Path) -> String {
    if holdall::is_address(dir) { "the database".to_owned() } else { dir.display().to_string() }
}

/// Says in place of an error, if it is that there is no store, what to do about it.
fn or_no_store(error: Error, dir: &Path) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let dir = shown(dir);
    let message = format!(
        "there is no store in {dir}; check the path, or create one with `holdall --store {dir} put FILE`"
    );
    Error::new(ErrorKind::NotFound, message)
}
