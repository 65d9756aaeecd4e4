//! Accepting: one multishot accept a listener. On the shard's thread.
//!
//! A failed accept (EMFILE, ENFILE) is reported and followed by a pause: the connection still
//! waits in the backlog, so trying at once would spin.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use io_uring::{cqueue, opcode, types};

use crate::net::event::{Event, ListenerId};
use crate::net::listener::Listener;
use crate::net::sockets::Net;
use crate::net::token::{self, Kind};

/// A listener that is being accepted from.
pub(super) struct Listening {
    listener: Listener,
    /// When to go on after a failure.
    rest_until: Option<Instant>,
}

impl Net {
    /// Accepts connections from a listener.
    pub fn listen(&mut self, listener: Listener) -> ListenerId {
        let index = self.listeners.len() as u32;
        self.listeners.push(Some(Listening { listener, rest_until: None }));
        self.arm_accept(index);
        ListenerId(index)
    }

    /// Stops accepting and closes the listener. Connections accepted just before still come.
    pub fn close_listener(&mut self, id: ListenerId) {
        let Some(slot) = self.listeners.get_mut(id.0 as usize) else { return };
        if let Some(listening) = slot.take() {
            self.resting -= usize::from(listening.rest_until.is_some());
            let target = token::pack(Kind::Accept, id.0, 0);
            let own = token::pack(Kind::Cancel, 0, 0);
            let entry = opcode::AsyncCancel::new(target).build().user_data(own);
            // SAFETY: a cancellation points to no memory.
            unsafe { self.ring.push(entry) };
        }
    }

    pub(super) fn accepted(&mut self, index: u32, result: i32, flags: u32) {
        let listener = ListenerId(index);
        if result >= 0 {
            // SAFETY: the kernel has just made this descriptor for us.
            let fd = unsafe { OwnedFd::from_raw_fd(result) };
            self.out.push(Event::Accepted { listener, fd });
        }
        if cqueue::more(flags) {
            return;
        }
        let Some(Some(listening)) = self.listeners.get_mut(index as usize) else { return };
        match -result {
            // The peer gave up before we accepted, or a step was interrupted.
            libc::ECONNABORTED | libc::EINTR | libc::EAGAIN => {}
            // Another handle has stopped it (`Listener::stop`); it is closed soon.
            libc::EINVAL => return,
            error if error > 0 => {
                listening.rest_until = Some(Instant::now() + REST);
                self.resting += 1;
                let error = io::Error::from_raw_os_error(error);
                self.out.push(Event::AcceptFailed { listener, error });
                return;
            }
            _ => {}
        }
        self.arm_accept(index);
    }

    /// Goes on accepting where the pause is over.
    pub(super) fn end_rests(&mut self) {
        let now = Instant::now();
        for index in 0..self.listeners.len() {
            if let Some(listening) = &mut self.listeners[index]
                && listening.rest_until.take_if(|until| *until <= now).is_some()
            {
                self.resting -= 1;
                self.arm_accept(index as u32);
            }
        }
    }

    /// How long parking may take at most for the sake of resting listeners.
    pub(super) fn rest_left(&self) -> Duration {
        if self.resting == 0 { Duration::MAX } else { REST }
    }

    fn arm_accept(&mut self, index: u32) {
        let Some(Some(listening)) = self.listeners.get(index as usize) else { return };
        let fd = types::Fd(listening.listener.fd().as_raw_fd());
        let token = token::pack(Kind::Accept, index, 0);
        let entry = opcode::AcceptMulti::new(fd).flags(libc::SOCK_CLOEXEC).build();
        // SAFETY: a multishot accept points to no memory.
        unsafe { self.ring.push(entry.user_data(token)) };
    }
}

/// The pause after a failed accept.
const REST: Duration = Duration::from_millis(100);
