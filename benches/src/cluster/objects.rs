//! The crate `object_store` alone, as its documentation has it.

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStoreExt, WriteMultipart};
use tokio::runtime::{Builder, Runtime};

use super::parameter;

/// The length of a part, and how many are on their way at once.
const PART: usize = 8 << 20;
const AT_ONCE: usize = 8;

/// A client, and the threads that it runs on.
pub struct Objects {
    runtime: Runtime,
    client: AmazonS3,
}

impl Objects {
    /// Connects to the object storage of a store.
    pub fn of(address: &str) -> Objects {
        // The client of HTTP asks for one even where it encrypts nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (bucket, _) =
            parameter(address, "contents").trim_start_matches("s3://").split_once('/').expect("a prefix");
        let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        let builder = builder.with_endpoint(parameter(address, "endpoint"));
        let client = builder.with_client_options(ClientOptions::new().with_allow_http(true)).build();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Objects { runtime: runtime.expect("threads"), client: client.expect("a client") }
    }

    /// Writes an object of many pieces, and waits until it is there.
    pub fn put(&self, key: &str, pieces: impl Iterator<Item = Bytes>) {
        self.runtime.block_on(async {
            let upload = self.client.put_multipart(&Path::from(key)).await.expect("an upload");
            let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
            for piece in pieces {
                upload.wait_for_capacity(AT_ONCE - 1).await.expect("a part");
                upload.put(piece);
            }
            upload.finish().await.expect("an object");
        });
    }

    /// Reads an object, and hands over what comes.
    pub fn get(&self, key: &str, mut take: impl FnMut(&[u8])) {
        self.runtime.block_on(async {
            let mut stream = self.client.get(&Path::from(key)).await.expect("an object").into_stream();
            while let Some(piece) = stream.try_next().await.expect("bytes") {
                take(&piece);
            }
        });
    }

    /// Removes an object.
    pub fn remove(&self, key: &str) {
        self.runtime.block_on(self.client.delete(&Path::from(key))).expect("removed");
    }
}
