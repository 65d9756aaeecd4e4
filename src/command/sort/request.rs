//! What SORT is asked. Pure.

use crate::base::number;
use crate::command::error::CommandError;
use crate::resp::request::Args;

/// What is asked.
#[derive(Debug, Default)]
pub struct SortRequest<'a> {
    /// BY: where the weights are.
    pub by: Option<&'a [u8]>,
    /// GET: what is returned in the place of the elements.
    pub gets: Vec<&'a [u8]>,
    /// LIMIT: how many are passed over, and how many are taken; all if that is negative.
    limit: Option<(i64, i64)>,
    /// DESC.
    pub descending: bool,
    /// ALPHA: weights are texts.
    pub alpha: bool,
    /// STORE.
    pub store: Option<&'a [u8]>,
}

impl<'a> SortRequest<'a> {
    /// Reads the words behind the key.
    ///
    /// # Errors
    /// Words out of place, limits that are no numbers, keys of patterns without leave to read any.
    pub fn parse(
        args: Args<'a>,
        stores: bool,
        any_key: bool,
    ) -> Result<SortRequest<'a>, CommandError> {
        let mut request = SortRequest::default();
        let mut index = 0;
        while let Some(word) = args.at(index) {
            let left = args.len() - index - 1;
            match word.to_ascii_lowercase().as_slice() {
                b"asc" => request.descending = false,
                b"desc" => request.descending = true,
                b"alpha" => request.alpha = true,
                b"limit" if left >= 2 => {
                    let number =
                        |at| number::parse_i64(args.get(at)).ok_or(CommandError::NotInteger);
                    request.limit = Some((number(index + 1)?, number(index + 2)?));
                    index += 2;
                }
                b"store" if left >= 1 && stores => {
                    request.store = Some(args.get(index + 1));
                    index += 1;
                }
                b"by" if left >= 1 => {
                    let pattern = args.get(index + 1);
                    if !any_key && pattern.contains(&b'*') {
                        return Err(BY_DENIED);
                    }
                    request.by = Some(pattern);
                    index += 1;
                }
                b"get" if left >= 1 && !any_key => return Err(GET_DENIED),
                b"get" if left >= 1 => {
                    request.gets.push(args.get(index + 1));
                    index += 1;
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        Ok(request)
    }

    /// Whether the elements stay as they stand: BY without a place for the element.
    pub fn keeps_order(&self) -> bool {
        self.by.is_some_and(|pattern| !pattern.contains(&b'*'))
    }

    /// Which of `len` elements are returned: the first, and the one behind the last.
    pub fn window(&self, len: usize) -> std::ops::Range<usize> {
        let Some((passed, taken)) = self.limit else { return 0..len };
        let start = usize::try_from(passed).unwrap_or(0).min(len);
        let taken = usize::try_from(taken).unwrap_or(usize::MAX);
        start..start.saturating_add(taken).min(len)
    }
}

const BY_DENIED: CommandError =
    CommandError::text("ERR BY option of SORT denied due to insufficient ACL permissions.");
const GET_DENIED: CommandError =
    CommandError::text("ERR GET option of SORT denied due to insufficient ACL permissions.");
