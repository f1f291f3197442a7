//! How the client library reaches the object store: with our TLS and our limits of time.

use std::error::Error as StdError;
use std::time::Duration;

use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpService,
};

use crate::tls;

/// Makes connections to the object store. Of the options of the library it follows one: whether what is not
/// encrypted may be used. The library asks for that where the credentials of a machine come from.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    /// What a server may be silent for.
    pub(super) patience: Duration,
    /// A file of certificates; None for those of the system.
    pub(super) root_certificates: Option<String>,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let plain =
            options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        // No limit for a whole request: a long transfer is no fault, and ours depends on the length.
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(
                tls::client_config(self.root_certificates.as_deref()).map_err(unbuilt)?,
            )
            .user_agent(concat!("holdall/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            .https_only(!plain)
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(self.patience)
            .build();
        Ok(HttpClient::new(Requests(client.map_err(unbuilt)?)))
    }
}

/// Makes requests. The library tries again what could not connect, which is in vain where TLS is why: a server that is
/// not the one that was named does not become it.
#[derive(Debug)]
struct Requests(reqwest::Client);

#[async_trait::async_trait]
impl HttpService for Requests {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.0.call(request).await.map_err(|error| match tls::failure(&error) {
            Some(failure) => HttpError::new(HttpErrorKind::Unknown, failure),
            None => error,
        })
    }
}

fn unbuilt(cause: impl StdError + Send + Sync + 'static) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source: Box::new(cause) }
}
