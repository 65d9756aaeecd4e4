//! MODULE: there are none, and none can be loaded.

use super::verbs::Asked;
use crate::command::error::CommandError;
use crate::resp::reply::Reply;

/// `MODULE LIST | LOAD | LOADEX | UNLOAD`
pub fn module(asked: &Asked<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if asked.command.spec.name != "list" {
        return Err(CommandError::text(
            "ERR MODULE command not allowed. This server has no modules.",
        ));
    }
    reply.empty_array();
    Ok(())
}
