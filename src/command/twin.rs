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
}

impl Twin {
    /// Starts the server that is followed; `None`, said on stderr, where it is not installed.
    pub fn start() -> Option<Twin> {
        let stock = Stock::start(SERVERS[0], &["--enable-debug-command", "yes"])?;
        let mut twin = Twin { fixture: Fixture::new(), stock };
        twin.fixture.follow_host_clock();
        Some(twin)
    }

    /// Speaks RESP3 from now on.
    pub fn hello_3(&mut self) {
        self.stock.call_bytes(&["HELLO", "3"]);
        self.fixture.view.version = RespVersion::V3;
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
            let words: Vec<_> =
                words.iter().map(|word| word.as_ref().escape_ascii().to_string()).collect();
            panic!(
                "{told}: {words:?}\n ours:   {}\n theirs: {}",
                ours.escape_ascii(),
                theirs.escape_ascii()
            );
        }
    }

    /// Runs `steps` random commands on both, over and over from an empty data set, once a seed.
    #[track_caller]
    pub fn check_random(
        &mut self,
        seeds: std::ops::Range<u64>,
        steps: usize,
        mut command: impl FnMut(&mut fastrand::Rng) -> Vec<Vec<u8>>,
    ) {
        for seed in seeds {
            self.flush();
            let mut random = fastrand::Rng::with_seed(seed);
            for step in 0..steps {
                let words = command(&mut random);
                self.check(&words, &format!("seed {seed}, step {step}"));
            }
            self.fixture.invariants();
        }
    }
}
