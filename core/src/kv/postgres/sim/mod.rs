//! A simulated database: what a server keeps, and how it executes each of our statements.

mod cell;
mod client;
mod database;
mod rows;
mod state;
mod statement;
#[cfg(test)]
mod tests;
mod walk;

pub(super) use cell::{Cell, cell};
pub(super) use client::{BegunWork, SimClient, SimSession};
pub use database::SimDatabase;
