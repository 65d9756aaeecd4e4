//! What the commands over several sorted sets are asked: keys, weights, how scores are combined.
//! Pure.

use crate::base::number;
use crate::command::error::CommandError;
use crate::command::spec::CommandResult;
use crate::resp::request::Args;

/// What is made of several sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Members of any of them.
    Union,
    /// Members of all of them.
    Intersection,
    /// Members of the first and none of the others.
    Difference,
}

/// What becomes of the scores that a member has in several sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// They are added.
    Sum,
    /// The lowest.
    Min,
    /// The highest.
    Max,
}

/// The keys: where the first stands, and how many follow.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// The first key's argument.
    pub first: usize,
    /// How many.
    pub count: usize,
}

/// The words behind the keys.
#[derive(Debug)]
pub struct CombineRequest {
    /// A factor for the scores of each key.
    pub weights: Vec<f64>,
    /// What becomes of several scores.
    pub aggregate: Aggregate,
    /// WITHSCORES.
    pub with_scores: bool,
}

impl Keys {
    /// Reads `numkeys key...` from argument `at` on; `name` is the command's, for its errors.
    ///
    /// # Errors
    /// No key, or more than there are arguments.
    pub fn parse(args: Args<'_>, at: usize, name: &str) -> Result<Keys, CommandError> {
        let count = number::parse_i64(args.get(at)).ok_or(CommandError::NotInteger)?;
        if count < 1 {
            let text = format!("ERR at least 1 input key is needed for '{name}' command");
            return Err(CommandError::owned(text));
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > args.len() - at - 1 {
            return Err(CommandError::Syntax);
        }
        Ok(Keys { first: at + 1, count })
    }

    /// The argument behind the keys.
    pub fn end(&self) -> usize {
        self.first + self.count
    }
}

impl CombineRequest {
    /// Reads the words behind the keys. What is stored takes no WITHSCORES, a difference neither
    /// weights nor aggregates.
    ///
    /// # Errors
    /// Words out of place, weights that are no numbers.
    pub fn parse(
        args: Args<'_>,
        keys: Keys,
        operation: Operation,
        stores: bool,
    ) -> Result<CombineRequest, CommandError> {
        let weights = vec![1.0; keys.count];
        let mut request = CombineRequest { weights, aggregate: Aggregate::Sum, with_scores: false };
        let weighs = operation != Operation::Difference;
        let mut index = keys.end();
        while let Some(word) = args.at(index) {
            let left = args.len() - index - 1;
            match word.to_ascii_lowercase().as_slice() {
                b"weights" if weighs && left >= keys.count => {
                    request.read_weights(args, index + 1)?;
                    index += keys.count;
                }
                b"aggregate" if weighs && left >= 1 => {
                    index += 1;
                    request.aggregate = aggregate(args.get(index))?;
                }
                b"withscores" if !stores => request.with_scores = true,
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        Ok(request)
    }

    fn read_weights(&mut self, args: Args<'_>, first: usize) -> CommandResult {
        for (index, weight) in self.weights.iter_mut().enumerate() {
            let parsed = number::parse_f64(args.get(first + index));
            *weight = parsed.ok_or(CommandError::text("ERR weight value is not a float"))?;
        }
        Ok(())
    }
}

impl Aggregate {
    /// One score of two. What is no number, as ∞ - ∞, counts as 0.
    pub fn combine(self, one: f64, other: f64) -> f64 {
        match self {
            Aggregate::Sum => number_or_zero(one + other),
            Aggregate::Min => {
                if other < one {
                    other
                } else {
                    one
                }
            }
            Aggregate::Max => {
                if other > one {
                    other
                } else {
                    one
                }
            }
        }
    }
}

/// A score times a weight. What is no number, as ∞ × 0, counts as 0.
pub fn weighted(score: f64, weight: f64) -> f64 {
    number_or_zero(score * weight)
}

fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

fn aggregate(word: &[u8]) -> Result<Aggregate, CommandError> {
    match word.to_ascii_lowercase().as_slice() {
        b"sum" => Ok(Aggregate::Sum),
        b"min" => Ok(Aggregate::Min),
        b"max" => Ok(Aggregate::Max),
        _ => Err(CommandError::Syntax),
    }
}
