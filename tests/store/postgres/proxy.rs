//! A way to a server that can be cut: the client hears of it at once, the server only when it next
//! writes, so it carries out what it has been sent.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

pub struct Proxy {
    port: u16,
    /// What connects clients, until it is cut.
    clients: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// To a port of this machine. Its threads end with the test's process at the latest.
    pub fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let clients: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let accepted = Arc::clone(&clients);
        spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else {
                    return;
                };
                carry(&client, &server);
                carry(&server, &client);
                accepted.lock().expect("clients").push(client);
            }
        });
        Self { port, clients }
    }

    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// Cuts what is open; whoever comes later gets through.
    pub fn cut(&self) {
        for client in self.clients.lock().expect("clients").drain(..) {
            // It may have gone by itself.
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

/// Copies until either side ends.
fn carry(from: &TcpStream, to: &TcpStream) {
    let mut from = from.try_clone().expect("a stream");
    let mut to = to.try_clone().expect("a stream");
    spawn(move || copy(&mut from, &mut to));
}
