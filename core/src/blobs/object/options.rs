//! Where the objects are and how they are reached.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Error, Result};

/// The longest that a presigned URL of S3 lives.
const SEVEN_DAYS: Duration = Duration::from_secs(7 * 24 * 3600);

/// How contents in object storage are reached.
#[derive(Clone)]
pub(crate) struct ObjectOptions {
    /// The bucket, which exists.
    pub(crate) bucket: String,
    /// What all keys begin with: parts joined by `/`, or nothing.
    pub(crate) prefix: String,
    /// The server's address; None for Amazon's own.
    pub(crate) endpoint: Option<String>,
    /// A file of certificates by which that server's is verified; None for those of the system.
    pub(crate) root_certificates: Option<String>,
    /// None for what the environment says, or us-east-1.
    pub(crate) region: Option<String>,
    /// Key id and secret; None for what the environment or the machine's role gives.
    pub(crate) credentials: Option<(String, String)>,
    /// The directory of the cache, on a local disk. Processes of one host share it.
    pub(crate) cache_dir: PathBuf,
    /// What the cache takes of the disk at most.
    pub(crate) cache_bytes: u64,
    /// How long a request may take before its first byte is sent or after its last.
    pub(crate) patience: Duration,
    /// The slowest transfer that is waited for, in bytes each second.
    pub(crate) slowest: u64,
    /// The longest that a content may take from the first byte that comes in until its rows are committed.
    /// Nothing younger than twice as long is swept.
    pub(crate) longest_upload: Duration,
    /// How long a redirect to the object store is good for at most: what a revocation may be late by. 0 for none.
    pub(crate) longest_redirect: Duration,
    /// Objects in the memory of the process, which only tests want.
    #[cfg(test)]
    pub(crate) memory: Option<std::sync::Arc<object_store::memory::InMemory>>,
    /// Simulated objects, as a simulated host reaches them.
    #[cfg(all(feature = "sim", feature = "remote"))]
    pub(crate) simulated: Option<(super::sim::SimObjects, std::sync::Arc<dyn crate::network::SimNetwork>)>,
}

impl ObjectOptions {
    pub(crate) fn new(bucket: impl Into<String>, cache_dir: impl Into<PathBuf>) -> ObjectOptions {
        ObjectOptions {
            bucket: bucket.into(),
            prefix: String::new(),
            endpoint: None,
            root_certificates: None,
            region: None,
            credentials: None,
            cache_dir: cache_dir.into(),
            cache_bytes: 10 << 30,
            patience: Duration::from_secs(30),
            slowest: 256 << 10,
            longest_upload: Duration::from_secs(24 * 3600),
            longest_redirect: Duration::ZERO,
            #[cfg(test)]
            memory: None,
            #[cfg(all(feature = "sim", feature = "remote"))]
            simulated: None,
        }
    }

    /// Returns how long `bytes` may be on their way.
    pub(super) fn time_for(&self, bytes: u64) -> Duration {
        self.patience.saturating_add(Duration::from_secs(bytes / self.slowest.max(1)))
    }

    /// Refuses values that can never be right.
    pub(super) fn check(&self) -> Result<()> {
        if self.bucket.is_empty() || self.bucket.contains('/') {
            return Err(Error::invalid(format!("{:?} is not the name of a bucket", self.bucket)));
        }
        if self.longest_redirect > SEVEN_DAYS {
            return Err(Error::invalid(format!(
                "a redirect of {} seconds is longer than the 7 days that S3 allows",
                self.longest_redirect.as_secs()
            )));
        }
        if self.longest_upload < self.patience {
            return Err(Error::invalid(format!(
                "an upload of {} seconds at most is shorter than the {} seconds that one request may take",
                self.longest_upload.as_secs(),
                self.patience.as_secs()
            )));
        }
        Ok(())
    }
}

impl std::fmt::Debug for ObjectOptions {
    /// Leaves the credentials out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectOptions")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
