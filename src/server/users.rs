//! What becomes of this shard's connections when the users change: subscribers that lost a channel
//! are closed, as stock servers do. Commands are held to the new rules where they are taken.

use super::core::{Core, Row};
use super::process::Process;
use crate::base::ids::ShardId;
use crate::client::session::Session;
use crate::client::subscriptions::TOPICS;
use crate::command::publication::Topic;
use crate::net::event::SocketId;

impl Core {
    /// Looks at all subscribers if the users changed since the last turn.
    pub(super) fn follow_users(&mut self) {
        let version = self.shard.tools.acl_version;
        if version == self.acl_version {
            return;
        }
        self.acl_version = version;
        let lost: Vec<SocketId> = self
            .rows
            .iter_mut()
            .flatten()
            .filter_map(|row| {
                let socket = row.socket;
                let acl = &self.process.shared.environment.acl;
                let session = &mut Row::connection(row)?.session;
                session.subscriptions.as_ref()?;
                let keeps = session.follow_users(acl) && may_listen(session);
                (!keeps).then_some(socket)
            })
            .collect();
        lost.into_iter().for_each(|socket| self.close(socket));
    }
}

/// Whether the session's user may listen to everything the session has subscribed to.
fn may_listen(session: &Session) -> bool {
    let Some(subscriptions) = &session.subscriptions else { return true };
    TOPICS.into_iter().all(|topic| {
        let is_pattern = topic == Topic::Pattern;
        let mut names = subscriptions.names(topic).iter();
        names.all(|name| session.user.may_listen(name, is_pattern))
    })
}

/// Lets every shard see that the users changed.
pub fn rouse_all(process: &Process) {
    for shard in (0..process.shared.placement.shards()).map(ShardId) {
        process.shared.inbox(shard).rouse(|waker| waker.wake_thread());
    }
}
