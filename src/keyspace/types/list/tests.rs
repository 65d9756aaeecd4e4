use super::*;
use fastrand::Rng;

fn encoding(size: i32, depth: u32) -> Encoding {
    let mut encoding = crate::config::settings::Settings::defaults().encoding;
    encoding.list_max_listpack_size = size;
    encoding.list_compress_depth = depth;
    encoding
}

fn content(list: &List) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut digits = itoa::Buffer::new();
    list.show(0, usize::MAX, End::Right, |element| {
        all.push(element.as_text(&mut digits).unwrap().to_vec());
    });
    all
}

fn text(random: &mut Rng) -> Vec<u8> {
    match random.u8(..30) {
        0 => vec![b'x'; random.usize(..9000)],
        1 => random.i64(..).to_string().into_bytes(),
        2..10 => random.u8(..9).to_string().into_bytes(),
        10 => vec![b'z'; random.usize(..500)],
        _ => vec![random.u8(b'a'..b'e')],
    }
}

/// One random step on the list and on the model beside it.
fn step(list: &mut List, model: &mut Vec<Vec<u8>>, encoding: &Encoding, random: &mut Rng) {
    let new = text(random);
    let index = random.usize(..=model.len());
    list.prepare(new.len(), 1, encoding);
    match random.u8(..12) {
        0..3 => {
            list.push(End::Left, ValueRef::Str(&new));
            model.insert(0, new);
        }
        3..6 => {
            list.push(End::Right, ValueRef::Str(&new));
            model.push(new);
        }
        6 => {
            let end = [End::Left, End::Right][random.usize(..2)];
            list.drop_end(end);
            match end {
                End::Left if !model.is_empty() => drop(model.remove(0)),
                _ => drop(model.pop()),
            }
            list.shrink();
        }
        7 => {
            assert_eq!(list.set(index, ValueRef::Str(&new)), index < model.len());
            if index < model.len() {
                model[index] = new;
            }
            list.shrink();
        }
        8 | 9 if index < model.len() => {
            let pivot = model[index].clone();
            let first = model.iter().position(|it| *it == pivot).unwrap();
            let side = [Side::Before, Side::After][random.usize(..2)];
            assert!(list.insert(side, &pivot, ValueRef::Str(&new)));
            model.insert(first + usize::from(side == Side::After), new);
        }
        10 => {
            let count = random.usize(..8);
            list.remove_range(index, count);
            model.drain(index..(index + count).min(model.len()));
            list.shrink();
        }
        _ => {
            let limit = random.usize(1..4);
            let from = [End::Left, End::Right][random.usize(..2)];
            let removed = list.remove_equal(from, limit, &new);
            let places: Vec<usize> = (0..model.len()).filter(|at| model[*at] == new).collect();
            let chosen: Vec<usize> = match from {
                End::Left => places.iter().take(limit).copied().collect(),
                End::Right => places.iter().rev().take(limit).rev().copied().collect(),
            };
            assert_eq!(removed, chosen.len());
            chosen.iter().rev().for_each(|at| drop(model.remove(*at)));
            list.shrink();
        }
    }
}

#[test]
fn a_list_is_what_a_vector_is() {
    for (size, depth) in [(-2, 0), (-1, 1), (1, 1), (3, 2), (128, 1), (-5, 3), (0, 0)] {
        for seed in 0..6 {
            let mut random = Rng::with_seed(seed);
            let encoding = encoding(size, depth);
            let (mut list, mut model) = (List::new(), Vec::new());
            for turn in 0..400 {
                step(&mut list, &mut model, &encoding, &mut random);
                list.invariants();
                let told = format!("size {size}, depth {depth}, seed {seed}, turn {turn}");
                assert_eq!(list.len(), model.len(), "{told}");
                assert!(content(&list) == model, "{told}");
                let at = random.usize(..=model.len());
                let mut digits = itoa::Buffer::new();
                let shown = list.with(at, |it| it.as_text(&mut digits).unwrap().to_vec());
                assert_eq!(shown.as_ref(), model.get(at), "{told}");
            }
        }
    }
}

#[test]
fn the_inside_of_a_long_list_is_compressed() {
    let fill = |depth| {
        let (mut list, encoding) = (List::new(), encoding(-2, depth));
        for number in 0..20_000 {
            let text = format!("an element like others {number}");
            list.prepare(text.len(), 1, &encoding);
            list.push(End::Right, ValueRef::Str(text.as_bytes()));
        }
        list.invariants();
        list
    };
    let (plain, squeezed) = (fill(0), fill(1));
    assert!(squeezed.memory() < plain.memory() / 2, "{}", squeezed.memory());
    assert!(content(&plain) == content(&squeezed));
}
