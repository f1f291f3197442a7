//! `holdall gc`, `holdall backup` and `holdall stats`.

use std::path::Path;
use std::time::Duration;

use holdall::{Mode, Result, Store};
use serde_json::json;

use crate::output::{self, Output};
use crate::progress;

pub(crate) fn gc(store: &Store, grace: Option<Duration>, out: Output) -> Result<()> {
    if let Some(grace) = grace {
        store.set_grace(grace)?;
    }
    let report = store.gc()?;
    let failed = report.failed.iter().chain(&report.compaction.failed);
    let failed: Vec<String> = failed.map(ToString::to_string).collect();
    let value = json!({
        "blobs": report.blobs,
        "bytes": report.bytes,
        "archives": report.archives,
        "orphans": report.orphans,
        "segments": report.compaction.segments,
        "segment_bytes": report.compaction.bytes,
        "waiting_blobs": report.waiting_blobs,
        "waiting_bytes": report.waiting_bytes,
        "next_due": report.next_due.map(output::time),
        "grace_seconds": store.grace()?.as_secs(),
        "failed": failed,
    });
    let mut lines = vec![format!(
        "removed {} blobs of {}, {} segments of {}, {} unfinished files",
        report.blobs,
        output::bytes(report.bytes),
        report.compaction.segments,
        output::bytes(report.compaction.bytes),
        report.orphans
    )];
    if let Some(due) = report.next_due {
        let (blobs, bytes) = (report.waiting_blobs, output::bytes(report.waiting_bytes));
        lines.push(format!("{blobs} blobs of {bytes} wait for the grace period; the first may go at {due}"));
    }
    if let Some(grace) = grace {
        let seconds = grace.as_secs();
        lines.push(match seconds {
            0 => "deleted content does not stay from now on, and no archive can be made; `holdall gc --grace 1d` sets the usual grace"
                .to_owned(),
            _ => format!("deleted content stays {seconds} s from now on, and an archive lives no longer"),
        });
    }
    lines.extend(failed.iter().map(|failure| format!("could not remove: {failure}")));
    out.print(&value, lines.join("\n"))
}

pub(crate) fn backup(store: &Store, target: &Path, out: Output) -> Result<()> {
    let bar = progress::bar(Some(0), out.json);
    let mut watch = progress::follow(&bar);
    let report = store.backup(target, &mut watch)?;
    bar.finish_and_clear();
    let value = json!({
        "segments": report.segments,
        "files": report.files,
        "copied_bytes": report.copied,
        "shared_bytes": report.shared,
        "rows": report.rows,
        "lsn": report.lsn,
    });
    let text = format!(
        "backed up to {}: copied {}, {} were there already or are shared",
        target.display(),
        output::bytes(report.copied),
        output::bytes(report.shared)
    );
    out.print(&value, text)
}

pub(crate) fn stats(store: &Store, out: Output) -> Result<()> {
    let stats = store.stats()?;
    let mode = match stats.mode {
        Mode::Shared => "shared",
        Mode::Exclusive => "exclusive",
    };
    let value = json!({
        "drives": stats.drives,
        "files": stats.files,
        "bytes": stats.bytes,
        "blobs": stats.blobs,
        "blob_bytes": stats.blob_bytes,
        "segments": stats.segments,
        "segment_bytes": stats.segment_bytes,
        "dead_bytes": stats.dead_bytes,
        "lsn": stats.lsn,
        "mode": mode,
    });
    let lines = [
        format!("drives    {}", stats.drives),
        format!("files     {}, all versions together {}", stats.files, output::bytes(stats.bytes)),
        format!("contents  {}, stored once {}", stats.blobs, output::bytes(stats.blob_bytes)),
        format!(
            "segments  {}, {}, of which {} are dead",
            stats.segments,
            output::bytes(stats.segment_bytes),
            output::bytes(stats.dead_bytes)
        ),
        format!("log       at {}", stats.lsn),
    ];
    out.print(&value, lines.join("\n"))
}
