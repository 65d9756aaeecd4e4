//! One key with its value: a thin pointer to one heap block. Owned by the keyspace it stands in.
//!
//! ```text
//!  0      1      2      5      6      8         16 or 8
//!  ┌──────┬──────┬──────┬──────┬──────┬─────────┬──────────┬─────┬─────────┬─ ─ ─ ─ ─
//!  │ tag  │epoch │access│ klen │ vlen │ expiry  │ klen     │ key │ payload │ unused
//!  │      │      │ u24  │ u8   │ u16  │ u64, if │ u32, if  │     │         │ to size class
//!  └──────┴──────┴──────┴──────┴──────┴─EXPIRES─┴─klen 255─┴─────┴─────────┴─ ─ ─ ─ ─
//! ```
//!
//! The payload is the string itself (`vlen` bytes), an `i64`, or an owned pointer to what is held
//! out of line. Numbers are in the machine's order and not aligned.
//!
//! This file holds all the `unsafe` of the keyspace. What always holds, and what every block below
//! leans on:
//!
//! - the pointer is to a live block allocated with `Shape::layout` of the header in it, and no
//!   other `Entry` has the same pointer;
//! - the first `Shape::used()` bytes of the block are initialized, with key and payload where the
//!   shape says, and a payload that is a pointer came from `Box::into_raw` and belongs to this
//!   entry;
//! - references to the inside of a block are only to key and payload bytes, never to the header,
//!   and borrow the entry. So the header may be written through `&Entry`, since no `Entry` is
//!   `Sync`.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::{mem, ptr, slice};

use bytes::Bytes;

use crate::keyspace::memory::size_class;
use crate::keyspace::value::{EMBSTR_MAX, Object, Value, ValueRef};

/// One key with its value, expiry and access data.
pub struct Entry(ptr::NonNull<u8>);

// SAFETY: an entry owns its block and all the payload (asserted `Send` below) alone, and no part of
// it depends on the thread it was made on.
unsafe impl Send for Entry {}

/// What an entry carries beside key, value and expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The snapshot epoch the entry was last written in.
    pub epoch: u8,
    /// Access data, 24 bits: a clock or a frequency, see `evict`.
    pub access: u32,
}

/// A string held out of line that can grow in place.
struct Text(Vec<u8>);

/// Strings of up to this many bytes stand inside the block. Beyond, copying at each growth would
/// cost more than the second allocation saves.
pub const INLINE_MAX: usize = 1024;

impl Entry {
    /// Makes an entry. Keys are shorter than 4 GiB (the parser's limit is far lower).
    pub fn new(key: &[u8], mut value: Value<'_>, expire: Option<u64>, meta: Meta) -> Entry {
        Entry::build(key, Payload::of(&mut value), expire, false, meta)
    }

    /// Where its block lies.
    pub fn address(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        let shape = self.shape();
        // SAFETY: the key's bytes are initialized and inside the block; the borrow is of `self`.
        unsafe { slice::from_raw_parts(self.at(shape.key_at()), shape.key_len) }
    }

    /// The value.
    pub fn value(&self) -> ValueRef<'_> {
        let shape = self.shape();
        let payload = self.at(shape.payload_at());
        // SAFETY: the payload is initialized and of the kind the shape says; pointers are to what
        // this entry owns; the borrow is of `self`.
        unsafe {
            match shape.repr {
                Repr::Int => ValueRef::Int(payload.cast::<i64>().read_unaligned()),
                Repr::Inline => ValueRef::Str(slice::from_raw_parts(payload, shape.value_len)),
                Repr::Text => ValueRef::Str(&(*read_pointer::<Text>(payload)).0),
                Repr::Shared => ValueRef::Shared(&*read_pointer::<Bytes>(payload)),
                Repr::Object => ValueRef::Object(&*read_pointer::<Object>(payload)),
            }
        }
    }

    /// The word OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        let shape = self.shape();
        match self.value() {
            ValueRef::Int(_) => "int",
            ValueRef::Str(text) if text.len() <= EMBSTR_MAX && !shape.raw => "embstr",
            ValueRef::Str(_) | ValueRef::Shared(_) => "raw",
            ValueRef::Object(object) => object.encoding(),
        }
    }

    /// The instant after which the key is no more, in Unix milliseconds.
    pub fn expire(&self) -> Option<u64> {
        // SAFETY: with the flag set the 8 bytes behind the header are an initialized `u64`.
        self.shape().expires.then(|| unsafe { self.at(HEADER).cast::<u64>().read_unaligned() })
    }

    /// Epoch and access data.
    pub fn meta(&self) -> Meta {
        let [_, epoch, a, b, c, ..] = self.header();
        Meta { epoch, access: u32::from_le_bytes([a, b, c, 0]) }
    }

    /// Replaces the access data (the low 24 bits count). A plain store into the header.
    pub fn set_access(&self, access: u32) {
        let [a, b, c, _] = access.to_le_bytes();
        // SAFETY: inside the header, to which no references exist; this thread alone has the entry.
        unsafe { self.at(ACCESS_AT).cast::<[u8; 3]>().write([a, b, c]) }
    }

    /// Replaces the snapshot epoch.
    pub fn set_epoch(&mut self, epoch: u8) {
        // SAFETY: inside the header.
        unsafe { self.at(EPOCH_AT).write(epoch) }
    }

    /// Replaces value, expiry and meta, in the same block if the size allows.
    pub fn replace(&mut self, mut value: Value<'_>, expire: Option<u64>, meta: Meta) {
        self.put(Payload::of(&mut value), expire, false, meta);
    }

    /// Replaces the value by an integer.
    pub fn set_int(&mut self, number: i64) {
        self.put(Payload::Int(number), self.expire(), false, self.meta());
    }

    /// Sets or removes the expiry.
    pub fn set_expire(&mut self, expire: Option<u64>) {
        let shape = self.shape();
        match expire {
            Some(at) if shape.expires => {
                // SAFETY: the flag says that the 8 bytes behind the header are the expiry.
                unsafe { self.at(HEADER).cast::<u64>().write_unaligned(at) }
            }
            None if !shape.expires => {}
            _ => {
                let (meta, outside) = (self.meta(), self.take_outside());
                let payload = outside.unwrap_or_else(|| self.inside());
                *self = Entry::build(self.key(), payload, expire, shape.raw, meta);
            }
        }
    }

    /// The string's bytes for changing in place, zeros being appended up to `len_min`. From now on
    /// the encoding is `raw`. An integer becomes its text. `None` for a collection.
    pub fn bytes_mut(&mut self, len_min: usize) -> Option<&mut [u8]> {
        let shape = self.shape();
        match shape.repr {
            Repr::Object => return None,
            Repr::Int => {
                let ValueRef::Int(number) = self.value() else { return None };
                let mut digits = itoa::Buffer::new();
                let text = digits.format(number).as_bytes();
                let payload = Payload::extended(text, len_min.saturating_sub(text.len()));
                self.put(payload, self.expire(), true, self.meta());
            }
            Repr::Inline => self.extend_inline(shape, len_min),
            Repr::Shared => {
                if let Some(Payload::Shared(shared)) = self.take_outside() {
                    // If nobody else holds it its memory is taken over; else they keep the old
                    // bytes.
                    let text = Payload::Text(Box::new(Text(Vec::from(*shared))));
                    self.put(text, self.expire(), true, self.meta());
                }
            }
            Repr::Text => {}
        }
        let shape = self.shape();
        let payload = self.at(shape.payload_at());
        if shape.repr == Repr::Inline {
            // SAFETY: the payload's `value_len` bytes are initialized; the borrow of `self` is
            // unique.
            return Some(unsafe { slice::from_raw_parts_mut(payload, shape.value_len) });
        }
        // SAFETY: every other case ended as `Text`, a pointer this entry owns; unique borrow.
        let text = unsafe { &mut (*read_pointer::<Text>(payload)).0 };
        if text.len() < len_min {
            text.resize(len_min, 0);
        }
        Some(text)
    }

    /// The collection, for changing it; `None` for a string.
    pub fn object_mut(&mut self) -> Option<&mut Object> {
        let shape = self.shape();
        // SAFETY: an `Object` payload is a pointer this entry owns; the borrow of `self` is unique.
        (shape.repr == Repr::Object)
            .then(|| unsafe { &mut *read_pointer::<Object>(self.at(shape.payload_at())) })
    }

    /// Appends to a string, at amortized constant cost a byte; its new length. `None` for a
    /// collection.
    pub fn append(&mut self, tail: &[u8]) -> Option<usize> {
        let start = self.value().text_len()?;
        let shape = self.shape();
        if shape.repr == Repr::Text {
            // SAFETY: a `Text` payload is a pointer this entry owns; the borrow of `self` is
            // unique.
            unsafe {
                (*read_pointer::<Text>(self.at(shape.payload_at()))).0.extend_from_slice(tail)
            };
        } else {
            self.bytes_mut(start + tail.len())?[start..].copy_from_slice(tail);
        }
        Some(start + tail.len())
    }

    /// The same value, expiry and meta under another key. Nothing held out of line is copied.
    pub fn rekeyed(mut self, key: &[u8]) -> Entry {
        let (shape, expire, meta) = (self.shape(), self.expire(), self.meta());
        let payload = self.take_outside().unwrap_or_else(|| self.inside());
        Entry::build(key, payload, expire, shape.raw, meta)
    }

    /// An equal entry. Strings that came as shared memory are shared on, others copied.
    pub fn duplicate(&self) -> Entry {
        let payload = match self.value() {
            ValueRef::Int(number) => Payload::Int(number),
            ValueRef::Str(text) => Payload::extended(text, 0),
            ValueRef::Shared(shared) => Payload::Shared(Box::new(shared.clone())),
            ValueRef::Object(object) => Payload::Object(object.duplicate()),
        };
        Entry::build(self.key(), payload, self.expire(), self.shape().raw, self.meta())
    }

    /// All memory owned, in bytes, as the allocator rounds it.
    pub fn memory(&self) -> usize {
        let shape = self.shape();
        let payload = self.at(shape.payload_at());
        let outside = match shape.repr {
            Repr::Int | Repr::Inline => 0,
            Repr::Text => {
                // SAFETY: a `Text` payload is a pointer this entry owns.
                let capacity = unsafe { (*read_pointer::<Text>(payload)).0.capacity() };
                size_class(mem::size_of::<Text>()) + size_class(capacity)
            }
            Repr::Shared | Repr::Object => match self.value() {
                ValueRef::Shared(shared) => {
                    size_class(mem::size_of::<Bytes>()) + size_class(shared.len())
                }
                ValueRef::Object(object) => size_class(mem::size_of::<Object>()) + object.memory(),
                _ => 0,
            },
        };
        shape.size() + outside
    }

    /// Grows an inline string with zeros, inside the block, in a larger one, or out of line.
    fn extend_inline(&mut self, shape: Shape, len_min: usize) {
        let len = shape.value_len.max(len_min);
        let grown = Shape { value_len: len, raw: true, ..shape };
        if len <= INLINE_MAX && grown.size() == shape.size() {
            // SAFETY: the block is as large as `grown` says, which is the new end of the payload.
            unsafe { self.at(shape.used()).write_bytes(0, len - shape.value_len) };
            self.write_header(grown, self.meta());
            return;
        }
        let ValueRef::Str(text) = self.value() else { return };
        let payload = Payload::extended(text, len - shape.value_len);
        *self = Entry::build(self.key(), payload, self.expire(), true, self.meta());
    }

    /// Replaces everything but the key, in the same block if the size allows.
    fn put(&mut self, payload: Payload<'_>, expire: Option<u64>, raw: bool, meta: Meta) {
        let old = self.shape();
        let new = Shape::new(old.key_len, &payload, expire.is_some(), raw);
        if new.size() != old.size() || new.expires != old.expires {
            *self = Entry::build(self.key(), payload, expire, raw, meta);
            return;
        }
        self.drop_outside();
        self.write_header(new, meta);
        self.write_expire(expire);
        self.write_payload(new, payload);
    }

    fn build(
        key: &[u8],
        payload: Payload<'_>,
        expire: Option<u64>,
        raw: bool,
        meta: Meta,
    ) -> Entry {
        let shape = Shape::new(key.len(), &payload, expire.is_some(), raw);
        let layout = shape.layout();
        // SAFETY: the size is at least that of the header, so not zero.
        let Some(block) = ptr::NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        let mut entry = Entry(block);
        entry.write_header(shape, meta);
        entry.write_expire(expire);
        // SAFETY: the block is as large as the shape says, new, and so disjoint from `key`.
        unsafe {
            if shape.key_len >= usize::from(KEY_LEN_LONG) {
                let len = u32::try_from(key.len()).expect("a key is shorter than 4 GiB");
                entry.at(shape.key_at() - 4).cast::<u32>().write_unaligned(len);
            }
            entry.at(shape.key_at()).copy_from_nonoverlapping(key.as_ptr(), key.len());
        }
        entry.write_payload(shape, payload);
        entry
    }

    /// An integer or inline string, as it stands.
    fn inside(&self) -> Payload<'_> {
        match self.value() {
            ValueRef::Int(number) => Payload::Int(number),
            ValueRef::Str(text) => Payload::Inline { text, zeros: 0 },
            ValueRef::Shared(_) | ValueRef::Object(_) => Payload::Int(0),
        }
    }

    /// Takes over what the payload points to, leaving the integer 0; `None` if it points to
    /// nothing.
    fn take_outside(&mut self) -> Option<Payload<'static>> {
        let shape = self.shape();
        let payload = self.at(shape.payload_at());
        // SAFETY: the payload is of the kind the shape says and its pointers come from
        // `Box::into_raw`. It is overwritten below, before anybody can read it again.
        let taken = unsafe {
            match shape.repr {
                Repr::Int | Repr::Inline => return None,
                Repr::Text => Payload::Text(Box::from_raw(read_pointer(payload))),
                Repr::Shared => Payload::Shared(Box::from_raw(read_pointer(payload))),
                Repr::Object => Payload::Object(Box::from_raw(read_pointer(payload))),
            }
        };
        // An integer is as long as a pointer, so the block's size stays what the header says.
        let shape = Shape { repr: Repr::Int, ..shape };
        self.write_header(shape, self.meta());
        self.write_payload(shape, Payload::Int(0));
        Some(taken)
    }

    fn drop_outside(&mut self) {
        drop(self.take_outside());
    }

    fn header(&self) -> [u8; HEADER] {
        // SAFETY: every block begins with an initialized header.
        unsafe { self.0.cast::<[u8; HEADER]>().read() }
    }

    fn shape(&self) -> Shape {
        let [tag, _, _, _, _, key_len, value_len @ ..] = self.header();
        let long_key = key_len == KEY_LEN_LONG;
        let expires = tag & TAG_EXPIRES != 0;
        let key_len = if long_key {
            let at = HEADER + if expires { EXPIRE } else { 0 };
            // SAFETY: with this mark in the header the long length stands here, initialized.
            unsafe { self.at(at).cast::<u32>().read_unaligned() as usize }
        } else {
            usize::from(key_len)
        };
        Shape {
            repr: Repr::of(tag),
            expires,
            raw: tag & TAG_RAW != 0,
            key_len,
            value_len: usize::from(u16::from_le_bytes(value_len)),
        }
    }

    fn write_header(&mut self, shape: Shape, meta: Meta) {
        let tag = shape.repr as u8
            | if shape.expires { TAG_EXPIRES } else { 0 }
            | if shape.raw { TAG_RAW } else { 0 };
        let [a, b, c, _] = meta.access.to_le_bytes();
        let key_len = u8::try_from(shape.key_len).unwrap_or(KEY_LEN_LONG);
        let value_len = u16::try_from(shape.value_len).expect("inline values are at most 1 KiB");
        let [d, e] = value_len.to_le_bytes();
        let header = [tag, meta.epoch, a, b, c, key_len, d, e];
        // SAFETY: every block is at least as large as a header.
        unsafe { self.0.cast::<[u8; HEADER]>().write(header) }
    }

    /// Writes the expiry where the header, already written, says it stands.
    fn write_expire(&mut self, expire: Option<u64>) {
        if let Some(at) = expire {
            // SAFETY: the header was written with the flag, in a block sized for it.
            unsafe { self.at(HEADER).cast::<u64>().write_unaligned(at) }
        }
    }

    /// Writes the payload of a block whose header is already written with `shape`.
    fn write_payload(&mut self, shape: Shape, payload: Payload<'_>) {
        let to = self.at(shape.payload_at());
        // SAFETY: the block is sized for this payload's shape; `text` is not inside it, since
        // whoever replaces a value in place holds the entry mutably and `text` borrows something
        // else.
        unsafe {
            match payload {
                Payload::Int(number) => to.cast::<i64>().write_unaligned(number),
                Payload::Inline { text, zeros } => {
                    to.copy_from_nonoverlapping(text.as_ptr(), text.len());
                    to.add(text.len()).write_bytes(0, zeros);
                }
                Payload::Text(text) => write_pointer(to, text),
                Payload::Shared(shared) => write_pointer(to, shared),
                Payload::Object(object) => write_pointer(to, object),
            }
        }
    }

    /// The address of a byte of the block, by its index.
    fn at(&self, index: usize) -> *mut u8 {
        self.0.as_ptr().wrapping_add(index)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.drop_outside();
        let layout = self.shape().layout();
        // SAFETY: the block was allocated with the layout of its shape, which changes only within
        // one size, and nobody else has the pointer.
        unsafe { dealloc(self.0.as_ptr(), layout) }
    }
}

/// Reads an out-of-line payload's pointer.
///
/// # Safety
/// `from` must be the place of an initialized pointer.
unsafe fn read_pointer<T>(from: *mut u8) -> *mut T {
    // SAFETY: by the caller.
    unsafe { from.cast::<*mut T>().read_unaligned() }
}

/// Stores an out-of-line payload; the block owns it from now on.
///
/// # Safety
/// 8 bytes from `to` must be writable.
unsafe fn write_pointer<T>(to: *mut u8, owned: Box<T>) {
    // SAFETY: by the caller.
    unsafe { to.cast::<*mut T>().write_unaligned(Box::into_raw(owned)) }
}

/// How the payload is held. The low three bits of the tag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repr {
    Int = 0,
    Inline = 1,
    Text = 2,
    Shared = 3,
    Object = 4,
}

/// What the header says about the block.
#[derive(Clone, Copy)]
struct Shape {
    repr: Repr,
    expires: bool,
    raw: bool,
    key_len: usize,
    /// Of an inline string; 0 otherwise.
    value_len: usize,
}

/// A payload about to be stored, or just taken out.
enum Payload<'a> {
    Int(i64),
    /// `text` and after it so many zero bytes, together at most [`INLINE_MAX`].
    Inline {
        text: &'a [u8],
        zeros: usize,
    },
    Text(Box<Text>),
    Shared(Box<Bytes>),
    Object(Box<Object>),
}

impl Repr {
    fn of(tag: u8) -> Repr {
        match tag & TAG_REPR {
            0 => Repr::Int,
            1 => Repr::Inline,
            2 => Repr::Text,
            3 => Repr::Shared,
            _ => Repr::Object,
        }
    }
}

impl Shape {
    fn new(key_len: usize, payload: &Payload<'_>, expires: bool, raw: bool) -> Shape {
        let (repr, value_len) = match payload {
            Payload::Int(_) => (Repr::Int, 0),
            Payload::Inline { text, zeros } => (Repr::Inline, text.len() + zeros),
            Payload::Text(_) => (Repr::Text, 0),
            Payload::Shared(_) => (Repr::Shared, 0),
            Payload::Object(_) => (Repr::Object, 0),
        };
        Shape { repr, expires, raw, key_len, value_len }
    }

    fn key_at(&self) -> usize {
        let expire = if self.expires { EXPIRE } else { 0 };
        let long = if self.key_len >= usize::from(KEY_LEN_LONG) { 4 } else { 0 };
        HEADER + expire + long
    }

    fn payload_at(&self) -> usize {
        self.key_at() + self.key_len
    }

    fn used(&self) -> usize {
        self.payload_at() + if self.repr == Repr::Inline { self.value_len } else { POINTER }
    }

    /// The block's size: a size class, so that values of similar lengths replace each other in
    /// place.
    fn size(&self) -> usize {
        size_class(self.used())
    }

    fn layout(&self) -> Layout {
        Layout::from_size_align(self.size(), HEADER).expect("key and inline value are below 5 GiB")
    }
}

impl<'a> Payload<'a> {
    /// Decides how a value is held. What is out of line is taken from `value`, the rest borrowed.
    fn of(value: &'a mut Value<'_>) -> Payload<'a> {
        if matches!(value, Value::Object(_)) {
            match mem::replace(value, Value::Int(0)) {
                Value::Object(object) => return Payload::Object(object),
                string => *value = string,
            }
        }
        match value {
            Value::Int(number) => Payload::Int(*number),
            Value::Buffer(text) if text.len() > INLINE_MAX => {
                Payload::Text(Box::new(Text(mem::take(text))))
            }
            Value::Shared(text) if text.len() > INLINE_MAX => {
                Payload::Shared(Box::new(mem::take(text)))
            }
            Value::Bytes(text) => Payload::extended(text, 0),
            Value::Buffer(text) => Payload::Inline { text, zeros: 0 },
            Value::Shared(text) => Payload::Inline { text, zeros: 0 },
            Value::Object(_) => Payload::Int(0),
        }
    }

    /// A string of `text` and `zeros` zero bytes.
    fn extended(text: &[u8], zeros: usize) -> Payload<'_> {
        let len = text.len() + zeros;
        if len <= INLINE_MAX {
            return Payload::Inline { text, zeros };
        }
        let mut buffer = Vec::with_capacity(len);
        buffer.extend_from_slice(text);
        buffer.resize(len, 0);
        Payload::Text(Box::new(Text(buffer)))
    }
}

const HEADER: usize = 8;
const EXPIRE: usize = mem::size_of::<u64>();
const POINTER: usize = mem::size_of::<*mut u8>();
const EPOCH_AT: usize = 1;
const ACCESS_AT: usize = 2;
const TAG_REPR: u8 = 0b0000_0111;
const TAG_EXPIRES: u8 = 0b0000_1000;
/// The string was changed in place: its encoding is `raw` however short it is.
const TAG_RAW: u8 = 0b0001_0000;
/// In `klen`: the length is this or more and stands in a `u32` before the key.
const KEY_LEN_LONG: u8 = 255;

const _: () = assert!(INLINE_MAX <= u16::MAX as usize && POINTER == mem::size_of::<i64>());
const _: () = assert!(mem::size_of::<Option<Entry>>() == POINTER);
const fn assert_send<T: Send>() {}
const _: () = (assert_send::<Text>(), assert_send::<Bytes>(), assert_send::<Object>()).0;

#[cfg(test)]
mod tests;
