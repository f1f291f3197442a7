//! The compiled half of the Python package: the classes of holdall, frozen and free of the GIL
//! around all reading, writing and hashing. What is pure Python lies in `python/holdall`.

mod body;
mod buffer;
mod convert;
mod drive;
mod fault;
mod handle;
mod report;
mod serve;
mod share;
mod source;
mod store;
mod url;
mod value;

/// The compiled half of holdall; import holdall instead.
#[pyo3::pymodule(gil_used = false)]
mod _holdall {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::body::{Body, Chunks, Segment, SegmentIterator};
    #[pymodule_export]
    use crate::drive::{Drive, Walk};
    #[pymodule_export]
    use crate::report::{BackupReport, CheckReport, Damage, GcReport, Key, RepairReport, Stats};
    #[pymodule_export]
    use crate::serve::Reply;
    #[pymodule_export]
    use crate::share::Visit;
    #[pymodule_export]
    use crate::store::{_reopen, Store, open};
    #[pymodule_export]
    use crate::value::{DriveInfo, FileInfo, Grant, Link, Row, Share, Trashed, Version};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
