use crate::command::fixture::Fixture;
use crate::command::geo::areas::Shape;
use crate::command::geo::cells::{Cell, STEP_MAX};
use crate::command::geo::sphere::Place;
use crate::command::mirror::Mirror;
use crate::command::strings::tests::{key, one_of};
use crate::command::twin::Twin;
use fastrand::Rng;

type Words = Vec<Vec<u8>>;

/// Degrees: anywhere, near the poles and the date line, at an edge, seldom none at all.
fn degrees(random: &mut Rng, edges: &[&str], width: f64) -> Vec<u8> {
    match random.u8(..20) {
        0 => one_of(random, edges),
        1..4 => (width - random.f64() / 10.0).to_string().into_bytes(),
        4..7 => (random.f64() / 10.0 - width).to_string().into_bytes(),
        7..14 => (10.0 + random.f64()).to_string().into_bytes(),
        _ => (random.f64() * 2.0 * width - width).to_string().into_bytes(),
    }
}

fn place(random: &mut Rng) -> [Vec<u8>; 2] {
    [
        degrees(random, &["180", "-180", "0", "-0", "180.1", "x", "nan", "inf"], 180.0),
        degrees(random, &["85.05112878", "-85.05112878", "0", "86", "-90", "", "1e300"], 85.0511),
    ]
}

fn member(random: &mut Rng) -> Vec<u8> {
    one_of(random, &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "7", "8"])
}

fn length(random: &mut Rng) -> Vec<u8> {
    match random.u8(..12) {
        0 => one_of(random, &["0", "-1", "x", "inf", "1e300", "-0", "1e-5", "20037726"]),
        1..5 => random.u32(..2000).to_string().into_bytes(),
        5..8 => (random.f64() * 1e5).to_string().into_bytes(),
        _ => (random.f64() * 1e7).to_string().into_bytes(),
    }
}

fn unit(random: &mut Rng) -> Vec<u8> {
    one_of(random, &["m", "km", "ft", "mi", "M", "KM", "m", "m", "m", "xx"])
}

fn words(text: &str) -> Words {
    text.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()
}

fn add(random: &mut Rng) -> Words {
    let mut command = words("GEOADD");
    command.push(key(random));
    if random.u8(..5) == 0 {
        command.extend(words(&String::from_utf8_lossy(&one_of(
            random,
            &["NX", "XX", "CH", "NX CH", "XX CH", "NX XX", "GT"],
        ))));
    }
    for _ in 0..random.usize(1..6) {
        command.extend(place(random));
        command.push(member(random));
    }
    command
}

/// Words that all searches know. Where nothing asks for an order, one does: what is equally far
/// away comes in any.
fn options(random: &mut Rng, command: &mut Words) {
    for word in ["WITHDIST", "WITHHASH", "WITHCOORD"] {
        if random.u8(..3) == 0 {
            command.push(word.as_bytes().to_vec());
        }
    }
    match random.u8(..6) {
        0 => command.push(b"ASC".to_vec()),
        1 => command.push(b"DESC".to_vec()),
        2 => command.extend(words("COUNT 3 ANY")),
        3 => command.extend([b"COUNT".to_vec(), one_of(random, &["1", "2", "5", "0", "x"])]),
        _ => {}
    }
    if random.u8(..30) == 0 {
        command.push(one_of(random, &["ANY", "x", "COUNT", "STORE", "BYRADIUS"]));
    }
}

fn radius(random: &mut Rng) -> Words {
    let by_member = random.bool();
    let mut command = words(match (by_member, random.bool()) {
        (true, true) => "GEORADIUSBYMEMBER",
        (true, false) => "GEORADIUSBYMEMBER_RO",
        (false, true) => "GEORADIUS",
        (false, false) => "GEORADIUS_RO",
    });
    command.push(key(random));
    if by_member {
        command.push(member(random));
    } else {
        command.extend(place(random));
    }
    command.extend([length(random), unit(random)]);
    if random.u8(..4) == 0 {
        let word = one_of(random, &["STORE", "STOREDIST"]);
        command.extend([word, key(random)]);
        if random.bool() {
            return command;
        }
    }
    options(random, &mut command);
    command
}

fn shape(random: &mut Rng, command: &mut Words) {
    if random.bool() {
        command.extend([b"FROMMEMBER".to_vec(), member(random)]);
    } else {
        command.push(b"FROMLONLAT".to_vec());
        command.extend(place(random));
    }
    if random.bool() {
        command.extend([b"BYRADIUS".to_vec(), length(random), unit(random)]);
    } else {
        command.extend([b"BYBOX".to_vec(), length(random), length(random), unit(random)]);
    }
}

fn search(random: &mut Rng) -> Words {
    let mut command = words("GEOSEARCH");
    command.push(key(random));
    shape(random, &mut command);
    options(random, &mut command);
    command
}

fn search_store(random: &mut Rng) -> Words {
    let mut command = words("GEOSEARCHSTORE");
    command.extend([key(random), key(random)]);
    shape(random, &mut command);
    if random.bool() {
        command.push(b"STOREDIST".to_vec());
    } else if random.u8(..4) == 0 {
        options(random, &mut command);
    }
    command
}

fn told(random: &mut Rng) -> Words {
    let mut command = words(["GEODIST", "GEOPOS", "GEOHASH"][random.usize(..3)]);
    command.extend([key(random), member(random), member(random)]);
    if random.bool() {
        command.push(unit(random));
    }
    command
}

fn score(random: &mut Rng) -> Words {
    let mut command = words("ZADD");
    let score = one_of(random, &["0", "-5", "1.5", "1e300", "4503599627370495", "inf", "-1e300"]);
    command.extend([key(random), score, member(random)]);
    command
}

fn write(random: &mut Rng) -> Words {
    match random.u8(..20) {
        0..14 => add(random),
        14..16 => search_store(random),
        16 => radius(random),
        17 => score(random),
        18 => vec![b"ZREM".to_vec(), key(random), member(random)],
        _ => vec![b"DEL".to_vec(), key(random)],
    }
}

fn command(random: &mut Rng) -> Words {
    match random.u8(..10) {
        0..4 => write(random),
        4 => told(random),
        5..7 => radius(random),
        7 => search_store(random),
        _ => search(random),
    }
}

#[test]
fn replies_are_those_of_a_stock_server() {
    let Some(mut twin) = Twin::start() else { return };
    twin.shows = &["ZRANGE", "KEY", "0", "-1", "WITHSCORES"];
    twin.check_random(0..40, 400, command);
    twin.check_random_streams(200..202, 300, write);
}

#[test]
fn a_replica_becomes_what_its_master_is() {
    Mirror::check_random(0..6, 200, command);
}

#[test]
fn cells_lie_around_their_places() {
    let mut random = Rng::with_seed(1);
    for _ in 0..10_000 {
        let longitude = random.f64() * 360.0 - 180.0;
        let place = Place { longitude, latitude: random.f64() * 170.0 - 85.0 };
        for step in [1, 2, 13, STEP_MAX] {
            let cell = Cell::of(place, step);
            let area = cell.area();
            assert!(area.longitude.0 <= place.longitude && place.longitude <= area.longitude.1);
            assert!(area.latitude.0 <= place.latitude && place.latitude <= area.latitude.1);
            assert_eq!(cell.moved(1, -1).moved(-1, 1), cell);
            assert_eq!(Cell::of(cell.place(), step), cell);
        }
    }
}

/// Away from the poles, where a circle is no circle on the map.
#[test]
fn what_is_in_a_circle_is_in_its_cells() {
    let mut random = Rng::with_seed(2);
    for _ in 0..5_000 {
        let middle = Place {
            longitude: random.f64() * 300.0 - 150.0,
            latitude: random.f64() * 120.0 - 60.0,
        };
        let shape = Shape::Circle(random.f64() * 1_000_000.0);
        let cells = shape.cells(middle);
        for _ in 0..20 {
            let place = Place {
                longitude: middle.longitude + random.f64() * 10.0 - 5.0,
                latitude: middle.latitude + random.f64() * 10.0 - 5.0,
            };
            let score = Cell::of(place, STEP_MAX).first_score();
            let held = |cell: &Cell| (cell.first_score()..cell.end_score()).contains(&score);
            let inside = shape.distance(middle, place).is_some();
            assert!(!inside || cells.iter().any(held), "{middle:?} {shape:?} {place:?}");
        }
    }
}

#[test]
fn places_are_streamed_as_scores() {
    let mut fixture = Fixture::new();
    let effect = "zadd g NX CH 3479099956230698 Palermo";
    fixture.check("GEOADD g NX CH 13.361389 38.115556 Palermo", ":1\r\n", &[effect]);
    fixture.check("GEOADD g NX CH 13.361389 38.115556 Palermo", ":0\r\n", &[]);
    fixture.check("GEOHASH g Palermo", "*1\r\n$11\r\nsqc8b49rny0\r\n", &[]);
    let store = "GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST";
    fixture.check(store, ":1\r\n", &[store]);
    fixture.check("ZSCORE d Palermo", "$18\r\n190.44242984775784\r\n", &[]);
}
