//! The C library as C sees it: its header, its symbols, programs that use it, and its installation.

mod build;
mod example;
mod header;
mod install;
mod programs;
mod tidy;
