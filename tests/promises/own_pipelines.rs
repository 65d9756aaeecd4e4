//! M9 for one connection: whatever it sends, cut into pieces wherever, is answered as if one
//! command ran after the other.

use std::collections::HashMap;
use std::io::Write;
use std::thread;

use crate::common::{Command, RUN, rounds_for, words};
use crate::support::client::{encode, shown};
use crate::support::seed::Seed;
use crate::support::server::Server;
use crate::support::stock::own;
use crate::support::value::Value;

#[test]
fn a_connections_pipelines_are_answered_in_sequence_on_one_shard() {
    connections_against_models(1);
}

#[test]
fn a_connections_pipelines_are_answered_in_sequence_on_two_shards() {
    connections_against_models(2);
}

#[test]
fn a_connections_pipelines_are_answered_in_sequence_on_three_shards() {
    connections_against_models(3);
}

fn connections_against_models(shards: u16) {
    let seed = Seed::new();
    let server = Server::start(own(shards));
    thread::scope(|scope| {
        for number in 0..6 {
            let (server, seed) = (&server, &seed);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed.value() + number);
                let mut model = Model::new(number);
                let mut client = server.client();
                rounds_for(RUN, |_| {
                    let (commands, expected) = model.pipeline(&mut rng);
                    let bytes: Vec<u8> = commands.iter().flat_map(|c| encode(c)).collect();
                    let mut writer = client.stream().try_clone().expect("sockets can be cloned");
                    let mut cuts = rng.fork();
                    thread::scope(|scope| {
                        scope.spawn(move || {
                            for piece in pieces(&bytes, &mut cuts) {
                                writer.write_all(piece).expect("the server reads");
                            }
                        });
                        for (at, expected) in expected.iter().enumerate() {
                            let reply = client.read_reply().expect("a reply");
                            assert_eq!(
                                reply,
                                *expected,
                                "command {at} of the pipeline: {}",
                                commands.iter().map(|c| shown(c)).collect::<Vec<_>>().join("; ")
                            );
                        }
                    });
                });
            });
        }
    });
}

/// The bytes cut at random: mostly one piece, sometimes many.
fn pieces<'a>(bytes: &'a [u8], rng: &mut fastrand::Rng) -> Vec<&'a [u8]> {
    let most = if rng.bool() { bytes.len() } else { 40 };
    let (mut rest, mut pieces) = (bytes, Vec::new());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rng.usize(1..=most).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// What a connection must be answered that is alone with its keys.
struct Model {
    owner: u64,
    db: usize,
    data: HashMap<(usize, String), i64>,
}

impl Model {
    fn new(owner: u64) -> Model {
        Model { owner, db: 0, data: HashMap::new() }
    }

    /// Up to sixty commands, and their replies.
    fn pipeline(&mut self, rng: &mut fastrand::Rng) -> (Vec<Command>, Vec<Value>) {
        let (mut commands, mut replies) = (Vec::new(), Vec::new());
        for _ in 0..rng.usize(1..=60) {
            match rng.u8(0..14) {
                0 => self.transaction(rng, &mut commands, &mut replies),
                1 => self.watched_in_vain(rng, &mut commands, &mut replies),
                2 => {
                    self.db = rng.usize(0..3);
                    commands.push(words(&["SELECT", &self.db.to_string()]));
                    replies.push(ok());
                }
                3 => {
                    commands.push(words(&["PING"]));
                    replies.push(Value::Simple(b"PONG".to_vec()));
                }
                _ => {
                    let (command, reply) = self.command(rng);
                    commands.push(command);
                    replies.push(reply);
                }
            }
        }
        (commands, replies)
    }

    /// One command on keys.
    fn command(&mut self, rng: &mut fastrand::Rng) -> (Command, Value) {
        let key = self.key(rng);
        match rng.u8(0..10) {
            0..4 => (words(&["GET", &key]), self.value(&key)),
            4 | 5 => {
                let value = rng.i64(0..1000);
                self.data.insert((self.db, key.clone()), value);
                (words(&["SET", &key, &value.to_string()]), ok())
            }
            6 => {
                let value = self.data.entry((self.db, key.clone())).or_default();
                *value += 1;
                (words(&["INCR", &key]), Value::Integer(*value))
            }
            7 => {
                let mut command = words(&["MSET"]);
                for _ in 0..rng.usize(1..6) {
                    let (key, value) = (self.key(rng), rng.i64(0..1000));
                    command.extend(words(&[&key, &value.to_string()]));
                    self.data.insert((self.db, key), value);
                }
                (command, ok())
            }
            8 => {
                let keys: Vec<String> = (0..rng.usize(1..6)).map(|_| self.key(rng)).collect();
                let values = keys.iter().map(|key| self.value(key)).collect();
                let command = [b"MGET".to_vec()].into_iter();
                (command.chain(keys.into_iter().map(String::into_bytes)).collect(), {
                    Value::Array(values)
                })
            }
            _ => {
                let keys: Vec<String> = (0..rng.usize(1..4)).map(|_| self.key(rng)).collect();
                let db = self.db;
                let removed =
                    keys.iter().filter(|k| self.data.remove(&(db, (*k).clone())).is_some()).count();
                let command = [b"DEL".to_vec()].into_iter();
                (command.chain(keys.into_iter().map(String::into_bytes)).collect(), {
                    Value::Integer(removed as i64)
                })
            }
        }
    }

    fn transaction(
        &mut self,
        rng: &mut fastrand::Rng,
        commands: &mut Vec<Command>,
        replies: &mut Vec<Value>,
    ) {
        commands.push(words(&["MULTI"]));
        replies.push(ok());
        let mut results = Vec::new();
        for _ in 0..rng.usize(0..6) {
            let (command, reply) = self.command(rng);
            commands.push(command);
            replies.push(Value::Simple(b"QUEUED".to_vec()));
            results.push(reply);
        }
        commands.push(words(&["EXEC"]));
        replies.push(Value::Array(results));
    }

    /// A watched key that the connection itself changes: its transaction does nothing.
    fn watched_in_vain(
        &mut self,
        rng: &mut fastrand::Rng,
        commands: &mut Vec<Command>,
        replies: &mut Vec<Value>,
    ) {
        let (key, other) = (self.key(rng), self.key(rng));
        self.data.insert((self.db, key.clone()), 7);
        commands.push(words(&["WATCH", &key]));
        commands.push(words(&["SET", &key, "7"]));
        commands.push(words(&["MULTI"]));
        commands.push(words(&["SET", &other, "8"]));
        commands.push(words(&["EXEC"]));
        replies.extend([ok(), ok(), ok(), Value::Simple(b"QUEUED".to_vec()), Value::NullArray]);
    }

    fn key(&self, rng: &mut fastrand::Rng) -> String {
        format!("c{}:{}", self.owner, rng.u8(0..12))
    }

    fn value(&self, key: &str) -> Value {
        match self.data.get(&(self.db, key.to_owned())) {
            Some(value) => Value::Bulk(value.to_string().into_bytes()),
            None => Value::NullBulk,
        }
    }
}

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}
