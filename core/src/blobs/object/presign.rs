//! Redirects: a presigned URL of the object store in the place of a reply.

use std::time::Duration;

use http::Method;
use object_store::signer::{SignedUrlOptions, Signer as _};

use super::client::{Backend, within};
use super::{ObjectKind, ObjectPool, name};
use crate::Result;
use crate::http::{CacheControl, Disposition, content_disposition};
use crate::id::BlobId;

/// How a download is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presentation<'a> {
    pub(crate) name: &'a str,
    pub(crate) media_type: &'a str,
    pub(crate) disposition: Disposition,
    pub(crate) cache: CacheControl,
}

impl ObjectPool {
    /// Whether downloads may be redirects.
    pub(crate) fn redirects(&self) -> bool {
        !self.client.options.longest_redirect.is_zero()
    }

    /// Returns a URL of the object store that sends the large content of a blob as an attachment of that name
    /// and type, for as long as `lifetime` and at most as long as the options allow. None where the object
    /// store cannot send what a reply would: a page that is shown in a browser needs headers that it does not
    /// set (`X-Content-Type-Options`, `Content-Security-Policy`).
    ///
    /// The URL can neither be revoked nor counted, and is good for every address: the caller redirects only
    /// where nothing of that was promised.
    ///
    /// # Errors
    /// `Io` when the credentials cannot be had.
    pub(crate) fn presign(
        &self,
        blob: BlobId,
        presentation: Presentation<'_>,
        lifetime: Duration,
    ) -> Result<Option<String>> {
        let lifetime = lifetime.min(self.client.options.longest_redirect);
        // S3 counts in whole seconds, and one that is almost over is of no use.
        if presentation.disposition != Disposition::Attachment || lifetime < Duration::from_secs(1) {
            return Ok(None);
        }
        let disposition = content_disposition(presentation.disposition, presentation.name);
        if !disposition.is_ascii() || !presentation.media_type.is_ascii() {
            return Ok(None);
        }
        let cache = presentation.cache.value();
        let query = [
            ("response-content-disposition", disposition.as_str()),
            ("response-content-type", presentation.media_type),
            ("response-cache-control", cache.as_str()),
        ];
        let options = SignedUrlOptions::default().with_query(query);
        let key = name::path(&self.client.prefix, ObjectKind::Content, blob.0);
        let limit = self.client.options.patience;
        self.client.ask(&format!("signing a URL of the object {key}"), |backend| async move {
            match backend.as_ref() {
                Backend::S3(s3, _) => {
                    let signed = s3.signed_url_opts(Method::GET, &key, lifetime, &options);
                    within(limit, signed).await.map(|url| Some(url.into()))
                }
                #[cfg(test)]
                Backend::Memory(_) => Ok(None),
                #[cfg(all(feature = "sim", feature = "remote"))]
                Backend::Simulated(_) => Ok(None),
            }
        })
    }
}
