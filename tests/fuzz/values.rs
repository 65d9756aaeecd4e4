//! Values of every type in every form an RDB file can hold them in, small, as a type's number and
//! the bytes behind it. Built by hand: the server writes only some of these forms.

use fastrand::Rng;
use tributary::base::lzf::Compressor;
use tributary::keyspace::encoding::listpack::ListPack;
use tributary::rdb::{length, string};

/// A value of any type and form.
pub fn value(rng: &mut Rng) -> Vec<u8> {
    let form = *rng.choice(FORMS).expect("some");
    let mut out = vec![form];
    write(&mut out, form, rng);
    out
}

/// One value of each form.
pub fn each_form(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut written = Vec::new();
    for form in FORMS {
        let mut out = vec![*form];
        write(&mut out, *form, rng);
        written.push(out);
    }
    written
}

/// The numbers of all types that are read; 22 means a hash in files of Valkey only.
const FORMS: &[u8] =
    &[0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 24, 25];

fn write(out: &mut Vec<u8>, form: u8, rng: &mut Rng) {
    let count = rng.usize(1..6);
    let words: Vec<Vec<u8>> = (0..2 * count).map(|index| word(rng, index)).collect();
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let scored = || scored(&words);
    match form {
        0 => text(out, words[0], rng),
        1 | 2 => plain(out, count, &words[..count], rng),
        3 => plain_scores(out, &words, |out, index| match index % 4 {
            0 => out.push(254),
            1 => out.push(255),
            _ => out.extend_from_slice(b"\x043.25"),
        }),
        4 => plain(out, count, &words, rng),
        5 => plain_scores(out, &words, |out, index| {
            out.extend_from_slice(&(index as f64 / 3.0).to_le_bytes());
        }),
        9 => text(out, &zipmap(&words), rng),
        10 | 13 => text(out, &ziplist(&words), rng),
        11 => text(out, &intset(count, rng), rng),
        12 => text(out, &ziplist(&slices(&scored())), rng),
        14 => {
            length::write(out, 2);
            text(out, &ziplist(&words[..count]), rng);
            text(out, &ziplist(&words[count..]), rng);
        }
        16 | 20 => text(out, &pack(&words), rng),
        17 => text(out, &pack(&slices(&scored())), rng),
        18 => {
            out.extend_from_slice(&[2, 1]);
            text(out, words[0], rng);
            out.push(2);
            text(out, &pack(&words), rng);
        }
        22 => {
            length::write(out, count as u64);
            for pair in words.chunks(2) {
                pair.iter().for_each(|word| text(out, word, rng));
                out.extend_from_slice(&rng.i64(-1..2).to_le_bytes());
            }
        }
        24 => {
            out.extend_from_slice(&1_900_000_000_000_u64.to_le_bytes());
            length::write(out, count as u64);
            for pair in words.chunks(2) {
                out.push(rng.u8(..2));
                pair.iter().for_each(|word| text(out, word, rng));
            }
        }
        25 => {
            out.extend_from_slice(&1_900_000_000_000_u64.to_le_bytes());
            let triples: Vec<&[u8]> = words.chunks(2).flat_map(|p| [p[0], p[1], b"0"]).collect();
            text(out, &pack(&triples), rng);
        }
        form => stream(out, form, count, rng),
    }
}

/// Words that differ by their index.
fn word(rng: &mut Rng, index: usize) -> Vec<u8> {
    match rng.u8(..8) {
        0 => (rng.i64(..) / 16 * 16 + index as i64).to_string().into_bytes(),
        1 => (rng.i64(-256..256) * 16 + index as i64).to_string().into_bytes(),
        2 => format!("{}{index}", "long".repeat(rng.usize(10..80))).into_bytes(),
        _ => format!("w{index}").into_bytes(),
    }
}

fn text(out: &mut Vec<u8>, text: &[u8], rng: &mut Rng) {
    let mut compressor = Compressor::new();
    string::write_bytes(out, text, rng.bool().then_some(&mut compressor));
}

fn plain(out: &mut Vec<u8>, count: usize, words: &[&[u8]], rng: &mut Rng) {
    length::write(out, count as u64);
    words.iter().for_each(|word| text(out, word, rng));
}

fn plain_scores(out: &mut Vec<u8>, words: &[&[u8]], score: impl Fn(&mut Vec<u8>, usize)) {
    length::write(out, words.len() as u64);
    for (index, word) in words.iter().enumerate() {
        string::write_bytes(out, word, None);
        score(out, index);
    }
}

/// Members and ascending scores, by turns.
fn scored(words: &[&[u8]]) -> Vec<Vec<u8>> {
    let pair = |(index, word): (usize, &&[u8])| {
        [word.to_vec(), format!("{}", index as f64 * 0.5).into_bytes()]
    };
    words.iter().enumerate().flat_map(pair).collect()
}

fn slices(words: &[Vec<u8>]) -> Vec<&[u8]> {
    words.iter().map(Vec::as_slice).collect()
}

fn pack(words: &[&[u8]]) -> Vec<u8> {
    let mut pack = ListPack::new();
    words.iter().for_each(|word| pack.push_back(*word));
    pack.as_bytes().to_vec()
}

/// All elements as text, which is a form that old servers read as well.
fn ziplist(words: &[&[u8]]) -> Vec<u8> {
    let (mut entries, mut last, mut before) = (Vec::new(), 0, 0);
    for word in words {
        last = entries.len();
        match u8::try_from(before) {
            Ok(short) if short < 254 => entries.push(short),
            _ => {
                entries.push(254);
                entries.extend_from_slice(&(before as u32).to_le_bytes());
            }
        }
        entries.extend_from_slice(&(0x4000 | word.len() as u16).to_be_bytes());
        entries.extend_from_slice(word);
        before = entries.len() - last;
    }
    let mut out = (entries.len() as u32 + 11).to_le_bytes().to_vec();
    out.extend_from_slice(&(last as u32 + 10).to_le_bytes());
    out.extend_from_slice(&(words.len() as u16).to_le_bytes());
    out.extend_from_slice(&entries);
    out.push(0xff);
    out
}

fn zipmap(words: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![(words.len() / 2) as u8];
    for (index, word) in words.iter().enumerate() {
        out.push(254);
        out.extend_from_slice(&(word.len() as u32).to_le_bytes());
        out.extend((index % 2 == 1).then_some(1));
        out.extend_from_slice(word);
        out.extend((index % 2 == 1).then_some(0));
    }
    out.push(0xff);
    out
}

fn intset(count: usize, rng: &mut Rng) -> Vec<u8> {
    let width: u32 = rng.choice([2, 4, 8]).expect("some");
    let mut out = u32::to_le_bytes(width).to_vec();
    out.extend_from_slice(&(count as u32).to_le_bytes());
    for index in 0..count as i64 {
        let number = (index - 2) << (width * 8 - 3);
        out.extend_from_slice(&number.to_le_bytes()[..width as usize]);
    }
    out
}

/// One node; a group with a consumer that has the first entry pending, and one that has none.
fn stream(out: &mut Vec<u8>, form: u8, count: usize, rng: &mut Rng) {
    let first = [5_u64.to_be_bytes(), 1_u64.to_be_bytes()].concat();
    let mut entries = ListPack::new();
    let deleted = rng.usize(..count);
    [count - deleted, deleted, 1].iter().for_each(|n| entries.push_back(*n as i64));
    entries.push_back(&b"name"[..]);
    entries.push_back(0);
    for index in 0..count {
        // The last ones carry the mark of what was deleted.
        let flags = 2 + i64::from(index >= count - deleted);
        [flags, index as i64, 0].iter().for_each(|n| entries.push_back(*n));
        entries.push_back(&word(rng, index)[..]);
        entries.push_back(4);
    }
    length::write(out, 1);
    string::write_bytes(out, &first, None);
    text(out, entries.as_bytes(), rng);
    let mut numbers = vec![(count - deleted) as u64, 5 + count as u64, 1];
    if form != 15 {
        numbers.extend([5, 1, 0, 0, count as u64]);
    }
    numbers.push(1);
    numbers.iter().for_each(|number| length::write(out, *number));
    string::write_bytes(out, b"group", None);
    [5, 1].iter().for_each(|number| length::write(out, *number));
    out.extend((form != 15).then_some(1));
    out.push(1);
    out.extend_from_slice(&first);
    out.extend_from_slice(&1_700_000_000_000_u64.to_le_bytes());
    out.extend_from_slice(&[3, 2]);
    for (name, pending) in [(b"alice", 1), (b"carol", 0)] {
        string::write_bytes(out, name, None);
        for _ in 0..1 + usize::from(form == 21) {
            out.extend_from_slice(&1_700_000_000_001_u64.to_le_bytes());
        }
        out.push(pending);
        out.extend_from_slice(&first[..16 * usize::from(pending)]);
    }
}
