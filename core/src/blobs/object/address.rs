//! Where objects are, as text: `s3://BUCKET/PREFIX?endpoint=http://10.0.0.5:9000`.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::ObjectOptions;
use crate::{Error, Result};

/// The address of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
        let mut address = ObjectAddress::default();
        address.locate(base)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !address.set(name, value)? {
                return Err(Error::invalid(format!(
                    "{name:?} is no parameter of the address of object storage; there are endpoint, \
                     endpoint_rootcert, region and cache"
                )));
            }
        }
        Ok(address)
    }

    /// Says where the objects are, by `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// `InvalidArgument` when it is neither.
    pub(crate) fn locate(&mut self, text: &str) -> Result<()> {
        let bucket = text.strip_prefix("s3://").filter(|rest| !rest.is_empty()).ok_or_else(|| {
            Error::invalid(format!("{text:?} is not the address of object storage; give s3://BUCKET/PREFIX"))
        })?;
        let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        self.bucket = bucket.to_owned();
        self.prefix = prefix.trim_matches('/').to_owned();
        Ok(())
    }

    /// Sets a parameter by its name in an address; false where no address of objects has such a one.
    ///
    /// # Errors
    /// `InvalidArgument` when the value is not UTF-8.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<bool> {
        match name {
            "endpoint" => self.endpoint = Some(parameter(name, value)?),
            "endpoint_rootcert" => self.endpoint_rootcert = Some(parameter(name, value)?),
            "region" => self.region = Some(parameter(name, value)?),
            "cache" => self.cache = Some(parameter(name, value)?.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns what tells the objects of two addresses apart.
    pub(crate) fn place(&self) -> (&str, &str, Option<&str>) {
        (&self.bucket, &self.prefix, self.endpoint.as_deref())
    }

    /// Returns the directory for what lies on this machine.
    ///
    /// # Errors
    /// `InvalidArgument` when neither the address nor the environment names one.
    pub(crate) fn cache(&self) -> Result<PathBuf> {
        let of = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = || of("XDG_CACHE_HOME").or_else(|| of("HOME").map(|home| home.join(".cache")));
        let cache = self.cache.clone().or_else(|| base().map(|base| base.join("holdall")));
        cache.ok_or_else(|| {
            Error::invalid("neither HOME nor XDG_CACHE_HOME is set; add cache=DIRECTORY to the address")
        })
    }

    /// Returns the options that reach the objects, with a cache in `cache_dir`.
    pub(crate) fn options(&self, cache_dir: PathBuf) -> ObjectOptions {
        let mut options = ObjectOptions::new(self.bucket.as_str(), cache_dir);
        options.prefix.clone_from(&self.prefix);
        options.endpoint.clone_from(&self.endpoint);
        options.root_certificates.clone_from(&self.endpoint_rootcert);
        options.region.clone_from(&self.region);
        options
    }

    /// Returns the options for objects that are no store's.
    ///
    /// # Errors
    /// As [`ObjectAddress::cache`].
    pub(crate) fn options_by_itself(&self) -> Result<ObjectOptions> {
        Ok(self.options(self.cache()?.join("contents")))
    }
}

/// Returns the value of a parameter of an address.
///
/// # Errors
/// `InvalidArgument` when it is not UTF-8.
pub(crate) fn parameter(name: &str, value: &str) -> Result<String> {
    let decoded = percent_decode_str(value).decode_utf8();
    decoded.map(String::from).map_err(|_| Error::invalid(format!("the value of {name} is not UTF-8")))
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_what_is_none_is_refused() {
        let address =
            ObjectAddress::parse("s3://bucket/a/b/?endpoint=http%3A//h:1&cache=/c&region=r").unwrap();
        let options = address.options_by_itself().unwrap();
        assert_eq!((options.bucket.as_str(), options.prefix.as_str()), ("bucket", "a/b"));
        assert_eq!(options.endpoint.as_deref(), Some("http://h:1"));
        assert_eq!((options.region.as_deref(), options.cache_dir), (Some("r"), PathBuf::from("/c/contents")));
        for wrong in ["", "s3://", "/tmp/x", "http://bucket", "s3://b?endpiont=x", "s3://b?cache=%ff"] {
            assert!(ObjectAddress::parse(wrong).is_err(), "{wrong}");
        }
    }
}
