//! The 64 bits that travel through the kernel with each operation and say whose completion it is.
//!
//! ```text
//! 63              32 31             4 3      0
//! | generation      | index          | kind   |
//! ```
//! `index` is a row of the socket table, or a listener, or a peer; the generation of a row tells a
//! stale completion from a current one.

/// What kind of operation completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Receive,
    ReceiveExact,
    Send,
    Connect,
    Accept,
    /// A cancellation; reported only when it found nothing to cancel.
    Cancel,
    /// Another ring's message to this one.
    Wake,
    /// The doorbell that threads without a ring write to.
    Doorbell,
    /// Our own message to another ring; reported only when it failed.
    WakeFailed,
}

/// Rows a table may have: what fits the index, far above any limit of descriptors.
pub(super) const INDEX_MAX: u32 = (1 << 28) - 1;

/// Packs the three parts.
pub(super) fn pack(kind: Kind, index: u32, generation: u32) -> u64 {
    debug_assert!(index <= INDEX_MAX);
    u64::from(generation) << 32 | u64::from(index) << 4 | kind as u64
}

/// The parts of a completion's token; `None` for one we never made.
pub(super) fn unpack(token: u64) -> Option<(Kind, u32, u32)> {
    let kind = match token & 15 {
        0 => Kind::Receive,
        1 => Kind::ReceiveExact,
        2 => Kind::Send,
        3 => Kind::Connect,
        4 => Kind::Accept,
        5 => Kind::Cancel,
        6 => Kind::Wake,
        7 => Kind::Doorbell,
        8 => Kind::WakeFailed,
        _ => return None,
    };
    Some((kind, (token as u32) >> 4, (token >> 32) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_survive_the_way_through_the_kernel() {
        for kind in [Kind::Receive, Kind::Send, Kind::Cancel, Kind::WakeFailed] {
            let token = pack(kind, INDEX_MAX, u32::MAX);
            assert_eq!(unpack(token), Some((kind, INDEX_MAX, u32::MAX)));
        }
        assert_eq!(unpack(15), None);
    }
}
