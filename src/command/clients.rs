//! Commands about connected clients: CLIENT and MONITOR. Their rows; the connection's shard runs
//! them.

use super::flags::{Categories, Flags};
use super::spec::{ClientVerb, Group, Scope, Spec};

const OWN: Flags = Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE);
const ADMIN: Flags = OWN.with(Flags::ADMIN);
const EVERYWHERE: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
const VARYING: &[&str] = &["nondeterministic_output"];

const fn sub(name: &'static str, arity: i32, verb: ClientVerb, flags: Flags) -> Spec {
    Spec::new(name, arity, Group::Connection, Scope::Client(verb))
        .flags(flags)
        .categories(Categories::CONNECTION)
}

const CLIENT: &[Spec] = &[
    sub("caching", 3, ClientVerb::ClientCaching, OWN).doc(
        "6.0.0",
        "O(1)",
        "Says whether the keys of the next command are tracked.",
    ),
    sub("id", 2, ClientVerb::ClientId, OWN).doc("5.0.0", "O(1)", "Returns the connection's id."),
    sub("reply", 3, ClientVerb::ClientReply, OWN).doc(
        "3.2.0",
        "O(1)",
        "Says which commands the server answers.",
    ),
    sub("trackinginfo", 2, ClientVerb::ClientTrackingInfo, OWN).doc(
        "6.2.0",
        "O(1)",
        "Returns how the connection's keys are tracked.",
    ),
    sub("info", 2, ClientVerb::ClientInfo, OWN).tips(VARYING).doc(
        "6.2.0",
        "O(1)",
        "Describes the connection.",
    ),
    sub("tracking", -3, ClientVerb::ClientTracking, OWN).doc(
        "6.0.0",
        "O(1). Some options may introduce additional complexity.",
        "Turns invalidation messages for the client's cache on or off.",
    ),
    sub("setinfo", 4, ClientVerb::ClientSetInfo, OWN).tips(EVERYWHERE).doc(
        "7.2.0",
        "O(1)",
        "Names the client's library or its version.",
    ),
    sub("no-touch", 3, ClientVerb::ClientNoTouch, OWN).doc(
        "7.2.0",
        "O(1)",
        "Says whether the connection's reads count as use of the keys.",
    ),
    sub("kill", -3, ClientVerb::ClientKill, ADMIN).doc(
        "2.4.0",
        "O(N) where N is the number of client connections",
        "Closes connections.",
    ),
    sub("help", 2, ClientVerb::ClientHelp, Flags::LOADING.with(Flags::STALE)).doc(
        "5.0.0",
        "O(1)",
        "Lists the subcommands.",
    ),
    sub("no-evict", 3, ClientVerb::ClientNoEvict, ADMIN).doc(
        "7.0.0",
        "O(1)",
        "Protects the connection from being closed for memory.",
    ),
    sub("list", -2, ClientVerb::ClientList, ADMIN).tips(VARYING).doc(
        "2.4.0",
        "O(N) where N is the number of client connections",
        "Describes all connections.",
    ),
    sub("unblock", -3, ClientVerb::ClientUnblock, ADMIN).doc(
        "5.0.0",
        "O(log N) where N is the number of client connections",
        "Ends the waiting of a blocked client.",
    ),
    sub("getredir", 2, ClientVerb::ClientGetRedir, OWN).doc(
        "6.0.0",
        "O(1)",
        "Returns the client that invalidation messages go to.",
    ),
    sub("setname", 3, ClientVerb::ClientSetName, OWN).tips(EVERYWHERE).doc(
        "2.6.9",
        "O(1)",
        "Names the connection.",
    ),
    sub("unpause", 2, ClientVerb::ClientUnpause, ADMIN).doc(
        "6.2.0",
        "O(N) Where N is the number of paused clients",
        "Ends a pause.",
    ),
    sub("getname", 2, ClientVerb::ClientGetName, OWN).doc(
        "2.6.9",
        "O(1)",
        "Returns the connection's name.",
    ),
    sub("pause", -3, ClientVerb::ClientPause, ADMIN).doc(
        "3.0.0",
        "O(1)",
        "Holds back the commands of all clients, or their writes, for a while.",
    ),
];

/// The rows of this family.
pub const ROWS: &[Spec] =
    &[
        Spec::new("client", -2, Group::Connection, Scope::Container).subcommands(CLIENT).doc(
            "2.4.0",
            "Depends on subcommand.",
            "Commands about client connections.",
        ),
        Spec::new("monitor", 1, Group::Server, Scope::Client(ClientVerb::Monitor))
            .flags(ADMIN)
            .doc("1.0.0", "", "Sends every command the server runs to this connection."),
    ];

/// What `CLIENT HELP` answers.
pub const HELP: &[&str] = &[
    "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CACHING (YES|NO)",
    "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
    "GETREDIR",
    "    Return the client ID we are redirecting to when tracking is enabled.",
    "GETNAME",
    "    Return the name of the current connection.",
    "ID",
    "    Return the ID of the current connection.",
    "INFO",
    "    Return information about the current client connection.",
    "KILL <ip:port>",
    "    Kill connection made from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Kill connections. Options are:",
    "    * ADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made from the specified address",
    "    * LADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made to specified local address",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Kill connections by type.",
    "    * USER <username>",
    "      Kill connections authenticated by <username>.",
    "    * SKIPME (YES|NO)",
    "      Skip killing current connection (default: yes).",
    "    * ID <client-id>",
    "      Kill connections by client id.",
    "    * MAXAGE <maxage>",
    "      Kill connections older than the specified age.",
    "LIST [options ...]",
    "    Return information about client connections. Options:",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Return clients of specified type.",
    "UNPAUSE",
    "    Stop the current client pause, resuming traffic.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Suspend all, or just write, clients for <timeout> milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Control the replies sent to the current connection.",
    "SETNAME <name>",
    "    Assign the name <name> to the current connection.",
    "SETINFO <option> <value>",
    "    Set client meta attr. Options are:",
    "    * LIB-NAME: the client lib name.",
    "    * LIB-VER: the client lib version.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    Unblock the specified blocked client.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
    "         [OPTIN] [OPTOUT] [NOLOOP]",
    "    Control server assisted client side caching.",
    "TRACKINGINFO",
    "    Report tracking status for the current connection.",
    "NO-EVICT (ON|OFF)",
    "    Protect current client connection from eviction.",
    "NO-TOUCH (ON|OFF)",
    "    Will not touch LRU/LFU stats when this mode is on.",
    "HELP",
    "    Print this help.",
];
