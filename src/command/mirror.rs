//! For tests only: a master and a replica that sees nothing but what the master streamed. Whatever
//! commands run, both must hold the same: the test of every family's effects.

use super::fixture::Fixture;
use super::gate::Role;
use super::table::table;
use crate::keyspace::key::Key;
use std::ops::Range;

/// A master's fixture and its replica's.
pub struct Mirror {
    /// Runs the commands.
    pub master: Fixture,
    /// Applies their effects.
    pub replica: Fixture,
}

impl Mirror {
    /// Both empty. The replica has other shards and its clock is an hour ahead: neither may
    /// matter.
    pub fn new() -> Mirror {
        let mut replica = Fixture::with_shards(2);
        replica.set_role(Role::Replica);
        replica.view.is_master_link = true;
        replica.now_ms += 3_600_000;
        Mirror { master: Fixture::new(), replica }
    }

    /// Runs one command on the master, its effects on the replica, and compares what they hold.
    #[track_caller]
    pub fn check(&mut self, words: &[Vec<u8>], told: &str) {
        self.master.run(words);
        for effect in self.master.effect_words() {
            self.apply(&effect);
        }
        let (master, replica) = (self.master.content(), self.replica.content());
        let words = || words.iter().map(|word| word.escape_ascii().to_string());
        assert_eq!(
            master,
            replica,
            "{told}: {} streamed {:?}",
            words().collect::<Vec<_>>().join(" "),
            self.master.effects()
        );
    }

    /// Runs `steps` random commands, over and over from an empty data set, once a seed; the clock
    /// moves on between them.
    #[track_caller]
    pub fn check_random(
        seeds: Range<u64>,
        steps: usize,
        mut command: impl FnMut(&mut fastrand::Rng) -> Vec<Vec<u8>>,
    ) {
        for seed in seeds {
            let mut mirror = Mirror::new();
            let mut random = fastrand::Rng::with_seed(seed);
            for step in 0..steps {
                let moved_ms = [0, 0, 1, 1000, 2_000_000_000][random.usize(..5)];
                mirror.master.now_ms += moved_ms;
                mirror.replica.now_ms += moved_ms;
                let words = command(&mut random);
                mirror.check(&words, &format!("seed {seed}, step {step}"));
            }
            mirror.replica.invariants();
        }
    }

    fn apply(&mut self, effect: &[Vec<u8>]) {
        let name = effect[0].as_slice();
        if table().find(name).is_some() && !matches!(name, b"MULTI" | b"EXEC") {
            let reply = self.replica.run(effect);
            assert_ne!(reply.first(), Some(&b'-'), "{effect:?} fails: {}", reply.escape_ascii());
            return;
        }
        let db = self.replica.view.db;
        let key = || Key::new(&effect[1]);
        match name {
            b"MULTI" | b"EXEC" => {}
            b"DEL" => {
                let mut spaces = self.replica.spaces();
                spaces.of(key().slot).keys.remove(db, &key());
            }
            b"PEXPIREAT" | b"PERSIST" => {
                let at = effect.get(2).and_then(|at| crate::base::number::parse_u64(at));
                let mut spaces = self.replica.spaces();
                spaces.of(key().slot).keys.set_expire(db, &key(), at);
            }
            _ => panic!("no command of ours: {effect:?}"),
        }
    }
}

impl Default for Mirror {
    fn default() -> Mirror {
        Mirror::new()
    }
}

/// The three tests by which every family of commands is held to the stock server: random commands
/// are answered as there, streamed as there, and what is streamed makes the same data set.
/// `$shows` is the command that shows a key beside each step; `$seeds` are those of the first test.
macro_rules! beside_stock {
    ($command:path, $shows:expr, $seeds:expr) => {
        #[test]
        fn random_commands_answer_as_a_stock_server() {
            let Some(mut twin) = crate::command::twin::Twin::start() else { return };
            twin.shows = $shows;
            twin.check_random($seeds, 300, $command);
        }

        #[test]
        fn random_commands_stream_what_a_stock_server_streams() {
            let Some(mut twin) = crate::command::twin::Twin::start() else { return };
            twin.check_random_streams(0..10, 300, $command);
        }

        #[test]
        fn a_replica_of_random_commands_holds_the_same() {
            crate::command::mirror::Mirror::check_random(0..30, 300, $command);
        }
    };
}
pub(crate) use beside_stock;
