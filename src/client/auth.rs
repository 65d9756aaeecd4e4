//! Who a client is: passwords, and the words by which it may call itself. Pure, any core.

use crate::command::error::CommandError;
use crate::config::settings::Settings;

/// The one user there is without ACL rules.
pub const DEFAULT_USER: &str = "default";

/// Checks a user's password.
///
/// # Errors
/// `WRONGPASS`, for an unknown user too: nothing tells whether a name exists.
pub fn authenticate(user: &[u8], password: &[u8], settings: &Settings) -> Result<(), CommandError> {
    let expected = settings.security.requirepass.as_bytes();
    // Both are looked at in any case, so that the time tells nothing.
    let known = same(user, DEFAULT_USER.as_bytes());
    let fits = expected.is_empty() | same(password, expected);
    if known & fits { Ok(()) } else { Err(WRONGPASS) }
}

/// Checks `AUTH <password>`, which means the default user.
///
/// # Errors
/// As `authenticate`; and if the user has no password, since then the caller is mistaken.
pub fn authenticate_default(password: &[u8], settings: &Settings) -> Result<(), CommandError> {
    if settings.security.requirepass.is_empty() {
        return Err(NO_PASSWORD);
    }
    authenticate(DEFAULT_USER.as_bytes(), password, settings)
}

/// Whether a client may call itself this: what prints and is no blank, so that `CLIENT LIST` keeps
/// its form.
pub fn is_name(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_graphic)
}

/// Compares in a time that does not tell where two texts of one length differ.
fn same(given: &[u8], expected: &[u8]) -> bool {
    let differing = given.iter().zip(expected).fold(0, |differing, (a, b)| differing | (a ^ b));
    std::hint::black_box(differing) == 0 && given.len() == expected.len()
}

const WRONGPASS: CommandError =
    CommandError::text("WRONGPASS invalid username-password pair or user is disabled.");
const NO_PASSWORD: CommandError = CommandError::text(
    "ERR AUTH <password> called without any password configured for the default user. Are you \
     sure your configuration is correct?",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_opens() {
        let mut settings = Settings::default();
        assert_eq!(authenticate_default(b"x", &settings), Err(NO_PASSWORD));
        assert_eq!(authenticate(b"default", b"anything", &settings), Ok(()));
        settings.security.requirepass = "secret".to_owned();
        let check = |user: &str, password: &str, expected| {
            let given = authenticate(user.as_bytes(), password.as_bytes(), &settings);
            assert_eq!(given.is_ok(), expected, "{user} {password}");
        };
        check("default", "secret", true);
        check("default", "secre", false);
        check("default", "secrets", false);
        check("default", "", false);
        check("other", "secret", false);
        assert_eq!(authenticate_default(b"secret", &settings), Ok(()));
    }

    #[test]
    fn names_have_no_blanks() {
        for (name, expected) in
            [(&b"a~b"[..], true), (b"", true), (b"a b", false), (b"a\n", false), (b"\xc3", false)]
        {
            assert_eq!(is_name(name), expected, "{}", name.escape_ascii());
        }
    }
}
