//! A server's address and credentials as they stand on a command line. Pure.

use std::fmt;
use std::str::FromStr;

/// `[redis://][[USER]:PASSWORD@]HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    /// TCP port, 6379 unless given.
    pub port: u16,
    /// The ACL user, none for the default one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<String>,
}

/// Text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing where the host should be.
    #[error("no host in it")]
    NoHost,
    /// A port that is no number from 1 to 65535.
    #[error("'{0}' is no port")]
    Port(String),
    /// Another scheme than `redis` and `valkey`.
    #[error("'{0}://' is not supported")]
    Scheme(String),
    /// A `%` in the credentials without two hexadecimal digits behind it.
    #[error("a '%' in the user or password is not followed by two hexadecimal digits")]
    Percent,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let rest = match text.split_once("://") {
            None => text,
            Some(("redis" | "valkey", rest)) => rest,
            Some((scheme, _)) => return Err(AddressError::Scheme(scheme.to_owned())),
        };
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, rest),
        };
        let (host, port) = split_place(place.trim_end_matches('/'));
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(text) => match text.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(AddressError::Port(text.to_owned())),
            },
        };
        let (user, password) = match credentials {
            None => (None, None),
            Some(both) => {
                let (user, password) = both.split_once(':').unwrap_or(("", both));
                let user = (!user.is_empty()).then(|| unescape(user)).transpose()?;
                (user, Some(unescape(password)?))
            }
        };
        Ok(Address { host: host.to_owned(), port, user, password })
    }
}

impl fmt::Display for Address {
    /// Without the credentials: it is for messages.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(formatter, "[{}]:{}", self.host, self.port),
            false => write!(formatter, "{}:{}", self.host, self.port),
        }
    }
}

impl Address {
    /// The same with the password of the environment where none was given.
    pub fn or_password_of_environment(mut self) -> Address {
        let password = std::env::var(PASSWORD_VARIABLE).ok().filter(|text| !text.is_empty());
        self.password = self.password.or(password);
        self
    }
}

/// Host and port; an IPv6 address stands in brackets when a port follows.
fn split_place(place: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':'));
    }
    match place.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, Some(port)),
        _ => (place, None),
    }
}

fn unescape(text: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or(AddressError::Percent)?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Percent)
}

/// What servers listen on unless told otherwise.
const DEFAULT_PORT: u16 = 6379;

/// Where the stock command line client looks for a password, so that none shows in `ps`.
pub const PASSWORD_VARIABLE: &str = "REDISCLI_AUTH";

#[cfg(test)]
mod tests {
    use super::*;

    /// Host, port, user, password.
    type Parts<'a> = (&'a str, u16, Option<&'a str>, Option<&'a str>);

    fn check(text: &str, expected: Result<Parts<'_>, AddressError>) {
        let found = text.parse::<Address>();
        let expected = expected.map(|(host, port, user, password)| Address {
            host: host.to_owned(),
            port,
            user: user.map(str::to_owned),
            password: password.map(str::to_owned),
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn addresses_are_read() {
        check("localhost", Ok(("localhost", 6379, None, None)));
        check("10.0.0.1:7000", Ok(("10.0.0.1", 7000, None, None)));
        check("[::1]:7000", Ok(("::1", 7000, None, None)));
        check("::1", Ok(("::1", 6379, None, None)));
        check("redis://:p%40s@h:1/", Ok(("h", 1, None, Some("p@s"))));
        check("redis://u:p:q@h", Ok(("h", 6379, Some("u"), Some("p:q"))));
        check("secret@h", Ok(("h", 6379, None, Some("secret"))));
        check("", Err(AddressError::NoHost));
        check("h:0", Err(AddressError::Port("0".to_owned())));
        check("h:x", Err(AddressError::Port("x".to_owned())));
        check("rediss://h", Err(AddressError::Scheme("rediss".to_owned())));
        check("redis://:%4@h", Err(AddressError::Percent));
    }
}
