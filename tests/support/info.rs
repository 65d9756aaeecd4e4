//! A section of INFO, parsed, its order kept.

use super::client::Client;

/// The fields of one INFO reply.
pub struct Info {
    fields: Vec<(String, String)>,
}

impl Info {
    /// Asks for a section.
    pub fn of(client: &mut Client, section: &str) -> Info {
        Info::parse(&client.cmd(&["INFO", section]).text())
    }

    /// Reads the text of a reply.
    pub fn parse(text: &str) -> Info {
        let fields = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim_end().to_owned()))
            .collect();
        Info { fields }
    }

    /// A field's text; empty when it is absent.
    pub fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str())
    }

    /// A field that is a number; panics when it is absent or none.
    pub fn number(&self, name: &str) -> i64 {
        let text = self.field(name);
        text.parse().unwrap_or_else(|_| panic!("{name} is {text:?} in {:?}", self.fields))
    }

    /// Whether the field is there.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(found, _)| found == name)
    }

    /// The names in the order printed.
    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The parts of a field such as `ip=127.0.0.1,port=6380`, by name; empty when absent.
    pub fn part(&self, field: &str, part: &str) -> &str {
        self.field(field)
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .find(|(name, _)| *name == part)
            .map_or("", |(_, value)| value)
    }
}
