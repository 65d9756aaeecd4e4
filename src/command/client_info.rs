//! Who is connected: one [`ClientInfo`] a client, in a registry that any core may ask. The shard
//! that serves a client is the only writer of its numbers and publishes them once a turn, so a
//! command costs nothing here; readers see each number as of a moment ago.
//!
//! Always holds: a client is in the registry from its connection's begin to its end, under the
//! shard that serves it.

use super::acl::user::DEFAULT_USER;
use super::table::table;
use crate::base::ids::{ClientId, DbIndex, ShardId};
use crate::metrics::counters::Counter;
use crate::net::event::SocketId;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// What a client is or is in the middle of, a bit each: the letters of `flags=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ClientFlags(pub u32);

/// One client, as `CLIENT LIST` and the logs show it.
#[derive(Debug)]
pub struct ClientInfo {
    /// Its id.
    pub id: ClientId,
    /// Its address: `ip:port`, or `path:0` on a unix socket.
    pub addr: String,
    /// The server's address it came to.
    pub laddr: String,
    /// Its descriptor's number.
    pub fd: i32,
    /// It came over a unix socket.
    pub unix: bool,
    /// Unix milliseconds when it came.
    pub since_ms: u64,
    /// Its numbers.
    pub numbers: Numbers,
    sticky: AtomicU32,
    killed: AtomicBool,
    redirect: AtomicI64,
    place: Mutex<(ShardId, SocketId)>,
    texts: Mutex<Texts>,
}

/// A client's numbers. Written by its shard only.
#[derive(Debug, Default)]
#[allow(missing_docs)] // Each is the field of `CLIENT LIST` of that name.
pub struct Numbers {
    /// Unix milliseconds of the last bytes from it.
    pub last_ms: Counter,
    /// Letters that follow from its session.
    pub flags: Counter,
    pub db: Counter,
    pub sub: Counter,
    pub psub: Counter,
    pub ssub: Counter,
    /// Commands queued and one more; 0 without a transaction.
    pub multi: Counter,
    pub watch: Counter,
    pub qbuf: Counter,
    pub qbuf_free: Counter,
    pub argv_mem: Counter,
    pub multi_mem: Counter,
    pub rbs: Counter,
    pub obl: Counter,
    pub oll: Counter,
    pub omem: Counter,
    /// Index of its last command and one more; 0 before the first.
    pub command: Counter,
    pub resp: Counter,
    pub net_in: Counter,
    pub net_out: Counter,
    pub commands: Counter,
}

#[derive(Debug, Default)]
struct Texts {
    name: Vec<u8>,
    lib_name: Vec<u8>,
    lib_version: Vec<u8>,
    user: Vec<u8>,
}

/// The classes that `TYPE` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// An ordinary client, a monitor too.
    Normal,
    /// A replica of ours.
    Replica,
    /// Our master.
    Master,
    /// A subscriber.
    Pubsub,
}

/// Where a client sits.
#[derive(Debug)]
pub struct Place {
    /// The shard that serves it.
    pub shard: ShardId,
    /// Its socket there.
    pub socket: SocketId,
    /// Its descriptor's number.
    pub fd: i32,
    /// Its address.
    pub addr: String,
    /// The server's address it came to.
    pub laddr: String,
    /// It came over a unix socket.
    pub unix: bool,
}

/// All clients, by shard.
#[derive(Debug)]
pub struct Registry {
    shards: Vec<Mutex<HashMap<ClientId, Arc<ClientInfo>, ahash::RandomState>>>,
    /// Held for writing while a client is between two shards.
    moving: RwLock<()>,
}

impl ClientFlags {
    /// None.
    pub const NONE: ClientFlags = ClientFlags(0);
    /// `O`: it monitors.
    pub const MONITOR: ClientFlags = ClientFlags(1 << 0);
    /// `S`: a replica.
    pub const REPLICA: ClientFlags = ClientFlags(1 << 1);
    /// `M`: the master.
    pub const MASTER: ClientFlags = ClientFlags(1 << 2);
    /// `P`: a subscriber.
    pub const PUBSUB: ClientFlags = ClientFlags(1 << 3);
    /// `x`: in a transaction.
    pub const MULTI: ClientFlags = ClientFlags(1 << 4);
    /// `b`: it waits for an operation to become possible.
    pub const BLOCKED: ClientFlags = ClientFlags(1 << 5);
    /// `b` as well: a pause holds it back.
    pub const PAUSED: ClientFlags = ClientFlags(1 << 14);
    /// `t`: it tracks keys for its cache.
    pub const TRACKING: ClientFlags = ClientFlags(1 << 6);
    /// `R`: the client its invalidations went to is gone.
    pub const BROKEN_REDIRECT: ClientFlags = ClientFlags(1 << 7);
    /// `B`: it tracks by prefix.
    pub const BROADCAST: ClientFlags = ClientFlags(1 << 8);
    /// `c`: closed when its replies are sent.
    pub const CLOSING: ClientFlags = ClientFlags(1 << 9);
    /// `A`: about to be closed.
    pub const KILLED: ClientFlags = ClientFlags(1 << 10);
    /// `U`: on a unix socket.
    pub const UNIX: ClientFlags = ClientFlags(1 << 11);
    /// `e`: not closed for `maxmemory-clients`.
    pub const NO_EVICT: ClientFlags = ClientFlags(1 << 12);
    /// `T`: its reads do not count as use.
    pub const NO_TOUCH: ClientFlags = ClientFlags(1 << 13);

    /// Others' invalidations go to it. Not shown.
    pub const REDIRECTED_TO: ClientFlags = ClientFlags(1 << 15);

    /// Both sets together.
    pub const fn with(self, other: ClientFlags) -> ClientFlags {
        ClientFlags(self.0 | other.0)
    }

    /// This set if `condition` holds, else none.
    pub const fn when(self, condition: bool) -> ClientFlags {
        if condition { self } else { ClientFlags::NONE }
    }

    /// Whether any bit of `other` is set.
    pub const fn any(self, other: ClientFlags) -> bool {
        self.0 & other.0 != 0
    }
}

/// The letters in the order in which they are printed.
const LETTERS: &[(ClientFlags, char)] = &[
    (ClientFlags::MONITOR, 'O'),
    (ClientFlags::REPLICA, 'S'),
    (ClientFlags::MASTER, 'M'),
    (ClientFlags::PUBSUB, 'P'),
    (ClientFlags::MULTI, 'x'),
    (ClientFlags::BLOCKED.with(ClientFlags::PAUSED), 'b'),
    (ClientFlags::TRACKING, 't'),
    (ClientFlags::BROKEN_REDIRECT, 'R'),
    (ClientFlags::BROADCAST, 'B'),
    (ClientFlags::CLOSING, 'c'),
    (ClientFlags::KILLED, 'A'),
    (ClientFlags::UNIX, 'U'),
    (ClientFlags::NO_EVICT, 'e'),
    (ClientFlags::NO_TOUCH, 'T'),
];

impl fmt::Display for ClientFlags {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = LETTERS.iter().filter(|(flag, _)| self.any(*flag)).peekable();
        if letters.peek().is_none() {
            return out.write_char('N');
        }
        letters.try_for_each(|(_, letter)| out.write_char(*letter))
    }
}

impl ClientInfo {
    /// A client that has just come.
    pub fn new(id: ClientId, place: Place, now_ms: u64) -> ClientInfo {
        let info = ClientInfo {
            id,
            addr: place.addr,
            laddr: place.laddr,
            fd: place.fd,
            unix: place.unix,
            since_ms: now_ms,
            numbers: Numbers::default(),
            sticky: AtomicU32::new(ClientFlags::UNIX.when(place.unix).0),
            killed: AtomicBool::new(false),
            redirect: AtomicI64::new(-1),
            place: Mutex::new((place.shard, place.socket)),
            texts: Mutex::new(Texts { user: DEFAULT_USER.to_vec(), ..Texts::default() }),
        };
        info.numbers.last_ms.set(now_ms);
        info.numbers.resp.set(2);
        info
    }

    /// The shard that serves it and its socket there. The socket is `NONE` while it moves.
    pub fn place(&self) -> (ShardId, SocketId) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is served elsewhere from now on. Only while it stands in no registry.
    pub fn set_place(&self, shard: ShardId, socket: SocketId) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = (shard, socket);
    }

    /// Its flags.
    pub fn flags(&self) -> ClientFlags {
        let session = ClientFlags(self.numbers.flags.read() as u32);
        let killed = ClientFlags::KILLED.when(self.is_killed());
        session.with(ClientFlags(self.sticky.load(Relaxed))).with(killed)
    }

    /// Sets or clears flags that do not follow from the session.
    pub fn set_flag(&self, flag: ClientFlags, on: bool) {
        if on {
            self.sticky.fetch_or(flag.0, Relaxed);
        } else {
            self.sticky.fetch_and(!flag.0, Relaxed);
        }
    }

    /// Marks it as about to be closed; `false` if it was already.
    pub fn kill(&self) -> bool {
        !self.killed.swap(true, Relaxed)
    }

    /// Whether it is about to be closed by somebody's order: to others it is gone.
    pub fn is_killed(&self) -> bool {
        self.killed.load(Relaxed)
    }

    /// The client that its invalidations go to: 0 for itself, -1 if it does not track.
    pub fn redirect(&self) -> i64 {
        self.redirect.load(Relaxed)
    }

    /// Says where its invalidations go.
    pub fn set_redirect(&self, redirect: i64) {
        self.redirect.store(redirect, Relaxed);
    }

    /// Its class.
    pub fn kind(&self) -> ClientKind {
        let flags = self.flags();
        if flags.any(ClientFlags::MASTER) {
            ClientKind::Master
        } else if flags.any(ClientFlags::REPLICA) {
            ClientKind::Replica
        } else if flags.any(ClientFlags::PUBSUB) {
            ClientKind::Pubsub
        } else {
            ClientKind::Normal
        }
    }

    /// Its database.
    pub fn db(&self) -> DbIndex {
        DbIndex(self.numbers.db.read() as u16)
    }

    /// The name it gave itself; empty if none.
    pub fn name(&self) -> Vec<u8> {
        self.texts().name.clone()
    }

    /// Sets the name.
    pub fn set_name(&self, name: &[u8]) {
        self.texts().name = name.to_vec();
    }

    /// Sets the library's name.
    pub fn set_lib_name(&self, name: &[u8]) {
        self.texts().lib_name = name.to_vec();
    }

    /// Sets the library's version.
    pub fn set_lib_version(&self, version: &[u8]) {
        self.texts().lib_version = version.to_vec();
    }

    /// The user it authenticated as.
    pub fn user(&self) -> Vec<u8> {
        self.texts().user.clone()
    }

    /// Sets the user.
    pub fn set_user(&self, user: &[u8]) {
        self.texts().user = user.to_vec();
    }

    /// Bytes of memory held for it, roughly.
    pub fn memory(&self) -> u64 {
        let n = &self.numbers;
        let buffers = [&n.qbuf, &n.qbuf_free, &n.argv_mem, &n.multi_mem, &n.rbs, &n.omem];
        buffers.iter().map(|counter| counter.read()).sum::<u64>() + FIXED_BYTES
    }

    /// Its line of `CLIENT LIST`, without a line end.
    pub fn line(&self, now_ms: u64) -> Vec<u8> {
        let n = &self.numbers;
        let seconds = |since: u64| now_ms.saturating_sub(since) / 1000;
        let texts = self.texts();
        let head = format!(
            "id={} addr={} laddr={} fd={} name=",
            self.id.0, self.addr, self.laddr, self.fd
        );
        let mut line = head.into_bytes();
        line.extend_from_slice(&texts.name);
        let (age, idle) = (seconds(self.since_ms), seconds(n.last_ms.read()));
        let multi = n.multi.read().cast_signed() - 1;
        let text = format!(
            " age={age} idle={idle} flags={} db={} sub={} psub={} ssub={} multi={multi} watch={} \
             qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} oll={} omem={} \
             tot-mem={} events={} cmd={} user=",
            self.flags(),
            n.db.read(),
            n.sub.read(),
            n.psub.read(),
            n.ssub.read(),
            n.watch.read(),
            n.qbuf.read(),
            n.qbuf_free.read(),
            n.argv_mem.read(),
            n.multi_mem.read(),
            n.rbs.read(),
            n.rbs.read(),
            n.obl.read(),
            n.oll.read(),
            n.omem.read(),
            self.memory(),
            if n.obl.read() + n.omem.read() > 0 { "rw" } else { "r" },
            self.last_command(),
        );
        line.extend_from_slice(text.as_bytes());
        line.extend_from_slice(&texts.user);
        let text = format!(" redir={} resp={} lib-name=", self.redirect(), n.resp.read());
        line.extend_from_slice(text.as_bytes());
        line.extend_from_slice(&texts.lib_name);
        line.extend_from_slice(b" lib-ver=");
        line.extend_from_slice(&texts.lib_version);
        let (net_in, net_out) = (n.net_in.read(), n.net_out.read());
        let tail =
            format!(" tot-net-in={net_in} tot-net-out={net_out} tot-cmds={}", n.commands.read());
        line.extend_from_slice(tail.as_bytes());
        line
    }

    fn last_command(&self) -> &'static str {
        let index = self.numbers.command.read().checked_sub(1);
        let command = index.and_then(|index| table().all().get(index as usize));
        command.map_or("NULL", |command| command.full_name.as_str())
    }

    fn texts(&self) -> MutexGuard<'_, Texts> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// Nobody yet, on so many shards.
    pub fn new(shards: u16) -> Registry {
        Registry {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            moving: RwLock::new(()),
        }
    }

    /// Adds a client.
    pub fn add(&self, info: Arc<ClientInfo>) {
        self.shard(info.place().0).insert(info.id, info);
    }

    /// Removes a client.
    pub fn remove(&self, info: &ClientInfo) {
        self.shard(info.place().0).remove(&info.id);
    }

    /// Hands a client over to another shard, where it has no socket yet. Whoever lists all clients
    /// sees it before or after that.
    pub fn move_to(&self, shard: ShardId, info: &Arc<ClientInfo>) {
        let _moving = self.moving.write().unwrap_or_else(PoisonError::into_inner);
        self.remove(info);
        info.set_place(shard, SocketId::NONE);
        self.add(Arc::clone(info));
    }

    /// A client by its id, unless it is about to be closed.
    pub fn find(&self, id: ClientId) -> Option<Arc<ClientInfo>> {
        let _settled = self.settled();
        let found = (0..self.shards.len() as u16).find_map(|shard| {
            let clients = self.shard(ShardId(shard));
            clients.get(&id).cloned()
        });
        found.filter(|info| !info.is_killed())
    }

    /// All clients that are not about to be closed, by id: the order in which they came.
    pub fn all(&self) -> Vec<Arc<ClientInfo>> {
        let _settled = self.settled();
        let mut all: Vec<Arc<ClientInfo>> = Vec::new();
        for shard in 0..self.shards.len() as u16 {
            let clients = self.shard(ShardId(shard));
            all.extend(clients.values().filter(|info| !info.is_killed()).cloned());
        }
        all.sort_unstable_by_key(|info| info.id);
        all
    }

    /// Nobody moves while this is held.
    fn settled(&self) -> RwLockReadGuard<'_, ()> {
        self.moving.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(
        &self,
        shard: ShardId,
    ) -> MutexGuard<'_, HashMap<ClientId, Arc<ClientInfo>, ahash::RandomState>> {
        let clients = &self.shards[usize::from(shard.0)];
        clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a client costs without its buffers: connection, row, this entry.
const FIXED_BYTES: u64 = 1024;

/// Whether a client may call itself this: what prints and is no blank, so that `CLIENT LIST` keeps
/// its form.
pub fn is_name(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: u64, shard: u16) -> Arc<ClientInfo> {
        let place = Place {
            shard: ShardId(shard),
            socket: SocketId::NONE,
            fd: 9,
            addr: "127.0.0.1:5".to_owned(),
            laddr: "127.0.0.1:6379".to_owned(),
            unix: false,
        };
        Arc::new(ClientInfo::new(ClientId(id), place, 1_000))
    }

    #[test]
    fn a_line_has_the_fields_of_the_stock_server_in_their_order() {
        let info = client(3, 0);
        info.set_name(b"me");
        let line = String::from_utf8(info.line(4_500)).expect("ASCII");
        let names: Vec<&str> =
            line.split(' ').filter_map(|field| Some(field.split_once('=')?.0)).collect();
        let stock = "id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf \
                     qbuf-free argv-mem multi-mem rbs rbp obl oll omem tot-mem events cmd user \
                     redir resp lib-name lib-ver tot-net-in tot-net-out tot-cmds";
        assert_eq!(names.join(" "), stock);
        assert!(line.starts_with("id=3 addr=127.0.0.1:5 laddr=127.0.0.1:6379 fd=9 name=me age=3"));
        assert!(line.contains(" flags=N db=0 ") && line.contains(" multi=-1 "), "{line}");
        assert!(line.contains(" cmd=NULL user=default redir=-1 resp=2 "), "{line}");
    }

    #[test]
    fn flags_are_letters_in_the_stock_order() {
        let check = |flags: ClientFlags, expected: &str| assert_eq!(flags.to_string(), expected);
        check(ClientFlags::NONE, "N");
        check(ClientFlags::NO_TOUCH.with(ClientFlags::NO_EVICT), "eT");
        check(ClientFlags::UNIX.with(ClientFlags::MULTI).with(ClientFlags::MONITOR), "OxU");
    }

    #[test]
    fn a_killed_client_is_gone_for_others() {
        let registry = Registry::new(2);
        let (first, second) = (client(1, 1), client(2, 0));
        registry.add(Arc::clone(&first));
        registry.add(Arc::clone(&second));
        let ids = || registry.all().iter().map(|info| info.id.0).collect::<Vec<_>>();
        assert_eq!(ids(), [1, 2]);
        assert!(first.kill() && !first.kill());
        assert_eq!(ids(), [2]);
        assert!(registry.find(ClientId(1)).is_none());
        registry.remove(&second);
        assert!(ids().is_empty());
    }
}
