//! ACL files: a line a user, as ACL LIST shows them. Read at start and by ACL LOAD, all or nothing;
//! written by ACL SAVE beside the old file and then put in its place. Any core; waits for the disk.

use super::user::{User, joined};
use super::users::Users;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Reads a file's text into users.
///
/// # Errors
/// Everything that is wrong, line by line, as one text.
pub fn parse(path: &str, text: &[u8], all_channels: bool) -> Result<Users, Vec<u8>> {
    let mut users = Users::new(User::default_with(""));
    let mut named: Vec<Vec<u8>> = Vec::new();
    let mut wrong: Vec<u8> = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line[0] == b'#' {
            continue;
        }
        let words: Vec<&[u8]> =
            line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).collect();
        let number = index + 1;
        let problem = match words.as_slice() {
            [word, name, rules @ ..] if word.eq_ignore_ascii_case(b"user") => {
                if named.iter().any(|known| known == name) {
                    let before = b"WARNING: Duplicate user '".to_vec();
                    let after = format!("' found on line {number}. ").into_bytes();
                    wrong.extend([before, name.to_vec(), after].concat());
                    continue;
                }
                named.push(name.to_vec());
                match user(name, rules, all_channels) {
                    Ok(user) => {
                        users.put(user);
                        continue;
                    }
                    Err(problem) => format!(": {problem}. "),
                }
            }
            _ => " should start with user keyword followed by the username. ".to_owned(),
        };
        wrong.extend(format!("{path}:{number}{problem}").into_bytes());
    }
    if wrong.is_empty() { Ok(users) } else { Err(wrong) }
}

/// A user of its rules, from a line of a file or of the config.
///
/// # Errors
/// What is wrong with them.
pub fn user(name: &[u8], rules: &[&[u8]], all_channels: bool) -> Result<User, String> {
    let rules = joined(rules).map_err(|error| {
        let text = error.to_string();
        text.strip_prefix("ERR ").unwrap_or(&text).trim_end_matches('.').to_owned()
    })?;
    let mut user = User::new(name, all_channels);
    for rule in &rules {
        user.apply(rule, all_channels).map_err(|error| error.to_string())?;
    }
    Ok(user)
}

/// Writes the users' lines.
///
/// # Errors
/// What the file system says; the old file stands then.
pub fn save(path: &Path, users: &Users) -> io::Result<()> {
    let mut text = Vec::new();
    for user in users.iter() {
        text.extend_from_slice(&user.line());
        text.push(b'\n');
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".tmp-{}", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_through(&temporary, &text).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_through(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_written_alike() {
        let text = b"# people\n\n  user  eve   on >pw ~a* (+get ~b)  \r\nuser default off\n";
        let users = parse("f", text, false).expect("a good file");
        let lines: Vec<String> =
            users.iter().map(|user| String::from_utf8_lossy(&user.line()).into_owned()).collect();
        assert_eq!(lines[0], "user default off sanitize-payload resetchannels -@all");
        assert!(lines[1].ends_with("~a* resetchannels -@all (~b resetchannels -@all +get)"));
        let again = parse("f", lines.join("\n").as_bytes(), false).expect("our own lines");
        assert!(again.iter().eq(users.iter()));
    }

    /// The texts of valkey-server 8.0.1.
    #[test]
    fn all_that_is_wrong_is_told() {
        for (text, expected) in [
            ("user alice on bad\n", "f:1: Syntax error. "),
            ("foo bar", "f:1 should start with user keyword followed by the username. "),
            ("user a on\nuser a on", "WARNING: Duplicate user 'a' found on line 2. "),
            ("user b (+get", "f:1: Unmatched parenthesis in acl selector starting at '(+get'. "),
            ("user a x\nuser b y", "f:1: Syntax error. f:2: Syntax error. "),
        ] {
            let wrong = parse("f", text.as_bytes(), false).expect_err(text);
            assert_eq!(String::from_utf8_lossy(&wrong), expected);
        }
    }
}
