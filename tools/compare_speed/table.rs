//! Tables of results with a verdict a row. Pure.

use std::fmt::Write;

/// What a figure must reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
    /// This count.
    Exactly(f64),
}

impl Target {
    /// Whether `figure` reaches it.
    pub fn reached(self, figure: f64) -> bool {
        match self {
            Self::AtMost(limit) => figure <= limit,
            Self::AtLeast(limit) => figure >= limit,
            Self::Exactly(count) => figure == count,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {}", number(limit)),
            Self::AtLeast(limit) => format!("≥ {}", number(limit)),
            Self::Exactly(count) => format!("= {}", number(count)),
        }
    }
}

/// One line of a table.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// What was done.
    pub case: String,
    /// Unit of the values.
    pub unit: &'static str,
    /// A value a subject, none where it was not measured.
    pub values: Vec<Option<f64>>,
    /// The figure that is judged, usually a ratio.
    pub figure: Option<f64>,
    /// What the figure must reach; none: it is only printed.
    pub target: Option<Target>,
    /// The worst spread of the rounds over the subjects, as a part of the median.
    pub spread: f64,
}

impl Row {
    /// The verdict, empty without a target.
    pub fn verdict(&self) -> &'static str {
        match (self.figure, self.target) {
            (Some(figure), Some(_)) if !figure.is_finite() => "NOT MEASURED",
            (None, Some(_)) => "NOT MEASURED",
            (Some(figure), Some(target)) if target.reached(figure) => "PASS",
            (Some(_), Some(_)) => "FALLS SHORT",
            _ => "",
        }
    }
}

/// A table of one measurement.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// Names of the value columns.
    pub subjects: Vec<String>,
    /// What the figure is, for example `own/redis`.
    pub figure: String,
    /// The lines.
    pub rows: Vec<Row>,
    /// How it was measured, what to keep in mind, warnings.
    pub notes: Vec<String>,
}

impl Table {
    /// The table as text, columns aligned.
    pub fn render(&self) -> String {
        let mut lines = vec![self.heading()];
        lines.extend(self.rows.iter().map(|row| self.cells(row)));
        let columns = lines[0].len();
        let width = |column: usize| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = format!("\n{}\n", self.title);
        for (index, line) in lines.iter().enumerate() {
            let mut row = String::new();
            for (column, cell) in line.iter().enumerate() {
                let padding = " ".repeat(widths[column] - cell.chars().count());
                let left = column == 0 || column == 1 || column + 1 == columns;
                let (before, after) = if left { ("", padding.as_str()) } else { (&*padding, "") };
                let _ = write!(row, "  {before}{cell}{after}");
            }
            let _ = writeln!(text, "{}", row.trim_end());
            if index == 0 {
                let total: usize = widths.iter().map(|width| width + 2).sum();
                let _ = writeln!(text, "  {}", "─".repeat(total - 2));
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "  · {note}");
        }
        text
    }

    fn heading(&self) -> Vec<String> {
        let mut cells = vec!["case".to_owned(), "unit".to_owned()];
        cells.extend(self.subjects.iter().cloned());
        cells.extend([self.figure.clone(), "target".into(), "spread".into(), "verdict".into()]);
        cells
    }

    fn cells(&self, row: &Row) -> Vec<String> {
        let mut cells = vec![row.case.clone(), row.unit.to_owned()];
        for index in 0..self.subjects.len() {
            let value = row.values.get(index).copied().flatten();
            cells.push(value.map_or_else(|| "–".to_owned(), number));
        }
        cells.push(row.figure.map_or_else(String::new, |figure| format!("{figure:.2}")));
        cells.push(row.target.map_or_else(String::new, Target::text));
        let spread =
            if row.spread > 0.0 { format!("{:.0} %", row.spread * 100.0) } else { "".into() };
        cells.push(spread);
        cells.push(row.verdict().to_owned());
        cells
    }
}

/// Three to four significant digits, thousands without a fraction.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.2} M", value / 1e6),
        size if size >= 100.0 || value == value.trunc() => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.01 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target: Target, figure: f64, expected: &str) {
        let row = Row { figure: Some(figure), target: Some(target), ..Row::default() };
        assert_eq!(row.verdict(), expected, "{figure} against {target:?}");
    }

    #[test]
    fn verdicts_include_the_limit_itself() {
        check(Target::AtMost(1.0), 1.0, "PASS");
        check(Target::AtMost(1.0), 1.001, "FALLS SHORT");
        check(Target::AtLeast(0.5), 0.49, "FALLS SHORT");
        check(Target::Exactly(1.0), 1.0, "PASS");
        check(Target::Exactly(1.0), 2.0, "FALLS SHORT");
        check(Target::AtMost(1.0), f64::NAN, "NOT MEASURED");
        assert_eq!(Row::default().verdict(), "");
    }

    #[test]
    fn numbers_keep_three_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (0.00123, "0.0012"),
            (1.254, "1.25"),
            (68.44, "68.4"),
            (150_321.7, "150322"),
            (1_234_567.0, "1.23 M"),
            (16.0, "16"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn columns_are_aligned() {
        let table = Table {
            title: "Throughput".into(),
            subjects: vec!["own".into(), "redis".into()],
            figure: "own/redis".into(),
            rows: vec![
                Row {
                    case: "SET".into(),
                    unit: "µs",
                    values: vec![Some(1.5), None],
                    figure: Some(0.5),
                    target: Some(Target::AtMost(0.55)),
                    spread: 0.04,
                },
                Row { case: "a longer case".into(), unit: "µs", ..Row::default() },
            ],
            notes: vec!["a note".into()],
        };
        let expected = "
Throughput
  case           unit   own  redis  own/redis  target  spread  verdict
  ────────────────────────────────────────────────────────────────────
  SET            µs    1.50      –       0.50  ≤ 0.55     4 %  PASS
  a longer case  µs       –      –
  · a note
";
        assert_eq!(table.render(), expected);
    }
}
