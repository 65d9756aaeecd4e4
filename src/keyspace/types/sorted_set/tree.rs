//! The order of a large sorted set: a B+ tree of scores and members' numbers in which every branch
//! counts what is under it, so that ranks are found in logarithmic time. Plain data, any core. It
//! knows no texts: the order of members with equal scores is the asker's, who says by a predicate
//! what comes before the place that is meant.
//!
//! What always holds: leaves are in order and all at one depth; a branch has the count and the
//! first entry of each child; no child is empty.

use std::ops::Range;

use crate::keyspace::memory::size_class;
use crate::keyspace::types::sorted_set::members::Id;

/// The tree.
#[derive(Clone, Debug)]
pub struct Tree {
    root: Node,
    len: usize,
    leaves: usize,
    branches: usize,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Box<Leaf>),
    Branch(Box<Branch>),
}

#[derive(Clone, Debug)]
struct Leaf {
    len: usize,
    scores: [f64; LEAF_ENTRIES],
    ids: [Id; LEAF_ENTRIES],
}

#[derive(Clone, Debug)]
struct Branch {
    firsts: Vec<Entry>,
    counts: Vec<u32>,
    children: Vec<Node>,
}

/// A member's score and number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// The score.
    pub score: f64,
    /// The number.
    pub id: Id,
}

/// Whether a node is the first, the last of all on its level: where those split, the next entry
/// will likely come to the same edge, and the full node stays full.
#[derive(Clone, Copy)]
struct Edges {
    first: bool,
    last: bool,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree { root: Node::Leaf(Box::new(Leaf::new())), len: 0, leaves: 1, branches: 0 }
    }
}

impl Tree {
    /// How many entries there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The number of entries that are before a place: those that `before` accepts, which it must do
    /// for none behind one that it refuses.
    pub fn rank(&self, before: impl Fn(Entry) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return rank + leaf.place(&before),
                Node::Branch(branch) => {
                    let Some(child) = branch.place(&before).checked_sub(1) else { return rank };
                    rank +=
                        branch.counts[..child].iter().map(|count| *count as usize).sum::<usize>();
                    node = &branch.children[child];
                }
            }
        }
    }

    /// The entry of this rank.
    #[cfg(test)]
    pub fn at(&self, rank: usize) -> Option<Entry> {
        if rank >= self.len {
            return None;
        }
        let (leaf, index) = self.leaf_at(rank);
        Some(leaf.entry(index))
    }

    /// Gives the entries of these ranks in order, or backwards.
    pub fn walk(&self, ranks: Range<usize>, backwards: bool, each: &mut dyn FnMut(Entry)) {
        let mut left = ranks.start..ranks.end.min(self.len);
        while !left.is_empty() {
            if backwards {
                let (leaf, index) = self.leaf_at(left.end - 1);
                let from = (index + 1).saturating_sub(left.len());
                (from..=index).rev().for_each(|index| each(leaf.entry(index)));
                left.end -= index + 1 - from;
            } else {
                let (leaf, index) = self.leaf_at(left.start);
                let to = leaf.len.min(index + left.len());
                (index..to).for_each(|index| each(leaf.entry(index)));
                left.start += to - index;
            }
        }
    }

    /// Puts an entry behind all that `before` accepts.
    pub fn insert(&mut self, entry: Entry, before: impl Fn(Entry) -> bool) {
        let edges = Edges { first: true, last: true };
        let made = self.root.insert(entry, &before, edges);
        self.len += 1;
        if let Some(right) = made.right {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Box::new(Leaf::new())));
            let mut branch = Branch::new();
            branch.insert(0, left);
            branch.insert(1, right);
            self.root = Node::Branch(Box::new(branch));
            self.branches += 1;
        }
        self.leaves += made.leaves;
        self.branches += made.branches;
    }

    /// Takes the entry of this rank out.
    pub fn remove(&mut self, rank: usize) -> Option<Entry> {
        if rank >= self.len {
            return None;
        }
        let mut merged = Merged::default();
        let removed = self.root.remove(rank, &mut merged);
        self.len -= 1;
        self.leaves -= merged.leaves;
        self.branches -= merged.branches;
        while let Node::Branch(branch) = &mut self.root {
            if branch.children.len() > 1 {
                break;
            }
            let child = branch.children.pop();
            self.root = child.unwrap_or_else(|| Node::Leaf(Box::new(Leaf::new())));
            self.branches -= 1;
        }
        Some(removed)
    }

    /// Heap memory owned, in bytes.
    pub fn memory(&self) -> usize {
        self.leaves * size_class(size_of::<Leaf>()) + self.branches * Branch::MEMORY
    }

    fn leaf_at(&self, rank: usize) -> (&Leaf, usize) {
        let (mut node, mut rank) = (&self.root, rank);
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, rank),
                Node::Branch(branch) => {
                    let child = branch.child_at(&mut rank);
                    node = &branch.children[child];
                }
            }
        }
    }

    /// Asserts what always holds, `in_order` saying whether one entry may be before another.
    #[cfg(test)]
    pub fn invariants(&self, in_order: impl Fn(Entry, Entry) -> bool) {
        let mut nodes = (0, 0);
        let depth = |node: &Node| node.check(&mut nodes, true);
        let (_, count) = { depth }(&self.root);
        assert_eq!((count, nodes), (self.len, (self.leaves, self.branches)));
        let mut last = None;
        self.walk(0..self.len, false, &mut |entry| {
            assert!(last.is_none_or(|last| in_order(last, entry)), "{last:?} before {entry:?}");
            last = Some(entry);
        });
    }
}

/// What an insertion made: a right neighbour of the node, and so many nodes in all.
#[derive(Default)]
struct Made {
    right: Option<Node>,
    leaves: usize,
    branches: usize,
}

/// Nodes that a removal made needless.
#[derive(Default)]
struct Merged {
    leaves: usize,
    branches: usize,
}

impl Node {
    fn insert(&mut self, entry: Entry, before: &impl Fn(Entry) -> bool, edges: Edges) -> Made {
        match self {
            Node::Leaf(leaf) => {
                let right = leaf.insert(leaf.place(before), entry, edges);
                let leaves = usize::from(right.is_some());
                Made { right: right.map(|leaf| Node::Leaf(Box::new(leaf))), leaves, branches: 0 }
            }
            Node::Branch(branch) => {
                let child = branch.place(before).saturating_sub(1);
                let edges_below = Edges {
                    first: edges.first && child == 0,
                    last: edges.last && child + 1 == branch.children.len(),
                };
                let mut made = branch.children[child].insert(entry, before, edges_below);
                branch.refresh(child);
                if let Some(right) = made.right.take() {
                    branch.insert(child + 1, right);
                }
                if branch.children.len() > BRANCH_CHILDREN {
                    made.right = Some(Node::Branch(Box::new(branch.split(edges))));
                    made.branches += 1;
                }
                made
            }
        }
    }

    fn remove(&mut self, mut rank: usize, merged: &mut Merged) -> Entry {
        match self {
            Node::Leaf(leaf) => leaf.remove(rank),
            Node::Branch(branch) => {
                let child = branch.child_at(&mut rank);
                let removed = branch.children[child].remove(rank, merged);
                branch.settle(child, merged);
                removed
            }
        }
    }

    fn first(&self) -> Option<Entry> {
        match self {
            Node::Leaf(leaf) => (leaf.len > 0).then(|| leaf.entry(0)),
            Node::Branch(branch) => branch.firsts.first().copied(),
        }
    }

    fn count(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.len,
            Node::Branch(branch) => branch.counts.iter().map(|count| *count as usize).sum(),
        }
    }

    /// How many entries or children it has, and how many it could have.
    fn room(&self) -> (usize, usize) {
        match self {
            Node::Leaf(leaf) => (leaf.len, LEAF_ENTRIES),
            Node::Branch(branch) => (branch.children.len(), BRANCH_CHILDREN),
        }
    }

    /// Takes in all of its right neighbour, which is of the same depth.
    fn absorb(&mut self, right: Node) {
        match (self, right) {
            (Node::Leaf(left), Node::Leaf(right)) => {
                (0..right.len).for_each(|index| left.put(left.len, right.entry(index)));
            }
            (Node::Branch(left), Node::Branch(mut right)) => {
                left.firsts.append(&mut right.firsts);
                left.counts.append(&mut right.counts);
                left.children.append(&mut right.children);
            }
            _ => unreachable!("neighbours are of one depth"),
        }
    }

    #[cfg(test)]
    fn check(&self, nodes: &mut (usize, usize), is_root: bool) -> (usize, usize) {
        match self {
            Node::Leaf(leaf) => {
                nodes.0 += 1;
                assert!(is_root || leaf.len > 0);
                (0, leaf.len)
            }
            Node::Branch(branch) => {
                nodes.1 += 1;
                let below: Vec<_> = branch.children.iter().map(|c| c.check(nodes, false)).collect();
                assert!(below.windows(2).all(|pair| pair[0].0 == pair[1].0));
                for (index, child) in branch.children.iter().enumerate() {
                    assert_eq!(Some(branch.firsts[index]), child.first());
                    assert_eq!(branch.counts[index] as usize, below[index].1);
                }
                assert_eq!(branch.firsts.len(), branch.children.len());
                assert!(branch.children.len() <= BRANCH_CHILDREN && !branch.children.is_empty());
                (below[0].0 + 1, below.iter().map(|(_, count)| count).sum())
            }
        }
    }
}

impl Leaf {
    fn new() -> Leaf {
        Leaf { len: 0, scores: [0.0; LEAF_ENTRIES], ids: [0; LEAF_ENTRIES] }
    }

    fn entry(&self, index: usize) -> Entry {
        Entry { score: self.scores[index], id: self.ids[index] }
    }

    fn place(&self, before: &impl Fn(Entry) -> bool) -> usize {
        partition(self.len, |index| before(self.entry(index)))
    }

    /// Makes room at `index`.
    fn put(&mut self, index: usize, entry: Entry) {
        self.scores.copy_within(index..self.len, index + 1);
        self.ids.copy_within(index..self.len, index + 1);
        (self.scores[index], self.ids[index]) = (entry.score, entry.id);
        self.len += 1;
    }

    fn insert(&mut self, index: usize, entry: Entry, edges: Edges) -> Option<Leaf> {
        if self.len < LEAF_ENTRIES {
            self.put(index, entry);
            return None;
        }
        let mut right = Leaf::new();
        if edges.last && index == self.len {
            right.put(0, entry);
        } else if edges.first && index == 0 {
            right = self.clone();
            self.len = 0;
            self.put(0, entry);
        } else {
            let middle = self.len / 2;
            (middle..self.len).for_each(|index| right.put(right.len, self.entry(index)));
            self.len = middle;
            if index <= middle {
                self.put(index, entry);
            } else {
                right.put(index - middle, entry);
            }
        }
        Some(right)
    }

    fn remove(&mut self, index: usize) -> Entry {
        let removed = self.entry(index);
        self.scores.copy_within(index + 1..self.len, index);
        self.ids.copy_within(index + 1..self.len, index);
        self.len -= 1;
        removed
    }
}

impl Branch {
    /// Bytes of a branch: each has room for a child more than it may keep.
    const MEMORY: usize = size_class(size_of::<Branch>())
        + size_class((BRANCH_CHILDREN + 1) * size_of::<Entry>())
        + size_class((BRANCH_CHILDREN + 1) * size_of::<u32>())
        + size_class((BRANCH_CHILDREN + 1) * size_of::<Node>());

    fn new() -> Branch {
        Branch {
            firsts: Vec::with_capacity(BRANCH_CHILDREN + 1),
            counts: Vec::with_capacity(BRANCH_CHILDREN + 1),
            children: Vec::with_capacity(BRANCH_CHILDREN + 1),
        }
    }

    fn place(&self, before: &impl Fn(Entry) -> bool) -> usize {
        partition(self.firsts.len(), |index| before(self.firsts[index]))
    }

    /// The child that has the entry of this rank; the rank becomes that in the child.
    fn child_at(&self, rank: &mut usize) -> usize {
        let mut child = 0;
        while *rank >= self.counts[child] as usize {
            *rank -= self.counts[child] as usize;
            child += 1;
        }
        child
    }

    fn insert(&mut self, index: usize, child: Node) {
        self.firsts.insert(index, Entry { score: 0.0, id: 0 });
        self.counts.insert(index, 0);
        self.children.insert(index, child);
        self.refresh(index);
        // Its left neighbour gave it what it has.
        if index > 0 {
            self.refresh(index - 1);
        }
    }

    fn remove(&mut self, index: usize) -> Node {
        self.firsts.remove(index);
        self.counts.remove(index);
        self.children.remove(index)
    }

    /// Notes anew what a child has.
    fn refresh(&mut self, index: usize) {
        let child = &self.children[index];
        if let Some(first) = child.first() {
            self.firsts[index] = first;
        }
        // Numbers of members are of 32 bits, so there are fewer than 2^32 of them.
        self.counts[index] = u32::try_from(child.count()).expect("fewer than 2^32 members");
    }

    fn split(&mut self, edges: Edges) -> Branch {
        let len = self.children.len();
        // Two at the edge, where more will come.
        let middle = match edges {
            Edges { last: true, .. } => len - 2,
            Edges { first: true, .. } => 2,
            _ => len / 2,
        };
        let mut right = Branch::new();
        right.firsts.extend(self.firsts.drain(middle..));
        right.counts.extend(self.counts.drain(middle..));
        right.children.extend(self.children.drain(middle..));
        right
    }

    /// After a removal from a child: merges it with a neighbour if it is nearly empty.
    fn settle(&mut self, index: usize, merged: &mut Merged) {
        let (len, room) = self.children[index].room();
        if len == 0 {
            self.count_needless(index, merged);
            self.remove(index);
            return;
        }
        self.refresh(index);
        if len >= room / 4 {
            return;
        }
        for (left, right) in [(index, index + 1), (index.wrapping_sub(1), index)] {
            let Some(both) = self.children.get(left).zip(self.children.get(right)) else {
                continue;
            };
            if both.0.room().0 + both.1.room().0 <= room * 3 / 4 {
                self.count_needless(right, merged);
                let right = self.remove(right);
                self.children[left].absorb(right);
                self.refresh(left);
                return;
            }
        }
    }

    fn count_needless(&self, index: usize, merged: &mut Merged) {
        match &self.children[index] {
            Node::Leaf(_) => merged.leaves += 1,
            Node::Branch(_) => merged.branches += 1,
        }
    }
}

/// The first of `len` indices that `before` refuses; it must refuse all behind that.
fn partition(len: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low.midpoint(high);
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Entries of a leaf: with them it is 1016 bytes, which the allocator serves with 1024.
const LEAF_ENTRIES: usize = 84;
/// Children of a branch.
const BRANCH_CHILDREN: usize = 63;

const _: () = assert!(size_of::<Leaf>() <= 1024);

#[cfg(test)]
mod tests {
    use super::*;

    fn before(entry: Entry, other: Entry) -> bool {
        (entry.score, entry.id) < (other.score, other.id)
    }

    /// Inserts and removes at random beside a sorted vector.
    fn check(seed: u64, size: usize, score: impl Fn(&mut fastrand::Rng, Id) -> f64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut tree, mut model): (Tree, Vec<Entry>) = (Tree::default(), Vec::new());
        for id in 0..size as Id {
            let entry = Entry { score: score(&mut random, id), id };
            let rank = model.partition_point(|other| before(*other, entry));
            assert_eq!(tree.rank(|other| before(other, entry)), rank, "seed {seed}");
            tree.insert(entry, |other| before(other, entry));
            model.insert(rank, entry);
            if random.u8(..4) == 0 {
                let rank = random.usize(..model.len());
                assert_eq!(tree.remove(rank), Some(model.remove(rank)), "seed {seed}");
            }
        }
        tree.invariants(before);
        for _ in 0..100 {
            let (from, to) = (random.usize(..model.len()), random.usize(..model.len()));
            let (mut there, mut back) = (Vec::new(), Vec::new());
            tree.walk(from..to, false, &mut |entry| there.push(entry));
            tree.walk(from..to, true, &mut |entry| back.insert(0, entry));
            assert_eq!(there, model.get(from..to).unwrap_or(&[]), "seed {seed}");
            assert_eq!(back, there);
            assert_eq!(tree.at(from), Some(model[from]));
        }
        let memory = tree.memory();
        while !model.is_empty() {
            let rank = random.usize(..model.len());
            assert_eq!(tree.remove(rank), Some(model.remove(rank)), "seed {seed}");
            if model.len() % 997 == 0 {
                tree.invariants(before);
            }
        }
        tree.invariants(before);
        assert!(tree.memory() <= memory && tree.memory() < 2048, "{}", tree.memory());
        assert_eq!((tree.remove(0), tree.at(0)), (None, None));
    }

    #[test]
    fn the_order_is_that_of_a_sorted_vector() {
        check(1, 20_000, |random, _| random.f64());
        check(2, 20_000, |_, id| f64::from(id));
        check(3, 20_000, |_, id| -f64::from(id));
        check(4, 20_000, |random, _| f64::from(random.u8(..4)));
    }

    #[test]
    fn nodes_that_fill_at_an_edge_stay_full() {
        for sign in [1.0, -1.0] {
            let mut tree = Tree::default();
            for id in 0..100_000 {
                let entry = Entry { score: sign * f64::from(id), id };
                tree.insert(entry, |other| before(other, entry));
            }
            assert!(tree.memory() < 100_000 * 13, "{} bytes", tree.memory());
        }
    }
}
