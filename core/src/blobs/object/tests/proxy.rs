//! A proxy in front of a server, which fails as it is told to.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerFault {
    /// The connection is closed before the body is read.
    Refused,
    /// The body is read, and the connection closed; the server has seen nothing.
    Cut,
    /// The body is read and nothing happens.
    Stalled,
    /// The server is not asked; this is the answer.
    Answered(u16),
    /// The server did it, and this is the answer.
    DoneAndAnswered(u16),
    /// The server did it, and the connection is closed.
    ReplyLost,
    /// The server did it, and the connection is closed in the middle of its answer.
    ReplyCut,
}

/// A fault, and the method and the text in the target of the request that it is for.
type Planned = (&'static str, &'static str, ServerFault);

#[derive(Default)]
struct FaultPlan {
    faults: Mutex<VecDeque<Planned>>,
    /// Methods and targets of the requests that came.
    seen: Mutex<Vec<String>>,
}

pub(super) struct FaultyProxy {
    pub(super) port: u16,
    plan: Arc<FaultPlan>,
}

impl FaultyProxy {
    pub(super) fn start(server: u16) -> FaultyProxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Arc::<FaultPlan>::default();
        let shared = plan.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let plan = shared.clone();
                std::thread::spawn(move || drop(pass(stream, server, &plan)));
            }
        });
        FaultyProxy { port, plan }
    }

    /// Lets requests fail, each fault once.
    pub(super) fn fail(&self, faults: impl IntoIterator<Item = Planned>) {
        self.plan.faults.lock().unwrap().extend(faults);
    }

    /// Returns how many faults were not met yet.
    pub(super) fn left(&self) -> usize {
        self.plan.faults.lock().unwrap().len()
    }

    /// Returns the requests that came since this was asked last.
    pub(super) fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.plan.seen.lock().unwrap())
    }
}

impl FaultPlan {
    fn next(&self, line: &str) -> Option<ServerFault> {
        self.seen.lock().unwrap().push(line.trim_end().to_owned());
        let mut faults = self.faults.lock().unwrap();
        let (method, target) = line.split_once(' ')?;
        let at = faults.iter().position(|(of, text, _)| *of == method && target.contains(text))?;
        faults.remove(at).map(|(_, _, fault)| fault)
    }
}

/// Passes one request on; the connection ends with it.
fn pass(client: TcpStream, server: u16, plan: &FaultPlan) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut head, mut len) = (String::new(), 0_usize);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            len = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let fault = plan.next(head.lines().next().unwrap_or_default());
    if fault == Some(ServerFault::Refused) {
        return Ok(());
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body)?;
    let answer = |mut client: TcpStream, status: u16| {
        write!(client, "HTTP/1.1 {status} Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    };
    match fault {
        Some(ServerFault::Cut) => return Ok(()),
        Some(ServerFault::Stalled) => {
            std::thread::sleep(Duration::from_secs(20));
            return Ok(());
        }
        Some(ServerFault::Answered(status)) => return answer(client, status),
        _ => {}
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", server))?;
    upstream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    upstream.write_all(&body)?;
    let mut reply = Vec::new();
    upstream.read_to_end(&mut reply)?;
    match fault {
        Some(ServerFault::DoneAndAnswered(status)) => answer(client, status),
        Some(ServerFault::ReplyLost) => Ok(()),
        Some(ServerFault::ReplyCut) => (&client).write_all(&reply[..reply.len() - reply.len() / 3]),
        _ => (&client).write_all(&reply),
    }
}
