//! A parsed request: its arguments as places in the received bytes. Plain borrowed values, used by
//! the core that parsed them and, with the bytes copied, by the shard that executes them.
//!
//! Always holds: every span lies within the bytes, or names a bulk that was received out of line.

use bytes::Bytes;

/// Where one argument stands: `start..end` in the request's bytes; or, when `start` is
/// [`Span::OUT_OF_LINE`], `end` is an index into the bulks kept out of line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte, or [`Span::OUT_OF_LINE`].
    pub start: u32,
    /// One past the last byte, or the index of the bulk out of line.
    pub end: u32,
}

/// The arguments of one request, the command's name first.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    data: &'a [u8],
    spans: &'a [Span],
    big: &'a [Bytes],
}

/// Walks the arguments in order.
#[derive(Clone, Debug)]
pub struct ArgsIter<'a> {
    args: Args<'a>,
    next: usize,
}

impl Span {
    /// The `start` of an argument that is not in the request's bytes.
    pub const OUT_OF_LINE: u32 = u32::MAX;

    /// The span of `start..end`; `None` when the request is too long for spans to address.
    #[inline]
    pub fn in_line(start: usize, end: usize) -> Option<Span> {
        debug_assert!(start <= end, "a span does not end before it begins");
        // A begin below the mark follows from an end below it: the cast keeps the value.
        let end = u32::try_from(end).ok().filter(|&end| end < Span::OUT_OF_LINE)?;
        Some(Span { start: start as u32, end })
    }

    /// The span that names bulk `index` of those out of line.
    pub fn out_of_line(index: usize) -> Option<Span> {
        Some(Span { start: Span::OUT_OF_LINE, end: u32::try_from(index).ok()? })
    }
}

impl<'a> Args<'a> {
    /// Arguments at `spans` of `data`, those out of line in `big`.
    pub fn new(data: &'a [u8], spans: &'a [Span], big: &'a [Bytes]) -> Args<'a> {
        Args { data, spans, big }
    }

    /// How many arguments there are, the command's name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is nothing to run.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Argument `index`. Panics beyond [`Args::len`]: handlers rely on the arity check before them.
    #[inline]
    pub fn get(&self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        if span.start == Span::OUT_OF_LINE {
            return &self.big[span.end as usize];
        }
        &self.data[span.start as usize..span.end as usize]
    }

    /// Argument `index` if there is one.
    #[inline]
    pub fn at(&self, index: usize) -> Option<&'a [u8]> {
        (index < self.len()).then(|| self.get(index))
    }

    /// Argument `index` as shared bytes if it was received out of line, so that storing it needs
    /// no copy.
    #[inline]
    pub fn shared(&self, index: usize) -> Option<&'a Bytes> {
        let span = self.spans[index];
        (span.start == Span::OUT_OF_LINE).then(|| &self.big[span.end as usize])
    }

    /// The arguments in order.
    pub fn iter(&self) -> ArgsIter<'a> {
        ArgsIter { args: *self, next: 0 }
    }

    /// The arguments from `from` on; empty when there are no more.
    pub fn slice_from(&self, from: usize) -> Args<'a> {
        Args { spans: &self.spans[from.min(self.spans.len())..], ..*self }
    }

    /// `count` arguments from `from` on. Panics beyond [`Args::len`].
    pub fn slice(&self, from: usize, count: usize) -> Args<'a> {
        Args { spans: &self.spans[from..from + count], ..*self }
    }

    /// The request's own bytes, its spans and the bulks out of line.
    pub fn parts(&self) -> (&'a [u8], &'a [Span], &'a [Bytes]) {
        (self.data, self.spans, self.big)
    }

    /// The bytes of all arguments together.
    pub fn bytes_len(&self) -> usize {
        self.iter().map(<[u8]>::len).sum()
    }
}

impl<'a> Iterator for ArgsIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let argument = self.args.at(self.next)?;
        self.next += 1;
        Some(argument)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.args.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for ArgsIter<'_> {}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = ArgsIter<'a>;

    fn into_iter(self) -> ArgsIter<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_from_the_bytes_or_from_out_of_line() {
        let big = [Bytes::from_static(b"value")];
        let spans =
            [Span::in_line(0, 3), Span::in_line(3, 3), Span::out_of_line(0)].map(Option::unwrap);
        let args = Args::new(b"SET", &spans, &big);
        assert_eq!(args.iter().collect::<Vec<_>>(), [&b"SET"[..], b"", b"value"]);
        assert_eq!(args.shared(2), Some(&big[0]));
        assert_eq!(args.shared(0), None);
        assert_eq!(args.at(3), None);
        assert_eq!(args.slice_from(2).get(0), b"value");
        assert!(args.slice_from(9).is_empty());
        assert_eq!(args.iter().len(), 3);
        assert_eq!(args.bytes_len(), 8);
    }

    #[test]
    fn a_span_beyond_four_gibibytes_is_refused() {
        assert_eq!(Span::in_line(u32::MAX as usize, u32::MAX as usize), None);
        assert_eq!(Span::in_line(7, u32::MAX as usize + 1), None);
        assert_eq!(Span::in_line(7, u32::MAX as usize), None);
    }
}
