//! Where objects are, as text: `s3://BUCKET/PREFIX?endpoint=http://10.0.0.5:9000`.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::ObjectOptions;
use crate::{Error, Result};

/// The address of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectAddress {
    bucket: String,
    prefix: String,
    endpoint: Option<String>,
    endpoint_rootcert: Option<String>,
    region: Option<String>,
    cache: Option<PathBuf>,
}

impl ObjectAddress {
    /// Takes an address apart: `s3://BUCKET` or `s3://BUCKET/PREFIX`, and behind a `?` the parameters `endpoint`,
    /// `endpoint_rootcert`, `region` and `cache`, a directory for what has to lie on this machine meanwhile.
    ///
    /// # Errors
    /// `InvalidArgument` when it is none.
    pub(crate) fn parse(text: &str) -> Result<ObjectAddress> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let bucket = base.strip_prefix("s3://").filter(|rest| !rest.is_empty());
        let bucket = bucket.ok_or_else(|| {
            Error::invalid(format!("{base:?} is not the address of object storage; give s3://BUCKET/PREFIX"))
        })?;
        let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        let mut address = ObjectAddress {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            endpoint: None,
            endpoint_rootcert: None,
            region: None,
            cache: None,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| Error::invalid(format!("the value of {name} is not UTF-8")))?;
            match name {
                "endpoint" => address.endpoint = Some(value.into_owned()),
                "endpoint_rootcert" => address.endpoint_rootcert = Some(value.into_owned()),
                "region" => address.region = Some(value.into_owned()),
                "cache" => address.cache = Some(PathBuf::from(value.into_owned())),
                _ => {
                    return Err(Error::invalid(format!(
                        "{name:?} is no parameter of the address of object storage; there are endpoint, \
                         endpoint_rootcert, region and cache"
                    )));
                }
            }
        }
        Ok(address)
    }

    /// Returns the options that reach the objects.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no directory for a cache.
    pub(crate) fn options(&self) -> Result<ObjectOptions> {
        let of = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = || of("XDG_CACHE_HOME").or_else(|| of("HOME").map(|home| home.join(".cache")));
        let cache = self.cache.clone().or_else(|| base().map(|base| base.join("holdall")));
        let cache = cache.ok_or_else(|| {
            Error::invalid("neither HOME nor XDG_CACHE_HOME is set; add cache=DIRECTORY to the address")
        })?;
        let mut options = ObjectOptions::new(self.bucket.as_str(), cache.join("contents"));
        options.prefix.clone_from(&self.prefix);
        options.endpoint.clone_from(&self.endpoint);
        options.root_certificates.clone_from(&self.endpoint_rootcert);
        options.region.clone_from(&self.region);
        Ok(options)
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_what_is_none_is_refused() {
        let address =
            ObjectAddress::parse("s3://bucket/a/b/?endpoint=http%3A//h:1&cache=/c&region=r").unwrap();
        let options = address.options().unwrap();
        assert_eq!((options.bucket.as_str(), options.prefix.as_str()), ("bucket", "a/b"));
        assert_eq!(options.endpoint.as_deref(), Some("http://h:1"));
        assert_eq!((options.region.as_deref(), options.cache_dir), (Some("r"), PathBuf::from("/c/contents")));
        for wrong in ["", "s3://", "/tmp/x", "http://bucket", "s3://b?endpiont=x", "s3://b?cache=%ff"] {
            assert!(ObjectAddress::parse(wrong).is_err(), "{wrong}");
        }
    }
}
