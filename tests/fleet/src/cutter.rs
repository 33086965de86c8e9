//! A way to a server that can be cut, go silent, and lead elsewhere.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};

pub struct Cutter {
    pub port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Where new connections lead.
    to: AtomicU16,
    is_cut_due: AtomicBool,
    /// So many connections have been made, and so many of the first ones are silent.
    made: AtomicUsize,
    silent: AtomicUsize,
}

impl Cutter {
    /// Leads to a port of this machine, for as long as the program runs.
    pub fn new(to: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let state = Arc::new(State { to: AtomicU16::new(to), ..State::default() });
        let of_thread = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let to = of_thread.to.load(Ordering::SeqCst);
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                let number = of_thread.made.fetch_add(1, Ordering::SeqCst);
                let twice = |stream: &TcpStream| stream.try_clone().expect("a second handle");
                let (from_client, to_server) = (twice(&client), twice(&server));
                let (there, back) = (Arc::clone(&of_thread), Arc::clone(&of_thread));
                std::thread::spawn(move || there.pass(number, from_client, to_server, false));
                std::thread::spawn(move || back.pass(number, server, client, true));
            }
        });
        Self { port, state }
    }

    /// The next answer does not arrive: its connection ends instead.
    pub fn cut(&self) {
        self.state.is_cut_due.store(true, Ordering::SeqCst);
    }

    /// Nothing comes through the connections of now any more, and they stay open: as if a firewall had forgotten them.
    pub fn silence(&self) {
        self.state.silent.store(self.state.made.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// New connections lead to another port.
    pub fn lead_to(&self, port: u16) {
        self.state.to.store(port, Ordering::SeqCst);
    }
}

impl State {
    fn pass(&self, number: usize, mut from: TcpStream, mut to: TcpStream, is_answer: bool) {
        let mut bytes = [0; 65536];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if number < self.silent.load(Ordering::SeqCst) {
                continue;
            }
            if is_answer && self.is_cut_due.swap(false, Ordering::SeqCst) || to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        // Closed already at worst.
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
