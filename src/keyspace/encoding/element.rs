//! One element of a flat encoding: an integer or a text. Plain data, any core.

use std::hash::{Hash, Hasher};

use crate::keyspace::value::canonical_int;

/// An element. A text that is exactly how an integer prints becomes that integer (`From`), so the
/// two forms hold different things; foreign bytes may break this, and whoever compares elements
/// compares what they print.
#[derive(Clone, Copy, Debug)]
pub enum Element<'a> {
    /// An integer.
    Int(i64),
    /// Any other text.
    Text(&'a [u8]),
}

impl<'a> Element<'a> {
    /// The element as text, an integer's being printed into `digits`.
    #[inline]
    pub fn as_text<'b>(&self, digits: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match *self {
            Element::Int(number) => digits.format(number).as_bytes(),
            Element::Text(text) => text,
        }
    }

    /// The text in memory of its own.
    pub fn to_vec(&self) -> Vec<u8> {
        self.as_text(&mut itoa::Buffer::new()).to_vec()
    }

    /// How long the text is.
    pub fn text_len(&self) -> usize {
        match *self {
            Element::Int(number) => itoa::Buffer::new().format(number).len(),
            Element::Text(text) => text.len(),
        }
    }

    /// Whether the element prints as `text`.
    pub fn eq_text(&self, text: &[u8]) -> bool {
        self.as_text(&mut itoa::Buffer::new()) == text
    }

    /// The integer that the element is or spells canonically.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Element::Int(number) => Some(number),
            Element::Text(text) => canonical_int(text),
        }
    }
}

impl<'a> From<&'a [u8]> for Element<'a> {
    fn from(text: &'a [u8]) -> Element<'a> {
        canonical_int(text).map_or(Element::Text(text), Element::Int)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Element<'a> {
    fn from(text: &'a [u8; N]) -> Element<'a> {
        Element::from(&text[..])
    }
}

impl<'a> From<&'a Vec<u8>> for Element<'a> {
    fn from(text: &'a Vec<u8>) -> Element<'a> {
        Element::from(&text[..])
    }
}

impl From<i64> for Element<'_> {
    fn from(number: i64) -> Self {
        Element::Int(number)
    }
}

/// Equal if they print the same.
impl PartialEq for Element<'_> {
    fn eq(&self, other: &Element<'_>) -> bool {
        match (self, other) {
            (Element::Int(mine), Element::Int(theirs)) => mine == theirs,
            (Element::Text(mine), Element::Text(theirs)) => mine == theirs,
            (Element::Int(number), Element::Text(text))
            | (Element::Text(text), Element::Int(number)) => canonical_int(text) == Some(*number),
        }
    }
}

impl Eq for Element<'_> {}

/// As the text hashes, so that what is equal hashes alike.
impl Hash for Element<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_text(&mut itoa::Buffer::new()).hash(state);
    }
}
