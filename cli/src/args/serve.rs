//! The options of `holdall serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use holdall::CrossOrigin;

use super::value::{address, duration, token};

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The directory of the store, instead of --store
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The address to listen on; port 0 chooses a free port
    #[arg(long, default_value = "127.0.0.1:8420", value_parser = address, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// How long transfers may continue after a signal to stop
    #[arg(long, default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub(crate) grace: Duration,
    /// The maximum number of open connections; more than that wait
    #[arg(long, default_value_t = 1024, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) connections: u32,
    /// The pages that may embed files, or the origins whose scripts may read them, unless the URL says otherwise:
    /// same-origin, same-site, cross-origin, "https://a.example https://b.example", or * for all
    #[arg(long, value_name = "POLICY", default_value_t)]
    pub(crate) cross_origin: CrossOrigin,
    /// Write a line for each request to standard error
    #[arg(long)]
    pub(crate) log: bool,
    /// Also answer the calls of Cloudreve v4 under /api/v4 and of PDS under /v2
    #[arg(long)]
    pub(crate) api: bool,
    /// With --api: treat calls without a token from this machine as calls of this drive's owner. Do not use it behind
    /// a proxy, through which all calls come from this machine
    #[arg(long, requires = "api", value_name = "NAME")]
    pub(crate) api_drive: Option<String>,
    /// With --api: your page for a share, with {uri} for the URI of the share, such as `/home?path={uri}`. Share
    /// links of Cloudreve, /s/ID and /s/ID/PASSWORD, redirect to it
    #[arg(long, requires = "api", value_name = "URL")]
    pub(crate) api_share_page: Option<String>,
    /// With --api: a bearer token, and the drive whose owner has it
    #[arg(
        id = "api_token",
        long = "api-token",
        requires = "api",
        env = "HOLDALL_API_TOKENS",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = token,
        value_name = "TOKEN=DRIVE"
    )]
    pub(crate) api_tokens: Vec<(String, String)>,
    /// With --api: a drive whose owner is an administrator
    #[arg(id = "api_administrator", long = "api-administrator", requires = "api", value_name = "NAME")]
    pub(crate) api_administrators: Vec<String>,
    /// With --api: the base of URLs in answers [default: the address]
    #[arg(long, requires = "api", value_name = "URL")]
    pub(crate) api_site: Option<String>,
    /// With --api: the content that a PDS client may claim by a proof instead of sending it
    #[arg(long, requires = "api", value_enum, default_value_t, value_name = "WHERE")]
    pub(crate) api_rapid: Rapid,
}

/// The content that a PDS client may claim by a proof.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum Rapid {
    /// None
    Off,
    /// The content of its own drive
    #[default]
    Drive,
    /// The content of any drive, by a proof over many pieces
    Store,
}
