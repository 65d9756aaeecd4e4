//! How large a node of a list may be: `list-max-listpack-size`, and the bounds that stock servers
//! add to it. Pure, any core.

/// A value of `list-max-listpack-size`: so many elements if positive, a class of bytes if negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill(pub i32);

impl Fill {
    /// Bytes and elements of a full node.
    fn bounds(self) -> (usize, usize) {
        match usize::try_from(self.0) {
            Ok(count) => (COUNTED_BYTES_MAX, count.max(1)),
            Err(_) => {
                let class = self.0.unsigned_abs() as usize;
                (CLASS_BYTES[class.min(CLASS_BYTES.len()) - 1], usize::MAX)
            }
        }
    }

    /// Whether a node of so many bytes and elements is too large.
    pub fn is_exceeded(self, bytes: usize, count: usize) -> bool {
        let (bytes_max, count_max) = self.bounds();
        bytes > bytes_max || count > count_max
    }

    /// Whether a node of so many bytes and elements is so much below the bounds that a list of it
    /// alone is held flat again; twice as far after elements were removed, so that a list at the
    /// edge does not change its form with each command.
    pub fn fits_flat(self, bytes: usize, count: usize, is_shrinking: bool) -> bool {
        // A bound on elements alone does not look at bytes here.
        let (bytes_max, count_max) = match self.0 {
            0.. => (usize::MAX, self.bounds().1),
            _ => self.bounds(),
        };
        let part = if is_shrinking { 2 } else { 1 };
        bytes <= bytes_max / part && count <= count_max / part
    }

    /// Whether an element of so many bytes stands alone, in no listpack.
    pub fn is_large(self, len: usize) -> bool {
        len > self.bounds().0
    }
}

/// By class: -1 to -5.
const CLASS_BYTES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// A node bounded by its number of elements has no more bytes than this.
const COUNTED_BYTES_MAX: usize = 8192;
/// What an element's header and trailer take at most, in the sum that is compared with the bounds.
pub const ELEMENT_OVERHEAD: usize = 8;
/// What is saved when two listpacks become one: a header and an end mark.
pub const MERGED_SAVES: usize = 7;
