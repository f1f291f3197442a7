//! `holdall ship` and `holdall restore --from`.

use std::path::Path;

use holdall::{Result, Store, Time};

use crate::args::Ship;
use crate::output::Output;

/// Ships what is new, once or again and again.
#[cfg(feature = "remote")]
pub(crate) fn run(store: &Store, ship: &Ship, out: Output) -> Result<()> {
    use serde_json::json;

    use crate::{output, progress};

    let mut shipper = store.shipper(&ship.to, ship.keep)?;
    let mut failures = 0;
    loop {
        let bar = progress::bar(Some(0), out.json);
        let shipped = shipper.ship(&mut progress::follow(&bar));
        bar.finish_and_clear();
        let report = match shipped {
            Ok(report) => report,
            // The object storage may be back the next time.
            Err(error) if !ship.once && failures < RETRIES && error.kind() == holdall::ErrorKind::Io => {
                failures += 1;
                eprintln!("holdall: {error}; trying again");
                std::thread::sleep(ship.every.max(PAUSE));
                continue;
            }
            Err(error) => return Err(error),
        };
        failures = 0;
        for failure in &report.failed {
            eprintln!("holdall: {failure}");
        }
        if ship.once || report.log_bytes > 0 || report.contents > 0 {
            let value = json!({
                "lsn": report.lsn,
                "time": output::time(report.time),
                "log_bytes": report.log_bytes,
                "contents": report.contents,
                "content_bytes": report.content_bytes,
                "removed": report.removed,
                "failed": report.failed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            });
            let text = format!(
                "shipped up to {} at {}: {} of the log, {} large contents of {}",
                report.lsn,
                report.time,
                output::bytes(report.log_bytes),
                report.contents,
                output::bytes(report.content_bytes)
            );
            out.print(&value, text)?;
        }
        if ship.once {
            return report.failed.into_iter().next().map_or(Ok(()), Err);
        }
        std::thread::sleep(ship.every);
    }
}

/// How often object storage that is away is asked again.
#[cfg(feature = "remote")]
const RETRIES: u32 = 1000;
/// The shortest time until then.
#[cfg(feature = "remote")]
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Makes a store of what was shipped.
#[cfg(feature = "remote")]
pub(crate) fn restore(from: &str, dir: &Path, at: Option<Time>, out: Output) -> Result<()> {
    use serde_json::json;

    use crate::{output, progress};

    let bar = progress::bar(Some(0), out.json);
    let report = Store::restore(from, dir, at, &mut progress::follow(&bar))?;
    bar.finish_and_clear();
    let value = json!({
        "lsn": report.lsn,
        "time": output::time(report.time),
        "segments": report.segments,
        "contents": report.contents,
        "bytes": report.bytes,
        "files": report.files,
        "versions": report.versions,
    });
    let text = format!(
        "restored to {} as of {}: {} files, {} versions, {} read; nothing is wrong",
        dir.display(),
        report.time,
        report.files,
        report.versions,
        output::bytes(report.bytes)
    );
    out.print(&value, text)
}

#[cfg(not(feature = "remote"))]
pub(crate) fn run(_store: &Store, _ship: &Ship, _out: Output) -> Result<()> {
    Err(not_here())
}

#[cfg(not(feature = "remote"))]
pub(crate) fn restore(_from: &str, _dir: &Path, _at: Option<Time>, _out: Output) -> Result<()> {
    Err(not_here())
}

/// Says how to get a command that has it.
#[cfg(not(feature = "remote"))]
pub(crate) fn not_here() -> holdall::Error {
    holdall::Error::new(
        holdall::ErrorKind::Unsupported,
        "this holdall was built without object storage; `cargo install --path cli --features remote` builds one with it",
    )
}
