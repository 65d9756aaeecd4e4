//! Which cells can hold what is searched: the one in the middle and its eight neighbours, so large
//! that the shape is inside, without those that it does not touch. Pure, any core.

use crate::command::geo::cells::Cell;
use crate::command::geo::sphere::{EARTH_RADIUS, Place, degrees, latitude_distance, radians};

/// A shape around a place; lengths in meters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// All places at most so far away.
    Circle(f64),
    /// All places at most half of this width away to the east and west, and half of this height to
    /// the north and south.
    Box {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

/// The degrees between which a shape lies.
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Shape {
    /// The distance of a place from the middle if the shape holds it.
    pub fn distance(&self, middle: Place, place: Place) -> Option<f64> {
        match *self {
            Shape::Circle(radius) => {
                let distance = middle.distance(place);
                if distance > radius { None } else { Some(distance) }
            }
            Shape::Box { width, height } => {
                if latitude_distance(place.latitude, middle.latitude) > height / 2.0 {
                    return None;
                }
                let beside = Place { longitude: middle.longitude, ..place };
                if place.distance(beside) > width / 2.0 {
                    return None;
                }
                Some(middle.distance(place))
            }
        }
    }

    /// The cells to look into, in the order in which stock servers do.
    pub fn cells(&self, middle: Place) -> Vec<Cell> {
        let bounds = self.bounds(middle);
        let mut step = step_for(self.reach(), middle.latitude);
        if step > 1 && !neighbours_cover(Cell::of(middle, step), &bounds) {
            step -= 1;
        }
        let cell = Cell::of(middle, step);
        let area = cell.area();
        // Whether the cell in the middle itself reaches beyond the shape. Those of the first step
        // are so large that neighbours are each other's.
        let all = step < 2;
        let beyond_south = !all && area.latitude.0 < bounds.south;
        let beyond_north = !all && area.latitude.1 > bounds.north;
        let beyond_west = !all && area.longitude.0 < bounds.west;
        let beyond_east = !all && area.longitude.1 > bounds.east;
        let needless = |x: i32, y: i32| {
            (x > 0 && beyond_east)
                || (x < 0 && beyond_west)
                || (y > 0 && beyond_north)
                || (y < 0 && beyond_south)
        };
        let mut cells: Vec<Cell> = Vec::with_capacity(ORDER.len());
        for (x, y) in ORDER.into_iter().filter(|(x, y)| !needless(*x, *y)) {
            let cell = cell.moved(x, y);
            if cells.last() != Some(&cell) {
                cells.push(cell);
            }
        }
        cells
    }

    /// How far the shape reaches from its middle.
    fn reach(&self) -> f64 {
        match *self {
            Shape::Circle(radius) => radius,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        }
    }

    fn bounds(&self, middle: Place) -> Bounds {
        let (width, height) = match *self {
            Shape::Circle(radius) => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let Place { longitude, latitude } = middle;
        let up = degrees(height / EARTH_RADIUS);
        // The nearer to a pole, the more degrees are a width.
        let farther = if latitude < 0.0 { latitude - up } else { latitude + up };
        let aside = degrees(width / EARTH_RADIUS / radians(farther).cos());
        Bounds {
            west: longitude - aside,
            south: latitude - up,
            east: longitude + aside,
            north: latitude + up,
        }
    }
}

/// How small cells may be that a few of them hold a circle of this radius.
fn step_for(radius: f64, latitude: f64) -> u32 {
    if radius == 0.0 {
        return 26;
    }
    let (mut radius, mut step) = (radius, 1);
    while radius < HALF_ROUND {
        radius *= 2.0;
        step += 1;
    }
    step -= 2;
    // Near the poles cells are narrow.
    if latitude.abs() > 66.0 {
        step -= 1;
        if latitude.abs() > 80.0 {
            step -= 1;
        }
    }
    step.clamp(1, 26) as u32
}

/// Whether a shape lies inside of a cell and its neighbours.
fn neighbours_cover(cell: Cell, bounds: &Bounds) -> bool {
    let area = |x, y| cell.moved(x, y).area();
    let too_small = area(0, 1).latitude.1 < bounds.north
        || area(0, -1).latitude.0 > bounds.south
        || area(1, 0).longitude.1 < bounds.east
        || area(-1, 0).longitude.0 > bounds.west;
    !too_small
}

/// Half of the earth's circumference on the square map, in meters.
const HALF_ROUND: f64 = 20_037_726.37;

/// Middle, north, south, east, west, north-east, north-west, south-east, south-west.
const ORDER: [(i32, i32); 9] =
    [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
