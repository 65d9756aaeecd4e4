//! Histograms as SVG: how often each duration was seen, on a logarithmic scale. Pure.
//!
//! One panel a case, one stepped line a subject. All panels share the scale of durations; heights
//! are shares of a subject's own samples, so subjects with different counts compare.

use std::fmt::Write;

/// One subject's samples.
pub struct Curve {
    /// Name in the legend.
    pub name: String,
    /// Microseconds, and how many samples took that long.
    pub counts: Vec<(f64, u64)>,
}

/// One case.
pub struct Panel {
    /// What was measured.
    pub title: String,
    /// A line for each subject.
    pub curves: Vec<Curve>,
}

/// Draws the panels below each other.
pub fn drawing(title: &str, panels: &[Panel]) -> String {
    let all = panels.iter().flat_map(|panel| &panel.curves).flat_map(|curve| &curve.counts);
    let bounds = all
        .fold((f64::MAX, 1.0f64), |(low, high), (micros, _)| (low.min(*micros), high.max(*micros)));
    let first = cell(bounds.0.min(bounds.1).max(1.0));
    let cells = cell(bounds.1) - first + 1;
    let mut body = String::new();
    for (index, panel) in panels.iter().enumerate() {
        let top = TOP + index as f64 * (HEIGHT + GAP);
        draw_panel(&mut body, panel, top, (first, cells));
    }
    let height = TOP + panels.len() as f64 * (HEIGHT + GAP);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"16\">{title}</text>\n{body}</svg>\n",
    )
}

fn draw_panel(body: &mut String, panel: &Panel, top: f64, (first, cells): (usize, usize)) {
    let shares: Vec<Vec<f64>> =
        panel.curves.iter().map(|curve| shares(curve, first, cells)).collect();
    let highest = shares.iter().flatten().copied().fold(0.0f64, f64::max).max(1e-9);
    let bottom = top + HEIGHT;
    let step = (WIDTH - LEFT - RIGHT) / cells as f64;
    let _ = writeln!(body, "<text x=\"{LEFT}\" y=\"{}\">{}</text>", top - 8.0, panel.title);
    for cell in (first..first + cells).filter(|cell| cell % CELLS_PER_DECADE == 0) {
        let x = LEFT + (cell - first) as f64 * step;
        let micros = 10f64.powf(cell as f64 / CELLS_PER_DECADE as f64);
        let _ = writeln!(
            body,
            "<line x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{micros} µs</text>",
            bottom + 16.0
        );
    }
    for (index, (curve, shares)) in panel.curves.iter().zip(&shares).enumerate() {
        let color = COLORS[index % COLORS.len()];
        let mut points = format!("{LEFT:.1},{bottom:.1}");
        for (cell, share) in shares.iter().enumerate() {
            let (x, y) = (LEFT + cell as f64 * step, bottom - share / highest * HEIGHT);
            let _ = write!(points, " {x:.1},{y:.1} {:.1},{y:.1}", x + step);
        }
        let (x, y) = (WIDTH - RIGHT + 12.0, top + 14.0 + index as f64 * 20.0);
        let _ = writeln!(
            body,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>\n\
             <text x=\"{x}\" y=\"{y}\" fill=\"{color}\">{}</text>",
            curve.name
        );
    }
}

/// The share of a curve's samples in each cell.
fn shares(curve: &Curve, first: usize, cells: usize) -> Vec<f64> {
    let mut shares = vec![0.0; cells];
    let all: u64 = curve.counts.iter().map(|(_, count)| count).sum();
    for (micros, count) in &curve.counts {
        let index = cell(*micros).saturating_sub(first).min(cells - 1);
        shares[index] += *count as f64 / all.max(1) as f64;
    }
    shares
}

/// The cell that a duration belongs to; a microsecond begins the first.
fn cell(micros: f64) -> usize {
    (micros.max(1.0).log10() * CELLS_PER_DECADE as f64) as usize
}

const CELLS_PER_DECADE: usize = 20;
const WIDTH: f64 = 1100.0;
const HEIGHT: f64 = 240.0;
const TOP: f64 = 64.0;
const GAP: f64 = 60.0;
const LEFT: f64 = 40.0;
/// Room for the legend.
const RIGHT: f64 = 160.0;
const COLORS: [&str; 5] = ["#1f6f8b", "#7a5195", "#c0563a", "#8a8f3c", "#5b6770"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_lie_in_their_decades() {
        let curve = Curve { name: "a".into(), counts: vec![(10.0, 1), (99.0, 2), (1000.0, 1)] };
        let first = cell(10.0);
        let cells = cell(1000.0) - first + 1;
        let shares = shares(&curve, first, cells);
        assert_eq!((shares[0], shares[cells - 1]), (0.25, 0.25));
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let panels = [Panel { title: "idle".into(), curves: vec![curve] }];
        let svg = drawing("title", &panels);
        assert!(svg.contains("100 µs") && svg.contains("<polyline"), "{svg}");
    }

    #[test]
    fn nothing_seen_is_drawn_empty() {
        let panels = [Panel { title: "idle".into(), curves: Vec::new() }];
        assert!(drawing("title", &panels).contains("idle"));
    }
}
