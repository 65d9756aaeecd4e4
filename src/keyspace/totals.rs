//! What is known of many keys without visiting them, and the walk that uses it. Kept by tables,
//! tree nodes, chunks of slots and databases alike.

/// "No key expires" as a lower bound of expiries.
pub const NEVER: u64 = u64::MAX;

/// What is known of the keys below a node without visiting them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Keys.
    pub len: u64,
    /// Keys with an expiry.
    pub expires: u64,
    /// No key below expires before this (Unix ms); [`NEVER`] if none does at all.
    pub next_expiry: u64,
}

/// A change of a key's expiry, for the totals above it.
#[derive(Clone, Copy)]
pub struct ExpiryChange {
    /// Before.
    pub old: Option<u64>,
    /// After.
    pub new: Option<u64>,
}

impl Totals {
    /// Of no keys.
    pub const EMPTY: Totals = Totals { len: 0, expires: 0, next_expiry: NEVER };

    /// Adds a key.
    pub fn add(&mut self, expire: Option<u64>) {
        self.len += 1;
        self.change_expiry(ExpiryChange { old: None, new: expire });
    }

    /// Takes a key away.
    pub fn subtract(&mut self, expire: Option<u64>) {
        self.len -= 1;
        self.change_expiry(ExpiryChange { old: expire, new: None });
    }

    /// Follows a change of one key's expiry. The bound only ever sinks here; walks raise it.
    pub fn change_expiry(&mut self, change: ExpiryChange) {
        self.expires -= u64::from(change.old.is_some());
        self.expires += u64::from(change.new.is_some());
        self.next_expiry = match change.new {
            _ if self.expires == 0 => NEVER,
            Some(at) => self.next_expiry.min(at),
            None => self.next_expiry,
        };
    }
}

/// A walk that collects keys whose time is over.
pub struct DueWalk<'a> {
    /// Keys are due whose expiry is before this (Unix ms).
    pub now_ms: u64,
    /// How many more keys may be collected.
    pub left: usize,
    /// How many more entries may be looked at.
    pub visits_left: usize,
    /// Receives each key.
    pub found: &'a mut dyn FnMut(&[u8]),
}

impl DueWalk<'_> {
    /// Whether the budget is used up.
    pub fn is_over(&self) -> bool {
        self.left == 0 || self.visits_left == 0
    }
}
