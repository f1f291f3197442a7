//! Values as they are on the wire.

use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};

use crate::{Error, Result};

/// A value as it is on the wire, with its type; None for NULL.
pub(in super::super) type Cell = (Type, Option<Vec<u8>>);

/// Reads a cell of an answer.
pub(in super::super) fn cell<'a, T: FromSql<'a>>(cells: &'a [Cell], index: usize) -> Result<T> {
    let unread = |why: &str| Error::bug(format!("column {index} of an answer: {why}"));
    let (kind, bytes) = cells.get(index).ok_or_else(|| unread("there is none"))?;
    if !T::accepts(kind) {
        return Err(unread("it has another type"));
    }
    T::from_sql_nullable(kind, bytes.as_deref()).map_err(|cause| unread(&cause.to_string()))
}

/// Puts a value on the wire.
pub(super) fn encode(value: &(dyn ToSql + Send + Sync), kind: &Type) -> Result<Cell> {
    let mut out = bytes::BytesMut::new();
    let is_null = value.to_sql_checked(kind, &mut out);
    match is_null.map_err(|cause| Error::bug(format!("a parameter of a statement: {cause}")))? {
        IsNull::Yes => Ok((kind.clone(), None)),
        IsNull::No => Ok((kind.clone(), Some(out.to_vec()))),
    }
}
