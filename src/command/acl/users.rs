//! All users, and how they change. One [`Acl`] per process: cores read the users through one
//! pointer, look at the version once a turn, and change them under a lock.

use super::file;
use super::log::{AclLog, Refusal};
use super::user::{DEFAULT_USER, User, joined};
use crate::command::error::CommandError;
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All users, by name. There is always a default one.
#[derive(Clone, Debug)]
pub struct Users {
    by_name: BTreeMap<Box<[u8]>, Arc<User>>,
}

/// The process's users and the log of refusals.
pub struct Acl {
    users: ArcSwap<Users>,
    version: AtomicU64,
    writing: Mutex<()>,
    log: Mutex<AclLog>,
}

impl Users {
    /// One user: the default.
    pub fn new(default: User) -> Users {
        assert_eq!(*default.name, *DEFAULT_USER);
        let mut users = Users { by_name: BTreeMap::new() };
        users.put(default);
        users
    }

    /// Adds or replaces a user.
    pub fn put(&mut self, user: User) {
        self.by_name.insert(user.name.clone(), Arc::new(user));
    }

    /// A user by its name.
    pub fn find(&self, name: &[u8]) -> Option<&Arc<User>> {
        self.by_name.get(name)
    }

    /// The default user.
    pub fn default_user(&self) -> &Arc<User> {
        self.find(DEFAULT_USER).expect("there is always a default user")
    }

    /// All users in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &User> {
        self.by_name.values().map(|user| &**user)
    }
}

impl Acl {
    /// With the default user only.
    pub fn new(requirepass: &str) -> Acl {
        Acl {
            users: ArcSwap::from_pointee(Users::new(User::default_with(requirepass))),
            version: AtomicU64::new(1),
            writing: Mutex::new(()),
            log: Mutex::new(AclLog::default()),
        }
    }

    /// The users as they are now.
    pub fn users(&self) -> Arc<Users> {
        self.users.load_full()
    }

    /// Rises with every change. Whoever sees a version sees the users of that version or later.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The log of refusals.
    pub fn log(&self) -> MutexGuard<'_, AclLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the users; nothing changes if `change` fails.
    ///
    /// # Errors
    /// Those of `change`.
    pub fn change<T, E>(&self, change: impl FnOnce(&mut Users) -> Result<T, E>) -> Result<T, E> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut users = Users::clone(&self.users.load());
        let answer = change(&mut users)?;
        self.users.store(Arc::new(users));
        self.version.fetch_add(1, Ordering::Release);
        Ok(answer)
    }

    /// ACL SETUSER: makes a user, or changes one, by rules. All of them are applied, or none.
    ///
    /// # Errors
    /// The texts of stock servers.
    pub fn set_user(
        &self,
        name: &[u8],
        rules: &[&[u8]],
        all_channels: bool,
    ) -> Result<(), CommandError> {
        if name.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            return Err(BAD_NAME);
        }
        let rules = joined(rules)?;
        self.change(|users| {
            let known = users.find(name).map(|user| User::clone(user));
            let mut user = known.unwrap_or_else(|| User::new(name, all_channels));
            for rule in &rules {
                user.apply(rule, all_channels).map_err(|error| {
                    let before = "ERR Error in ACL SETUSER modifier '";
                    CommandError::quoting(before, rule, &format!("': {error}"))
                })?;
            }
            users.put(user);
            Ok(())
        })
    }

    /// ACL DELUSER: how many of these there were.
    ///
    /// # Errors
    /// The default user stays.
    pub fn delete(&self, names: &[&[u8]]) -> Result<usize, CommandError> {
        if names.contains(&DEFAULT_USER) {
            return Err(CommandError::text("ERR The 'default' user cannot be removed"));
        }
        self.change(|users| {
            let before = users.by_name.len();
            names.iter().for_each(|name| drop(users.by_name.remove(*name)));
            Ok(before - users.by_name.len())
        })
    }

    /// `requirepass` was set: the default user's only password.
    pub fn set_requirepass(&self, password: &str) {
        let changed: Result<(), std::convert::Infallible> = self.change(|users| {
            let mut user = User::clone(users.default_user());
            user.set_only_password(password);
            users.put(user);
            Ok(())
        });
        let Ok(()) = changed;
    }

    /// The users of the config's `user` lines, each a name and its rules.
    ///
    /// # Errors
    /// The first line that is wrong, as one text.
    pub fn set_config_users(
        &self,
        lines: &[Vec<String>],
        all_channels: bool,
    ) -> Result<(), String> {
        self.change(|users| {
            for (index, line) in lines.iter().enumerate() {
                let [name, rules @ ..] = line.as_slice() else { continue };
                if lines[..index].iter().any(|before| before.first() == Some(name)) {
                    return Err(format!("Error in user declaration '{name}': {TWICE}"));
                }
                let rules: Vec<&[u8]> = rules.iter().map(String::as_bytes).collect();
                let user = file::user(name.as_bytes(), &rules, all_channels)
                    .map_err(|error| format!("Error in user declaration '{name}': {error}"))?;
                users.put(user);
            }
            Ok(())
        })
    }

    /// The user whom a name and a password open to.
    ///
    /// # Errors
    /// `WRONGPASS`, for an unknown name too: nothing tells whether a name exists.
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> Result<Arc<User>, CommandError> {
        let users = self.users.load();
        match users.find(name) {
            Some(user) if user.opens_to(password) => Ok(Arc::clone(user)),
            Some(_) => Err(WRONGPASS),
            None => {
                // As long as for a known name.
                let _ = users.default_user().opens_to(password);
                Err(WRONGPASS)
            }
        }
    }

    /// `AUTH password`, which means the default user.
    ///
    /// # Errors
    /// As `authenticate`; and if that user has no password, since then the caller is mistaken.
    pub fn authenticate_default(&self, password: &[u8]) -> Result<Arc<User>, CommandError> {
        if self.users.load().default_user().nopass {
            return Err(NO_PASSWORD);
        }
        self.authenticate(DEFAULT_USER, password)
    }

    /// Notes a refusal in the log.
    pub fn note(&self, refusal: Refusal, client: Vec<u8>, now_ms: u64, max: usize) {
        self.log().note(refusal, client, now_ms, max);
    }
}

const TWICE: &str = "Duplicate user found. A user can only be defined once in config files";
const BAD_NAME: CommandError =
    CommandError::text("ERR Usernames can't contain spaces or null characters");
const WRONGPASS: CommandError =
    CommandError::text("WRONGPASS invalid username-password pair or user is disabled.");
const NO_PASSWORD: CommandError = CommandError::text(
    "ERR AUTH <password> called without any password configured for the default user. Are you \
     sure your configuration is correct?",
);
