//! Every pointer that crosses the border, in one folder: what comes in here, [`out`] where results go,
//! [`callback`] for functions of the caller's.
//!
//! [`Caller`] stands for a call from C whose pointers keep the law of the header. Making one is the
//! unsafe act; only [`guard`] does it. What is taken from pointers lives no longer than it.

use std::any::Any;
use std::ffi::{c_char, c_void};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{FromRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use holdall::{Error, ErrorKind, Result};

use crate::callback::{holdall_log, holdall_progress, holdall_sink, holdall_source, holdall_walk};
use crate::code::{HOLDALL_OK, remember};
use crate::sized::Record;
use crate::table::{Failure, HANDLES, Value};

mod callback;
mod out;

pub(crate) use callback::{Listener, Progress, Sink, Source, Visitor};
pub(crate) use out::{Optional, Out, RecordOut};

/// Runs the body of an exported function, with the name of the function at hand. What goes wrong in
/// it becomes a code and a text, which stays with the handle that the function is of.
macro_rules! entry {
    ($caller:ident of $handle:ident => $body:expr) => {
        $crate::pointer::entry!($caller, $crate::pointer::number($handle), $body)
    };
    ($caller:ident => $body:expr) => {
        $crate::pointer::entry!($caller, 0, $body)
    };
    ($caller:ident, $handle:expr, $body:expr) => {{
        fn here() {}
        // SAFETY: this stands in an exported function, whose caller keeps the law of the header.
        unsafe { $crate::pointer::guard(std::any::type_name_of_val(&here), $handle, |$caller| $body) }
    }};
}
pub(crate) use entry;

/// A call from C.
pub(crate) struct Caller(());

/// Runs `body` so that neither an error nor a panic leaves it.
///
/// # Safety
/// The pointers that `body` takes are valid as the law of the header says.
pub(crate) unsafe fn guard(name: &'static str, handle: u64, body: impl FnOnce(&Caller) -> Result<()>) -> i32 {
    let done = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(test)]
        crate::tests::perhaps_panic();
        body(&Caller(()))
    }));
    match done {
        Ok(Ok(())) => HOLDALL_OK,
        Ok(Err(error)) => remember(&error, handle),
        Err(panic) => {
            let what = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
                (Some(text), _) => *text,
                (None, Some(text)) => text.as_str(),
                (None, None) => "no text",
            };
            let name = name.rsplit("::").nth(1).unwrap_or(name);
            let error = Error::new(ErrorKind::Bug, format!("{name} met a defect of this library: {what}"));
            // What the panic carries may itself panic when it is dropped.
            std::mem::forget(panic);
            remember(&error, handle)
        }
    }
}

/// A handle as C sees it: a pointer to what it never sees.
pub(crate) trait Handle {
    /// What stands behind it.
    type Value: Any + Send + Sync;
    /// What it is called in messages.
    const NAME: &'static str;
}

/// Says what stands behind the handles.
macro_rules! handle {
    ($name:ident: $value:ty) => {
        impl $crate::pointer::Handle for $name {
            type Value = $value;
            const NAME: &'static str = stringify!($name);
        }
    };
}
pub(crate) use handle;

/// No struct of this library comes near; what claims to was never given a size.
const LONGEST: usize = 64 << 10;

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn check<T>(what: &str, pointer: *const T) -> Result<()> {
    if pointer.is_null() {
        return Err(invalid(format!("{what} is NULL")));
    }
    if !pointer.is_aligned() {
        return Err(invalid(format!("{what} is not aligned to {} bytes", align_of::<T>())));
    }
    Ok(())
}

impl Caller {
    /// Takes an array; NULL is one without elements.
    pub(crate) fn array<T>(&self, what: &str, data: *const T, count: usize) -> Result<&[T]> {
        if count == 0 {
            return Ok(&[]);
        }
        check(what, data)?;
        match count.checked_mul(size_of::<T>()) {
            Some(bytes) if isize::try_from(bytes).is_ok() => {}
            _ => return Err(invalid(format!("{what} has {count} elements, more than memory holds"))),
        }
        // SAFETY: not NULL, aligned, not too long, and valid for reading by the law of the header.
        Ok(unsafe { std::slice::from_raw_parts(data, count) })
    }

    pub(crate) fn bytes(&self, what: &str, data: *const c_void, len: usize) -> Result<&[u8]> {
        self.array(what, data.cast::<u8>(), len)
    }

    /// Takes text, which must be UTF-8.
    pub(crate) fn text(&self, what: &str, data: *const c_char, len: usize) -> Result<&str> {
        let bytes = self.array(what, data.cast::<u8>(), len)?;
        std::str::from_utf8(bytes)
            .map_err(|error| invalid(format!("{what} is not UTF-8 at byte {}", error.valid_up_to())))
    }

    /// Takes text that may be absent, which NULL is.
    pub(crate) fn optional(&self, what: &str, data: *const c_char, len: usize) -> Result<Option<&str>> {
        if data.is_null() && len == 0 { Ok(None) } else { self.text(what, data, len).map(Some) }
    }

    /// Takes a value that may be absent, which NULL is.
    pub(crate) fn value<T: Copy>(&self, what: &str, value: *const T) -> Result<Option<T>> {
        if value.is_null() {
            return Ok(None);
        }
        Ok(self.array(what, value, 1)?.first().copied())
    }

    /// Takes a path of the operating system, which may be any bytes.
    pub(crate) fn os_path(&self, what: &str, data: *const c_char, len: usize) -> Result<&Path> {
        use std::os::unix::ffi::OsStrExt;
        let bytes = self.array(what, data.cast::<u8>(), len)?;
        if bytes.is_empty() || bytes.contains(&0) {
            return Err(invalid(format!("{what} is empty or holds a NUL byte")));
        }
        Ok(Path::new(std::ffi::OsStr::from_bytes(bytes)))
    }

    /// Takes room to write to; NULL is none at all.
    #[expect(clippy::mut_from_ref, reason = "the token owns nothing: the memory is C's")]
    pub(crate) fn room(&self, what: &str, data: *mut c_void, len: usize) -> Result<&mut [u8]> {
        if len == 0 {
            return Ok(&mut []);
        }
        check(what, data.cast::<u8>())?;
        if isize::try_from(len).is_err() {
            return Err(invalid(format!("{what} is {len} bytes long, more than memory holds")));
        }
        // SAFETY: not NULL, not too long, and the caller's to write to by the law of the header.
        Ok(unsafe { std::slice::from_raw_parts_mut(data.cast::<u8>(), len) })
    }

    /// Takes the address of an output.
    pub(crate) fn out<T>(&self, what: &str, to: *mut T) -> Result<Out<'_, T>> {
        check(what, to)?;
        // SAFETY: not NULL, aligned, and the caller's to write to; it may hold anything yet.
        Ok(Out(unsafe { &mut *to.cast::<MaybeUninit<T>>() }))
    }

    /// Takes the address of an output that the caller may not want, which NULL says.
    pub(crate) fn optional_out<T>(&self, what: &str, to: *mut T) -> Result<Optional<Out<'_, T>>> {
        Ok(Optional(if to.is_null() { None } else { Some(self.out(what, to)?) }))
    }

    /// Takes flags, of which all must be known.
    pub(crate) fn flags(&self, flags: u32, known: u32) -> Result<u32> {
        if flags & !known == 0 {
            return Ok(flags);
        }
        let message =
            format!("the flags {flags:#x} hold some that this version of the library does not know");
        Err(Error::new(ErrorKind::Unsupported, message))
    }

    /// Takes the address of an output that begins with its size.
    pub(crate) fn record<T: Record>(&self, to: *mut T) -> Result<RecordOut<'_, T>> {
        let size = self.size(to)?;
        Ok(RecordOut { to, size, _caller: self })
    }

    /// Takes the address of such an output that the caller may not want, which NULL says.
    pub(crate) fn optional_record<T: Record>(&self, to: *mut T) -> Result<Optional<RecordOut<'_, T>>> {
        Ok(Optional(if to.is_null() { None } else { Some(self.record(to)?) }))
    }

    /// Takes options: NULL is the defaults, and so is what a shorter struct, of an older header, has
    /// no room for.
    pub(crate) fn options<T: Record>(&self, options: *const T) -> Result<T> {
        let mut taken = MaybeUninit::<T>::zeroed();
        if options.is_null() {
            // SAFETY: a record may be all zero.
            return Ok(unsafe { taken.assume_init() });
        }
        let size = self.size(options)?;
        let (known, later) = (size.min(size_of::<T>()), size.saturating_sub(size_of::<T>()));
        // SAFETY: `size` bytes are the caller's, by its own word.
        let rest = unsafe { std::slice::from_raw_parts(options.cast::<u8>().wrapping_add(known), later) };
        if rest.iter().any(|byte| *byte != 0) {
            let name = short_name::<T>();
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{name} sets an option that this version of the library does not know"),
            ));
        }
        let bytes = taken.as_mut_ptr().cast::<u8>();
        // SAFETY: both sides hold `known` bytes.
        unsafe { std::ptr::copy_nonoverlapping(options.cast::<u8>(), bytes, known) };
        for (at, _) in T::BOOLS.iter().filter(|(_, is_bool)| *is_bool) {
            let byte = bytes.wrapping_add(*at);
            // SAFETY: a byte of the record. Languages other than C write other numbers than 1 for true.
            unsafe { byte.write(u8::from(byte.read() != 0)) };
        }
        // SAFETY: any bytes that C wrote there are a record, now that the bools are bools.
        Ok(unsafe { taken.assume_init() })
    }

    fn size<T: Record>(&self, record: *const T) -> Result<usize> {
        let name = short_name::<T>();
        check(name, record)?;
        // SAFETY: not NULL, aligned, and a record begins with its size.
        let size = unsafe { record.cast::<usize>().read() };
        if size <= LONGEST && T::may_be(size) {
            return Ok(size);
        }
        Err(invalid(format!("{name} says that it is {size} bytes long; set its size to sizeof({name})")))
    }

    /// Returns what stands behind a handle.
    pub(crate) fn get<H: Handle>(&self, handle: *const H) -> Result<Arc<H::Value>> {
        if handle.is_null() {
            return Err(invalid(format!("the {} is NULL", H::NAME)));
        }
        let value = HANDLES.get(number(handle)).ok_or_else(|| freed::<H>())?;
        value.downcast().map_err(|_| wrong::<H>())
    }

    /// Lets go of a handle; NULL is none.
    pub(crate) fn free<H: Handle>(&self, handle: *mut H) -> Result<()> {
        if handle.is_null() {
            return Ok(());
        }
        let is_it = |value: &crate::table::Value| value.is::<H::Value>();
        match HANDLES.remove(number(handle), is_it) {
            Some(value) => {
                drop(value);
                Ok(())
            }
            None if HANDLES.get(number(handle)).is_some() => Err(wrong::<H>()),
            None => Err(freed::<H>()),
        }
    }

    /// Does something to what is at a path of what a handle stands for.
    pub(crate) fn at<H: Handle, T>(
        &self,
        handle: *const H,
        (path, len): (*const c_char, usize),
        act: impl FnOnce(&H::Value, &str) -> Result<T>,
    ) -> Result<T> {
        let path = self.text("the path", path, len)?;
        act(&*self.get(handle)?, path)
    }

    /// Returns what the last call on a handle that failed says, if one did.
    pub(crate) fn failure(&self, handle: *const c_void) -> Result<Option<Arc<Failure>>> {
        let none = || invalid("this is not a valid handle: it was freed, or never made");
        HANDLES.failure(number(handle)).ok_or_else(none)
    }

    /// Makes another handle to what one stands for.
    pub(crate) fn again(&self, handle: *const c_void) -> Result<*mut c_void> {
        let none = || invalid("this is not a valid handle: it was freed, or never made");
        insert(HANDLES.get(number(handle)).ok_or_else(none)?)
    }

    /// Opens a file again, for the caller to close: with a position of its own, which is `offset`.
    pub(crate) fn own_descriptor(&self, file: &File, offset: u64) -> Result<RawFd> {
        use std::os::fd::{AsRawFd, IntoRawFd};
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let mut own = File::open(&path).map_err(|cause| Error::io(format!("opening {path}"), cause))?;
        own.seek(SeekFrom::Start(offset)).map_err(|cause| Error::io(format!("seeking in {path}"), cause))?;
        Ok(own.into_raw_fd())
    }

    /// Makes a handle for a record.
    pub(crate) fn hand<H: Handle>(&self, value: H::Value) -> Result<*mut H> {
        handle_of::<H>(value)
    }

    /// Takes a descriptor that stays the caller's.
    pub(crate) fn file(&self, fd: RawFd) -> Result<ManuallyDrop<File>> {
        if fd < 0 {
            return Err(invalid(format!("{fd} is not a file descriptor")));
        }
        // SAFETY: it is open by the law of the header, and never closed here.
        Ok(ManuallyDrop::new(unsafe { File::from_raw_fd(fd) }))
    }

    /// Takes a callback for the progress of a job, or NULL.
    pub(crate) fn progress(&self, callback: holdall_progress, context: *mut c_void) -> Progress<'_> {
        Progress { callback, context, _caller: self }
    }

    /// Takes a callback that is shown what a walk finds.
    pub(crate) fn visitor(&self, callback: holdall_walk, context: *mut c_void) -> Result<Visitor<'_>> {
        let callback = callback.ok_or_else(|| invalid("the walk callback is NULL"))?;
        Ok(Visitor { callback, context, _caller: self })
    }

    /// Takes a callback that takes bytes.
    pub(crate) fn sink(&self, callback: holdall_sink, context: *mut c_void) -> Result<Sink<'_>> {
        let callback = callback.ok_or_else(|| invalid("the sink callback is NULL"))?;
        Ok(Sink { callback, context, _caller: self })
    }

    /// Takes the beginning of a body and a callback that gives the rest; NULL gives none.
    pub(crate) fn source<'a>(
        &'a self,
        begun: &'a [u8],
        callback: holdall_source,
        context: *mut c_void,
    ) -> Source<'a> {
        Source { begun, callback, context, failed: None, _caller: self }
    }

    /// Takes a callback for lines of the log, or NULL.
    pub(crate) fn listener(&self, callback: holdall_log, context: *mut c_void) -> Option<Listener> {
        callback.map(|callback| Listener { callback, context })
    }
}

fn handle_of<H: Handle>(value: H::Value) -> Result<*mut H> {
    Ok(insert(Arc::new(value))?.cast())
}

fn insert(value: Value) -> Result<*mut c_void> {
    let handle = HANDLES.insert(value).ok_or_else(|| {
        Error::new(ErrorKind::TooLarge, "there are four million handles; free those not needed")
    })?;
    let address = usize::try_from(handle).map_err(|_| invalid("a handle is wider than a pointer"))?;
    Ok(std::ptr::without_provenance_mut(address))
}

/// The number that a handle is.
pub(crate) fn number<H>(handle: *const H) -> u64 {
    u64::try_from(handle.addr()).unwrap_or(0)
}

fn freed<H: Handle>() -> Error {
    invalid(format!("the handle is not a live {}: it was freed, or never created", H::NAME))
}

fn wrong<H: Handle>() -> Error {
    invalid(format!("that is a handle, but no {}", H::NAME))
}

fn short_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}
