//! Which entry is next: the order of all shards out of their local streams. Pure; owned by the
//! merger.
//!
//! Tickets are dense, so the next entry is always known by its number, and a shard that writes
//! nothing holds nobody up. Local streams are drained whole; what came too early waits in a window.
//!
//! ```text
//! merged ... | next | next+1 | next+2 | ...      waiting[i] has the ticket next + i
//! ```

use std::collections::VecDeque;

use crate::base::ids::Ticket;

/// Puts items with dense tickets in ticket order.
#[derive(Debug)]
pub struct Order<T> {
    next: Ticket,
    waiting: VecDeque<Option<T>>,
}

impl<T> Order<T> {
    /// An order that begins behind `merged`.
    pub fn after(merged: Ticket) -> Order<T> {
        Order { next: Ticket(merged.0 + 1), waiting: VecDeque::new() }
    }

    /// Offers an item. It comes back if it is the next one, else it waits for its turn. A ticket
    /// that was seen before would corrupt the stream and ends the process.
    pub fn offer(&mut self, ticket: Ticket, item: T) -> Option<T> {
        assert!(ticket >= self.next, "ticket {ticket:?} was merged before");
        let ahead = (ticket.0 - self.next.0) as usize;
        if ahead == 0 && self.waiting.front().is_none_or(Option::is_none) {
            self.waiting.pop_front();
            self.next.0 += 1;
            return Some(item);
        }
        if self.waiting.len() <= ahead {
            self.waiting.resize_with(ahead + 1, || None);
        }
        let place = &mut self.waiting[ahead];
        assert!(place.is_none(), "ticket {ticket:?} was published twice");
        *place = Some(item);
        None
    }

    /// The next item if it has arrived.
    pub fn pop(&mut self) -> Option<T> {
        let item = self.waiting.front_mut()?.take()?;
        self.waiting.pop_front();
        self.next.0 += 1;
        Some(item)
    }

    /// The ticket that is waited for.
    pub fn next_ticket(&self) -> Ticket {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_order_of_arrival_gives_ticket_order() {
        for seed in 0..200 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut tickets: Vec<u64> = (8..8 + rng.u64(1..40)).collect();
            rng.shuffle(&mut tickets);
            let mut order = Order::after(Ticket(7));
            let mut out = Vec::new();
            for ticket in &tickets {
                out.extend(order.offer(Ticket(*ticket), *ticket));
                while let Some(next) = order.pop() {
                    out.push(next);
                }
            }
            let expected: Vec<u64> = (8..8 + tickets.len() as u64).collect();
            assert_eq!(out, expected, "seed {seed}");
            assert_eq!(order.next_ticket(), Ticket(8 + tickets.len() as u64));
        }
    }

    #[test]
    fn nothing_passes_a_gap() {
        let mut order = Order::after(Ticket(0));
        assert_eq!(order.offer(Ticket(2), 'b'), None);
        assert_eq!(order.pop(), None);
        assert_eq!(order.offer(Ticket(1), 'a'), Some('a'));
        assert_eq!(order.pop(), Some('b'));
        assert_eq!(order.pop(), None);
    }

    #[test]
    #[should_panic(expected = "published twice")]
    fn a_ticket_twice_is_a_fault() {
        let mut order = Order::after(Ticket(0));
        order.offer(Ticket(2), ());
        order.offer(Ticket(2), ());
    }

    #[test]
    #[should_panic(expected = "merged before")]
    fn a_merged_ticket_is_a_fault() {
        Order::after(Ticket(3)).offer(Ticket(3), ());
    }
}
