//! The moment from which the server serves: told to the log and to the supervisor. On shard 0's
//! loop, when what there was to load is loaded.

use super::supervisor;
use crate::server::core::Core;

impl Core {
    /// Tells that clients are served from now on.
    pub(in crate::server) fn announce_ready(&self) {
        let settings = &self.shard.tools.settings;
        if settings.network.port != 0 {
            crate::notice!("Ready to accept connections tcp");
        }
        if !settings.network.unixsocket.is_empty() {
            crate::notice!("Ready to accept connections unix");
        }
        supervisor::ready(settings.server.supervised);
    }
}
