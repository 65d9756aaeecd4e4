//! A long list: nodes in order, each bounded in size, the inner ones compressed if that is wanted.
//! Plain data, any core.
//!
//! Nodes are cut, joined and left as stock servers do it, since the form of a list and the bytes of
//! DUMP tell of them. What always holds: no node is empty, `count` and `node_bytes` are the sums
//! over the nodes, and so many nodes at each end as `depth` says are not compressed (all if it is
//! 0).

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::limits::Fill;
use super::node::{Node, Opened, bytes_of, shown};
use super::{End, Side};
use crate::keyspace::encoding::element::Element;
use crate::keyspace::encoding::listpack::ListPack;
use crate::keyspace::memory::size_class;
use crate::keyspace::value::ValueRef;

/// A long list.
#[derive(Clone, Debug)]
pub struct QuickList {
    nodes: VecDeque<Node>,
    count: usize,
    node_bytes: usize,
    fill: Fill,
    depth: usize,
}

impl QuickList {
    /// An empty list. What it is bounded by was set when it was made, as in stock servers.
    pub fn new(fill: Fill, depth: u32) -> QuickList {
        let depth = depth as usize;
        QuickList { nodes: VecDeque::new(), count: 0, node_bytes: 0, fill, depth }
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Heap memory owned, in bytes.
    pub fn memory(&self) -> usize {
        self.node_bytes + size_class(self.nodes.capacity() * size_of::<Node>())
    }

    /// The nodes in order.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// The bounds of nodes.
    pub fn fill(&self) -> Fill {
        self.fill
    }

    /// The elements as one listpack, if they stand in one node that fits a flat list. This list is
    /// empty then.
    pub fn take_flat(&mut self, is_shrinking: bool) -> Option<ListPack> {
        if self.nodes.len() != 1 {
            return None;
        }
        let node = self.nodes.front_mut()?;
        if node.is_plain() || !self.fill.fits_flat(node.byte_len(), node.count(), is_shrinking) {
            return None;
        }
        let pack = node.pack_mut().map(std::mem::take)?;
        self.nodes.clear();
        (self.count, self.node_bytes) = (0, 0);
        Some(pack)
    }

    /// Adds a whole listpack at the end; nothing if it is empty.
    pub fn push_pack(&mut self, pack: ListPack) {
        self.push_node(Node::Packed(pack));
    }

    /// Adds a large element at the end.
    pub fn push_plain(&mut self, text: bytes::Bytes) {
        self.push_node(Node::Plain(text));
    }

    fn push_node(&mut self, node: Node) {
        if node.count() > 0 {
            self.put(self.nodes.len(), node);
            self.settle(self.nodes.len());
        }
    }

    /// Adds an element at an end.
    pub fn push(&mut self, end: End, text: ValueRef<'_>) {
        let mut digits = itoa::Buffer::new();
        let bytes = bytes_of(&text, &mut digits);
        let at = self.end_index(end);
        if self.has_room(at, bytes.len()) {
            self.change(at, |pack| pack_push(pack, end, bytes));
            return;
        }
        let place = match end {
            End::Left => 0,
            End::Right => self.nodes.len(),
        };
        self.put(place, Node::of(text, self.fill));
        self.settle(place);
    }

    /// The element at an end.
    pub fn peek(&self, end: End) -> Option<ValueRef<'_>> {
        match self.nodes.get(self.end_index(end))? {
            Node::Packed(pack) => {
                let pos = match end {
                    End::Left => pack.first(),
                    End::Right => pack.last(),
                };
                Some(shown(pack.at(pos?)))
            }
            Node::Plain(text) => Some(ValueRef::Shared(text)),
            Node::Squeezed { .. } => unreachable!("the ends are never compressed"),
        }
    }

    /// Removes the element at an end.
    pub fn drop_end(&mut self, end: End) {
        let at = self.end_index(end);
        let Some(node) = self.nodes.get(at) else { return };
        if node.count() == 1 {
            self.take(at);
            self.settle(at);
            return;
        }
        self.change(at, |pack| {
            let pos = match end {
                End::Left => pack.first(),
                End::Right => pack.last(),
            };
            pos.map(|pos| pack.remove(pos, 1));
        });
    }

    /// Shows the element with this index.
    pub fn with<R>(&self, index: usize, show: impl FnOnce(ValueRef<'_>) -> R) -> Option<R> {
        let (at, within) = self.locate(index)?;
        match self.nodes[at].open() {
            Opened::Plain(text) => Some(show(ValueRef::Shared(text))),
            Opened::Pack(pack) => {
                let pos = pack.seek(within as i64)?;
                Some(show(shown(pack.at(pos))))
            }
        }
    }

    /// Shows elements from one on, backwards or forwards, until it is told to stop.
    pub fn walk(
        &self,
        index: usize,
        towards: End,
        mut show: impl FnMut(ValueRef<'_>) -> ControlFlow<()>,
    ) {
        let Some((mut at, mut within)) = self.locate(index) else { return };
        loop {
            if walk_node(&self.nodes[at], within, towards, &mut show).is_break() {
                return;
            }
            let next = match towards {
                End::Right => Some(at + 1).filter(|next| *next < self.nodes.len()),
                End::Left => at.checked_sub(1),
            };
            let Some(next) = next else { return };
            at = next;
            within = match towards {
                End::Right => 0,
                End::Left => self.nodes[at].count() - 1,
            };
        }
    }

    /// Replaces the element with this index; `false` if there is none.
    pub fn set(&mut self, index: usize, text: ValueRef<'_>) -> bool {
        let Some((at, within)) = self.locate(index) else { return false };
        let mut digits = itoa::Buffer::new();
        let bytes = bytes_of(&text, &mut digits);
        let is_large = self.fill.is_large(bytes.len());
        match (self.nodes[at].is_plain(), is_large) {
            (false, false) => self.change(at, |pack| {
                let pos = pack.seek(within as i64).expect("the index is in this node");
                pack.replace(pos, bytes);
            }),
            (true, true) => {
                self.take(at);
                self.put(at, Node::of(text, self.fill));
            }
            (true, false) => {
                if self.has_room(at + 1, bytes.len()) {
                    self.change(at + 1, |pack| pack.push_front(bytes));
                    self.take(at);
                } else {
                    self.take(at);
                    self.put(at, Node::of(text, self.fill));
                }
            }
            (false, true) => {
                let tail = self.cut(at, within + 1);
                if let Some(tail) = tail {
                    self.put(at + 1, tail);
                }
                self.put(at + 1, Node::of(text, self.fill));
                self.remove_within(at, within, 1);
            }
        }
        self.settle(at);
        true
    }

    /// Puts an element beside the one with this index.
    pub fn insert(&mut self, index: usize, side: Side, text: ValueRef<'_>) {
        let Some((at, within)) = self.locate(index) else { return };
        let mut digits = itoa::Buffer::new();
        let bytes = bytes_of(&text, &mut digits);
        let count = self.nodes[at].count();
        if self.has_room(at, bytes.len()) {
            self.change(at, |pack| {
                let pos = pack.seek(within as i64).expect("the index is in this node");
                match side {
                    Side::Before => pack.insert_before(pos, bytes),
                    Side::After => {
                        pack.insert_after(pos, bytes);
                    }
                }
            });
            self.settle(at);
            return;
        }
        let (at_edge, neighbour, place) = match side {
            Side::After => (within + 1 == count, Some(at + 1), at + 1),
            Side::Before => (within == 0, at.checked_sub(1), at),
        };
        let neighbour = neighbour.filter(|next| self.has_room(*next, bytes.len()));
        match neighbour.filter(|_| at_edge) {
            Some(next) => {
                let end = if side == Side::After { End::Left } else { End::Right };
                self.change(next, |pack| pack_push(pack, end, bytes));
            }
            None if at_edge => self.put(place, Node::of(text, self.fill)),
            None => self.insert_within(at, within, side, text),
        }
        self.settle(at);
    }

    /// Cuts a node in two and puts an element between the parts, in the part that is new.
    fn insert_within(&mut self, at: usize, within: usize, side: Side, text: ValueRef<'_>) {
        let boundary = if side == Side::After { within + 1 } else { within };
        let Some(tail) = self.cut(at, boundary) else { return };
        self.put(at + 1, tail);
        let mut digits = itoa::Buffer::new();
        let bytes = bytes_of(&text, &mut digits);
        if self.fill.is_large(bytes.len()) {
            self.put(at + 1, Node::of(text, self.fill));
            return;
        }
        // The new node of stock servers is the tail after an element, the head before one.
        match side {
            Side::After => self.change(at + 1, |pack| pack.push_front(bytes)),
            Side::Before => self.change(at, |pack| pack.push_back(bytes)),
        }
        self.join_around(if side == Side::After { at } else { at + 1 });
    }

    /// Removes up to `count` elements from one on.
    pub fn remove_range(&mut self, index: usize, count: usize) {
        let Some((mut at, mut within)) = self.locate(index) else { return };
        let first = at;
        let mut left = count.min(self.count - index);
        while left > 0 {
            let here = (self.nodes[at].count() - within).min(left);
            left -= here;
            if here == self.nodes[at].count() {
                // Whole nodes go at once, so that the rest moves only once.
                let whole = self.whole_nodes(at, left + here);
                left = left + here - self.drain(at, whole);
            } else {
                self.remove_within(at, within, here);
                at += 1;
            }
            within = 0;
        }
        self.settle(first);
    }

    /// Removes elements that print as `text`, up to `limit`, beginning at an end; how many.
    pub fn remove_equal(&mut self, from: End, limit: usize, text: &[u8]) -> usize {
        let wanted = Element::from(text);
        let mut removed = 0;
        let nodes = self.nodes.len();
        for turn in 0..nodes {
            let at = match from {
                End::Left => turn,
                End::Right => nodes - 1 - turn,
            };
            let was_squeezed = matches!(self.nodes[at], Node::Squeezed { .. });
            if !holds(&self.nodes[at], text) {
                continue;
            }
            if self.nodes[at].is_plain() {
                self.replace_node(at, Node::Packed(ListPack::new()));
                self.count -= 1;
                removed += 1;
            } else {
                self.change(at, |pack| {
                    removed += remove_from_pack(pack, from, limit - removed, wanted);
                });
            }
            if was_squeezed && self.nodes[at].count() > 0 {
                self.squeeze(at);
            }
            if removed == limit {
                break;
            }
        }
        if removed > 0 {
            self.node_bytes -=
                self.nodes.iter().filter(|node| node.count() == 0).map(Node::memory).sum::<usize>();
            self.nodes.retain(|node| node.count() > 0);
            self.settle(0);
        }
        removed
    }

    /// Asserts what always holds.
    pub fn invariants(&self) {
        assert_eq!(self.count, self.nodes.iter().map(Node::count).sum::<usize>());
        assert_eq!(self.node_bytes, self.nodes.iter().map(Node::memory).sum::<usize>());
        assert!(self.nodes.iter().all(|node| node.count() > 0), "an empty node");
        let last = self.nodes.len();
        for (index, node) in self.nodes.iter().enumerate() {
            let inner = self.depth > 0 && index >= self.depth && last - index > self.depth;
            assert!(inner || !matches!(node, Node::Squeezed { .. }), "compressed at {index}");
        }
    }

    fn end_index(&self, end: End) -> usize {
        match end {
            End::Left => 0,
            End::Right => self.nodes.len().wrapping_sub(1),
        }
    }

    fn has_room(&self, at: usize, len: usize) -> bool {
        self.nodes.get(at).is_some_and(|node| node.has_room(len, self.fill))
    }

    /// The node that holds the element with this index, and its index there. Counted from the
    /// nearer end.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.count {
            return None;
        }
        if index <= self.count / 2 {
            let mut before = index;
            for (at, node) in self.nodes.iter().enumerate() {
                if before < node.count() {
                    return Some((at, before));
                }
                before -= node.count();
            }
        } else {
            let mut behind = self.count - index;
            for (at, node) in self.nodes.iter().enumerate().rev() {
                if behind <= node.count() {
                    return Some((at, node.count() - behind));
                }
                behind -= node.count();
            }
        }
        None
    }

    /// Changes the elements of a node that is no large element.
    fn change(&mut self, at: usize, work: impl FnOnce(&mut ListPack)) {
        let node = &mut self.nodes[at];
        let (memory, count) = (node.memory(), node.count());
        work(node.pack_mut().expect("no large element is changed in place"));
        self.node_bytes = self.node_bytes - memory + node.memory();
        self.count = self.count - count + node.count();
    }

    fn put(&mut self, at: usize, node: Node) {
        self.node_bytes += node.memory();
        self.count += node.count();
        self.nodes.insert(at, node);
    }

    fn take(&mut self, at: usize) -> Option<Node> {
        let node = self.nodes.remove(at)?;
        self.node_bytes -= node.memory();
        self.count -= node.count();
        if self.nodes.len() < self.nodes.capacity() / 4 {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
        Some(node)
    }

    /// The nodes from one on that lie within the next `count` elements whole.
    fn whole_nodes(&self, at: usize, count: usize) -> usize {
        let mut left = count;
        let fits = |node: &&Node| {
            let whole = node.count() <= left;
            left = left.saturating_sub(node.count());
            whole
        };
        self.nodes.range(at..).take_while(fits).count()
    }

    /// Removes so many nodes; how many elements they held.
    fn drain(&mut self, at: usize, nodes: usize) -> usize {
        let before = self.count;
        for node in self.nodes.drain(at..at + nodes) {
            self.node_bytes -= node.memory();
            self.count -= node.count();
        }
        if self.nodes.len() < self.nodes.capacity() / 4 {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
        before - self.count
    }

    fn remove_within(&mut self, at: usize, within: usize, count: usize) {
        if self.nodes[at].count() == count {
            self.take(at);
        } else {
            self.change(at, |pack| pack.delete_range(within, count));
        }
    }

    /// Cuts off the elements of a node from one on, as a node that stands nowhere yet.
    fn cut(&mut self, at: usize, boundary: usize) -> Option<Node> {
        let mut tail = None;
        self.change(at, |pack| {
            let Some(pos) = pack.seek(boundary as i64) else { return };
            let mut cut: ListPack = pack.iter_from(pos).collect();
            cut.shrink_to_fit();
            tail = Some(Node::Packed(cut));
            pack.remove(pos, usize::MAX);
        });
        tail
    }

    /// Joins the neighbours of a node, and the node with them, where they fit into one.
    fn join_around(&mut self, center: usize) {
        let mut center = center;
        if center >= 2 && self.join(center - 2) {
            center -= 1;
        }
        self.join(center + 1);
        if center >= 1 && self.join(center - 1) {
            center -= 1;
        }
        self.join(center);
    }

    /// Joins a node and the next one, if both fit into one.
    fn join(&mut self, at: usize) -> bool {
        let pair = self.nodes.get(at).zip(self.nodes.get(at + 1));
        if !pair.is_some_and(|(one, other)| one.may_join(other, self.fill)) {
            return false;
        }
        if let Some(mut next) = self.take(at + 1)
            && let Some(tail) = next.pack_mut()
        {
            self.change(at, |pack| pack.append(tail));
        }
        true
    }

    fn replace_node(&mut self, at: usize, node: Node) {
        self.node_bytes = self.node_bytes - self.nodes[at].memory() + node.memory();
        self.nodes[at] = node;
    }

    /// Decompresses what an end has come near to, and compresses what has moved inwards or was
    /// worked on around `touched`.
    fn settle(&mut self, touched: usize) {
        if self.depth == 0 {
            return;
        }
        let (depth, len) = (self.depth, self.nodes.len());
        for index in 0..len.min(depth) {
            self.expand(index);
            self.expand(len - 1 - index);
        }
        let near = touched.saturating_sub(2)..touched + 4;
        for index in near.chain([depth]).chain(len.checked_sub(depth + 1)) {
            if index >= depth && index + depth < len {
                self.squeeze(index);
            }
        }
    }

    fn expand(&mut self, at: usize) {
        if matches!(self.nodes[at], Node::Squeezed { .. }) {
            let before = self.nodes[at].memory();
            self.nodes[at].expand();
            self.node_bytes = self.node_bytes - before + self.nodes[at].memory();
        }
    }

    fn squeeze(&mut self, at: usize) {
        let before = self.nodes[at].memory();
        self.nodes[at].squeeze();
        self.node_bytes = self.node_bytes - before + self.nodes[at].memory();
    }
}

fn pack_push(pack: &mut ListPack, end: End, bytes: &[u8]) {
    match end {
        End::Left => pack.push_front(bytes),
        End::Right => pack.push_back(bytes),
    }
}

fn holds(node: &Node, text: &[u8]) -> bool {
    match node.open() {
        Opened::Plain(plain) => plain == text,
        Opened::Pack(pack) => pack.find(text, 0).is_some(),
    }
}

/// Shows the elements of a node from one on.
fn walk_node(
    node: &Node,
    within: usize,
    towards: End,
    show: &mut impl FnMut(ValueRef<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match node.open() {
        Opened::Plain(text) => show(ValueRef::Shared(text)),
        Opened::Pack(pack) => walk_pack(&pack, within, towards, show),
    }
}

/// Shows the elements of a listpack from one on.
pub fn walk_pack(
    pack: &ListPack,
    within: usize,
    towards: End,
    show: &mut impl FnMut(ValueRef<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let Some(pos) = pack.seek(within as i64) else { return ControlFlow::Continue(()) };
    match towards {
        End::Right => pack.iter_from(pos).try_for_each(|element| show(shown(element))),
        End::Left => {
            let upto = match pack.next(pos) {
                Some(next) => pack.iter_before(next),
                None => pack.iter(),
            };
            upto.rev().try_for_each(|element| show(shown(element)))
        }
    }
}

/// Removes up to `limit` elements that are `wanted`, beginning at an end; how many.
pub fn remove_from_pack(
    pack: &mut ListPack,
    from: End,
    limit: usize,
    wanted: Element<'_>,
) -> usize {
    let matches = || pack.iter().filter(|element| *element == wanted).count();
    let (skipped, kept) = match from {
        End::Left => (0, limit),
        End::Right => (matches().saturating_sub(limit), usize::MAX),
    };
    let mut seen = 0;
    let mut rest = ListPack::new();
    let mut removed = 0;
    for element in pack.iter() {
        if element == wanted {
            seen += 1;
            if seen > skipped && removed < kept {
                removed += 1;
                continue;
            }
        }
        rest.push_back(element);
    }
    if removed > 0 {
        rest.shrink_to_fit();
        *pack = rest;
    }
    removed
}
