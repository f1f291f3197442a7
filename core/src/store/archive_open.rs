//! The zip of what was picked, read at once: nobody finds it again, and nothing is written for it.

use std::sync::Arc;

use super::archive::Archive;
use super::archive_source::MemberContents;
use crate::body::Body;
use crate::engine::Engine;
use crate::time::Time;
#[cfg(feature = "deflate")]
use crate::zip::write_deflated;
use crate::zip::{Plan, ZipSource};
use crate::{Error, Result};

impl Archive {
    /// Opens the zip of what was picked, as it is now, without making an archive that a URL could lead to.
    /// Nothing is written, so this works in a store that was opened for reading too. No content is read before
    /// it is asked for; what is deleted meanwhile can be read for the store's grace.
    ///
    /// # Errors
    /// As [`Archive::create`], but for the lifetime; `InvalidArgument` for what was found in a share, which
    /// counts its downloads when an archive is made.
    pub fn open(self) -> Result<Body> {
        let (engine, plan) = self.unlisted()?;
        Ok(Body::new(Arc::new(ZipSource::new(plan.clone(), MemberContents::new(engine, plan)))))
    }

    /// Writes that zip compressed.
    ///
    /// # Errors
    /// As [`Archive::open`]; `Corrupt` when content is damaged, and then the zip has no end.
    #[cfg(feature = "deflate")]
    pub fn write_deflated(self, out: &mut impl std::io::Write) -> Result<()> {
        let (engine, plan) = self.unlisted()?;
        write_deflated(&plan, &MemberContents::new(engine, plan.clone()), out)
    }

    /// Returns the plan of the zip, which no row names.
    fn unlisted(&self) -> Result<(Arc<Engine>, Arc<Plan>)> {
        if !self.downloads.is_empty() {
            let why = "a share counts the downloads of its archives: make the archive, and open that";
            return Err(Error::invalid(why.to_owned()));
        }
        let engine = self.drive.engine()?;
        let plan = self.planned(&engine.reader()?, Time::now())?.plan.shared();
        Ok((engine, plan))
    }
}
