//! `LOLWUT`: draws rivers. Streams begin at the top, wander down and join: many become one, which
//! is what this server does with the writes of its shards.

use super::context::Context;
use super::error::CommandError;
use super::flags::Flags;
use super::spec::{CommandResult, Group, Scope, Spec};
use crate::base::number;
use crate::resp::request::Args;

/// `LOLWUT [VERSION v] [columns [rows [springs]]]`. Every version draws the same.
fn lolwut(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let versioned = args.len() >= 3 && args.get(1).eq_ignore_ascii_case(b"VERSION");
    let mut sizes = [(66, 8, 160), (16, 2, 64), (9, 1, 40)];
    let numbers = args.iter().skip(if versioned { 2 } else { 1 });
    let given: Vec<_> = numbers.map(number::parse_i64).collect();
    // Only who names a version is told that something is no number.
    if versioned && given.contains(&None) {
        return Err(CommandError::NotInteger);
    }
    let given = given.into_iter().skip(usize::from(versioned));
    for ((size, min, max), number) in sizes.iter_mut().zip(given) {
        *size = number.map_or(*size, |number| number.clamp(*min, *max));
    }
    let [columns, rows, springs] = sizes.map(|(size, _, _)| size as usize);
    let mut text = draw(columns, rows, springs, ctx.random);
    text.push_str(&format!(
        "\nMany tributaries, one river. Redis ver. 7.2.4, Tributary {}\n",
        env!("CARGO_PKG_VERSION")
    ));
    ctx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn draw(columns: usize, rows: usize, springs: usize, random: &mut fastrand::Rng) -> String {
    let mut streams: Vec<usize> = (0..springs).map(|_| random.usize(..columns)).collect();
    let mouth = columns / 2;
    let mut text = String::new();
    for row in 0..rows {
        let mut line = vec![' '; columns];
        for place in &mut streams {
            let before = *place;
            *place = step(before, mouth, rows - row, random).min(columns - 1);
            line[*place] = match (*place).cmp(&before) {
                std::cmp::Ordering::Less => '/',
                std::cmp::Ordering::Equal => '|',
                std::cmp::Ordering::Greater => '\\',
            };
        }
        streams.sort_unstable();
        streams.dedup();
        text.push_str(line.iter().collect::<String>().trim_end());
        text.push('\n');
    }
    text
}

/// Where a stream goes in the next row: it wanders, but reaches the mouth in time.
fn step(place: usize, mouth: usize, rows_left: usize, random: &mut fastrand::Rng) -> usize {
    let away = place.abs_diff(mouth);
    let towards = match place.cmp(&mouth) {
        std::cmp::Ordering::Less => place + (away / rows_left).max(1),
        std::cmp::Ordering::Equal => place,
        std::cmp::Ordering::Greater => place - (away / rows_left).max(1),
    };
    if away >= rows_left || random.u8(..3) == 0 {
        return towards;
    }
    match random.u8(..3) {
        0 => place,
        1 => place + 1,
        _ => place.saturating_sub(1),
    }
}

/// The row.
pub const ROWS: &[Spec] = &[Spec::new("lolwut", -1, Group::Server, Scope::Anywhere(lolwut))
    .flags(Flags::READONLY.with(Flags::FAST))
    .doc("5.0.0", "", "Draws something, and says which version this is.")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rivers_stay_in_their_bed() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (columns, rows) = (random.usize(8..100), random.usize(2..40));
            let text = draw(columns, rows, random.usize(1..40), &mut random);
            assert_eq!(text.lines().count(), rows, "seed {seed}");
            assert!(text.lines().all(|line| line.len() <= columns), "seed {seed}");
        }
    }
}
