//! Which history the bytes belong to: the replication id, the second id and how far it is valid.
//! Pure values; the stream owns the one in force.
//!
//! Always: (id, offset) names the same bytes on every server that ever had them. So a history
//! begins with a new id under a cut, and an id is given up as soon as writes go uncounted.

use crate::base::ids::{ReplId, ReplOffset};

/// The ids this server answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// The id of the bytes written now.
    pub id: ReplId,
    /// The id of the history this one continues, as `master_replid2` shows it.
    pub previous: Option<Previous>,
}

/// The second id, and what may still be asked for under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The id.
    pub id: ReplId,
    /// `second_repl_offset`: the last byte that may be asked for as the next one wanted, that is
    /// the offset of the change plus one.
    pub second_offset: u64,
}

impl History {
    /// A history that continues no other.
    pub fn new(id: ReplId) -> History {
        History { id, previous: None }
    }

    /// The ids once this server writes a history of its own behind `at`: at a promotion, and on a
    /// replica whose master answered `+CONTINUE` with another id.
    pub fn shift(self, id: ReplId, at: ReplOffset) -> History {
        let previous = Previous { id: self.id, second_offset: at.0 + 1 };
        History { id, previous: Some(previous) }
    }

    /// `master_replid2`: forty zeros if there is none.
    pub fn second_id(&self) -> ReplId {
        self.previous.map_or(ReplId::ZERO, |previous| previous.id)
    }

    /// `second_repl_offset`: -1 if there is none.
    pub fn second_offset(&self) -> i64 {
        self.previous.map_or(-1, |previous| {
            i64::try_from(previous.second_offset).expect("offsets are below 2^63")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ReplId = ReplId([b'a'; 40]);
    const B: ReplId = ReplId([b'b'; 40]);
    const C: ReplId = ReplId([b'c'; 40]);

    #[test]
    fn a_new_history_has_no_second_id() {
        let history = History::new(A);
        assert_eq!((history.second_id(), history.second_offset()), (ReplId::ZERO, -1));
    }

    // The numbers of a stock replica promoted at master_repl_offset:50.
    #[test]
    fn a_promotion_keeps_the_old_id_up_to_the_switch() {
        let history = History::new(A).shift(B, ReplOffset(50));
        assert_eq!((history.id, history.second_id(), history.second_offset()), (B, A, 51));
    }

    #[test]
    fn only_the_last_history_is_remembered() {
        let history = History::new(A).shift(B, ReplOffset(50)).shift(C, ReplOffset(70));
        assert_eq!((history.id, history.second_id(), history.second_offset()), (C, B, 71));
    }
}
