//! Cells of a grid over the earth: longitude and latitude halved alternately, a bit each time
//! ("geohash"). Pure, any core.
//!
//! A cell of `step` s has s bits of each, interleaved, those of the latitude at the even places. 52
//! bits (26 steps) fit a double exactly: they are a place's score. Latitudes end where the square
//! map of the web does.

use crate::command::geo::sphere::Place;

/// Bits of longitude and of latitude in a score.
pub const STEP_MAX: u32 = 26;
/// The western end of all places.
pub const LONGITUDE_MIN: f64 = -180.0;
/// The eastern end of all places.
pub const LONGITUDE_MAX: f64 = 180.0;
/// The southern end of all places.
pub const LATITUDE_MIN: f64 = -85.051_128_78;
/// The northern end of all places.
pub const LATITUDE_MAX: f64 = 85.051_128_78;

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The bits, interleaved.
    pub bits: u64,
    /// How many of each there are.
    pub step: u32,
}

/// What a cell covers, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Western and eastern end.
    pub longitude: (f64, f64),
    /// Southern and northern end.
    pub latitude: (f64, f64),
}

impl Cell {
    /// The cell of a place.
    pub fn of(place: Place, step: u32) -> Cell {
        Cell::within(place, step, (LATITUDE_MIN, LATITUDE_MAX))
    }

    /// The smallest cell, whose number is a score. As C casts doubles: the fraction is cut off, and
    /// what is far outside of the range has no bit but the highest.
    pub fn of_score(score: f64) -> Cell {
        const HALF: f64 = 9_223_372_036_854_775_808.0;
        let signed =
            |score: f64| if (-HALF..HALF).contains(&score) { score as i64 } else { i64::MIN };
        let bits =
            if score < HALF { signed(score) as u64 } else { signed(score - HALF) as u64 ^ 1 << 63 };
        Cell { bits, step: STEP_MAX }
    }

    /// The score of the smallest cell at its corner; the next cell's is where this one ends.
    pub fn first_score(self) -> f64 {
        (self.bits << (2 * (STEP_MAX - self.step))) as f64
    }

    /// The score at which the cell ends.
    pub fn end_score(self) -> f64 {
        Cell { bits: self.bits + 1, step: self.step }.first_score()
    }

    /// What it covers.
    pub fn area(self) -> Area {
        let (x, y) = (spread_out(self.bits >> 1), spread_out(self.bits));
        let part = |index: u32, (min, max): (f64, f64)| {
            min + (f64::from(index) / (1_u64 << self.step) as f64) * (max - min)
        };
        let span = |index: u32, range| (part(index, range), part(index.wrapping_add(1), range));
        Area {
            longitude: span(x, (LONGITUDE_MIN, LONGITUDE_MAX)),
            latitude: span(y, (LATITUDE_MIN, LATITUDE_MAX)),
        }
    }

    /// The middle of what it covers.
    pub fn place(self) -> Place {
        let Area { longitude, latitude } = self.area();
        Place {
            longitude: f64::midpoint(longitude.0, longitude.1).clamp(LONGITUDE_MIN, LONGITUDE_MAX),
            latitude: f64::midpoint(latitude.0, latitude.1).clamp(LATITUDE_MIN, LATITUDE_MAX),
        }
    }

    /// The cell so many cells to the east and to the north, round the earth.
    pub fn moved(self, east: i32, north: i32) -> Cell {
        let mask = ((1_u64 << self.step) - 1) as u32;
        let moved = |index: u32, by: i32| match by {
            0 => index,
            by => index.wrapping_add_signed(by) & mask,
        };
        let (x, y) = (spread_out(self.bits >> 1), spread_out(self.bits));
        Cell { bits: interleaved(moved(x, east), moved(y, north)), step: self.step }
    }

    /// The eleven characters by which other programs know the place of a score; the last says
    /// nothing. They go by latitudes up to the poles.
    pub fn text(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::within(self.place(), STEP_MAX, (-90.0, 90.0)).bits;
        std::array::from_fn(|index| {
            let shift = (2 * STEP_MAX as usize).checked_sub(5 * (index + 1));
            let digit = shift.map_or(0, |shift| (bits >> shift) & 31);
            ALPHABET[digit as usize]
        })
    }

    fn within(place: Place, step: u32, (south, north): (f64, f64)) -> Cell {
        let part = |value: f64, min: f64, max: f64| {
            ((value - min) / (max - min) * (1_u64 << step) as f64) as u32
        };
        let x = part(place.longitude, LONGITUDE_MIN, LONGITUDE_MAX);
        let y = part(place.latitude, south, north);
        Cell { bits: interleaved(x, y), step }
    }
}

/// The bits of `y` at the even places, those of `x` at the odd ones.
fn interleaved(x: u32, y: u32) -> u64 {
    spaced(x) << 1 | spaced(y)
}

/// A zero before each bit.
fn spaced(number: u32) -> u64 {
    let mut bits = u64::from(number);
    for (shift, mask) in SPACING {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// The bits at the even places.
fn spread_out(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    for index in (0..SPACING.len()).rev() {
        let mask = if index == 0 { 0xffff_ffff } else { SPACING[index - 1].1 };
        bits = (bits | bits >> SPACING[index].0) & mask;
    }
    bits as u32
}

/// Halves are moved apart, ever smaller ones: by so much, and what is kept then.
const SPACING: [(u32, u64); 5] = [
    (16, 0x0000_ffff_0000_ffff),
    (8, 0x00ff_00ff_00ff_00ff),
    (4, 0x0f0f_0f0f_0f0f_0f0f),
    (2, 0x3333_3333_3333_3333),
    (1, 0x5555_5555_5555_5555),
];
