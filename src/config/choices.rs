//! The closed vocabularies of the configuration: one enum a directive, with the words that name its
//! variants in a file. Plain values, any core. The first word listed for a variant is the one
//! printed.

use crate::config::error::Reason;

/// A set of words a directive accepts.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every word, in the order an error message lists them.
    const WORDS: &'static [&'static str];
    /// The value of each word, in the same order.
    const VALUES: &'static [Self];

    /// The word that CONFIG GET prints.
    fn word(self) -> &'static str {
        let index = Self::VALUES.iter().position(|value| *value == self);
        Self::WORDS[index.expect("the macro lists every variant")]
    }
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }
     $(also { $($alias:ident = $alias_word:literal),+ })?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl Choice for $name {
            const WORDS: &'static [&'static str] = &[$($word),+ $(, $($alias_word),+)?];
            const VALUES: &'static [$name] = &[$($name::$variant),+ $(, $($name::$alias),+)?];
        }
    };
}

choice!(
    /// Who may do a thing that is off by default.
    Permission {
        /// Nobody.
        #[default] No = "no",
        /// Everybody.
        Yes = "yes",
        /// Only clients on a loopback address or the unix socket.
        Local = "local",
    }
);

choice!(
    /// The least important line that is still logged.
    LogLevel {
        /// Everything.
        Debug = "debug",
        /// Much that is rarely useful.
        Verbose = "verbose",
        /// What an operator wants to see.
        #[default] Notice = "notice",
        /// Only what calls for action.
        Warning = "warning",
        /// Not a line.
        Nothing = "nothing",
    }
);

choice!(
    /// Which supervisor is told that the server is ready.
    Supervised {
        /// Upstart, by stopping itself.
        Upstart = "upstart",
        /// systemd, by its notification socket.
        Systemd = "systemd",
        /// Whichever the environment shows.
        Auto = "auto",
        /// None.
        #[default] No = "no",
    }
);

choice!(
    /// The facility of lines sent to syslog.
    SyslogFacility {
        /// `LOG_USER`.
        User = "user",
        /// `LOG_LOCAL0`.
        #[default] Local0 = "local0",
        /// `LOG_LOCAL1`.
        Local1 = "local1",
        /// `LOG_LOCAL2`.
        Local2 = "local2",
        /// `LOG_LOCAL3`.
        Local3 = "local3",
        /// `LOG_LOCAL4`.
        Local4 = "local4",
        /// `LOG_LOCAL5`.
        Local5 = "local5",
        /// `LOG_LOCAL6`.
        Local6 = "local6",
        /// `LOG_LOCAL7`.
        Local7 = "local7",
    }
);

impl SyslogFacility {
    /// The facility's number in RFC 3164.
    pub fn number(self) -> u8 {
        match self {
            SyslogFacility::User => 1,
            SyslogFacility::Local0 => 16,
            SyslogFacility::Local1 => 17,
            SyslogFacility::Local2 => 18,
            SyslogFacility::Local3 => 19,
            SyslogFacility::Local4 => 20,
            SyslogFacility::Local5 => 21,
            SyslogFacility::Local6 => 22,
            SyslogFacility::Local7 => 23,
        }
    }
}

choice!(
    /// Whether the kernel's out-of-memory score is adjusted.
    OomScoreAdj {
        /// Left as it is.
        #[default] No = "no",
        /// Adjusted relative to the score at start.
        Relative = "yes",
        /// Set to the values given.
        Absolute = "absolute",
    } also { Relative = "relative" }
);

choice!(
    /// How a full resynchronization is loaded.
    DisklessLoad {
        /// Through a file.
        #[default] Disabled = "disabled",
        /// From the socket when there is nothing to lose.
        OnEmptyDb = "on-empty-db",
        /// From the socket, the old data set kept until the new one is whole.
        SwapDb = "swapdb",
    }
);

choice!(
    /// What an error while applying the replication stream does.
    PropagationError {
        /// It is logged and counted.
        #[default] Ignore = "ignore",
        /// The process ends.
        Panic = "panic",
        /// The process ends if it is a replica.
        PanicOnReplicas = "panic-on-replicas",
    }
);

choice!(
    /// Which keys make room at `maxmemory`.
    MaxmemoryPolicy {
        /// Least recently used among keys with an expiry.
        VolatileLru = "volatile-lru",
        /// Least frequently used among keys with an expiry.
        VolatileLfu = "volatile-lfu",
        /// Any key with an expiry.
        VolatileRandom = "volatile-random",
        /// The key that expires soonest.
        VolatileTtl = "volatile-ttl",
        /// Least recently used.
        AllkeysLru = "allkeys-lru",
        /// Least frequently used.
        AllkeysLfu = "allkeys-lfu",
        /// Any key.
        AllkeysRandom = "allkeys-random",
        /// None: commands that need memory are refused.
        #[default] Noeviction = "noeviction",
    }
);

impl MaxmemoryPolicy {
    /// Whether keys are chosen by how often they are used.
    pub fn is_lfu(self) -> bool {
        matches!(self, MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu)
    }

    /// Whether keys are chosen by how long they were not used.
    pub fn is_lru(self) -> bool {
        matches!(self, MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::VolatileLru)
    }
}

choice!(
    /// When the append-only file reaches the disk.
    AppendFsync {
        /// Once a second.
        #[default] Everysec = "everysec",
        /// Before any reply that tells of the write.
        Always = "always",
        /// When the kernel likes.
        No = "no",
    }
);

choice!(
    /// How a point-in-time snapshot is taken.
    SnapshotMethod {
        /// By a forked process.
        #[default] Fork = "fork",
        /// By copying entries before they are overwritten.
        Cow = "cow",
    }
);

choice!(
    /// Whether the commands of one connection may overtake each other.
    PipelineOrder {
        /// They take effect in the order sent.
        #[default] Strict = "strict",
    }
);

choice!(
    /// The channels a new ACL user may use.
    AclPubsubDefault {
        /// All.
        Allchannels = "allchannels",
        /// None.
        #[default] Resetchannels = "resetchannels",
    }
);

/// What a shutdown signal does about saving, waiting and refusing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ShutdownFlags {
    /// Save even without save points.
    pub save: bool,
    /// Do not save.
    pub nosave: bool,
    /// Do not wait for lagging replicas.
    pub now: bool,
    /// Stop even if saving fails.
    pub force: bool,
}

impl ShutdownFlags {
    /// Reads the words of the directive.
    pub fn parse(words: &[&str]) -> Result<ShutdownFlags, Reason> {
        let mut flags = ShutdownFlags::default();
        for word in words {
            match word.to_ascii_lowercase().as_str() {
                "default" => {}
                "save" => flags.save = true,
                "nosave" => flags.nosave = true,
                "now" => flags.now = true,
                "force" => flags.force = true,
                _ => return Err(Reason::NotOneOf(SHUTDOWN_WORDS)),
            }
        }
        if flags.save && flags.nosave {
            let text = "shutdown options SAVE and NOSAVE can't be used simultaneously";
            return Err(Reason::Invalid(text));
        }
        Ok(flags)
    }

    /// The words of the directive, `default` if none is set.
    pub fn words(self) -> Vec<&'static str> {
        let all = [
            (self.save, "save"),
            (self.nosave, "nosave"),
            (self.now, "now"),
            (self.force, "force"),
        ];
        let words: Vec<_> = all.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect();
        if words.is_empty() { vec!["default"] } else { words }
    }
}

const SHUTDOWN_WORDS: &[&str] = &["default", "save", "nosave", "now", "force"];
