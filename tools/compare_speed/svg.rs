//! Bar charts of tables as SVG. Pure.
//!
//! One group of horizontal bars a row, one bar a subject; each group has its own scale, because
//! rows differ in unit and size, and every bar carries its value.

use std::fmt::Write;

use super::table::{Table, number};

/// Draws the table as a bar chart.
pub fn bars(table: &Table) -> String {
    let mut body = String::new();
    let mut y = TOP;
    for row in &table.rows {
        let largest = row.values.iter().flatten().copied().fold(0.0f64, f64::max).max(1e-12);
        let label = format!("{} ({})", row.case, row.unit);
        let _ = writeln!(body, "{}", text(LABEL - 8, y + BAR - 3, "end", &label));
        for (index, value) in row.values.iter().enumerate() {
            let Some(value) = value else { continue };
            let width = (value.max(0.0) / largest * f64::from(WIDEST)).round() as u32;
            let color = COLORS[index % COLORS.len()];
            let _ = writeln!(
                body,
                "<rect x=\"{LABEL}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{color}\"/>",
                width.max(1),
                BAR - 2
            );
            let end = LABEL + width + 6;
            let _ = writeln!(body, "{}", text(end, y + BAR - 4, "start", &number(*value)));
            y += BAR;
        }
        if !row.verdict().is_empty() {
            let figure = row.figure.map_or_else(String::new, |figure| format!("{figure:.2} "));
            let verdict = format!("{figure}{}", row.verdict());
            let _ = writeln!(body, "{}", text(WIDTH - 12, y - 4, "end", &verdict));
        }
        y += GAP;
    }
    let mut legend = String::new();
    let mut x = LABEL;
    for (index, subject) in table.subjects.iter().enumerate() {
        let color = COLORS[index % COLORS.len()];
        let _ = writeln!(
            legend,
            "<rect x=\"{x}\" y=\"36\" width=\"12\" height=\"12\" fill=\"{color}\"/>"
        );
        let _ = writeln!(legend, "{}", text(x + 18, 47, "start", subject));
        x += 34 + 8 * subject.chars().count() as u32;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{0}\" \
         viewBox=\"0 0 {WIDTH} {0}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"16\">{1}</text>\n{legend}{body}</svg>\n",
        y + 4,
        escape(&table.title),
    )
}

fn text(x: u32, y: u32, anchor: &str, content: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>", escape(content))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const WIDTH: u32 = 1100;
/// Where bars begin; labels end left of it.
const LABEL: u32 = 440;
/// Length of the longest bar; its value and the verdict stand right of it.
const WIDEST: u32 = 400;
const TOP: u32 = 64;
const BAR: u32 = 18;
const GAP: u32 = 14;
const COLORS: [&str; 5] = ["#1f6f8b", "#c0563a", "#8a8f3c", "#7a5195", "#5b6770"];

#[cfg(test)]
mod tests {
    use super::super::table::Row;
    use super::*;

    #[test]
    fn every_value_gets_a_bar_and_text_is_escaped() {
        let table = Table {
            title: "a < b".into(),
            subjects: vec!["own".into(), "redis".into()],
            rows: vec![Row {
                case: "SET".into(),
                unit: "µs",
                values: vec![Some(2.0), Some(4.0)],
                ..Row::default()
            }],
            ..Table::default()
        };
        let svg = bars(&table);
        assert!(svg.contains("a &lt; b"));
        assert!(svg.contains("width=\"200\" height=\"16\""), "{svg}");
        assert!(svg.contains("width=\"400\" height=\"16\""), "{svg}");
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }
}
