//! Writes at full speed to the master, reads from the replicas.

use std::process::{Child, Command, Stdio};

use crate::checks::{attach, stat, wait_equal, wait_replicas};
use crate::support::server::{Running, Server};
use crate::support::stock::{Kind, tool};
use crate::support::wait::{DEADLINE, wait_until};

three_servers!(scenario, &[(1, 0), (2, 0)]);

fn scenario(cast: [Kind; 3]) {
    let Some(benchmark) = tool("redis-benchmark") else { return };
    let [master, first, second] = cast.map(Server::start);
    attach(&first, &master);
    attach(&second, &master);
    let run = |server: &Server, test: &str, count: &str| -> Child {
        Command::new(&benchmark)
            .args(["-p", &server.port_text(), "-t", test, "-n", count, "-c", "10"])
            .args(["-P", "16", "-r", "10000", "-d", "64", "-q"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-benchmark runs")
    };
    let mut tools = [
        Running(run(&master, "set", "100000")),
        Running(run(&first, "get", "50000")),
        Running(run(&second, "get", "50000")),
    ];
    wait_until(DEADLINE * 3, "the load ends", || {
        for replica in [&first, &second] {
            let info = replica.info("replication");
            assert_eq!(info.field("master_link_status"), "up", "replicas stay online");
        }
        tools.iter_mut().all(|tool| matches!(tool.0.try_wait(), Ok(Some(_))))
    });
    for tool in &mut tools {
        assert!(tool.0.wait().expect("it is our child").success());
    }
    wait_replicas(&master, 2);
    wait_equal(&master, &[&first, &second]);
    assert_eq!(stat(&master, "sync_full"), 2, "none beyond the first of each replica");
    assert!(master.ask(&["DBSIZE"]).integer() > 9000);
}
