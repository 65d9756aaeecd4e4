//! The main job: one master of ours under load, two replicas of ours, one Redis and one Valkey.
//! At the end all data sets and all offsets are equal.

use std::process::{Command, Stdio};

use crate::checks::{attach, stat, wait_equal, wait_replicas, write_sample};
use crate::support::server::{Running, Server};
use crate::support::stock::{Kind, tool};
use crate::support::wait::{DEADLINE, wait_until};

mod main_job {
    tests_of! { super::main_job, &[(1, 0), (2, 0), (3, 0), (4, 0)];
        own1: [own(1), own(1), own(2), Redis, Valkey];
        own2: [own(2), own(1), own(3), Redis, Valkey];
        own3: [own(3), own(2), own(3), Redis, Valkey];
    }
}

fn main_job(cast: [Kind; 5]) {
    let Some(benchmark) = tool("redis-benchmark") else { return };
    let [master, first, second, redis, valkey] = cast.map(Server::start);
    let replicas = [&first, &second, &redis, &valkey];
    write_sample(&master);
    let mut load = Running(
        Command::new(benchmark)
            .args(["-p", &master.port_text(), "-t", "set", "-n", "400000", "-r", "100000"])
            .args(["-P", "16", "-d", "32", "-q"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-benchmark runs"),
    );
    // They come while the load runs: the snapshot and the stream must meet without a seam.
    for replica in replicas {
        attach(replica, &master);
    }
    wait_until(DEADLINE * 3, "the load ends", || matches!(load.0.try_wait(), Ok(Some(_))));
    assert!(load.0.wait().expect("it is our child").success());
    wait_replicas(&master, 4);
    wait_equal(&master, &replicas);
    assert_eq!(stat(&master, "sync_full"), 4, "one full resynchronization a replica");
}
