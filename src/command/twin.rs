//! For tests only: the same commands to a fixture and to an installed stock server, replies
//! compared byte for byte. What a family adds is a generator of random commands.

use super::fixture::Fixture;
use crate::base::stock::{SERVERS, Stock};
use crate::resp::reply::RespVersion;

/// A fixture beside a stock server.
pub struct Twin {
    /// Ours.
    pub fixture: Fixture,
    /// Theirs.
    pub stock: Stock,
    /// A command that shows what a key holds, `KEY` standing for the key. Random checks run it
    /// behind each step on the step's first argument.
    pub shows: &'static [&'static str],
}

impl Twin {
    /// Starts the server that is followed; `None`, said on stderr, where it is not installed.
    pub fn start() -> Option<Twin> {
        let stock = Stock::start(SERVERS[0], &["--repl-diskless-sync-delay", "0"])?;
        let mut twin = Twin { fixture: Fixture::new(), stock, shows: &[] };
        twin.fixture.follow_host_clock();
        Some(twin)
    }

    /// Speaks this version of the protocol from now on.
    pub fn speak(&mut self, version: RespVersion) {
        let number = match version {
            RespVersion::V2 => "2",
            RespVersion::V3 => "3",
        };
        self.stock.call_bytes(&["HELLO", number]);
        self.fixture.view.version = version;
    }

    /// Empties both.
    pub fn flush(&mut self) {
        self.stock.call_bytes(&["FLUSHALL"]);
        self.stock.call_bytes(&["SELECT", "0"]);
        let old = std::mem::take(&mut self.fixture);
        self.fixture.view.version = old.view.version;
        self.fixture.settings = old.settings;
        self.fixture.follow_host_clock();
    }

    /// Runs one command on both and compares the replies. `told` says on failure how it came to
    /// this: a seed, a step.
    #[track_caller]
    pub fn check<Word: AsRef<[u8]>>(&mut self, words: &[Word], told: &str) {
        let theirs = self.stock.call_bytes(words);
        let ours = self.fixture.run(words);
        if ours != theirs {
            panic!(
                "{told}: {}\n ours:   {}\n theirs: {}",
                shown(words),
                ours.escape_ascii(),
                theirs.escape_ascii()
            );
        }
    }

    /// Runs `steps` random commands on both, over and over from an empty data set, once a seed;
    /// odd seeds speak RESP3.
    #[track_caller]
    pub fn check_random(
        &mut self,
        seeds: std::ops::Range<u64>,
        steps: usize,
        mut command: impl FnMut(&mut fastrand::Rng) -> Vec<Vec<u8>>,
    ) {
        for seed in seeds {
            self.flush();
            self.speak([RespVersion::V2, RespVersion::V3][seed as usize % 2]);
            let mut random = fastrand::Rng::with_seed(seed);
            for step in 0..steps {
                let words = command(&mut random);
                self.check(&words, &format!("seed {seed}, step {step}"));
                self.look(&words, &format!("behind seed {seed}, step {step}: {}", shown(&words)));
            }
            self.fixture.invariants();
        }
    }

    /// As [`Twin::check_random`], comparing what both stream instead of what they reply. Instants
    /// and the word for a deletion are not compared: clocks and settings decide those.
    #[track_caller]
    pub fn check_random_streams(
        &mut self,
        seeds: std::ops::Range<u64>,
        steps: usize,
        mut command: impl FnMut(&mut fastrand::Rng) -> Vec<Vec<u8>>,
    ) {
        let mut link = self.stock.replica_link();
        for seed in seeds {
            self.flush();
            let mut random = fastrand::Rng::with_seed(seed);
            for step in 0..steps {
                let words = command(&mut random);
                self.stock.call_bytes(&words);
                self.fixture.run(&words);
                let mark = format!("{seed} {step}");
                self.stock.call_bytes(&["SET", "mark", &mark]);
                let theirs = link.effects_until(&["SET", "mark", &mark]);
                let theirs: Vec<String> =
                    theirs.iter().filter_map(|words| lasting(words)).collect();
                let ours = self.fixture.effect_words();
                let ours: Vec<String> = ours.iter().filter_map(|words| lasting(words)).collect();
                assert_eq!(ours, theirs, "seed {seed}, step {step}: {}", shown(&words));
            }
        }
    }

    #[track_caller]
    fn look(&mut self, words: &[Vec<u8>], told: &str) {
        let Some(key) = words.get(1).filter(|_| !self.shows.is_empty()) else { return };
        let word = |word: &&'static str| match *word {
            "KEY" => key.as_slice(),
            word => word.as_bytes(),
        };
        let look: Vec<&[u8]> = self.shows.iter().map(word).collect();
        self.check(&look, told);
    }
}

fn shown<Word: AsRef<[u8]>>(words: &[Word]) -> String {
    let words = words.iter().map(|word| word.as_ref().escape_ascii().to_string());
    words.collect::<Vec<_>>().join(" ")
}

/// An effect in words that compare; `None` for what is about the stream itself.
fn lasting(words: &[Vec<u8>]) -> Option<String> {
    let mut words = words.to_vec();
    match words[0].to_ascii_uppercase().as_slice() {
        b"SELECT" | b"PING" | b"REPLCONF" | b"FLUSHALL" => return None,
        b"UNLINK" => words[0] = b"DEL".to_vec(),
        b"PEXPIREAT" => words[2] = b"instant".to_vec(),
        b"SET" if words.len() == 5 && words[3] == b"PXAT" => words[4] = b"instant".to_vec(),
        _ => {}
    }
    Some(shown(&words))
}
