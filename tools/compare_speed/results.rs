//! Keeps raw results: JSON lines, the tables as text and as SVG, in one folder, named by date and
//! revision. The first line of each says how to repeat it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use super::error::Error;
use super::svg;
use super::table::Table;

/// A value in a record.
#[derive(Debug, Clone)]
pub enum Field {
    /// A string.
    Text(String),
    /// A number; not finite ones become null.
    Number(f64),
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Field {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// The files of one run.
#[derive(Debug)]
pub struct Results {
    raw: File,
    tables: File,
    stem: PathBuf,
}

impl Results {
    /// Creates the files in `folder` and writes their heads.
    pub fn create(folder: &Path, command: &str, head: &[(&str, Field)]) -> Result<Self, Error> {
        fs::create_dir_all(folder)?;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let date = timestamp(seconds);
        let revision = revision();
        let stem = folder.join(format!("{}-{revision}", date.replace(':', "")));
        let mut results = Self {
            raw: File::create(beside(&stem, "jsonl"))?,
            tables: File::create(beside(&stem, "txt"))?,
            stem,
        };
        let mut fields: Vec<(&str, Field)> = vec![
            ("repeat_with", command.into()),
            ("date", date.clone().into()),
            ("revision", revision.clone().into()),
        ];
        fields.extend(head.iter().cloned());
        results.record("head", &fields)?;
        writeln!(results.tables, "repeat with: {command}\ndate: {date}\nrevision: {revision}")?;
        for (name, value) in head {
            match value {
                Field::Text(text) => writeln!(results.tables, "{name}: {text}")?,
                Field::Number(number) => writeln!(results.tables, "{name}: {number}")?,
            }
        }
        Ok(results)
    }

    /// Appends one raw record.
    pub fn record(&mut self, kind: &str, fields: &[(&str, Field)]) -> Result<(), Error> {
        Ok(writeln!(self.raw, "{}", json(kind, fields))?)
    }

    /// Keeps a finished table: its rows raw, its text, its chart.
    pub fn table(&mut self, measurement: &str, table: &Table) -> Result<(), Error> {
        for row in &table.rows {
            let mut fields: Vec<(&str, Field)> = vec![
                ("measurement", measurement.into()),
                ("case", row.case.clone().into()),
                ("unit", row.unit.into()),
            ];
            for (subject, value) in table.subjects.iter().zip(&row.values) {
                fields.push((subject.as_str(), value.unwrap_or(f64::NAN).into()));
            }
            fields.push(("figure", row.figure.unwrap_or(f64::NAN).into()));
            fields.push(("figure_is", table.figure.clone().into()));
            fields.push(("spread", row.spread.into()));
            fields.push(("verdict", row.verdict().into()));
            self.record("row", &fields)?;
        }
        write!(self.tables, "{}", table.render())?;
        let name = format!("{measurement}.svg");
        fs::write(beside(&self.stem, &name), svg::bars(table))?;
        Ok(())
    }

    /// Keeps a drawing.
    pub fn plot(&self, name: &str, svg: &str) -> Result<(), Error> {
        Ok(fs::write(beside(&self.stem, &format!("{name}.svg")), svg)?)
    }

    /// Where the raw results are.
    pub fn path(&self) -> PathBuf {
        beside(&self.stem, "jsonl")
    }
}

/// The file of that extension whose name begins with `stem`.
fn beside(stem: &Path, extension: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// The short git revision, with `-dirty` for a changed tree; `unknown` outside a repository.
fn revision() -> String {
    let output =
        Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=9"]).output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}

fn json(kind: &str, fields: &[(&str, Field)]) -> String {
    let mut text = format!("{{\"record\":{}", quoted(kind));
    for (name, value) in fields {
        let _ = write!(text, ",{}:", quoted(name));
        match value {
            Field::Text(value) => text.push_str(&quoted(value)),
            Field::Number(value) if value.is_finite() => {
                let _ = write!(text, "{value}");
            }
            Field::Number(_) => text.push_str("null"),
        }
    }
    text.push('}');
    text
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// `2025-11-20T14:03:07` in UTC for seconds since 1970.
fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that the leap day is the last day of a year; 719 468 days lie
    // between 0000-03-01 and 1970-01-01, 146 097 days are 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leaps = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_735_689_599, "2024-12-31T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            assert_eq!(timestamp(seconds), expected);
        }
    }

    #[test]
    fn records_are_json() {
        let fields = [("a", Field::from("x\"\\\n")), ("b", 1.5.into()), ("c", f64::NAN.into())];
        assert_eq!(
            json("row", &fields),
            "{\"record\":\"row\",\"a\":\"x\\\"\\\\\\u000a\",\"b\":1.5,\"c\":null}"
        );
    }
}
