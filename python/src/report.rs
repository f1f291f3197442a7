//! What long jobs and counts give.

use pyo3::prelude::*;

use crate::datetime::{Datetime, datetime};

/// What `Store.check` found.
#[pyclass(frozen, get_all, module = "holdall")]
pub(crate) struct CheckReport {
    /// Sentences of what is not as it must be; a sound store has none.
    problems: Vec<String>,
    /// Blobs among them whose content is missing or not what was stored.
    damaged: Vec<Py<Damage>>,
    /// The blobs among it that could not be read, as when descriptors are short: whether they are
    /// sound is not known.
    unread: Vec<Py<Damage>>,
    /// Files, not counting folders.
    files: u64,
    /// Versions.
    versions: u64,
    /// Blobs.
    blobs: u64,
    /// Bytes of those blobs.
    bytes: u64,
}

impl CheckReport {
    pub(crate) fn new(py: Python<'_>, report: holdall::CheckReport) -> PyResult<CheckReport> {
        Ok(CheckReport {
            problems: report.problems.iter().map(ToString::to_string).collect(),
            damaged: damages(py, report.damaged)?,
            unread: damages(py, report.unread)?,
            files: report.files,
            versions: report.versions,
            blobs: report.blobs,
            bytes: report.bytes,
        })
    }
}

#[pymethods]
impl CheckReport {
    /// Whether everything is as it must be.
    #[getter]
    fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.damaged.is_empty()
    }

    fn __repr__(&self) -> String {
        let (problems, damaged) = (self.problems.len(), self.damaged.len());
        format!("<CheckReport {} blobs, {problems} problems, {damaged} damaged>", self.blobs)
    }
}

/// A blob whose content is missing or not what was stored, or could not be read.
#[pyclass(frozen, get_all, module = "holdall")]
pub(crate) struct Damage {
    /// A sentence that says what is wrong.
    message: String,
    /// Ids of versions that have it: the first hundred.
    versions: Vec<String>,
    /// Where their files lie, as drive:path.
    paths: Vec<String>,
}

#[pymethods]
impl Damage {
    fn __repr__(&self) -> String {
        format!("<Damage {}>", self.message)
    }
}

fn damages(py: Python<'_>, damaged: Vec<holdall::Damage>) -> PyResult<Vec<Py<Damage>>> {
    let list = damaged.into_iter().map(|damage| {
        let versions = damage.versions.iter().map(ToString::to_string).collect();
        Py::new(py, Damage { message: damage.message, versions, paths: damage.paths })
    });
    list.collect()
}

/// What `Store.repair` did.
#[pyclass(frozen, get_all, module = "holdall")]
pub(crate) struct RepairReport {
    /// How many contents were damaged, and were found sound elsewhere in the store.
    restored: usize,
    /// What remains damaged: nothing of it was removed; put the content again, from a backup say.
    damaged: Vec<Py<Damage>>,
    /// What could not be read, for want of descriptors for example; it was left as it is.
    unread: Vec<Py<Damage>>,
    /// How many contents an earlier repair had quarantined and are sound: they are shared again.
    reinstated: usize,
    /// Sentences of what else is not as it must be.
    problems: Vec<String>,
}

impl RepairReport {
    pub(crate) fn new(py: Python<'_>, report: holdall::RepairReport) -> PyResult<RepairReport> {
        Ok(RepairReport {
            restored: report.restored.len(),
            damaged: damages(py, report.damaged)?,
            unread: damages(py, report.unread)?,
            reinstated: report.reinstated.len(),
            problems: report.problems.iter().map(ToString::to_string).collect(),
        })
    }
}

#[pymethods]
impl RepairReport {
    fn __repr__(&self) -> String {
        format!("<RepairReport {} restored, {} damaged>", self.restored, self.damaged.len())
    }
}

/// What `Store.rebuild` did.
#[pyclass(frozen, get_all, module = "holdall")]
pub(crate) struct RebuildReport {
    /// Groups of changes that were found in the log.
    groups: u64,
    /// Segments that were read.
    segments: u64,
    /// Files in the folder of segments that are not segments, or whose header cannot be read.
    unreadable: Vec<String>,
    /// Files and folders in the new index.
    files: u64,
    /// Versions in the new index.
    versions: u64,
    /// Blobs in the new index.
    blobs: u64,
    /// How many large contents belong to nothing in it; their files are in the directory lost now.
    lost: usize,
    /// Sentences of where the new index does not agree with itself: parts of the log are damaged.
    problems: Vec<String>,
}

impl From<holdall::RebuildReport> for RebuildReport {
    fn from(report: holdall::RebuildReport) -> RebuildReport {
        RebuildReport {
            groups: report.groups,
            segments: report.segments,
            unreadable: report.unreadable,
            files: report.files,
            versions: report.versions,
            blobs: report.blobs,
            lost: report.lost.len(),
            problems: report.problems.iter().map(ToString::to_string).collect(),
        }
    }
}

#[pymethods]
impl RebuildReport {
    fn __repr__(&self) -> String {
        format!("<RebuildReport {} files, {} problems>", self.files, self.problems.len())
    }
}

/// What `Store.backup` did.
#[pyclass(frozen, get_all, module = "holdall")]
pub(crate) struct BackupReport {
    /// Segments in the backup.
    segments: u64,
    /// Large contents in the backup.
    files: u64,
    /// Bytes that were copied.
    copied: u64,
    /// Bytes that were there already, or are shared by a hard link.
    shared: u64,
}

impl From<holdall::BackupReport> for BackupReport {
    fn from(report: holdall::BackupReport) -> BackupReport {
        let holdall::BackupReport { segments, files, copied, shared, .. } = report;
        BackupReport { segments, files, copied, shared }
    }
}

#[pymethods]
impl BackupReport {
    fn __repr__(&self) -> String {
        format!("<BackupReport {} bytes copied, {} shared>", self.copied, self.shared)
    }
}

/// What `Store.gc` and `Store.compact` did.
#[pyclass(frozen, get_all, module = "holdall")]
pub(crate) struct GcReport {
    /// Blobs that were removed.
    blobs: u64,
    /// Bytes of their content.
    bytes: u64,
    /// Files of unfinished puts and of uploads that were cut off.
    orphans: u64,
    /// Segments that were more than half dead and are gone.
    segments: u64,
    /// Bytes they occupied.
    segment_bytes: u64,
    /// Blobs that nothing refers to and that wait for the grace, after a collection.
    waiting_blobs: u64,
    /// Bytes of their content.
    waiting_bytes: u64,
    /// When the first of them may be removed, an aware datetime in UTC; None when none waits.
    next_due: Option<Datetime>,
    /// Sentences of what could not be removed; the next run tries again.
    failed: Vec<String>,
}

impl From<holdall::GcReport> for GcReport {
    fn from(report: holdall::GcReport) -> GcReport {
        let compaction = GcReport::from(report.compaction);
        let failed = report.failed.iter().map(ToString::to_string);
        GcReport {
            blobs: report.blobs,
            bytes: report.bytes,
            orphans: report.orphans,
            failed: failed.chain(compaction.failed).collect(),
            segments: compaction.segments,
            segment_bytes: compaction.segment_bytes,
            waiting_blobs: report.waiting_blobs,
            waiting_bytes: report.waiting_bytes,
            next_due: report.next_due.map(datetime),
        }
    }
}

impl From<holdall::CompactReport> for GcReport {
    fn from(report: holdall::CompactReport) -> GcReport {
        GcReport {
            blobs: 0,
            bytes: 0,
            orphans: 0,
            segments: report.segments,
            segment_bytes: report.bytes,
            waiting_blobs: 0,
            waiting_bytes: 0,
            next_due: None,
            failed: report.failed.iter().map(ToString::to_string).collect(),
        }
    }
}

#[pymethods]
impl GcReport {
    fn __repr__(&self) -> String {
        let freed = self.bytes.saturating_add(self.segment_bytes);
        format!("<GcReport {} blobs, {} segments, {freed} bytes>", self.blobs, self.segments)
    }
}

/// What a store holds, in numbers.
#[pyclass(frozen, get_all, module = "holdall")]
pub(crate) struct Stats {
    /// Drives.
    drives: u64,
    /// Files in all drives, not counting folders, but counting the trash.
    files: u64,
    /// Bytes of all versions of those files; shared content is counted each time.
    bytes: u64,
    /// Distinct contents.
    blobs: u64,
    /// Bytes of those.
    blob_bytes: u64,
    /// Segments.
    segments: u64,
    /// Bytes of the segments, including the log.
    segment_bytes: u64,
    /// Bytes of them whose content is gone; a compaction gets them back.
    dead_bytes: u64,
}

impl From<holdall::Stats> for Stats {
    fn from(stats: holdall::Stats) -> Stats {
        Stats {
            drives: stats.drives,
            files: stats.files,
            bytes: stats.bytes,
            blobs: stats.blobs,
            blob_bytes: stats.blob_bytes,
            segments: stats.segments,
            segment_bytes: stats.segment_bytes,
            dead_bytes: stats.dead_bytes,
        }
    }
}

#[pymethods]
impl Stats {
    fn __repr__(&self) -> String {
        format!("<Stats {} drives, {} files, {} bytes>", self.drives, self.files, self.bytes)
    }
}
