//! The sockets of one shard, by index and generation. A vector with a free list: no hashing.
//!
//! Always holds: a row's generation rises when its socket leaves, so an id or completion of
//! an earlier tenant never reaches a later one; and the index of a detached socket has no new
//! tenant before whoever keeps a row of his own under it has worked on the event that says so.

use crate::net::event::SocketId;
use crate::net::socket::Socket;
use crate::net::token::INDEX_MAX;

/// The table.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Row>,
    free: Vec<u32>,
    /// Left by detached sockets whose event is not handed over yet.
    leaving: Vec<u32>,
    /// The same, their events handed over in the last turn.
    left: Vec<u32>,
}

struct Row {
    generation: u32,
    socket: Option<Socket>,
}

impl Table {
    pub(super) fn insert(&mut self, socket: Socket) -> SocketId {
        let index = self.free.pop().unwrap_or_else(|| {
            let index = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
            assert!(index <= INDEX_MAX, "more sockets than any descriptor limit allows");
            self.rows.push(Row { generation: 1, socket: None });
            index
        });
        let row = &mut self.rows[index as usize];
        debug_assert!(row.socket.is_none());
        row.socket = Some(socket);
        SocketId { index, generation: row.generation }
    }

    #[inline]
    pub(super) fn find(&mut self, id: SocketId) -> Option<&mut Socket> {
        let row = self.rows.get_mut(id.index as usize)?;
        if row.generation == id.generation { row.socket.as_mut() } else { None }
    }

    #[inline]
    pub(super) fn peek(&self, id: SocketId) -> Option<&Socket> {
        let row = self.rows.get(id.index as usize)?;
        if row.generation == id.generation { row.socket.as_ref() } else { None }
    }

    pub(super) fn remove(&mut self, id: SocketId) -> Option<Socket> {
        let socket = self.take(id)?;
        self.free.push(id.index);
        Some(socket)
    }

    /// As `remove`, for a socket whose leaving is told by an event of this turn: another event
    /// before it may be the arrival of a socket, which must not be given its index.
    pub(super) fn remove_with_event(&mut self, id: SocketId) -> Option<Socket> {
        let socket = self.take(id)?;
        self.leaving.push(id.index);
        Some(socket)
    }

    /// The events of the turn before this one are worked on.
    #[inline]
    pub(super) fn events_done(&mut self) {
        self.free.append(&mut self.left);
    }

    /// The events of this turn are handed over.
    #[inline]
    pub(super) fn events_handed_over(&mut self) {
        self.left.append(&mut self.leaving);
    }

    fn take(&mut self, id: SocketId) -> Option<Socket> {
        let row = self.rows.get_mut(id.index as usize)?;
        if row.generation != id.generation {
            return None;
        }
        let socket = row.socket.take()?;
        row.generation = row.generation.wrapping_add(1);
        Some(socket)
    }

    /// Sockets in the table, the closing ones included.
    pub(super) fn len(&self) -> usize {
        self.rows.len() - self.free.len() - self.leaving.len() - self.left.len()
    }

    pub(super) fn ids(&self) -> Vec<SocketId> {
        let occupied = self.rows.iter().zip(0..).filter(|(row, _)| row.socket.is_some());
        occupied.map(|(row, index)| SocketId { index, generation: row.generation }).collect()
    }
}
