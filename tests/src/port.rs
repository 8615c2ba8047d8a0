//! Free loopback ports.

#![expect(clippy::missing_panics_doc, clippy::must_use_candidate, reason = "a test that cannot go on panics")]

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A free loopback port. On Linux the system gives it to no other program while this lives, so a server can be ended and
/// started again on it, while other tests start theirs.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// Bound to the port without listening. Linux lets a server listen there all the same, since both reuse the address,
    /// and refuses connections while there is none. Other systems would not let it.
    _reservation: Option<TcpSocket>,
}

impl Port {
    /// Reserves a free port.
    pub fn free() -> Self {
        let socket = TcpSocket::new_v4().expect("the system has sockets");
        socket.set_reuseaddr(true).expect("a socket can reuse its address");
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("there is a free port");
        let number = socket.local_addr().expect("a bound socket has an address").port();
        Self { number, _reservation: cfg!(target_os = "linux").then_some(socket) }
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

    use tokio::net::TcpSocket;

    use super::Port;

    #[test]
    fn a_port_is_free_for_its_server_again_and_again() {
        let port = Port::free();
        for _ in 0..2 {
            let refused = TcpStream::connect(("127.0.0.1", port.number())).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            let server = TcpListener::bind(("127.0.0.1", port.number())).unwrap();
            let client = TcpStream::connect(("127.0.0.1", port.number())).unwrap();
            drop((server.accept().unwrap(), client));
        }
    }

    #[test]
    fn on_linux_a_port_is_reserved_while_no_program_listens() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let port = Port::free();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
        let taken = || TcpSocket::new_v4().unwrap().bind(address);
        assert_eq!(taken().unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(port);
        taken().unwrap();
    }
}
