//! Shipping: a live store in object storage, as it was a second ago, and back from there.
//!
//! What is shipped is the log: the bytes that were added to the segments ([`shipment`]), and the large contents
//! that they speak of. A restore puts the segments back, makes the rows from them as a rebuild does, and checks
//! all content. So a store can be had as it was at any shipment that is kept, and between two of them as it was
//! after any group.
//!
//! Bytes of the log are shipped once they are published, and never change then. Objects are written before the
//! shipment that speaks of them, so whoever is killed on the way leaves a shorter history, and goes on behind it.

mod restore;
mod send;
mod shipment;
mod sweep;

pub use restore::RestoreReport;
pub use send::{ShipReport, Shipper};

#[cfg(test)]
pub(super) use restore::restore_over;
