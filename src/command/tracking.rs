//! Who keeps keys in a cache of its own, and what such clients are told of changes. Any core that
//! executes asks; the shard of a connection notes what its client wants. The keys that were read
//! are registered with their keyspace (`keyspace::tracked`).
//!
//! Always holds: a client is here exactly while its tracking is on; the keyspaces note as much of
//! their changes as somebody here wants to hear.

use super::client_info::{ClientFlags, ClientInfo, Registry};
use super::publication::{Publication, Stamp};
use crate::base::ids::{ClientId, ShardId};
use crate::keyspace::gauges::{Gauges, Heard};
use crate::keyspace::tracked::Change;
use crate::resp::encode;
use crate::resp::reply::{Reply, RespVersion};
use ahash::RandomState;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// All clients that track.
#[derive(Default)]
pub struct Tracking {
    clients: RwLock<HashMap<ClientId, Arc<Tracker>, RandomState>>,
    len: AtomicUsize,
}

/// One client that tracks.
#[derive(Debug)]
pub struct Tracker {
    /// The client.
    pub client: Arc<ClientInfo>,
    /// Who is told in its place.
    pub redirect: Option<ClientId>,
    /// The keys of which commands it is told of.
    pub mode: Mode,
    /// It is not told of its own changes.
    pub no_loop: bool,
}

/// What a client is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every key that it read.
    Read,
    /// Keys read by commands behind `CLIENT CACHING yes`.
    OptIn,
    /// Keys read by commands but those behind `CLIENT CACHING no`.
    OptOut,
    /// Every key that begins like this, read or not.
    Broadcast(BTreeSet<Vec<u8>>),
}

/// The keys that changed in a run, for clients that track by prefix, with who changed each; 0 for
/// the server or for several.
pub type Changed = BTreeMap<Arc<[u8]>, ClientId>;

/// What one client is told, on its way there.
#[derive(Clone, Debug)]
pub struct Invalidation {
    /// Where the client was when it was told.
    pub shard: ShardId,
    /// The client told.
    pub to: Arc<ClientInfo>,
    /// It is told in the place of another.
    is_redirected: bool,
    told: Told,
}

#[derive(Clone, Debug)]
enum Told {
    /// An array of keys, encoded.
    Keys(Bytes),
    All,
    /// Whoever was told in its place is gone.
    Broken(ClientId),
}

impl Mode {
    /// By prefix.
    pub fn is_broadcast(&self) -> bool {
        matches!(self, Mode::Broadcast(_))
    }
}

impl Tracking {
    /// Whether anybody tracks.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.len.load(Ordering::Relaxed) > 0
    }

    /// Notes what a client wants from now on.
    pub fn begin(&self, tracker: Arc<Tracker>, gauges: &[Arc<Gauges>]) {
        let info = &tracker.client;
        let redirect = tracker.redirect.map_or(0, |id| id.0.cast_signed());
        info.set_redirect(redirect);
        info.set_flag(ClientFlags::BROKEN_REDIRECT, false);
        info.set_flag(ClientFlags::BROADCAST, tracker.mode.is_broadcast());
        info.set_flag(ClientFlags::TRACKING, true);
        self.change(gauges, |clients| {
            drop(clients.insert(tracker.client.id, Arc::clone(&tracker)))
        });
    }

    /// A client tracks no more.
    pub fn end(&self, info: &ClientInfo, gauges: &[Arc<Gauges>]) {
        let all = ClientFlags::BROKEN_REDIRECT.with(ClientFlags::BROADCAST);
        info.set_flag(all.with(ClientFlags::TRACKING), false);
        info.set_redirect(-1);
        self.change(gauges, |clients| drop(clients.remove(&info.id)));
    }

    fn change(
        &self,
        gauges: &[Arc<Gauges>],
        change: impl FnOnce(&mut HashMap<ClientId, Arc<Tracker>, RandomState>),
    ) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut clients);
        let heard = if clients.values().any(|tracker| tracker.mode.is_broadcast()) {
            Heard::Everything
        } else if clients.is_empty() {
            Heard::Nothing
        } else {
            Heard::Read
        };
        gauges.iter().for_each(|gauges| gauges.set_heard(heard));
        self.len.store(clients.len(), Ordering::Release);
    }

    /// How many prefixes somebody is told of.
    pub fn prefixes(&self) -> usize {
        let clients = self.clients();
        let prefixes = clients.values().filter_map(|tracker| tracker.prefixes());
        prefixes.flatten().collect::<BTreeSet<_>>().len()
    }

    /// What changed, for those who read it; for those who track by prefix it is added to `changed`.
    pub fn told(
        &self,
        registry: &Registry,
        changes: Vec<Change>,
        changed: &mut Changed,
    ) -> Option<Publication> {
        let clients = self.clients();
        let mut out = Vec::new();
        let mut told_all = false;
        for change in changes {
            match change {
                Change::All if told_all => {}
                Change::All => {
                    told_all = true;
                    changed.clear();
                    let told = clients.values().map(|to| to.tell(registry, Told::All));
                    out.extend(told.flatten());
                }
                Change::Key { key, readers, writer, is_real } => {
                    told_all = false;
                    let mut body = None;
                    for tracker in readers.iter().filter_map(|id| clients.get(id)) {
                        if tracker.mode.is_broadcast() || tracker.caused(writer) {
                            continue;
                        }
                        let body = body.get_or_insert_with(|| encoded(std::iter::once(&key)));
                        out.extend(tracker.tell(registry, Told::Keys(body.clone())));
                    }
                    if is_real {
                        let known = changed.entry(key).or_insert(writer);
                        if *known != writer {
                            *known = ClientId(0);
                        }
                    }
                }
            }
        }
        published(out)
    }

    /// What changed in a run, for those who track by prefix.
    pub fn told_by_prefix(&self, registry: &Registry, changed: &Changed) -> Option<Publication> {
        let clients = self.clients();
        let mut out = Vec::new();
        let mut bodies: HashMap<&[u8], Option<Bytes>, RandomState> = HashMap::default();
        for tracker in clients.values() {
            for prefix in tracker.prefixes().into_iter().flatten() {
                let matching = || {
                    let first = Bound::Included(&prefix[..]);
                    let from = changed.range::<[u8], _>((first, Bound::Unbounded));
                    from.take_while(|(key, _)| key.starts_with(prefix))
                };
                let body = if matching().any(|(_, writer)| tracker.caused(*writer)) {
                    array(matching().filter(|(_, writer)| !tracker.caused(**writer)))
                } else {
                    bodies.entry(prefix).or_insert_with(|| array(matching())).clone()
                };
                if let Some(body) = body {
                    out.extend(tracker.tell(registry, Told::Keys(body)));
                }
            }
        }
        published(out)
    }

    fn clients(&self) -> RwLockReadGuard<'_, HashMap<ClientId, Arc<Tracker>, RandomState>> {
        self.clients.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tracker {
    /// The prefixes of keys it is told of, if it tracks by prefix.
    pub fn prefixes(&self) -> Option<&BTreeSet<Vec<u8>>> {
        match &self.mode {
            Mode::Broadcast(prefixes) => Some(prefixes),
            _ => None,
        }
    }

    /// Whether a change by `writer` is its own, of which it is not told.
    fn caused(&self, writer: ClientId) -> bool {
        self.no_loop && writer == self.client.id
    }

    fn tell(&self, registry: &Registry, told: Told) -> Option<Invalidation> {
        let Some(id) = self.redirect else { return Some(self.tell_itself(told)) };
        if let Some(to) = registry.find(id) {
            let shard = to.place().0;
            return Some(Invalidation { shard, to, is_redirected: true, told });
        }
        self.client.set_flag(ClientFlags::BROKEN_REDIRECT, true);
        Some(self.tell_itself(Told::Broken(id)))
    }

    fn tell_itself(&self, told: Told) -> Invalidation {
        let to = Arc::clone(&self.client);
        Invalidation { shard: to.place().0, to, is_redirected: false, told }
    }
}

impl Invalidation {
    /// Writes it for the client told. `listens`: it subscribes to something.
    pub fn write(&self, reply: &mut Reply, listens: bool) {
        match (&self.told, reply.version) {
            (Told::Broken(id), RespVersion::V3) => {
                reply.push(2);
                reply.bulk(b"tracking-redir-broken");
                reply.integer(id.0.cast_signed());
                return;
            }
            (Told::Broken(_), RespVersion::V2) => return,
            (_, RespVersion::V3) => {
                reply.push(2);
                reply.bulk(b"invalidate");
            }
            (_, RespVersion::V2) if self.is_redirected && listens => {
                reply.array(3);
                reply.bulk(b"message");
                reply.bulk(CHANNEL);
            }
            (_, RespVersion::V2) => return,
        }
        match &self.told {
            Told::Keys(keys) => reply.raw(keys),
            Told::All | Told::Broken(_) => reply.null(),
        }
    }

    /// Bytes held for it.
    pub fn bytes(&self) -> usize {
        let keys = if let Told::Keys(keys) = &self.told { keys.len() } else { 0 };
        size_of::<Invalidation>() + keys
    }
}

fn published(invalidations: Vec<Invalidation>) -> Option<Publication> {
    let shards: BTreeSet<ShardId> = invalidations.iter().map(|told| told.shard).collect();
    let shards: Vec<ShardId> = shards.into_iter().collect();
    let message = Publication { parts: Vec::new(), shards, stamp: Stamp::default(), invalidations };
    (!message.invalidations.is_empty()).then_some(message)
}

/// The keys as an array; `None` without any.
fn array<'a>(keys: impl Iterator<Item = (&'a Arc<[u8]>, &'a ClientId)>) -> Option<Bytes> {
    let keys: Vec<&Arc<[u8]>> = keys.map(|(key, _)| key).collect();
    (!keys.is_empty()).then(|| encoded(keys.into_iter()))
}

fn encoded<'a>(keys: impl ExactSizeIterator<Item = &'a Arc<[u8]>>) -> Bytes {
    let mut body = Vec::new();
    encode::header(&mut body, b'*', keys.len());
    keys.for_each(|key| encode::bulk(&mut body, key));
    Bytes::from(body)
}

/// The channel that stands in messages for clients with RESP2.
const CHANNEL: &[u8] = b"__redis__:invalidate";
