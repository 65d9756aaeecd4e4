//! ACL as far as it goes in this version: there is one user, `default`, who may do everything once
//! `requirepass` is satisfied. Commands that would make or change users say so. From any shard.

use super::verbs::Asked;
use crate::base::number;
use crate::command::catalog::list::{category, in_category};
use crate::command::error::CommandError;
use crate::command::flags::CATEGORY_NAMES;
use crate::command::table::table;
use crate::resp::reply::Reply;
use sha2::{Digest, Sha256};

/// `ACL` with any of its subcommands but HELP.
pub fn acl(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    match asked.command.spec.name {
        "whoami" => reply.bulk(USER),
        "users" => {
            reply.array(1);
            reply.bulk(USER);
        }
        "list" => {
            reply.array(1);
            reply.bulk(rules(asked).as_bytes());
        }
        "getuser" => user(asked, reply),
        "cat" => categories(asked, reply)?,
        "deluser" => delete(asked, reply)?,
        "dryrun" => dry_run(asked, reply)?,
        "genpass" => password(asked, reply)?,
        "log" => log(asked, reply)?,
        "load" | "save" => return Err(NO_FILE),
        _ => return Err(ONE_USER),
    }
    Ok(())
}

/// The digest of the default user's password, as rules show it; `None` without one.
fn password_digest(asked: &Asked<'_>) -> Option<String> {
    let settings = asked.process.shared.environment.config.load();
    let password = settings.security.requirepass.as_str();
    let digest = Sha256::digest(password.as_bytes());
    (!password.is_empty()).then(|| hex(&digest))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rules(asked: &Asked<'_>) -> String {
    match password_digest(asked) {
        None => "user default on nopass sanitize-payload ~* &* +@all".to_owned(),
        Some(digest) => format!("user default on sanitize-payload #{digest} ~* &* +@all"),
    }
}

fn user(asked: &Asked<'_>, reply: &mut Reply) {
    if asked.args.get(2) != USER {
        return reply.null();
    }
    let digest = password_digest(asked);
    reply.map(6);
    reply.bulk(b"flags");
    let flags = ["on", "nopass", "sanitize-payload"];
    let flags = flags.into_iter().filter(|flag| *flag != "nopass" || digest.is_none());
    reply.set(flags.clone().count());
    flags.for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(digest.iter().count());
    digest.iter().for_each(|digest| reply.bulk(digest.as_bytes()));
    for (name, rule) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        reply.bulk(name.as_bytes());
        reply.bulk(rule.as_bytes());
    }
    reply.bulk(b"selectors");
    reply.empty_array();
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
    if asked.args.iter().skip(2).any(|name| name == USER) {
        return Err(CommandError::text("ERR The 'default' user cannot be removed"));
    }
    reply.integer(0);
    Ok(())
}

fn dry_run(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let unknown = |what: &str, name: &[u8]| {
        CommandError::quoting(&format!("ERR {what} '"), name, "' not found")
    };
    if asked.args.get(2) != USER {
        return Err(unknown("User", asked.args.get(2)));
    }
    let words = asked.args.slice_from(3);
    if table().find(words.get(0)).is_none() {
        return Err(unknown("Command", words.get(0)));
    }
    table().resolve(words)?;
    reply.ok();
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
    reply.bulk(&hex(&random).as_bytes()[..digits]);
    Ok(())
}

fn log(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if asked.args.len() > 3 {
        return Err(asked.wrong_subcommand());
    }
    if asked.args.len() == 3 {
        if asked.args.get(2).eq_ignore_ascii_case(b"RESET") {
            reply.ok();
            return Ok(());
        }
        number::parse_i64(asked.args.get(2)).ok_or(CommandError::NotInteger)?;
    }
    // Nothing is ever refused to the one user.
    reply.empty_array();
    Ok(())
}

const USER: &[u8] = b"default";
/// Random bits of a password unless told, and at most.
const BITS: i64 = 256;
const BITS_MAX: usize = 4096;
const BITS_REFUSED: CommandError = CommandError::text(
    "ERR ACL GENPASS argument must be the number of bits for the output password, a positive \
     number up to 4096",
);
const NO_FILE: CommandError = CommandError::text(
    "ERR This instance is not configured to use an ACL file: this version has no user but \
     'default', whose password is requirepass.",
);
const ONE_USER: CommandError = CommandError::text(
    "ERR This version has no user but 'default', who may do everything; its password is set with \
     CONFIG SET requirepass.",
);
