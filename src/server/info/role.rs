//! ROLE. Answered at once from what all cores share.

use crate::master::registry::Stage;
use crate::resp::reply::Reply;
use crate::server::process::Process;
use std::sync::atomic::Ordering;

/// Answers ROLE.
pub fn role(process: &Process, reply: &mut Reply) {
    let shared = &process.shared;
    if shared.environment.status.is_replica.load(Ordering::Relaxed)
        && let Some((host, port)) = process.follow.master()
    {
        reply.array(5);
        reply.bulk(b"slave");
        reply.bulk(host.as_bytes());
        reply.integer(i64::from(port));
        reply.bulk(process.follow.state().word().as_bytes());
        let offset = if process.follow.is_up() {
            signed(process.shared.progress.marks.mark().0)
        } else {
            -1
        };
        return reply.integer(offset);
    }
    let replicas = process.replicas.list();
    let online: Vec<_> =
        replicas.iter().filter(|replica| replica.stage() == Stage::Online).collect();
    reply.array(3);
    reply.bulk(b"master");
    reply.integer(signed(shared.stream.end().0));
    reply.array(online.len());
    for replica in online {
        reply.array(3);
        reply.bulk(replica.ip.as_bytes());
        reply.bulk_int(replica.port);
        reply.bulk_int(signed(replica.acked().0));
    }
}

fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}
