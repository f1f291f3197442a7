//! `holdall check` and `holdall repair`.

use std::path::Path;

use holdall::{CheckOptions, Damage, Error, ErrorKind, Options, Problem, Result, Store};
use serde_json::{Value, json};

use crate::output::{self, Output};
use crate::progress;

pub(crate) fn run(store: &Store, content: bool, digests: bool, out: Output) -> Result<()> {
    let bar = progress::bar(Some(0), out.json);
    let mut watch = progress::follow(&bar);
    let report = store.check(CheckOptions::new().content(content).digests(digests).watch(&mut watch))?;
    bar.finish_and_clear();
    let value = json!({
        "sound": report.problems.is_empty() && report.damaged.is_empty(),
        "files": report.files,
        "versions": report.versions,
        "blobs": report.blobs,
        "bytes": report.bytes,
        "problems": problems(&report.problems),
        "damaged": damaged(&report.damaged),
        "unread": damaged(&report.unread),
    });
    let counts = format!(
        "checked {} files, {} versions, {} blobs, {}",
        report.files,
        report.versions,
        report.blobs,
        output::bytes(report.bytes)
    );
    out.print(&value, report_text(counts, &report.problems, &report.damaged))?;
    sound(&report.problems, &report.damaged, &report.unread)
}

pub(crate) fn repair(store: &Store, out: Output) -> Result<()> {
    let report = store.repair()?;
    let value = json!({
        "restored": report.restored.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "reinstated": report.reinstated.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "problems": problems(&report.problems),
        "damaged": damaged(&report.damaged),
        "unread": damaged(&report.unread),
    });
    let counts = format!("restored {} blobs", report.restored.len());
    out.print(&value, report_text(counts, &report.problems, &report.damaged))?;
    sound(&report.problems, &report.damaged, &report.unread)
}

pub(crate) fn rebuild(dir: &Path, options: &Options, out: Output) -> Result<()> {
    let report = Store::rebuild(dir, options)?;
    let value = json!({
        "groups": report.groups,
        "segments": report.segments,
        "unreadable": report.unreadable,
        "files": report.files,
        "versions": report.versions,
        "blobs": report.blobs,
        "lost": report.lost.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "problems": problems(&report.problems),
    });
    let counts = format!(
        "rebuilt {} files, {} versions, {} blobs from {} segments; {} files are no segments, {} blobs \
         belong to nothing",
        report.files,
        report.versions,
        report.blobs,
        report.segments,
        report.unreadable.len(),
        report.lost.len()
    );
    out.print(&value, report_text(counts, &report.problems, &[]))?;
    sound(&report.problems, &[], &[])
}

fn problems(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn damaged(damaged: &[Damage]) -> Vec<Value> {
    let value = |one: &Damage| {
        json!({
            "blob": one.blob.to_string(),
            "message": one.message,
            "versions": one.versions.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "paths": one.paths,
        })
    };
    damaged.iter().map(value).collect()
}

/// Writes the counts and a line for each thing that is wrong.
fn report_text(counts: String, problems: &[Problem], damaged: &[Damage]) -> String {
    let mut lines = vec![counts];
    lines.extend(problems.iter().map(|problem| output::shown(&problem.to_string())));
    for one in damaged {
        lines.push(format!("blob {}: {}", one.blob, one.message));
        lines.extend(one.paths.iter().map(|path| format!("  {}", output::shown(path))));
    }
    if problems.is_empty() && damaged.is_empty() {
        lines.push("nothing is wrong".to_owned());
    }
    lines.join("\n")
}

fn sound(problems: &[Problem], damaged: &[Damage], unread: &[Damage]) -> Result<()> {
    if problems.is_empty() && damaged.is_empty() {
        return Ok(());
    }
    let (problems, damaged, unread) = (problems.len(), damaged.len(), unread.len());
    let summary = format!("{problems} problems, {damaged} damaged blobs");
    match unread {
        0 => Err(Error::new(ErrorKind::Corrupt, summary)),
        // Nothing is known to be wrong with them.
        _ if unread == problems => Err(Error::new(
            ErrorKind::Io,
            format!("{unread} blobs could not be read; check again when they can"),
        )),
        _ => Err(Error::new(ErrorKind::Corrupt, format!("{summary}, {unread} blobs that could not be read"))),
    }
}
