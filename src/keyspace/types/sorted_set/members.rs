//! The members of a large sorted set: texts and scores under numbers that stay as they are while a
//! member does. Plain data, any core; knows no order.
//!
//! They stand in blocks, so that a set grows without being copied. A short text is part of its
//! place, a long one stands by itself.
//!
//! What always holds: `len` places are taken; the free ones are chained from `free`; `long_bytes`
//! is what the long texts take.

use crate::keyspace::memory::size_class;

/// A member's number.
pub type Id = u32;

/// All members.
#[derive(Clone, Debug)]
pub struct Members {
    /// Each of [`BLOCK_PLACES`].
    blocks: Vec<Box<[Place]>>,
    len: usize,
    /// The first free place, or [`NONE`].
    free: Id,
    long_bytes: usize,
}

#[derive(Clone, Debug)]
struct Place {
    text: Text,
    score: f64,
}

#[derive(Clone, Debug)]
enum Text {
    /// Nobody's place, and the next such place.
    Free(Id),
    /// So many bytes.
    Short(u8, [u8; SHORT_BYTES]),
    /// More of them. The second box keeps the place small.
    Long(Box<Box<[u8]>>),
}

impl Default for Members {
    fn default() -> Members {
        Members { blocks: Vec::new(), len: 0, free: NONE, long_bytes: 0 }
    }
}

impl Members {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// A member's text.
    pub fn text(&self, id: Id) -> &[u8] {
        match &self.place(id).text {
            Text::Short(len, bytes) => &bytes[..usize::from(*len)],
            Text::Long(bytes) => bytes,
            Text::Free(_) => &[],
        }
    }

    /// A member's score.
    pub fn score(&self, id: Id) -> f64 {
        self.place(id).score
    }

    /// Changes a member's score.
    pub fn set_score(&mut self, id: Id, score: f64) {
        self.place_mut(id).score = score;
    }

    /// Takes in a member.
    pub fn insert(&mut self, text: &[u8], score: f64) -> Id {
        if self.free == NONE {
            self.add_block();
        }
        let id = self.free;
        let text = Text::of(text);
        self.long_bytes += text.heap_bytes();
        let place = self.place_mut(id);
        let Text::Free(next) = place.text else { panic!("a free place is taken") };
        *place = Place { text, score };
        self.free = next;
        self.len += 1;
        id
    }

    /// Lets a member go.
    pub fn remove(&mut self, id: Id) {
        let free = self.free;
        let place = self.place_mut(id);
        let text = std::mem::replace(&mut place.text, Text::Free(free));
        self.long_bytes -= text.heap_bytes();
        self.free = id;
        self.len -= 1;
    }

    /// Heap memory owned, in bytes.
    pub fn memory(&self) -> usize {
        let table = size_class(self.blocks.capacity() * size_of::<Box<[Place]>>());
        self.blocks.len() * size_class(BLOCK_PLACES * size_of::<Place>()) + table + self.long_bytes
    }

    fn add_block(&mut self) {
        let first = self.blocks.len() * BLOCK_PLACES;
        // 2^32 members would take a hundred times more memory than machines have.
        let first = Id::try_from(first).expect("fewer than 2^32 members");
        let next = |index: usize| match index + 1 {
            BLOCK_PLACES => NONE,
            next => first + next as Id,
        };
        let place = |index| Place { text: Text::Free(next(index)), score: 0.0 };
        self.blocks.push((0..BLOCK_PLACES).map(place).collect());
        self.free = first;
    }

    fn place(&self, id: Id) -> &Place {
        let index = id as usize;
        &self.blocks[index / BLOCK_PLACES][index % BLOCK_PLACES]
    }

    fn place_mut(&mut self, id: Id) -> &mut Place {
        let index = id as usize;
        &mut self.blocks[index / BLOCK_PLACES][index % BLOCK_PLACES]
    }
}

impl Text {
    fn of(text: &[u8]) -> Text {
        if text.len() > SHORT_BYTES {
            return Text::Long(Box::new(text.into()));
        }
        let mut bytes = [0; SHORT_BYTES];
        bytes[..text.len()].copy_from_slice(text);
        Text::Short(text.len() as u8, bytes)
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Text::Long(bytes) => size_class(size_of::<Box<[u8]>>()) + size_class(bytes.len()),
            Text::Short(..) | Text::Free(_) => 0,
        }
    }
}

/// No place.
const NONE: Id = Id::MAX;
/// Bytes of a text that is part of its place: with them a place is 24 bytes.
const SHORT_BYTES: usize = 14;
/// Places of a block: 1536 bytes, which the allocator serves without loss.
const BLOCK_PLACES: usize = 64;

const _: () = assert!(size_of::<Place>() == 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_numbers() {
        let mut members = Members::default();
        let text = |index: usize| vec![b'x'; index % 40];
        let ids: Vec<Id> = (0..1000).map(|i| members.insert(&text(i), i as f64)).collect();
        for (index, &id) in ids.iter().enumerate().filter(|(index, _)| index % 3 == 0) {
            assert_eq!(members.text(id), text(index));
            members.remove(id);
        }
        let memory = members.memory();
        for (index, &id) in ids.iter().enumerate().filter(|(index, _)| index % 3 != 0) {
            assert_eq!((members.text(id), members.score(id)), (&text(index)[..], index as f64));
        }
        for _ in 0..334 {
            members.insert(b"short", 1.0);
        }
        assert_eq!(members.len(), 1000);
        assert_eq!(members.memory(), memory, "free places are taken first");
    }
}
