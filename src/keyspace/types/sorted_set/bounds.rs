//! Parts of a sorted set: between two scores, or between two texts where all scores are equal. As
//! arguments give them, or as whoever asks makes them. Pure, any core.

use crate::base::number;

/// One end of a range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBound {
    /// The score.
    pub score: f64,
    /// Whether that score itself is left out.
    pub exclusive: bool,
}

/// Scores from one to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lower end.
    pub min: ScoreBound,
    /// The upper end.
    pub max: ScoreBound,
}

/// One end of a range of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextBound<'a> {
    /// Before all texts (`-`).
    Lowest,
    /// Behind all texts (`+`).
    Highest,
    /// This text too (`[`).
    With(&'a [u8]),
    /// This text not (`(`).
    Without(&'a [u8]),
}

/// Texts from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRange<'a> {
    /// The lower end.
    pub min: TextBound<'a>,
    /// The upper end.
    pub max: TextBound<'a>,
}

impl ScoreBound {
    /// Reads `1.5`, `(1.5`, `-inf`, `+inf`.
    pub fn parse(text: &[u8]) -> Option<ScoreBound> {
        let (exclusive, text) = match text {
            [b'(', rest @ ..] => (true, rest),
            text => (false, text),
        };
        Some(ScoreBound { score: number::parse_lenient_f64(text)?, exclusive })
    }

    /// Whether a score is below the range that begins here.
    pub fn is_above(&self, score: f64) -> bool {
        if self.exclusive { score <= self.score } else { score < self.score }
    }

    /// Whether a score is not behind the range that ends here.
    pub fn reaches(&self, score: f64) -> bool {
        if self.exclusive { score < self.score } else { score <= self.score }
    }
}

impl ScoreRange {
    /// From `min` to `max`, both included.
    pub fn between(min: f64, max: f64) -> ScoreRange {
        let bound = |score| ScoreBound { score, exclusive: false };
        ScoreRange { min: bound(min), max: bound(max) }
    }
}

impl<'a> TextBound<'a> {
    /// Reads `-`, `+`, `[text`, `(text`.
    pub fn parse(text: &'a [u8]) -> Option<TextBound<'a>> {
        match text {
            b"-" => Some(TextBound::Lowest),
            b"+" => Some(TextBound::Highest),
            [b'[', text @ ..] => Some(TextBound::With(text)),
            [b'(', text @ ..] => Some(TextBound::Without(text)),
            _ => None,
        }
    }

    /// Whether a text is below the range that begins here.
    pub fn is_above(&self, text: &[u8]) -> bool {
        match *self {
            TextBound::Lowest => false,
            TextBound::Highest => true,
            TextBound::With(bound) => text < bound,
            TextBound::Without(bound) => text <= bound,
        }
    }

    /// Whether a text is not behind the range that ends here.
    pub fn reaches(&self, text: &[u8]) -> bool {
        match *self {
            TextBound::Lowest => false,
            TextBound::Highest => true,
            TextBound::With(bound) => text <= bound,
            TextBound::Without(bound) => text < bound,
        }
    }
}
