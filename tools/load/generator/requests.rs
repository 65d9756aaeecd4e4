//! Turns the mix into request bytes. Everything but the keys is prepared once, so that composing
//! costs a copy and a few digits: the generator must outrun the server on one core.

use super::keys::{KEY_BYTES, KeyPicker};
use super::plan::{Mix, Operation};

/// Composes requests of one plan.
#[derive(Debug)]
pub struct Composer {
    templates: Vec<Template>,
    total_weight: u32,
}

/// One operation: `head`, then for each key `before_key`, the key, `after_key`.
#[derive(Debug)]
struct Template {
    until_weight: u32,
    head: Vec<u8>,
    before_key: Vec<u8>,
    after_key: Vec<u8>,
    keys: u32,
}

impl Composer {
    /// Prepares the requests of `mix` with values of `value_bytes` bytes.
    pub fn new(mix: &Mix, value_bytes: usize) -> Self {
        let mut total_weight = 0;
        let templates = mix
            .parts()
            .iter()
            .map(|&(operation, weight)| {
                total_weight += weight;
                Template::new(operation, total_weight, value_bytes)
            })
            .collect();
        Self { templates, total_weight }
    }

    /// Appends one request drawn from the mix.
    pub fn compose(&self, connection: usize, picker: &mut KeyPicker, out: &mut Vec<u8>) {
        let drawn = if self.templates.len() == 1 { 0 } else { picker.below(self.total_weight) };
        let Some(template) = self.templates.iter().find(|t| drawn < t.until_weight) else {
            return;
        };
        picker.begin_command(connection);
        out.extend_from_slice(&template.head);
        for _ in 0..template.keys {
            out.extend_from_slice(&template.before_key);
            picker.write_key(out);
            out.extend_from_slice(&template.after_key);
        }
    }
}

impl Template {
    fn new(operation: Operation, until_weight: u32, value_bytes: usize) -> Self {
        let (name, keys, has_value) = match operation {
            Operation::Get => ("GET", 1, false),
            Operation::Set => ("SET", 1, true),
            Operation::Mget(keys) => ("MGET", keys, false),
            Operation::Mset(keys) => ("MSET", keys, true),
        };
        let arguments = 1 + keys * if has_value { 2 } else { 1 };
        let head = format!("*{arguments}\r\n${}\r\n{name}\r\n", name.len()).into_bytes();
        let before_key = format!("${KEY_BYTES}\r\n").into_bytes();
        let mut after_key = b"\r\n".to_vec();
        if has_value {
            after_key.extend_from_slice(format!("${value_bytes}\r\n").as_bytes());
            after_key.extend((0..value_bytes).map(|at| b'a' + (at % 26) as u8));
            after_key.extend_from_slice(b"\r\n");
        }
        Self { until_weight, head, before_key, after_key, keys }
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::Distribution;
    use super::*;

    #[track_caller]
    fn check(mix: &str, expected: &str) {
        let composer = Composer::new(&mix.parse().unwrap(), 3);
        let mut picker = KeyPicker::new(Distribution::Sequential, 10, 1);
        let mut out = Vec::new();
        composer.compose(0, &mut picker, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn requests_are_resp_arrays() {
        check("get", "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n");
        check("set", "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$3\r\nabc\r\n");
        check(
            "mset2",
            "*5\r\n$4\r\nMSET\r\n$16\r\nkey:000000000000\r\n$3\r\nabc\r\n\
             $16\r\nkey:000000000001\r\n$3\r\nabc\r\n",
        );
    }

    #[test]
    fn both_halves_of_a_mix_are_drawn() {
        let composer = Composer::new(&"get,set".parse().unwrap(), 3);
        let mut picker = KeyPicker::new(Distribution::Uniform, 10, 1);
        let mut out = Vec::new();
        for _ in 0..1000 {
            composer.compose(0, &mut picker, &mut out);
        }
        let text = String::from_utf8(out).unwrap();
        let sets = text.matches("SET").count();
        assert_eq!(sets + text.matches("GET").count(), 1000);
        assert!((400..600).contains(&sets), "{sets} of 1000 are SET, seed 1");
    }
}
