//! Putting content into a drive.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use holdall::{Expect, Put, PutWriter};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};

use crate::convert::{self, DrivePath, Pick};
use crate::drive::Drive;
use crate::fault::{Fault, Outcome};
use crate::job;
use crate::source::{self, Intake};
use crate::value::Version;

/// Bytes and items of one batch of `put_many`.
const BATCH: usize = 8 << 20;
const ITEMS: usize = 2000;
/// Bytes from which on making content durable may take longer than somebody waits who pressed
/// Control-C.
const LONG: u64 = 1 << 20;

#[pymethods]
impl Drive {
    /// Puts content at `path` and returns the version that it became, durably. A file that is there
    /// gets one more version, which is current from now on. Missing folders are made.
    ///
    /// source: bytes-like, a path as pathlib has it (PathLike, not str: a str that came with a
    ///     request would name a file of the server), a binary file object, an upload of a web
    ///     framework that has one as its `file`, or an iterable of bytes-like. It is read once, in
    ///     blocks of at most 1 MiB of bytes-like and paths.
    /// media_type: by default it follows from the name.
    /// modified: how old the content is, an aware datetime or seconds since 1970; now by default.
    /// executable: whether it may be run; its mode is 0755 in an archive then, otherwise 0644.
    /// created: when the content was made, as `modified`; a file that the put makes has it too.
    /// attributes: what the host keeps with the file, in place of what it has: at most 64 KiB.
    /// expect: "absent", or the version (or its id) that must be current, for the put to go ahead.
    /// length, sha1, blake3: what the content must turn out to have; hashes as bytes or hexadecimal.
    /// progress: called with the number of bytes of each block, as the `update` of a tqdm bar is.
    ///
    /// Raises InvalidArgument when the path breaks the rules of names, Exists when a folder is there
    /// or something is that must not be, Mismatch when the content or the file is not what was
    /// declared, TooLarge past the store's limit, TypeError for a str, and whatever the source or
    /// `progress` raises;
    /// nothing is left behind then. Control-C ends it within 100 ms: nothing is left behind either,
    /// unless it was about to become durable, and then it may.
    #[pyo3(signature = (
        path, source, *, media_type = None, modified = None, executable = None, expect = None,
        length = None, sha1 = None, blake3 = None, progress = None, created = None, attributes = None
    ))]
    #[allow(clippy::too_many_arguments)]
    fn put<'py>(
        &self,
        py: Python<'py>,
        path: DrivePath,
        source: &Bound<'py, PyAny>,
        media_type: Option<String>,
        modified: Option<&Bound<'py, PyAny>>,
        executable: Option<bool>,
        expect: Option<&Bound<'py, PyAny>>,
        #[pyo3(from_py_with = convert::count)] length: Option<u64>,
        sha1: Option<&Bound<'py, PyAny>>,
        blake3: Option<&Bound<'py, PyAny>>,
        progress: Option<Bound<'py, PyAny>>,
        created: Option<&Bound<'py, PyAny>>,
        attributes: Option<BTreeMap<String, String>>,
    ) -> Outcome<Version> {
        let put = kept(said(Put::new(), media_type, modified, executable, expect)?, created, attributes)?;
        let put = declared(put, length, sha1, blake3)?;
        let path = path.0;
        let writer = self.call(py, |drive| drive.put_writer(&path, put))?;
        let mut intake = Intake { py, writer, progress };
        match intake.all(source) {
            Ok(()) => finish(py, intake.writer),
            Err(fault) => {
                job::discard(py, intake.writer);
                Err(fault)
            }
        }
    }

    /// Begins a put in steps. Nothing waits between two of them, so a put takes up a thread only
    /// while something is written.
    #[pyo3(signature = (
        path, *, media_type = None, modified = None, executable = None, expect = None, length = None,
        sha1 = None, blake3 = None, created = None, attributes = None
    ))]
    #[allow(clippy::too_many_arguments)]
    fn _writer<'py>(
        &self,
        py: Python<'py>,
        path: DrivePath,
        media_type: Option<String>,
        modified: Option<&Bound<'py, PyAny>>,
        executable: Option<bool>,
        expect: Option<&Bound<'py, PyAny>>,
        #[pyo3(from_py_with = convert::count)] length: Option<u64>,
        sha1: Option<&Bound<'py, PyAny>>,
        blake3: Option<&Bound<'py, PyAny>>,
        created: Option<&Bound<'py, PyAny>>,
        attributes: Option<BTreeMap<String, String>>,
    ) -> Outcome<Writer> {
        let put = kept(said(Put::new(), media_type, modified, executable, expect)?, created, attributes)?;
        let put = declared(put, length, sha1, blake3)?;
        let path = path.0;
        let writer = self.call(py, |drive| drive.put_writer(&path, put))?;
        Ok(Writer(Mutex::new(Some(writer))))
    }

    /// Puts many contents at once and returns their versions in order, durably. They go in batches
    /// of up to 8 MiB and 2,000 items, each for the price of one sync, and all of it or none.
    ///
    /// items: a mapping of paths to bytes-like contents, or an iterable of such pairs, or of triples
    ///     with a mapping of what is said of that one alone: media_type, modified, executable, expect,
    ///     created, attributes.
    ///
    /// Raises as `put` does; the batches before the error stay.
    #[pyo3(signature = (items, *, media_type = None, modified = None, executable = None, expect = None))]
    fn put_many(
        &self,
        py: Python<'_>,
        items: &Bound<'_, PyAny>,
        media_type: Option<String>,
        modified: Option<&Bound<'_, PyAny>>,
        executable: Option<bool>,
        expect: Option<&Bound<'_, PyAny>>,
    ) -> Outcome<Vec<Version>> {
        let put = said(Put::new(), media_type, modified, executable, expect)?;
        let items = match items.cast::<PyMapping>() {
            Ok(mapping) => mapping.items()?.into_any(),
            Err(_) => items.clone(),
        };
        let (mut versions, mut batch, mut len) = (Vec::new(), Vec::new(), 0_usize);
        let mut flush = |batch: Vec<(String, Bytes, Put)>| -> Outcome<()> {
            let drive = self.drive()?.clone();
            let done = job::patient(py, move || drive.put_each(batch))?;
            versions.extend(done.into_iter().map(Version));
            Ok(())
        };
        for item in items.try_iter()? {
            let (path, content, put) = one(&item?, &put)?;
            if !batch.is_empty() && (batch.len() >= ITEMS || len + content.len() > BATCH) {
                flush(std::mem::take(&mut batch))?;
                len = 0;
            }
            len += content.len();
            batch.push((path, content, put));
        }
        if !batch.is_empty() {
            flush(batch)?;
        }
        Ok(versions)
    }
}

/// A put in steps.
#[pyclass(frozen, name = "_Writer", module = "holdall")]
pub(crate) struct Writer(Mutex<Option<PutWriter>>);

impl Writer {
    fn take(&self) -> Outcome<PutWriter> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or_else(|| Fault::invalid("the put has ended, or is being written to"))
    }
}

#[pymethods]
impl Writer {
    /// Writes a bytes-like piece. After an error the put has ended.
    fn write(&self, py: Python<'_>, piece: &Bound<'_, PyAny>) -> Outcome<()> {
        let mut intake = Intake { py, writer: self.take()?, progress: None };
        match intake.piece(piece) {
            Ok(()) => {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(intake.writer);
                Ok(())
            }
            Err(fault) => {
                job::discard(py, intake.writer);
                Err(fault)
            }
        }
    }

    /// Ends the put and returns the version.
    fn commit(&self, py: Python<'_>) -> Outcome<Version> {
        finish(py, self.take()?)
    }

    /// Ends the put, if it has not ended, and leaves nothing behind.
    fn discard(&self, py: Python<'_>) {
        if let Ok(writer) = self.take() {
            job::discard(py, writer);
        }
    }
}

/// Makes what was put durable, and a version of it.
fn finish(py: Python<'_>, writer: PutWriter) -> Outcome<Version> {
    match writer.len() < LONG {
        true => Ok(Version(py.detach(|| writer.commit())?)),
        false => Ok(Version(job::patient(py, || writer.commit())?)),
    }
}

/// Adds what content must turn out to have.
fn declared(
    mut put: Put,
    length: Option<u64>,
    sha1: Option<&Bound<'_, PyAny>>,
    blake3: Option<&Bound<'_, PyAny>>,
) -> Outcome<Put> {
    if let Some(length) = length {
        put = put.len(length);
    }
    if let Some(sha1) = sha1 {
        put = put.sha1(convert::hash("SHA-1", sha1)?);
    }
    if let Some(blake3) = blake3 {
        put = put.blake3(convert::hash("BLAKE3", blake3)?);
    }
    Ok(put)
}

/// Reads an item of `put_many`: a path, its content, and what is said of it.
fn one(item: &Bound<'_, PyAny>, put: &Put) -> Outcome<(String, Bytes, Put)> {
    let len = if item.is_instance_of::<PyString>() { 0 } else { item.len().unwrap_or(0) };
    if len != 2 && len != 3 {
        let message = "an item of put_many is a path and its content, or these and a mapping";
        return Err(PyTypeError::new_err(message).into());
    }
    let path = item.get_item(0)?.extract::<DrivePath>()?.0;
    let content = source::whole(&item.get_item(1)?)?;
    if len == 2 {
        return Ok((path, content, put.clone()));
    }
    let options = item.get_item(2)?;
    let given = PyDict::new(item.py());
    given.update(options.cast::<PyMapping>()?)?;
    let take = |name: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
        let value = given.get_item(name)?.filter(|value| !value.is_none());
        if given.contains(name)? {
            given.del_item(name)?;
        }
        Ok(value)
    };
    let media_type = take("media_type")?.map(|value| value.extract()).transpose()?;
    let (modified, expect) = (take("modified")?, take("expect")?);
    let executable = take("executable")?.map(|value| value.extract()).transpose()?;
    let created = take("created")?;
    let attributes = take("attributes")?.map(|value| value.extract()).transpose()?;
    if let Some((name, _)) = given.iter().next() {
        return Err(PyTypeError::new_err(format!(
            "an item of put_many takes media_type, modified, executable, expect, created and attributes, not {}",
            name.repr()?
        ))
        .into());
    }
    let put = said(put.clone(), media_type, modified.as_ref(), executable, expect.as_ref())?;
    Ok((path, content, kept(put, created.as_ref(), attributes)?))
}

/// Adds what is kept with the file, and when the content was made.
fn kept(
    mut put: Put,
    created: Option<&Bound<'_, PyAny>>,
    attributes: Option<BTreeMap<String, String>>,
) -> Outcome<Put> {
    if let Some(created) = created {
        put = put.created(convert::time(created)?);
    }
    match attributes {
        Some(attributes) => Ok(put.attributes(attributes)?),
        None => Ok(put),
    }
}

/// Adds to what is said of content.
fn said(
    mut put: Put,
    media_type: Option<String>,
    modified: Option<&Bound<'_, PyAny>>,
    executable: Option<bool>,
    expect: Option<&Bound<'_, PyAny>>,
) -> Outcome<Put> {
    if let Some(media_type) = media_type {
        put = put.media_type(media_type);
    }
    if let Some(modified) = modified {
        put = put.modified(convert::time(modified)?);
    }
    if let Some(executable) = executable {
        put = put.executable(executable);
    }
    match expect {
        None => Ok(put),
        Some(value) if value.cast::<PyString>().is_ok_and(|text| text == "absent") => {
            Ok(put.expect(Expect::Absent))
        }
        Some(value) => Ok(put.expect(Expect::Current(value.extract::<Pick>()?.0))),
    }
}
