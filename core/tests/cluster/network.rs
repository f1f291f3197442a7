//! The way to the object storage, which can refuse and stall.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    Clear,
    /// Connections are cut, and new ones end at once.
    Refuses,
    /// Nothing comes through, and nobody is informed of it.
    Stalls,
}

#[derive(Default)]
struct Sky {
    weather: Mutex<Option<Weather>>,
    changed: Condvar,
}

impl Sky {
    /// Waits until something may pass; whether it may.
    fn passes(&self) -> bool {
        let weather = self.weather.lock().unwrap();
        let stalls = |weather: &mut Option<Weather>| *weather == Some(Weather::Stalls);
        let weather = self.changed.wait_while(weather, stalls).unwrap();
        *weather != Some(Weather::Refuses)
    }
}

/// Passes on what goes to a server, as the weather is.
pub(crate) struct Network {
    pub(crate) port: u16,
    sky: Arc<Sky>,
}

impl Network {
    pub(crate) fn before(server: u16) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sky = Arc::new(Sky::default());
        let above = sky.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) else {
                    continue;
                };
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                pass(client, server, above.clone());
                pass(back.0, back.1, above.clone());
            }
        });
        Network { port, sky }
    }

    pub(crate) fn set(&self, weather: Weather) {
        *self.sky.weather.lock().unwrap() = Some(weather);
        self.sky.changed.notify_all();
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, sky: Arc<Sky>) {
    to.set_nodelay(true).unwrap();
    std::thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(len @ 1..) = from.read(&mut bytes) {
            if !sky.passes() || to.write_all(&bytes[..len]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}
