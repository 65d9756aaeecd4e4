//! Distances on a sphere of the earth's size, in meters. Pure, any core.

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// East is positive.
    pub longitude: f64,
    /// North is positive.
    pub latitude: f64,
}

/// The radius of the earth that stock servers take, in meters.
pub const EARTH_RADIUS: f64 = 6_372_797.560_856;

impl Place {
    /// The distance to another place, by the haversine formula.
    pub fn distance(self, other: Place) -> f64 {
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let v = ((radians(other.longitude) - radians(self.longitude)) / 2.0).sin();
        if v == 0.0 {
            return latitude_distance(self.latitude, other.latitude);
        }
        let u = ((to - from) / 2.0).sin();
        let a = u * u + from.cos() * to.cos() * v * v;
        2.0 * EARTH_RADIUS * a.sqrt().asin()
    }
}

/// The distance between two latitudes.
pub fn latitude_distance(one: f64, other: f64) -> f64 {
    EARTH_RADIUS * (radians(other) - radians(one)).abs()
}

/// Degrees as radians.
pub fn radians(degrees: f64) -> f64 {
    degrees * (std::f64::consts::PI / 180.0)
}

/// Radians as degrees.
pub fn degrees(radians: f64) -> f64 {
    radians / (std::f64::consts::PI / 180.0)
}
