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
    /// The address; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8420", value_parser = address, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// How long transfers may go on after a signal to stop
    #[arg(long, default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub(crate) grace: Duration,
    /// How many connections are open at once; more wait
    #[arg(long, default_value_t = 1024, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) connections: u32,
    /// Which pages may show what URLs give, or which origins' scripts may read it, where a URL does not say:
    /// same-origin, same-site, cross-origin, "https://a.example https://b.example", or * for all
    #[arg(long, value_name = "POLICY", default_value_t)]
    pub(crate) cross_origin: CrossOrigin,
    /// Write a line for each request to standard error
    #[arg(long)]
    pub(crate) log: bool,
    /// Answer the calls of Cloudreve v4 under /api/v4 and of PDS under /v2 too
    #[arg(long)]
    pub(crate) api: bool,
    /// With --api: whose calls are that show no token, of this machine alone; by default nobody's. Not
    /// behind a proxy, which would make everybody's calls this machine's
    #[arg(long, requires = "api", value_name = "NAME")]
    pub(crate) api_drive: Option<String>,
    /// With --api: where you show a share, with {uri} for its URI, such as `/home?path={uri}`: links of
    /// the form /s/ID and /s/ID/PASSWORD, which Cloudreve's users passed on, lead there
    #[arg(long, requires = "api", value_name = "URL")]
    pub(crate) api_share_page: Option<String>,
    /// With --api: a bearer token and the drive that it is of
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
    /// With --api: what its URLs begin with; by default the address
    #[arg(long, requires = "api", value_name = "URL")]
    pub(crate) api_site: Option<String>,
    /// With --api: of what content a PDS client may prove to have it instead of sending it
    #[arg(long, requires = "api", value_enum, default_value_t, value_name = "WHERE")]
    pub(crate) api_rapid: Rapid,
}

/// Of what content a PDS client may prove to have it.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum Rapid {
    /// Of none
    Off,
    /// Of what its own drive has
    #[default]
    Drive,
    /// Of what any drive has, by a proof of many pieces
    Store,
}
