//! `holdall serve`, or another server in its place, from outside.

mod api;
mod archive;
mod http;
mod life;
mod name;
mod page;
mod url;
