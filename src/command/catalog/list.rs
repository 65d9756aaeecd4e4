//! `COMMAND COUNT` and `COMMAND LIST`.

use crate::base::glob::{self, Case};
use crate::command::context::Context;
use crate::command::error::CommandError;
use crate::command::flags::{CATEGORY_NAMES, Categories};
use crate::command::spec::CommandResult;
use crate::command::table::{Command, table};
use crate::resp::request::Args;

/// `COMMAND COUNT`: subcommands are not counted.
pub(super) fn count(ctx: &mut Context<'_>, _args: Args<'_>) -> CommandResult {
    ctx.reply.integer(table().top_level().count() as i64);
    Ok(())
}

/// `COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN glob]`: full names, those of
/// subcommands too.
pub(super) fn list(ctx: &mut Context<'_>, args: Args<'_>) -> CommandResult {
    let names: Vec<&'static Command> = match args.len() {
        2 => table().all().to_vec(),
        5 if args.get(2).eq_ignore_ascii_case(b"FILTERBY") => filtered(args.get(3), args.get(4))?,
        _ => return Err(CommandError::Syntax),
    };
    ctx.reply.array(names.len());
    names.iter().for_each(|command| ctx.reply.bulk(command.full_name.as_bytes()));
    Ok(())
}

fn filtered(by: &[u8], what: &[u8]) -> Result<Vec<&'static Command>, CommandError> {
    let all = table().all().iter().copied();
    if by.eq_ignore_ascii_case(b"PATTERN") {
        let fits = |command: &&'static Command| {
            glob::matches(what, command.full_name.as_bytes(), Case::Ignored)
        };
        Ok(all.filter(fits).collect())
    } else if by.eq_ignore_ascii_case(b"ACLCAT") {
        Ok(match category(what) {
            Some(category) => in_category(category).collect(),
            None => Vec::new(),
        })
    } else if by.eq_ignore_ascii_case(b"MODULE") {
        // There are no modules, so no command is one's.
        Ok(Vec::new())
    } else {
        Err(CommandError::Syntax)
    }
}

/// The ACL category of this name in any case.
pub fn category(name: &[u8]) -> Option<Categories> {
    let found =
        CATEGORY_NAMES.iter().find(|(_, known)| name.eq_ignore_ascii_case(known.as_bytes()));
    found.map(|(category, _)| *category)
}

/// The commands of a category, subcommands included.
pub fn in_category(category: Categories) -> impl Iterator<Item = &'static Command> {
    let all = table().all().iter().copied();
    all.filter(move |command| command.spec.categories_all().has(category))
}
