//! The compiled half of the Python package: the classes of holdall, frozen and free of the GIL
//! around all reading, writing and hashing. What is pure Python lies in `python/holdall`.

mod api;
mod archive;
mod body;
mod buffer;
mod command;
mod convert;
mod datetime;
mod drive;
mod fault;
mod feed;
mod handle;
mod import;
mod job;
mod key;
mod link;
mod put;
mod report;
mod serve;
mod share;
mod ship;
mod source;
mod store;
mod terms;
mod upkeep;
mod url;
mod value;
mod walk;

/// The compiled half of holdall; import holdall instead.
#[pyo3::pymodule(gil_used = false)]
mod _holdall {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::api::{Api, Caller, Part};
    #[pymodule_export]
    use crate::archive::ArchiveInfo;
    #[pymodule_export]
    use crate::body::{Body, Chunks, Segment, SegmentIterator};
    #[pymodule_export]
    use crate::command::_main;
    #[pymodule_export]
    use crate::drive::Drive;
    #[pymodule_export]
    use crate::import::ImportReport;
    #[pymodule_export]
    use crate::key::Key;
    #[pymodule_export]
    use crate::link::Link;
    #[pymodule_export]
    use crate::put::Writer;
    #[pymodule_export]
    use crate::report::{BackupReport, CheckReport, Damage, GcReport, RebuildReport, RepairReport, Stats};
    #[pymodule_export]
    use crate::serve::Reply;
    #[pymodule_export]
    use crate::share::{Share, Visit};
    #[pymodule_export]
    use crate::ship::{MigrateReport, RestoreReport, ShipReport, Shipper};
    #[pymodule_export]
    use crate::store::{_reopen, Store, open};
    #[pymodule_export]
    use crate::url::_nothing;
    #[pymodule_export]
    use crate::value::{AttributeMatch, DriveInfo, FileInfo, Grant, Row, Trashed, Version};
    #[pymodule_export]
    use crate::walk::Walk;

    /// Where the module `sys` of the interpreter is that this was imported in first.
    static INTERPRETER: std::sync::OnceLock<usize> = std::sync::OnceLock::new();

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // The classes of errors are found once in a process, and those of another interpreter are others.
        let sys = module.py().import("sys")?.as_ptr() as usize;
        if *INTERPRETER.get_or_init(|| sys) != sys {
            return Err(pyo3::exceptions::PyImportError::new_err(
                "holdall is imported in another interpreter of this process: run it in one alone, \
                 with mod_wsgi by WSGIApplicationGroup %{GLOBAL}",
            ));
        }
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
