//! A replication stream, folded into the data set it stands for. Knows the few commands that the
//! tests' writes may be streamed as, and fails at every other.

use std::collections::BTreeMap;

/// Values by database and key.
pub type Data = BTreeMap<(usize, String), String>;

/// What a stream does, told in order.
pub struct Folded {
    /// The data set after the stream.
    pub data: Data,
    /// The effects in order: the database and the command.
    pub effects: Vec<(usize, Vec<String>)>,
    /// For each unit of several commands, where its effects begin and end in `effects`.
    pub units: Vec<(usize, usize)>,
}

/// Folds the commands of a stream that begins with an empty data set.
pub fn fold(commands: &[Vec<String>]) -> Folded {
    let mut folded = Folded { data: Data::new(), effects: Vec::new(), units: Vec::new() };
    // The first effect names its database; none is selected before.
    let (mut db, mut open) = (None, None);
    for command in commands {
        let name = command[0].to_ascii_uppercase();
        match name.as_str() {
            "PING" | "REPLCONF" => assert_eq!(open, None, "{name} inside a unit"),
            "SELECT" => {
                let selected = command[1].parse().expect("a database");
                assert_ne!(db, Some(selected), "a SELECT that selects what is selected");
                db = Some(selected);
            }
            "MULTI" => {
                assert_eq!(open, None, "MULTI inside a unit");
                open = Some(folded.effects.len());
            }
            "EXEC" => {
                let begin = open.take().expect("EXEC ends a unit");
                let end = folded.effects.len();
                assert!(end - begin >= 2, "a unit of {} commands needs no MULTI", end - begin);
                folded.units.push((begin, end));
            }
            _ => {
                let db = db.expect("the stream begins with SELECT");
                folded.apply(db, &name, command);
                folded.effects.push((db, command.clone()));
            }
        }
    }
    assert_eq!(open, None, "the stream ends inside a unit");
    folded
}

impl Folded {
    fn apply(&mut self, db: usize, name: &str, command: &[String]) {
        let key = |n: usize| (db, command[n].clone());
        match name {
            "SET" => {
                let options = &command[3..];
                let is_absolute =
                    options.is_empty() || options[0] == "PXAT" || options[0] == "KEEPTTL";
                assert!(is_absolute, "{command:?} depends on when it is applied");
                self.data.insert(key(1), command[2].clone());
            }
            "MSET" => {
                for at in (1..command.len()).step_by(2) {
                    self.data.insert(key(at), command[at + 1].clone());
                }
            }
            "INCR" => {
                let value = self.data.entry(key(1)).or_insert_with(|| "0".to_owned());
                let number: i64 = value.parse().unwrap_or_else(|_| panic!("a failed {command:?}"));
                *value = (number + 1).to_string();
            }
            "APPEND" => self.data.entry(key(1)).or_default().push_str(&command[2]),
            "DEL" | "UNLINK" => {
                for at in 1..command.len() {
                    let removed = self.data.remove(&key(at));
                    assert!(
                        removed.is_some() || command.len() > 2,
                        "{command:?} in database {db} has no effect and stands in the stream"
                    );
                }
            }
            "PEXPIREAT" | "PERSIST" => {
                assert!(self.data.contains_key(&key(1)), "{command:?} of a key that is not there");
            }
            _ => panic!("{command:?} is not what these writes are streamed as"),
        }
    }
}
