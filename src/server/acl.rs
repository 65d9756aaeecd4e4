//! The commands of ACL: users listed, changed, loaded and saved, and the log of refusals. From any
//! shard; what changes is seen by every shard with its next turn.

use super::mail::Mail;
use super::process::Process;
use super::users;
use super::verbs::Asked;
use crate::base::{clock, hex, number};
use crate::command::acl::file;
use crate::command::acl::log::Entry;
use crate::command::acl::selector::Selector;
use crate::command::acl::user::User;
use crate::command::acl::users::Users;
use crate::command::catalog::list::{category, in_category};
use crate::command::error::CommandError;
use crate::command::flags::CATEGORY_NAMES;
use crate::command::table::table;
use crate::config::choices::AclPubsubDefault;
use crate::resp::reply::Reply;
use nix::errno::Errno;
use std::convert::Infallible;
use std::path::PathBuf;

/// `ACL` with any of its subcommands but HELP.
pub fn acl(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    match asked.command.spec.name {
        "whoami" => reply.bulk(&user_of(asked)),
        "users" => {
            let users = asked.process.shared.environment.acl.users();
            reply.array(users.iter().len());
            users.iter().for_each(|user| reply.bulk(&user.name));
        }
        "list" => {
            let users = asked.process.shared.environment.acl.users();
            reply.array(users.iter().len());
            users.iter().for_each(|user| reply.bulk(&user.line()));
        }
        "getuser" => user(asked, reply),
        "setuser" => set_user(asked, reply)?,
        "cat" => categories(asked, reply)?,
        "deluser" => delete(asked, reply)?,
        "dryrun" => dry_run(asked, reply)?,
        "genpass" => password(asked, reply)?,
        "log" => log(asked, reply)?,
        "load" => {
            load(asked.process)?;
            reply.ok();
        }
        "save" => save(asked, reply)?,
        _ => return Err(asked.wrong_subcommand()),
    }
    Ok(())
}

/// Whether a new user may use all channels.
fn all_channels(process: &Process) -> bool {
    let settings = process.shared.environment.config.load();
    settings.security.acl_pubsub_default == AclPubsubDefault::Allchannels
}

/// The name of the user who asks.
fn user_of(asked: &Asked<'_>) -> Vec<u8> {
    let client = asked.process.shared.environment.clients.find(asked.client);
    client.map(|client| client.user()).unwrap_or_default()
}

fn user(asked: &Asked<'_>, reply: &mut Reply) {
    let users = asked.process.shared.environment.acl.users();
    let Some(user) = users.find(asked.args.get(2)) else { return reply.null() };
    reply.map(6);
    reply.bulk(b"flags");
    let flags = user.flags();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(user.passwords().len());
    user.passwords().iter().for_each(|hash| reply.bulk(hash.as_bytes()));
    let [own, others @ ..] = user.selectors() else { unreachable!("a user has a selector") };
    selector(own, reply);
    reply.bulk(b"selectors");
    reply.array(others.len());
    for other in others {
        reply.map(3);
        selector(other, reply);
    }
}

fn selector(selector: &Selector, reply: &mut Reply) {
    reply.bulk(b"commands");
    reply.bulk(selector.commands.text().as_bytes());
    reply.bulk(b"keys");
    reply.bulk(&selector.keys_text());
    reply.bulk(b"channels");
    reply.bulk(&selector.channels_text());
}

fn set_user(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let rules: Vec<&[u8]> = asked.args.iter().skip(3).collect();
    let acl = &asked.process.shared.environment.acl;
    acl.set_user(asked.args.get(2), &rules, all_channels(asked.process))?;
    users::rouse_all(asked.process);
    remember(asked.process);
    reply.ok();
    Ok(())
}

/// Lets CONFIG REWRITE write the users, if they are kept in the config.
fn remember(process: &Process) {
    let environment = &process.shared.environment;
    if !environment.config.load().security.aclfile.is_empty() {
        return;
    }
    let words = |user: &User| {
        let line = String::from_utf8_lossy(&user.line()).into_owned();
        line.split(' ').skip(1).map(str::to_owned).collect()
    };
    let lines = environment.acl.users().iter().map(words).collect();
    environment.config.update(|settings| settings.security.users = lines);
}

fn categories(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    match asked.args.len() {
        2 => {
            reply.array(CATEGORY_NAMES.len());
            CATEGORY_NAMES.iter().for_each(|(_, name)| reply.bulk(name.as_bytes()));
        }
        3 => {
            let name = asked.args.get(2);
            let category = category(name).ok_or_else(|| unknown_category(name))?;
            let slot = reply.open_array();
            let mut count = 0;
            for command in in_category(category) {
                reply.bulk(command.full_name.as_bytes());
                count += 1;
            }
            reply.close_array(slot, count);
        }
        _ => return Err(asked.wrong_subcommand()),
    }
    Ok(())
}

fn unknown_category(name: &[u8]) -> CommandError {
    CommandError::quoting("ERR Unknown category '", name, "'")
}

fn delete(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let names: Vec<&[u8]> = asked.args.iter().skip(2).collect();
    let before = asked.process.shared.environment.acl.users();
    let deleted = asked.process.shared.environment.acl.delete(&names)?;
    remember(asked.process);
    disconnect_changed(asked.process, &before, |_| false);
    reply.integer(deleted as i64);
    Ok(())
}

/// Closes the connections of users that are no more, or of whom `changed` says so.
fn disconnect_changed(process: &Process, before: &Users, changed: impl Fn(&[u8]) -> bool) {
    let users = process.shared.environment.acl.users();
    for info in process.shared.environment.clients.all() {
        let name = info.user();
        let gone = users.find(&name).is_none() && before.find(&name).is_some();
        if (gone || changed(&name)) && info.kill() {
            process.post(info.place().0, Mail::Kill(info));
        }
    }
}

fn dry_run(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let unknown = |what: &str, name: &[u8]| {
        CommandError::quoting(&format!("ERR {what} '"), name, "' not found")
    };
    let users = asked.process.shared.environment.acl.users();
    let name = asked.args.get(2);
    let user = users.find(name).ok_or_else(|| unknown("User", name))?;
    let words = asked.args.slice_from(3);
    let Some(command) = table().meant(words) else {
        return Err(unknown("Command", words.get(0)));
    };
    if !command.spec.arity_fits(words.len()) {
        return Err(CommandError::arity(&command.full_name));
    }
    match user.check(command, words) {
        Ok(()) => reply.ok(),
        Err(denied) => reply.bulk(&denied.told(user, command, words)),
    }
    Ok(())
}

fn password(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let bits = match asked.args.len() {
        2 => BITS,
        3 => number::parse_i64(asked.args.get(2)).ok_or(CommandError::NotInteger)?,
        _ => return Err(asked.wrong_subcommand()),
    };
    let bits = usize::try_from(bits).ok().filter(|bits| (1..=BITS_MAX).contains(bits));
    let digits = bits.ok_or(BITS_REFUSED)?.div_ceil(4);
    let mut random = vec![0; digits.div_ceil(2)];
    // From the kernel: a password must not follow from others made before it.
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| std::io::Read::read_exact(&mut source, &mut random))
        .map_err(|error| CommandError::owned(format!("ERR no random bytes: {error}")))?;
    reply.bulk(&hex::lower(&random).as_bytes()[..digits]);
    Ok(())
}

fn log(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if asked.args.len() > 3 {
        return Err(asked.wrong_subcommand());
    }
    let acl = &asked.process.shared.environment.acl;
    let mut count = LOG_SHOWN;
    if asked.args.len() == 3 {
        if asked.args.get(2).eq_ignore_ascii_case(b"RESET") {
            acl.log().clear();
            reply.ok();
            return Ok(());
        }
        let given = number::parse_i64(asked.args.get(2)).ok_or(CommandError::NotInteger)?;
        count = usize::try_from(given).unwrap_or(0);
    }
    let (log, now_ms) = (acl.log(), clock::wall_ms());
    reply.array(count.min(log.entries().len()));
    log.entries().take(count).for_each(|entry| show(entry, now_ms, reply));
    Ok(())
}

fn show(entry: &Entry, now_ms: u64, reply: &mut Reply) {
    let number = |reply: &mut Reply, name: &str, value: u64| {
        reply.bulk(name.as_bytes());
        reply.integer(value.cast_signed());
    };
    let text = |reply: &mut Reply, name: &str, value: &[u8]| {
        reply.bulk(name.as_bytes());
        reply.bulk(value);
    };
    reply.map(10);
    number(reply, "count", entry.count);
    text(reply, "reason", entry.refusal.reason.as_bytes());
    text(reply, "context", entry.refusal.context.as_bytes());
    text(reply, "object", &entry.refusal.object);
    text(reply, "username", &entry.refusal.username);
    reply.bulk(b"age-seconds");
    reply.double(now_ms.saturating_sub(entry.created_ms) as f64 / 1000.0);
    text(reply, "client-info", &entry.client);
    number(reply, "entry-id", entry.id);
    number(reply, "timestamp-created", entry.created_ms);
    number(reply, "timestamp-last-updated", entry.updated_ms);
}

/// The file of the users.
fn file_of(process: &Process) -> Result<PathBuf, CommandError> {
    let settings = process.shared.environment.config.load();
    match settings.security.aclfile.as_str() {
        "" => Err(NO_FILE),
        name => Ok(settings.resolve(name)),
    }
}

/// Reads the users of the file and makes them the only ones; nothing changes if anything in it is
/// wrong. Connections of users that changed are closed.
///
/// # Errors
/// What is wrong with the file, as stock servers tell it.
pub fn load(process: &Process) -> Result<(), CommandError> {
    let path = file_of(process)?;
    let shown = path.display().to_string();
    let text = std::fs::read(&path).map_err(|error| {
        let reason = Errno::from_raw(error.raw_os_error().unwrap_or(0)).desc();
        CommandError::owned(format!("ERR Error loading ACLs, opening file '{shown}': {reason}"))
    })?;
    let users = file::parse(&shown, &text, all_channels(process)).map_err(|wrong| {
        let after = "WARNING: ACL errors detected, no change to the previously active ACL rules \
                     was performed";
        CommandError::quoting("ERR ", &wrong, after)
    })?;
    let acl = &process.shared.environment.acl;
    let before = acl.users();
    let changed = |name: &[u8]| users.find(name) != before.find(name);
    let changed_names: Vec<Vec<u8>> =
        before.iter().map(|user| user.name.to_vec()).filter(|name| changed(name)).collect();
    let loaded: Result<(), Infallible> = acl.change(|now| {
        *now = users;
        Ok(())
    });
    let Ok(()) = loaded;
    disconnect_changed(process, &before, |name| changed_names.iter().any(|known| known == name));
    Ok(())
}

fn save(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let path = file_of(asked.process)?;
    file::save(&path, &asked.process.shared.environment.acl.users()).map_err(|error| {
        crate::warning!("Saving the ACL file {} failed: {error}", path.display());
        CommandError::text(
            "ERR There was an error trying to save the ACLs. Please check the server logs for \
             more information",
        )
    })?;
    reply.ok();
    Ok(())
}

/// Brings the users in that the configuration names, in a file or line by line.
///
/// # Errors
/// What keeps the server from starting.
pub fn load_at_start(process: &Process) -> Result<(), String> {
    let settings = process.shared.environment.config.load();
    let (file, lines) = (!settings.security.aclfile.is_empty(), &settings.security.users);
    if file && !lines.is_empty() {
        return Err(BOTH.to_owned());
    }
    if file {
        return load(process).map_err(|error| {
            let text = error.to_string();
            let text = text.strip_prefix("ERR ").unwrap_or(&text);
            format!("Aborting Redis startup because of ACL errors: {text}")
        });
    }
    process.shared.environment.acl.set_config_users(lines, all_channels(process))
}

/// Entries that ACL LOG shows unless told.
const LOG_SHOWN: usize = 10;
const NO_FILE: CommandError = CommandError::text(
    "ERR This instance is not configured to use an ACL file. You may want to specify users via the \
     ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a configuration file \
     set) in order to store users in the configuration.",
);
const BOTH: &str = "Configuring Redis with users defined in redis.conf and at the same setting an \
                    ACL file path is invalid. This setup is very likely to lead to configuration \
                    errors and security holes, please define either an ACL file or declare users \
                    directly in your redis.conf, but not both.";
/// Random bits of a password unless told, and at most.
const BITS: i64 = 256;
const BITS_MAX: usize = 4096;
const BITS_REFUSED: CommandError = CommandError::text(
    "ERR ACL GENPASS argument must be the number of bits for the output password, a positive \
     number up to 4096",
);
