//! Command flags and ACL categories as sets of bits, with the names `COMMAND INFO` prints.
//! Constants only. The names are those a live server of Redis 7.2's level answers.

/// A set of command flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u32);

/// A set of ACL categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Categories(pub u32);

macro_rules! bits {
    ($type:ident, $names:ident: $($constant:ident = $bit:literal $name:literal,)*) => {
        impl $type {
            $(
                #[doc = concat!("`", $name, "`")]
                pub const $constant: $type = $type(1 << $bit);
            )*
            /// The empty set.
            pub const NONE: $type = $type(0);

            /// Both sets together.
            pub const fn with(self, other: $type) -> $type {
                $type(self.0 | other.0)
            }

            /// Whether every bit of `other` is in this set.
            pub const fn has(self, other: $type) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any bit of `other` is in this set.
            pub const fn any(self, other: $type) -> bool {
                self.0 & other.0 != 0
            }

            /// The printed names of the bits set, in the order of the table.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                let named = $names.iter().filter(|(_, name)| !name.is_empty());
                named.filter(move |(bit, _)| self.has(*bit)).map(|(_, name)| *name)
            }
        }

        impl std::ops::BitOr for $type {
            type Output = $type;
            fn bitor(self, other: $type) -> $type {
                self.with(other)
            }
        }

        /// Every bit with its printed name.
        pub const $names: &[($type, &str)] = &[$(($type::$constant, $name),)*];
    };
}

bits! { Flags, FLAG_NAMES:
    WRITE = 0 "write",
    READONLY = 1 "readonly",
    DENYOOM = 2 "denyoom",
    MODULE = 3 "module",
    ADMIN = 4 "admin",
    PUBSUB = 5 "pubsub",
    NOSCRIPT = 6 "noscript",
    BLOCKING = 7 "blocking",
    LOADING = 8 "loading",
    STALE = 9 "stale",
    SKIP_MONITOR = 10 "skip_monitor",
    SKIP_SLOWLOG = 11 "skip_slowlog",
    ASKING = 12 "asking",
    FAST = 13 "fast",
    NO_AUTH = 14 "no_auth",
    MAY_REPLICATE = 15 "",
    NO_MANDATORY_KEYS = 19 "no_mandatory_keys",
    NO_ASYNC_LOADING = 21 "no_async_loading",
    NO_MULTI = 22 "no_multi",
    MOVABLEKEYS = 23 "movablekeys",
    ALLOW_BUSY = 24 "allow_busy",
}

bits! { Categories, CATEGORY_NAMES:
    KEYSPACE = 0 "keyspace",
    READ = 1 "read",
    WRITE = 2 "write",
    SET = 3 "set",
    SORTEDSET = 4 "sortedset",
    LIST = 5 "list",
    HASH = 6 "hash",
    STRING = 7 "string",
    BITMAP = 8 "bitmap",
    HYPERLOGLOG = 9 "hyperloglog",
    GEO = 10 "geo",
    STREAM = 11 "stream",
    PUBSUB = 12 "pubsub",
    ADMIN = 13 "admin",
    FAST = 14 "fast",
    SLOW = 15 "slow",
    BLOCKING = 16 "blocking",
    DANGEROUS = 17 "dangerous",
    CONNECTION = 18 "connection",
    TRANSACTION = 19 "transaction",
    SCRIPTING = 20 "scripting",
}

impl Flags {
    /// The categories that follow from the flags: write, read, admin, pubsub, fast or slow,
    /// blocking.
    pub const fn categories(self) -> Categories {
        let mut set = if self.has(Flags::FAST) { Categories::FAST } else { Categories::SLOW };
        if self.has(Flags::WRITE) {
            set = set.with(Categories::WRITE);
        }
        if self.has(Flags::READONLY) {
            set = set.with(Categories::READ);
        }
        if self.has(Flags::ADMIN) {
            set = set.with(Categories::ADMIN).with(Categories::DANGEROUS);
        }
        if self.has(Flags::PUBSUB) {
            set = set.with(Categories::PUBSUB);
        }
        if self.has(Flags::BLOCKING) {
            set = set.with(Categories::BLOCKING);
        }
        set
    }
}
