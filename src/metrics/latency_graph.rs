//! Draws latency samples as bars of text for LATENCY GRAPH. Pure, any core.
//!
//! A bar is four rows high, each row in three steps; its age stands upright below it.

/// One sample to draw.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    /// How long ago it was, s.
    pub age_s: u64,
    /// How high the bar is, in any unit.
    pub value: u64,
}

/// The bars, oldest first, in groups of [`COLUMNS_MAX`].
pub fn draw(bars: &[Bar]) -> String {
    let values = || bars.iter().map(|bar| bar.value);
    let low = values().min().unwrap_or(0);
    let high = values().max().unwrap_or(0);
    let groups = bars.chunks(COLUMNS_MAX);
    groups.map(|group| draw_group(group, low, high)).collect::<Vec<_>>().join("\n")
}

fn draw_group(bars: &[Bar], low: u64, high: u64) -> String {
    let levels: Vec<u64> = bars.iter().map(|bar| level(bar.value, low, high)).collect();
    let labels: Vec<String> = bars.iter().map(|bar| age(bar.age_s)).collect();
    let mut text = String::new();
    for row in (0..ROWS).rev() {
        text.extend(levels.iter().map(|&level| cell(level, row)));
        text.push('\n');
    }
    text.extend(std::iter::repeat_n(' ', bars.len()));
    text.push('\n');
    let label_rows = labels.iter().map(String::len).max().unwrap_or(0);
    for row in 0..label_rows {
        // Labels are ASCII.
        text.extend(
            labels.iter().map(|label| label.as_bytes().get(row).map_or(' ', |&b| b.into())),
        );
        text.push('\n');
    }
    text
}

/// How high the bar of a value is, in steps from 0.
fn level(value: u64, low: u64, high: u64) -> u64 {
    let range = high.saturating_sub(low).max(1);
    let level = (value - low).saturating_mul(ROWS * STEPS) / range;
    level.min(ROWS * STEPS - 1)
}

/// What a bar of `level` shows in `row`, counted from the bottom.
fn cell(level: u64, row: u64) -> char {
    match (level / STEPS).cmp(&row) {
        std::cmp::Ordering::Less => ' ',
        std::cmp::Ordering::Greater => '|',
        std::cmp::Ordering::Equal => ['_', 'o', '#'][(level % STEPS) as usize],
    }
}

/// A duration in its largest whole unit.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Bars side by side, the width of a terminal.
pub const COLUMNS_MAX: usize = 80;

const ROWS: u64 = 4;

/// Heights told apart within a row.
const STEPS: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_recorded_from_stock() {
        let values = [2, 3, 10, 5, 20, 2, 7, 40];
        let ages = [9, 8, 7, 6, 5, 4, 2, 1];
        let bar = |(value, age_s)| Bar { age_s, value };
        let bars: Vec<Bar> = values.into_iter().zip(ages).map(bar).collect();
        let expected = [
            "       #", "       |", "    #  |", "__#_|_o|", "        ", "98765421", "ssssssss", "",
        ];
        assert_eq!(draw(&bars), expected.join("\n"));
    }

    #[test]
    fn one_sample_and_none_can_be_drawn() {
        assert_eq!(draw(&[Bar { age_s: 4000, value: 20 }]), " \n \n \n_\n \n1\nh\n");
        assert_eq!(draw(&[]), "");
    }
}
