//! What each target does with an input: plain functions that panic on a finding. The fuzzer calls
//! them, and the tests of the core do, over the committed corpora.

mod api;
mod header;
mod input;
mod model;
mod name;
mod record;
mod recovery;
mod request;
mod token;
mod zip;

pub use zip::archive;

/// A target.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its corpus and of its binary too.
pub const ALL: [(&str, Target); 13] = [
    ("token", token::token),
    ("cloudreve_url", token::cloudreve_url),
    ("path", name::path),
    ("header_name", name::header_name),
    ("range", header::range),
    ("condition", header::condition),
    ("request", request::request),
    ("record", record::record),
    ("recovery", recovery::recovery),
    ("zip_plan", zip::zip_plan),
    ("cloudreve_json", api::cloudreve_json),
    ("pds_json", api::pds_json),
    ("model", model::model),
];
