//! `holdall migrate`.

use holdall::{Result, Store};

use crate::output::Output;

/// Moves a store.
#[cfg(feature = "remote")]
pub(crate) fn run(store: &Store, to: &str, out: Output) -> Result<()> {
    use serde_json::json;

    use crate::{output, progress};

    let bar = progress::bar(Some(0), out.json);
    let report = store.migrate(to, &mut progress::follow(&bar))?;
    bar.finish_and_clear();
    let value = json!({
        "segments": report.segments,
        "contents": report.contents,
        "bytes": report.bytes,
        "rows": report.rows,
        "groups": report.groups,
        "waited_seconds": report.waited.as_secs_f64(),
    });
    let text = format!(
        "moved {} of contents and {} rows, and compared them; nobody could write for {:.1} s. Open the store at its \
         new address from now on",
        output::bytes(report.bytes),
        report.rows,
        report.waited.as_secs_f64()
    );
    out.print(&value, text)
}

#[cfg(not(feature = "remote"))]
pub(crate) fn run(_store: &Store, _to: &str, _out: Output) -> Result<()> {
    Err(crate::ship::not_here())
}
