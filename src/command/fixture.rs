//! For tests only: a server reduced to what commands see. Keyspaces of a few shards, a clock that
//! stands still until it is moved, and no network: words in, reply bytes and streamed effects out.

use super::blocked::Blocking;
use super::context::{ClientView, Context};
use super::effects::Effects;
use super::environment::Environment;
use super::gate::{Gate, Role};
use super::notify::News;
use super::publication::{Publication, Topic};
use super::spaces::{Space, Spaces};
use super::spec::{ClientVerb, Scope};
use super::table::{Command, table};
use crate::base::clock;
use crate::base::ids::{DbIndex, ShardId};
use crate::config::live::Live;
use crate::config::settings::Settings;
use crate::config::settings_groups::NotifyFlags;
use crate::keyspace::evict::AccessClock;
use crate::keyspace::keyspace::Keyspace;
use crate::keyspace::placement::Placement;
use crate::replication::entry::EntryBuilder;
use crate::resp::inline;
use crate::resp::reply::Reply;
use crate::resp::request::{Args, Span};
use crate::resp::value::{Value, ValueParser};
use bytes::Bytes;
use std::sync::Arc;

/// The reduced server.
pub struct Fixture {
    /// Who sends the commands.
    pub view: ClientView,
    /// Wall-clock milliseconds as commands see them.
    pub now_ms: u64,
    /// The directives as commands see them.
    pub settings: Settings,
    environment: Environment,
    placement: Placement,
    spaces: Vec<Option<Box<Space>>>,
    random: fastrand::Rng,
    entry: EntryBuilder,
    published: Vec<Arc<Publication>>,
}

/// The time at which a fixture begins: 2023-11-14 22:13:20 UTC.
pub const START_MS: u64 = 1_700_000_000_000;

impl Fixture {
    /// An empty master with three shards, whose stream is read.
    pub fn new() -> Fixture {
        Fixture::with_shards(3)
    }

    /// As [`Fixture::new`] with so many shards.
    pub fn with_shards(shards: u16) -> Fixture {
        let settings = Settings::default();
        let databases = settings.server.databases;
        let config = Arc::new(Live::new(settings.clone()));
        let environment = Environment::new(config, shards, databases);
        let placement = Placement::new(shards);
        let spaces = (0..shards).map(|shard| {
            let id = ShardId(shard);
            let slots = placement.slots_of(id);
            let gauges = Arc::clone(&environment.gauges[usize::from(shard)]);
            let mut keys = Keyspace::new(id, slots.start..=slots.end - 1, gauges, 1);
            keys.set_clock(AccessClock::lru(START_MS));
            let gate = Gate { streaming: true, ..Gate::default() };
            Some(Box::new(Space { gate, ..Space::new(keys) }))
        });
        Fixture {
            view: ClientView::internal(),
            now_ms: START_MS,
            settings,
            placement,
            spaces: spaces.collect(),
            environment,
            random: fastrand::Rng::with_seed(1),
            entry: EntryBuilder::new(),
            published: Vec::new(),
        }
    }

    /// Makes the clock the host's, for comparing absolute times with a live server.
    pub fn follow_host_clock(&mut self) {
        self.now_ms = clock::wall_ms();
    }

    /// Changes the role of all shards.
    pub fn set_role(&mut self, role: Role) {
        for space in self.spaces.iter_mut().flatten() {
            space.gate.role = role;
        }
    }

    /// Runs a command typed as in a terminal (quotes as in inline commands) and compares its reply
    /// and its effects; see [`Fixture::effects`] for how they are written.
    #[track_caller]
    pub fn check(&mut self, line: &str, reply: &str, effects: &[&str]) {
        let got = self.run_line(line);
        assert_eq!(
            got.escape_ascii().to_string(),
            reply.as_bytes().escape_ascii().to_string(),
            "{line}"
        );
        assert_eq!(self.effects(), effects, "effects of {line}");
        self.invariants();
    }

    /// Runs a command typed as in a terminal; its reply.
    pub fn run_line(&mut self, line: &str) -> Vec<u8> {
        let (mut spans, mut big) = (Vec::new(), Vec::new());
        inline::split(line.as_bytes(), 0, &mut spans, &mut big).expect("quotes are balanced");
        self.run_args(Args::new(line.as_bytes(), &spans, &big)).to_vec()
    }

    /// Runs a command given by its words; its reply.
    pub fn run<Word: AsRef<[u8]>>(&mut self, words: &[Word]) -> Vec<u8> {
        let (mut data, mut spans) = (Vec::new(), Vec::new());
        for word in words {
            let start = data.len();
            data.extend_from_slice(word.as_ref());
            spans.extend(Span::in_line(start, data.len()));
        }
        self.run_args(Args::new(&data, &spans, &[])).to_vec()
    }

    /// Runs a command whose words all arrived out of line; its reply.
    pub fn run_shared(&mut self, words: &[Bytes]) -> Reply {
        let spans: Vec<Span> = (0..words.len()).filter_map(Span::out_of_line).collect();
        self.run_args(Args::new(b"", &spans, words))
    }

    /// Runs a command; its reply. What it streamed replaces what the one before streamed.
    pub fn run_args(&mut self, args: Args<'_>) -> Reply {
        let mut reply = Reply::new(self.view.version);
        self.entry.clear();
        match table().resolve(args) {
            Ok(command) => self.call(command, args, &mut reply),
            Err(error) => reply.error_bytes(error.as_bytes()),
        }
        reply
    }

    /// What the last command streamed: a line each, its words separated by blanks, bytes that do
    /// not print escaped. Several effects stand between MULTI and EXEC, as they do on the stream.
    pub fn effects(&self) -> Vec<String> {
        let line = |words: Vec<Vec<u8>>| {
            let words = words.iter().map(|word| word.escape_ascii().to_string());
            words.collect::<Vec<_>>().join(" ")
        };
        self.effect_words().into_iter().map(line).collect()
    }

    /// As [`Fixture::effects`], each effect as its words.
    pub fn effect_words(&self) -> Vec<Vec<Vec<u8>>> {
        let mut rest = self.entry.bytes();
        let mut parser = ValueParser::new(u64::MAX);
        let mut effects = Vec::new();
        while let Some((Value::Array(words), used)) = parser.step(rest).expect("well formed") {
            let words = words.into_iter().map(|word| match word {
                Value::Bulk(bytes) => bytes,
                other => panic!("an effect holds {other:?}"),
            });
            effects.push(words.collect());
            rest = &rest[used..];
        }
        assert!(rest.is_empty(), "whole commands only");
        effects
    }

    /// Publishes events of these classes (letters of `notify-keyspace-events`), and hears them.
    pub fn hear(&mut self, classes: &str) {
        let flags = NotifyFlags::parse(classes).expect("letters of classes");
        self.settings.observe.notify_keyspace_events = flags;
        let all: Arc<[u8]> = Arc::from(&b"*"[..]);
        self.environment.subscriptions.subscribe(Topic::Pattern, &all, ShardId(0));
    }

    /// What subscribers heard since the last call, as the bytes of RESP2.
    pub fn heard(&mut self) -> Vec<Vec<u8>> {
        let mut heard = Vec::new();
        for message in self.published.drain(..) {
            for part in &message.parts {
                let mut reply = Reply::default();
                part.write(&mut reply);
                heard.push(reply.to_vec());
            }
        }
        heard
    }

    /// Everything stored, in words that compare: `db key value expiry`, sorted.
    pub fn content(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for space in self.spaces.iter().flatten() {
            for db in (0..space.keys.databases()).map(DbIndex) {
                space.keys.for_each(db, &mut |entry| {
                    let mut digits = itoa::Buffer::new();
                    let value = entry.value();
                    let value = match value.as_text(&mut digits) {
                        Some(text) => text.escape_ascii().to_string(),
                        None => format!("{value:?}"),
                    };
                    let (db, key) = (db.0, entry.key().escape_ascii());
                    lines.push(format!("{db} {key} {value} {:?}", entry.expire()));
                });
            }
        }
        lines.sort_unstable();
        lines
    }

    /// The spaces, to look at from outside of commands.
    pub fn spaces(&mut self) -> Spaces<'_> {
        Spaces::many(&mut self.spaces, self.placement)
    }

    /// Asserts what always holds of every keyspace.
    pub fn invariants(&self) {
        self.spaces.iter().flatten().for_each(|space| space.keys.invariants());
    }

    fn call(&mut self, command: &Command, args: Args<'_>, reply: &mut Reply) {
        let handler = match command.spec.scope {
            Scope::Shard(handler)
            | Scope::Cursor(handler)
            | Scope::AllShards(handler)
            | Scope::Anywhere(handler) => handler,
            Scope::Client(ClientVerb::Select) => {
                let databases = self.settings.server.databases;
                match super::connection::database_index(args.get(1), databases) {
                    Ok(db) => {
                        self.view.db = db;
                        reply.ok();
                    }
                    Err(error) => reply.error_bytes(error.as_bytes()),
                }
                return;
            }
            _ => panic!("'{}' needs more than a fixture", command.full_name),
        };
        let mark = reply.mark();
        let gate = self.spaces[0].as_ref().expect("nothing is lent").gate;
        let mut context = Context {
            spaces: Spaces::many(&mut self.spaces, self.placement),
            key: None,
            reply,
            effects: Effects::new(&mut self.entry, gate.streaming && gate.role == Role::Master),
            news: News::new(&self.settings, &self.environment.subscriptions, &mut self.published),
            client: self.view,
            db: self.view.db,
            now_ms: self.now_ms,
            settings: &self.settings,
            environment: &self.environment,
            metrics: &self.environment.metrics[0],
            random: &mut self.random,
            blocking: Blocking::Denied,
        };
        let result = handler(&mut context, args);
        let changes = context.effects.finish();
        if let Err(error) = result {
            reply.truncate(mark);
            reply.error_bytes(error.as_bytes());
        }
        assert!(changes > 0 || self.entry.is_empty(), "'{}' streams no change", command.full_name);
    }
}

impl Default for Fixture {
    fn default() -> Fixture {
        Fixture::new()
    }
}
