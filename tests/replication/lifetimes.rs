//! Keys that end on replicas: seen as ended by reads when their time is over, removed when the
//! master says so, however far apart the two clocks are. Eviction, which is the master's alone, and
//! the writes of a writable replica, which are the replica's alone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::checks::{attach, stat, wait_equal, wait_link_up, wait_value, write_keys};
use crate::support::client::encode;
use crate::support::fake_master::{EMPTY_RDB, FakeLink, FakeMaster};
use crate::support::proxy::Proxy;
use crate::support::server::Server;
use crate::support::stock::Kind;
use crate::support::value::Value;
use crate::support::wait::{DEADLINE, stays, wait_until};

mod clocks_apart {
    one_server_or_stock!(super::clocks_apart);
}
mod only_the_master_deletes {
    tests_of! { super::only_the_master_deletes, &[(1, 0)];
        own2_own3: [own(2), own(3)];
        redis_own2: [Redis, own(2)];
        own1_valkey: [own(1), Valkey];
    }
}
mod eviction {
    tests_of! { super::eviction, &[(1, 0)];
        own2_own1: [own(2), own(1)];
        valkey_own3: [Valkey, own(3)];
        own3_redis: [own(3), Redis];
    }
}
mod writable {
    tests_of! { super::writable, &[(1, 0), (2, 1)];
        own1_own2_own3: [own(1), own(2), own(3)];
        own2_own3_valkey: [own(2), own(3), Valkey];
        redis_own2_own1: [Redis, own(2), own(1)];
        own2_redis_own1: [own(2), Redis, own(1)];
    }
}

/// A master on a host whose clock is hours away. Its moments are absolute, so what it still uses
/// may be over here: reads see it as gone, the stream as there, and only a DEL removes it.
fn clocks_apart([kind]: [Kind; 1]) {
    let master = FakeMaster::new();
    let replica = Server::start(kind);
    replica.ask_ok(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let mut link = master.accept();
    link.handshake().expect("the replica asks");
    link.full_resync(0, EMPTY_RDB);
    wait_link_up(&replica);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let behind = (now - Duration::from_secs(3600)).as_millis().to_string();
    let ahead = (now + Duration::from_secs(3600)).as_millis().to_string();
    for words in [
        &["SELECT", "0"][..],
        &["SET", "over", "1", "PXAT", &behind],
        &["SET", "count", "5", "PXAT", &behind],
        &["SET", "kept", "1"],
        &["PEXPIREAT", "kept", &behind],
        &["SET", "later", "1", "PXAT", &ahead],
        &["SET", "mark", "1"],
    ] {
        tell(&mut link, words);
    }
    wait_value(&replica, "mark", "1");
    // Reads go by this host's clock.
    for key in ["over", "count", "kept"] {
        assert_eq!(replica.value_of(key), None, "{key}");
        assert_eq!(replica.ask(&["EXISTS", key]).integer(), 0, "{key}");
        assert_eq!(replica.ask(&["TTL", key]).integer(), -2, "{key}");
        assert_eq!(replica.ask(&["TYPE", key]).text(), "none", "{key}");
    }
    assert_eq!(replica.ask(&["MGET", "over", "later"]).items()[0], Value::NullBulk);
    assert_eq!(replica.value_of("later").as_deref(), Some("1"));
    // Nothing is removed, neither by the reads nor by time.
    stays(Duration::from_millis(300), "all keys are there", || {
        replica.ask(&["DBSIZE"]).integer() == 5
    });
    assert_eq!(stat(&replica, "expired_keys"), 0);
    // The stream goes by the master's, for which none of them is over.
    tell(&mut link, &["INCR", "count"]);
    tell(&mut link, &["PERSIST", "count"]);
    tell(&mut link, &["APPEND", "over", "2"]);
    tell(&mut link, &["PEXPIREAT", "over", &ahead]);
    tell(&mut link, &["DEL", "kept"]);
    // For the master this one is over before its time here.
    tell(&mut link, &["DEL", "later"]);
    tell(&mut link, &["SET", "mark", "2"]);
    wait_value(&replica, "mark", "2");
    assert_eq!(replica.value_of("count").as_deref(), Some("6"));
    assert_eq!(replica.value_of("over").as_deref(), Some("12"));
    assert_eq!(replica.value_of("later"), None);
    assert_eq!(replica.ask(&["DBSIZE"]).integer(), 3);
    // A promoted replica goes by its own clock alone.
    tell(&mut link, &["PEXPIREAT", "over", &behind]);
    tell(&mut link, &["SET", "mark", "3"]);
    wait_value(&replica, "mark", "3");
    replica.ask_ok(&["REPLICAOF", "NO", "ONE"]);
    wait_until(DEADLINE, "it removes what is over", || replica.ask(&["DBSIZE"]).integer() == 2);
}

fn tell(link: &mut FakeLink, words: &[&str]) {
    link.send(&encode(words));
}

/// A key whose time is over stays on the replica until the master removes it and says so.
fn only_the_master_deletes([master, replica]: [Kind; 2]) {
    let (master, replica) = (Server::start(master), Server::start(replica));
    attach(&replica, &master);
    master.ask_ok(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
    master.ask_ok(&["SET", "short", "1", "PX", "50"]);
    wait_equal(&master, &[&replica]);
    wait_until(DEADLINE, "its time is over", || replica.value_of("short").is_none());
    assert_eq!(replica.ask(&["DBSIZE"]).integer(), 1);
    assert_eq!(master.value_of("short"), None, "which also removes it");
    wait_until(DEADLINE, "the removal arrives", || replica.ask(&["DBSIZE"]).integer() == 0);
    wait_equal(&master, &[&replica]);
    assert_eq!(stat(&replica, "expired_keys"), 0);
}

/// A replica does not evict, even when it may use less memory than its master; what its master
/// evicts goes there too.
fn eviction([master, replica]: [Kind; 2]) {
    let policy = "maxmemory-policy allkeys-random";
    let master = Server::with(master, &[policy]);
    let replica = Server::with(replica, &["maxmemory 3mb", policy]);
    attach(&replica, &master);
    write_keys(&master, "k", 200, 50_000);
    wait_equal(&master, &[&replica]);
    assert_eq!((stat(&replica, "evicted_keys"), stat(&master, "evicted_keys")), (0, 0));
    let used = master.info("memory").number("used_memory");
    master.ask_ok(&["CONFIG", "SET", "maxmemory", &(used - 2_000_000).to_string()]);
    write_keys(&master, "more", 20, 50_000);
    wait_until(DEADLINE, "the master evicts", || stat(&master, "evicted_keys") > 0);
    master.ask_ok(&["CONFIG", "SET", "maxmemory", "0"]);
    wait_equal(&master, &[&replica]);
    assert_eq!(stat(&replica, "evicted_keys"), 0);
}

/// What is written to a writable replica is nobody else's: it is not in the stream, survives a cut
/// of the link, ends at its own time and goes with the next full resynchronization.
fn writable([top, middle, bottom]: [Kind; 3]) {
    let top = Server::start(top);
    let [middle, bottom] =
        [middle, bottom].map(|kind| Server::with(kind, &["replica-read-only no"]));
    let proxy = Proxy::to(top.port());
    middle.ask_ok(&["REPLICAOF", "127.0.0.1", &proxy.port().to_string()]);
    wait_link_up(&middle);
    attach(&bottom, &middle);
    top.ask_ok(&["SET", "shared", "1"]);
    wait_equal(&top, &[&middle, &bottom]);
    middle.ask_ok(&["SET", "local", "1"]);
    middle.ask_ok(&["SET", "short", "1", "PX", "50"]);
    assert_eq!(middle.ask(&["INCR", "shared"]).integer(), 2);
    wait_until(DEADLINE, "its own key ends at its time", || middle.ask(&["DBSIZE"]).integer() == 2);
    proxy.cut();
    wait_until(DEADLINE, "it continues", || stat(&top, "sync_partial_ok") == 1);
    wait_link_up(&middle);
    top.ask_ok(&["SET", "after", "1"]);
    wait_value(&bottom, "after", "1");
    assert_eq!(middle.value_of("local").as_deref(), Some("1"));
    for server in [&top, &bottom] {
        assert_eq!(server.value_of("local"), None);
        assert_eq!(server.value_of("shared").as_deref(), Some("1"));
    }
    assert_eq!(top.digest(), bottom.digest());
    top.ask_ok(&["DEBUG", "CHANGE-REPL-ID"]);
    proxy.cut();
    wait_until(DEADLINE, "everything is sent again", || stat(&top, "sync_full") == 2);
    wait_link_up(&middle);
    wait_equal(&top, &[&middle, &bottom]);
    assert_eq!(middle.value_of("local"), None);
}
