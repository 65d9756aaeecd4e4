//! The commands around files: SAVE, BGSAVE, LASTSAVE and DEBUG RELOAD. On shard 0's loop, LASTSAVE
//! on any.

use super::controller::Leased;
use super::core::Core;
use super::loading::{log_about, warn_of_fields};
use super::verbs::Asked;
use crate::base::clock;
use crate::command::error::CommandError;
use crate::keyspace::key::Key;
use crate::persist::load::{self, Batches, LoadOptions, Loader};
use crate::persist::save;
use crate::resp::reply::Reply;
use crate::router::lease::Hand;
use crate::shard::batch::Batch;
use crate::snapshot::job::{Label, Target};
use std::io::Read;
use std::sync::atomic::Ordering::Relaxed;

/// What DEBUG RELOAD was asked for.
#[derive(Clone, Copy, Default)]
struct ReloadFlags {
    no_save: bool,
    no_flush: bool,
    merge: bool,
}

/// Answers the time of the last successful save.
pub fn last_save(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let seconds = asked.process.persistence.last_save_s.load(Relaxed);
    reply.integer(i64::try_from(seconds).unwrap_or(i64::MAX));
    Ok(())
}

impl Core {
    /// SAVE.
    pub(super) fn save_order(&mut self, mut batch: Box<Batch>) {
        if self.child_is_active() {
            return self.refuse_order(batch, "ERR Background save already in progress");
        }
        batch.reply.clear();
        self.lease_all(Leased::Save(batch));
    }

    /// SAVE, with every keyspace in hand.
    pub(super) fn save_now(&mut self, hand: &mut Hand, mut batch: Box<Batch>) {
        match self.save_in_hand(hand) {
            true => batch.reply.ok(),
            false => batch.reply.error("ERR"),
        }
        self.answer(batch);
    }

    /// BGSAVE [SCHEDULE].
    pub(super) fn bgsave_order(&mut self, batch: Box<Batch>) {
        let args = batch.args(0);
        let scheduled = args.len() == 2 && args.get(1).eq_ignore_ascii_case(b"schedule");
        if args.len() > 2 || (args.len() == 2 && !scheduled) {
            return self.refuse_order(batch, "ERR syntax error");
        }
        if self.child_is_active() {
            return self.refuse_order(batch, "ERR Background save already in progress");
        }
        self.want_file(Some(batch));
    }

    /// The child of a BGSAVE runs, or could not be made.
    pub(super) fn answer_bgsave(&mut self, mut batch: Box<Batch>, started: bool) {
        if started {
            batch.reply.simple("Background saving started");
            self.answer(batch);
        } else {
            self.refuse_order(batch, "ERR");
        }
    }

    /// DEBUG RELOAD.
    pub(super) fn reload_order(&mut self, batch: Box<Batch>) {
        match reload_flags(&batch) {
            Some(_) => self.lease_all(Leased::Reload(batch)),
            None => self.refuse_order(batch, RELOAD_OPTIONS),
        }
    }

    /// DEBUG RELOAD, with every keyspace in hand.
    pub(super) fn reload(&mut self, hand: &mut Hand, mut batch: Box<Batch>) {
        let flags = reload_flags(&batch).unwrap_or_default();
        if !flags.no_save && !self.save_in_hand(hand) {
            batch.reply.error("ERR");
            return self.answer(batch);
        }
        match self.load_in_hand(hand, flags) {
            Ok(()) => {
                crate::warning!("DB reloaded by DEBUG RELOAD");
                batch.reply.ok();
            }
            Err(reason) => {
                crate::warning!("{reason}");
                let text = "ERR Error trying to load the RDB dump, check server logs.";
                batch.reply.error(text);
            }
        }
        self.answer(batch);
    }

    /// Writes the file on the spot. Whether that went well; if not, the reason is logged.
    pub(super) fn save_in_hand(&mut self, hand: &mut Hand) -> bool {
        self.shard.seal_run();
        let stream = &self.shard.tools.shared.stream;
        let label = match hand.take_place() {
            Some(place) => {
                let id = stream.history().id;
                Some(Label { id, offset: place.offset, selected: place.selected })
            }
            None if stream.active() => stream.pin_at_end().map(|(offset, _)| {
                let id = stream.history().id;
                Label { id, offset, selected: None }
            }),
            None => None,
        };
        let content = self.content(label);
        let target = Target::new(&self.shard.tools.settings);
        let views: Vec<_> = hand.spaces().iter().flatten().map(|space| &space.keys).collect();
        match save::save(&content, &target, &views) {
            Ok(_) => {
                crate::notice!("DB saved on disk");
                self.file_saved(self.changes());
                true
            }
            Err(error) => {
                crate::warning!("{error}");
                false
            }
        }
    }

    fn load_in_hand(&mut self, hand: &mut Hand, flags: ReloadFlags) -> Result<(), String> {
        self.abandon_load();
        let tools = &self.shard.tools;
        let settings = &tools.settings;
        self.controller.last_load += 1;
        let number = self.controller.last_load;
        let replica = tools.shared.environment.status.is_replica.load(Relaxed);
        let mut loader = Loader::new(LoadOptions {
            load: number,
            conductor: tools.id,
            placement: tools.shared.placement,
            databases: settings.server.databases,
            checksum: settings.rdb.checksum,
            encoding: settings.encoding,
            drop_expired_at_ms: (!replica).then(clock::wall_ms),
            key_delay: 0,
        });
        let path = settings.resolve(&settings.rdb.dbfilename);
        let mut file = std::fs::File::open(&path).map_err(|error| error.to_string())?;
        let (mut piece, mut batches) = (vec![0; PIECE_BYTES], Batches::new());
        loop {
            let read = file.read(&mut piece).map_err(|error| error.to_string())?;
            if read == 0 {
                break;
            }
            loader.feed(&piece[..read], &mut batches).map_err(|error| error.to_string())?;
            for (shard, batch) in batches.drain(..) {
                let space = hand.spaces()[usize::from(shard.0)].as_deref_mut();
                let space = space.expect("every keyspace is in hand");
                loader.applied(space.load(*batch)).map_err(|error| error.to_string())?;
            }
        }
        loader.finish().map_err(|error| error.to_string())?;
        log_about(loader.about());
        if flags.no_flush {
            merge(number, hand, flags.merge)?;
        } else {
            drop(load::install(number, hand.spaces()));
            self.keep_functions(loader.about());
        }
        let (loaded, expired) = (loader.keys_loaded(), loader.keys_expired());
        let info = &self.process.persistence;
        info.last_load_keys_loaded.store(loaded, Relaxed);
        info.last_load_keys_expired.store(expired, Relaxed);
        info.changes_at_last_save.store(self.changes(), Relaxed);
        crate::notice!("Done loading RDB, keys loaded: {loaded}, keys expired: {expired}.");
        warn_of_fields(loader.expiring_fields());
        Ok(())
    }

    /// [`Core::fail_order`] with a fixed text.
    pub(super) fn refuse_order(&mut self, batch: Box<Batch>, text: &str) {
        self.fail_order(batch, &CommandError::owned(text.to_owned()));
    }

    /// Answers an error to an order that failed.
    pub(super) fn fail_order(&mut self, mut batch: Box<Batch>, error: &CommandError) {
        let command = batch.command(0);
        let (args, reply) = batch.args_and_reply(0);
        self.shard.tools.fail(command, args, error, reply);
        self.answer(batch);
    }
}

/// Adds loaded keys to what is there. Where one is there already it is replaced if `replace`, else
/// nothing at all is added.
fn merge(load: u64, hand: &mut Hand, replace: bool) -> Result<(), String> {
    for space in hand.spaces().iter_mut().flatten() {
        let Some(staging) = space.staging.take_if(|staging| staging.load == load) else { continue };
        for db in (0..staging.keys.databases()).map(crate::base::ids::DbIndex) {
            let mut duplicate = None;
            staging.keys.for_each(db, &mut |entry| {
                let key = Key::new(entry.key());
                if !replace && space.keys.peek(db, &key).is_some() {
                    duplicate = Some(crate::rdb::error::printable(entry.key()));
                    return;
                }
                space.keys.insert_removed(db, &key, entry.duplicate());
            });
            if let Some(key) = duplicate {
                return Err(format!("RDB has duplicated key '{key}' in DB {}", db.0));
            }
        }
    }
    Ok(())
}

fn reload_flags(batch: &Batch) -> Option<ReloadFlags> {
    let mut flags = ReloadFlags::default();
    for word in batch.args(0).iter().skip(2) {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" => flags.no_save = true,
            b"noflush" => flags.no_flush = true,
            b"merge" => flags.merge = true,
            _ => return None,
        }
    }
    Some(flags)
}

const RELOAD_OPTIONS: &str =
    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.";
/// Bytes read at once.
const PIECE_BYTES: usize = 1 << 20;
