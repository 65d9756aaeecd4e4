//! Reading a stream, in the layout that `stream` draws. Pure, any core.
//!
//! What always holds: what is read is checked as it arrives, so that a stream that is given has
//! ascending ids and groups whose pending entries belong to one consumer each; and memory is
//! bounded by what has arrived, whatever counts are declared.

use std::collections::BTreeMap;

use crate::keyspace::types::stream::Stream;
use crate::keyspace::types::stream::entries::{Entries, Marks};
use crate::keyspace::types::stream::group::{Group, Pending};
use crate::keyspace::types::stream::id::{BYTES, StreamId};
use crate::keyspace::types::stream::node::Node;
use crate::keyspace::value::Object;
use crate::rdb::error::RdbError;
use crate::rdb::length;
use crate::rdb::reader::Reader;
use crate::rdb::record::Value;
use crate::rdb::stream::{Form, NOT_KNOWN};
use crate::rdb::string::StringReader;

/// A stream on its way in.
#[derive(Debug)]
pub struct StreamReader {
    form: Form,
    state: State,
    string: StringReader,
    /// Numbers of the part being read, in their order.
    numbers: Vec<u64>,
    nodes: BTreeMap<StreamId, Node>,
    nodes_memory: usize,
    nodes_left: u64,
    /// The greatest id of all nodes, of deleted entries too.
    greatest_id: Option<StreamId>,
    stream: Stream,
    groups_left: u64,
    group: Part,
}

/// A group on its way in.
#[derive(Debug, Default)]
struct Part {
    name: Vec<u8>,
    group: Option<Group>,
    /// Pending entries whose consumer is not known yet: time and number of deliveries.
    orphans: BTreeMap<StreamId, (u64, u64)>,
    left: u64,
    consumer: Vec<u8>,
    consumer_left: u64,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Nodes,
    NodeId,
    NodePack(StreamId),
    Marks,
    Groups,
    GroupName,
    GroupMarks,
    Pending,
    PendingEntry,
    PendingDeliveries,
    Consumers,
    ConsumerName,
    ConsumerTimes,
    ConsumerPending,
    ConsumerEntry,
    Done,
}

type Step = Result<Option<State>, RdbError>;

impl StreamReader {
    /// A reader of that form.
    pub fn new(form: Form) -> StreamReader {
        StreamReader {
            form,
            state: State::Nodes,
            string: StringReader::default(),
            numbers: Vec::new(),
            nodes: BTreeMap::new(),
            nodes_memory: 0,
            nodes_left: 0,
            greatest_id: None,
            stream: Stream::default(),
            groups_left: 0,
            group: Part::default(),
        }
    }

    /// Bytes of memory the unfinished value owns.
    pub fn memory(&self) -> usize {
        let orphans = self.group.orphans.len() * 2 * BYTES;
        self.string.memory() + self.nodes_memory + self.stream.memory() + orphans
    }

    /// Goes on reading; `None` when the input is used up.
    ///
    /// # Errors
    /// Bytes that are no stream.
    pub fn step(
        &mut self,
        reader: &mut Reader,
        input: &mut &[u8],
    ) -> Result<Option<Value>, RdbError> {
        loop {
            let next = match self.state {
                State::Nodes | State::NodeId | State::NodePack(_) | State::Marks => {
                    self.step_entries(reader, input)?
                }
                State::Done => {
                    let stream = std::mem::take(&mut self.stream);
                    return Ok(Some(Value::Object(Box::new(Object::Stream(stream)))));
                }
                State::Groups
                | State::GroupName
                | State::GroupMarks
                | State::Pending
                | State::PendingEntry
                | State::PendingDeliveries => self.step_group(reader, input)?,
                State::Consumers
                | State::ConsumerName
                | State::ConsumerTimes
                | State::ConsumerPending
                | State::ConsumerEntry => self.step_consumer(reader, input)?,
            };
            match next {
                Some(next) => self.state = next,
                None => return Ok(None),
            }
        }
    }

    fn step_entries(&mut self, reader: &mut Reader, input: &mut &[u8]) -> Step {
        match self.state {
            State::Nodes => {
                let Some(count) = length::read_count(reader, input)? else { return Ok(None) };
                self.nodes_left = count;
                Ok(Some(self.after_node()))
            }
            State::NodeId => {
                let Some(id) = self.string.step(reader, input)? else { return Ok(None) };
                let bytes = <[u8; BYTES]>::try_from(&id.into_bytes()[..]);
                let id = bytes.map(StreamId::from_bytes);
                id.map(|id| Some(State::NodePack(id)))
                    .map_err(|_| corrupt(reader, "a stream node's id has not 16 bytes"))
            }
            State::NodePack(id) => {
                let Some(pack) = self.string.step(reader, input)? else { return Ok(None) };
                let node = Node::from_bytes_checked(Vec::from(pack.into_bytes()), id)
                    .map_err(|invalid| corrupt(reader, invalid.0))?;
                if self.greatest_id.is_some_and(|greatest| greatest >= id) {
                    return Err(corrupt(reader, "a stream's nodes are not in order"));
                }
                self.greatest_id = Some(node.last_id(id).unwrap_or(id));
                self.nodes_memory += node.memory();
                self.nodes.insert(id, node);
                self.nodes_left -= 1;
                Ok(Some(self.after_node()))
            }
            _ => {
                let wanted = if self.form == Form::First { 3 } else { 8 };
                if !self.read_numbers(reader, input, wanted)? {
                    return Ok(None);
                }
                self.take_marks(reader)?;
                Ok(Some(State::Groups))
            }
        }
    }

    fn after_node(&self) -> State {
        if self.nodes_left > 0 { State::NodeId } else { State::Marks }
    }

    /// Reads length encodings until there are so many; whether there are.
    fn read_numbers(
        &mut self,
        reader: &mut Reader,
        input: &mut &[u8],
        wanted: usize,
    ) -> Result<bool, RdbError> {
        while self.numbers.len() < wanted {
            match length::read_count(reader, input)? {
                Some(number) => self.numbers.push(number),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Makes the entries of the nodes and of the numbers that follow them.
    fn take_marks(&mut self, reader: &Reader) -> Result<(), RdbError> {
        let numbers = std::mem::take(&mut self.numbers);
        let number = |index: usize| numbers.get(index).copied().unwrap_or(0);
        let id = |index: usize| StreamId::new(number(index), number(index + 1));
        let marks = Marks {
            // Files of Redis 6 and before may tell less than what was deleted.
            last_id: id(1).max(self.greatest_id.unwrap_or_default()),
            first_id: StreamId::MIN,
            max_deleted_id: id(5),
            entries_added: if self.form == Form::First { number(0) } else { number(7) },
        };
        let mut entries = Entries::of_nodes(std::mem::take(&mut self.nodes), marks);
        entries.renew_first_id();
        if entries.len() != number(0) {
            return Err(corrupt(reader, "a stream of another length than it says"));
        }
        self.nodes_memory = 0;
        self.stream.entries = entries;
        Ok(())
    }

    fn step_group(&mut self, reader: &mut Reader, input: &mut &[u8]) -> Step {
        match self.state {
            State::Groups => {
                let Some(count) = length::read_count(reader, input)? else { return Ok(None) };
                self.groups_left = count;
                Ok(Some(self.after_group()))
            }
            State::GroupName => {
                let Some(name) = self.string.step(reader, input)? else { return Ok(None) };
                self.group = Part { name: Vec::from(name.into_bytes()), ..Part::default() };
                self.numbers.clear();
                Ok(Some(State::GroupMarks))
            }
            State::GroupMarks => {
                let wanted = if self.form == Form::First { 2 } else { 3 };
                if !self.read_numbers(reader, input, wanted)? {
                    return Ok(None);
                }
                self.take_group_marks();
                Ok(Some(State::Pending))
            }
            State::Pending => {
                let Some(count) = length::read_count(reader, input)? else { return Ok(None) };
                self.group.left = count;
                Ok(Some(self.group.after_pending()))
            }
            State::PendingEntry => {
                if !self.read_halves(reader, input, 3) {
                    return Ok(None);
                }
                Ok(Some(State::PendingDeliveries))
            }
            _ => {
                let Some(deliveries) = length::read_count(reader, input)? else { return Ok(None) };
                let id = self.take_id();
                let delivered_ms = self.numbers.first().map_or(0, |time| time.swap_bytes());
                self.numbers.clear();
                if self.group.orphans.insert(id, (delivered_ms, deliveries)).is_some() {
                    return Err(corrupt(reader, "an entry is pending twice in a group"));
                }
                self.group.left -= 1;
                Ok(Some(self.group.after_pending()))
            }
        }
    }

    fn after_group(&self) -> State {
        if self.groups_left > 0 { State::GroupName } else { State::Done }
    }

    fn take_group_marks(&mut self) {
        let numbers = std::mem::take(&mut self.numbers);
        let number = |index: usize| numbers.get(index).copied().unwrap_or(0);
        let last_id = StreamId::new(number(0), number(1));
        let read = if self.form == Form::First {
            self.stream.entries.read_up_to(last_id)
        } else {
            Some(number(2)).filter(|read| i64::try_from(*read).is_ok())
        };
        self.group.group = Some(Group::new(last_id, read));
    }

    /// Reads eight bytes, big-endian, until there are so many numbers; whether there are.
    fn read_halves(&mut self, reader: &mut Reader, input: &mut &[u8], wanted: usize) -> bool {
        while self.numbers.len() < wanted {
            match reader.take::<8>(input) {
                Some(bytes) => self.numbers.push(u64::from_be_bytes(bytes)),
                None => return false,
            }
        }
        true
    }

    /// Takes an id from the front of the numbers.
    fn take_id(&mut self) -> StreamId {
        let mut halves = self.numbers.drain(..2.min(self.numbers.len()));
        let (ms, seq) = (halves.next().unwrap_or(0), halves.next().unwrap_or(0));
        StreamId::new(ms, seq)
    }

    fn step_consumer(&mut self, reader: &mut Reader, input: &mut &[u8]) -> Step {
        match self.state {
            State::Consumers => {
                let Some(count) = length::read_count(reader, input)? else { return Ok(None) };
                self.group.left = count;
                self.after_consumer(reader).map(Some)
            }
            State::ConsumerName => {
                let Some(name) = self.string.step(reader, input)? else { return Ok(None) };
                self.group.consumer = Vec::from(name.into_bytes());
                self.numbers.clear();
                Ok(Some(State::ConsumerTimes))
            }
            State::ConsumerTimes => {
                let wanted = if self.form == Form::Third { 2 } else { 1 };
                if !self.read_halves(reader, input, wanted) {
                    return Ok(None);
                }
                self.take_consumer(reader)?;
                Ok(Some(State::ConsumerPending))
            }
            State::ConsumerPending => {
                let Some(count) = length::read_count(reader, input)? else { return Ok(None) };
                self.group.consumer_left = count;
                self.after_consumer_entry(reader).map(Some)
            }
            _ => {
                if !self.read_halves(reader, input, 2) {
                    return Ok(None);
                }
                let id = self.take_id();
                self.group.adopt(id).ok_or_else(|| {
                    corrupt(reader, "a consumer's entry is not pending in its group")
                })?;
                self.group.consumer_left -= 1;
                self.after_consumer_entry(reader).map(Some)
            }
        }
    }

    fn take_consumer(&mut self, reader: &Reader) -> Result<(), RdbError> {
        let mut times = self.numbers.drain(..).map(u64::swap_bytes);
        let seen_ms = times.next().unwrap_or(0);
        let active_ms = times.next().unwrap_or(seen_ms);
        drop(times);
        let active_ms = Some(active_ms).filter(|active_ms| *active_ms != NOT_KNOWN);
        let Some(group) = &mut self.group.group else { return Ok(()) };
        if group.consumer_id(&self.group.consumer).is_some() {
            return Err(corrupt(reader, "two consumers of a group have one name"));
        }
        group.add_consumer(&self.group.consumer, seen_ms, active_ms);
        Ok(())
    }

    fn after_consumer_entry(&mut self, reader: &Reader) -> Result<State, RdbError> {
        if self.group.consumer_left > 0 {
            return Ok(State::ConsumerEntry);
        }
        self.group.left -= 1;
        self.after_consumer(reader)
    }

    fn after_consumer(&mut self, reader: &Reader) -> Result<State, RdbError> {
        if self.group.left > 0 {
            return Ok(State::ConsumerName);
        }
        let part = std::mem::take(&mut self.group);
        if !part.orphans.is_empty() {
            return Err(corrupt(reader, "a pending entry has no consumer"));
        }
        if part.group.is_none_or(|group| !self.stream.groups.insert(&part.name, group)) {
            return Err(corrupt(reader, "two groups of a stream have one name"));
        }
        self.groups_left -= 1;
        Ok(self.after_group())
    }
}

impl Part {
    fn after_pending(&self) -> State {
        if self.left > 0 { State::PendingEntry } else { State::Consumers }
    }

    /// Gives a pending entry to the consumer being read.
    fn adopt(&mut self, id: StreamId) -> Option<()> {
        let (delivered_ms, deliveries) = self.orphans.remove(&id)?;
        let group = self.group.as_mut()?;
        let consumer = group.consumer_id(&self.consumer)?;
        group.deliver(id, Pending { consumer, delivered_ms, deliveries });
        Some(())
    }
}

fn corrupt(reader: &Reader, what: &'static str) -> RdbError {
    RdbError::Corrupt { what, offset: reader.offset() }
}

#[cfg(test)]
mod tests;
