//! The wire formats as a client sees them: requests in, replies out, over real stores.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod cloudreve;
mod kept;
#[path = "../store/opened.rs"]
mod opened;
mod pds;
