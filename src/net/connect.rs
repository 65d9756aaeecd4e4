//! Outbound TCP connections. On the shard's thread.

use std::io;
use std::net::{IpAddr, SocketAddr};

use io_uring::{opcode, types};
use socket2::{Domain, Protocol, SockAddr, Type};

use crate::net::event::{Event, SocketId};
use crate::net::socket::Socket;
use crate::net::sockets::Net;
use crate::net::token::{self, Kind};

impl Net {
    /// Begins a TCP connection, from `source` if given, without Nagle's delay. `Connected` or
    /// `ConnectFailed` follows. There is no timeout: the caller closes when it has waited enough.
    ///
    /// Fails at once if no socket can be had or `source` is not an address of this host.
    pub fn connect(&mut self, to: SocketAddr, source: Option<IpAddr>) -> io::Result<SocketId> {
        let socket =
            socket2::Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = source {
            socket.bind(&SockAddr::from(SocketAddr::new(source, 0)))?;
        }
        let address = Box::new(SockAddr::from(to));
        let (fd, pointer, len) = (socket.into(), address.as_ptr(), address.len());
        let mut row = Socket::new(fd);
        row.connecting = Some(address);
        let target = types::Fd(row.raw());
        let id = self.table.insert(row);
        let token = token::pack(Kind::Connect, id.index, id.generation);
        let entry = opcode::Connect::new(target, pointer.cast(), len).build().user_data(token);
        // SAFETY: the boxed address stays in the row until the completion.
        unsafe { self.ring.push(entry) };
        Ok(id)
    }

    pub(super) fn connect_done(&mut self, id: SocketId, result: i32) {
        let Some(socket) = self.table.find(id) else { return };
        socket.connecting = None;
        if socket.closing {
            return self.settle(id);
        }
        if result < 0 {
            self.table.remove(id);
            let error = io::Error::from_raw_os_error(-result);
            self.out.push(Event::ConnectFailed { socket: id, error });
            return;
        }
        self.out.push(Event::Connected { socket: id });
        self.settle(id);
    }
}
