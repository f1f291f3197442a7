//! The places that C wants results in. They are written at the very end, when all went well.

use std::mem::MaybeUninit;

use holdall::{Error, ErrorKind, Result};

use super::{Caller, Handle, handle_of};
use crate::sized::Record;

/// Room for an output.
pub(crate) struct Out<'a, T>(pub(super) &'a mut MaybeUninit<T>);

impl<T> Out<'_, T> {
    pub(crate) fn put(self, value: T) -> Result<()> {
        self.0.write(value);
        Ok(())
    }
}

impl<H: Handle> Out<'_, *mut H> {
    /// Makes a handle of a value.
    pub(crate) fn hand(self, value: H::Value) -> Result<()> {
        self.put(handle_of::<H>(value)?)
    }
}

/// Room for an output of which the caller's header may know more or less than this library.
pub(crate) struct RecordOut<'a, T> {
    pub(super) to: *mut T,
    pub(super) size: usize,
    pub(super) _caller: &'a Caller,
}

impl<T: Record> RecordOut<'_, T> {
    /// Refuses a record that is too short for all there is, where that holds a handle that nobody could free
    /// then.
    pub(crate) fn whole(self) -> Result<Self> {
        match self.size >= size_of::<T>() {
            true => Ok(self),
            false => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a record of {} bytes has no room for its handle; set its size to sizeof", self.size),
            )),
        }
    }

    /// Writes as much of the value as the caller knows; what it knows beyond becomes zero.
    pub(crate) fn put(self, value: T) -> Result<()> {
        let (known, later) = (self.size.min(size_of::<T>()), self.size.saturating_sub(size_of::<T>()));
        let to = self.to.cast::<u8>();
        // SAFETY: `size` bytes are the caller's by its own word; they begin with the size, which is
        // written back as it was.
        unsafe {
            std::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), to, known);
            to.wrapping_add(known).write_bytes(0, later);
            self.to.cast::<usize>().write(self.size);
        }
        Ok(())
    }
}

/// A to that the caller may not have given, which NULL says.
pub(crate) struct Optional<O>(pub(super) Option<O>);

impl<T> Optional<Out<'_, T>> {
    pub(crate) fn put(self, value: T) -> Result<()> {
        self.0.map_or(Ok(()), |out| out.put(value))
    }
}

impl<H: Handle> Optional<Out<'_, *mut H>> {
    /// Makes a handle of a value, where one is wanted.
    pub(crate) fn hand(self, value: H::Value) -> Result<()> {
        self.0.map_or(Ok(()), |out| out.hand(value))
    }
}

impl<T: Record> Optional<RecordOut<'_, T>> {
    pub(crate) fn put(self, value: T) -> Result<()> {
        self.0.map_or(Ok(()), |out| out.put(value))
    }
}
