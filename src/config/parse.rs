//! Reading a configuration: files with their includes, standard input, the command line, in this
//! order, later ones winning. Runs once on the main thread before any shard, and again by CONFIG
//! REWRITE to learn what the file alone says. What always holds: a configuration with an error
//! anywhere is not used at all.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::base::glob::{self, Case};
use crate::config::arguments::Arguments;
use crate::config::directives;
use crate::config::error::{LoadError, Reason, system_text};
use crate::config::kinds::Directive;
use crate::config::settings::Settings;
use crate::config::settings_groups::RenamedCommand;
use crate::config::values::{self, Mode};

/// Files that include files, at most this deep; a file that includes itself ends here.
const INCLUDE_DEPTH_MAX: usize = 16;

/// A configuration that was read without error.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    /// What the operator should know: directives that have no effect here.
    pub warnings: Vec<String>,
}

/// Reads everything a command line names. `stdin` is read only if the command line asks for it.
/// Relative paths are below `start_dir`, which must be absolute.
pub fn load(
    arguments: &Arguments,
    start_dir: &Path,
    stdin: &mut dyn Read,
) -> Result<Loaded, LoadError> {
    let mut loader = Loader::new(start_dir);
    if let Some(file) = &arguments.file {
        let path = start_dir.join(file);
        loader.read_file(&path, 0)?;
        loader.settings.config_file = Some(path);
    }
    if arguments.stdin {
        let mut text = Vec::new();
        let read = stdin.read_to_end(&mut text);
        read.map_err(|error| LoadError::Open {
            path: "standard input".to_owned(),
            reason: system_text(&error),
        })?;
        loader.read_lines(&text, &Place::Stdin, 0)?;
    }
    for (index, option) in arguments.options.iter().enumerate() {
        let line = Line { place: &Place::CommandLine, number: index + 1, text: &option.line() };
        let words: Vec<&str> = option.values.iter().map(String::as_str).collect();
        let applied = loader.apply(&option.name, &words, 0);
        applied.map_err(|failure| failure.at(&line))?;
    }
    Ok(loader.finish())
}

/// What one file and its includes say, and which directives the includes speak of.
pub(super) fn load_file(
    path: &Path,
    text: &[u8],
    start_dir: &Path,
) -> Result<FileContents, LoadError> {
    let mut loader = Loader::new(start_dir);
    loader.read_lines(text, &Place::File(path.to_owned()), 0)?;
    Ok(FileContents { settings: loader.settings, included: loader.included })
}

/// See [`load_file`].
pub(super) struct FileContents {
    /// The settings if this file were all.
    pub settings: Settings,
    /// Names of directives that stand in an included file.
    pub included: HashSet<&'static str>,
}

/// Where lines come from.
enum Place {
    File(PathBuf),
    Stdin,
    CommandLine,
}

struct Line<'l> {
    place: &'l Place,
    number: usize,
    text: &'l str,
}

/// What stops the reading: a wrong line, or an included file with an error of its own.
enum Failure {
    Here(Reason),
    Elsewhere(LoadError),
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Failure {
        Failure::Here(reason)
    }
}

impl Failure {
    fn at(self, line: &Line<'_>) -> LoadError {
        let reason = match self {
            Failure::Elsewhere(error) => return error,
            Failure::Here(reason) => reason,
        };
        let place = match line.place {
            Place::File(path) => format!(" of {}", path.display()),
            Place::Stdin => " of standard input".to_owned(),
            Place::CommandLine => " of the command line".to_owned(),
        };
        LoadError::Line { place, line: line.number, text: line.text.to_owned(), reason }
    }
}

struct Loader {
    settings: Settings,
    /// Directives met so far; the first line of one replaces its default, further ones may add.
    seen: HashSet<&'static str>,
    /// Directives met below an `include`.
    included: HashSet<&'static str>,
    warnings: BTreeMap<&'static str, String>,
}

impl Loader {
    fn new(start_dir: &Path) -> Loader {
        let mut settings = Settings::default();
        start_dir.clone_into(&mut settings.server.dir);
        start_dir.clone_into(&mut settings.start_dir);
        let (seen, included) = (HashSet::new(), HashSet::new());
        Loader { settings, seen, included, warnings: BTreeMap::new() }
    }

    fn finish(self) -> Loaded {
        Loaded { settings: self.settings, warnings: self.warnings.into_values().collect() }
    }

    fn read_file(&mut self, path: &Path, depth: usize) -> Result<(), LoadError> {
        let text = std::fs::read(path).map_err(|error| LoadError::Open {
            path: path.display().to_string(),
            reason: system_text(&error),
        })?;
        self.read_lines(&text, &Place::File(path.to_owned()), depth)
    }

    fn read_lines(&mut self, text: &[u8], place: &Place, depth: usize) -> Result<(), LoadError> {
        for (index, bytes) in text.split(|byte| *byte == b'\n').enumerate() {
            let text = String::from_utf8_lossy(bytes.trim_ascii());
            let line = Line { place, number: index + 1, text: &text };
            // A comment may be in any encoding; a directive must be text.
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if matches!(text, std::borrow::Cow::Owned(_)) {
                return Err(Failure::Here(Reason::NotText).at(&line));
            }
            let words = values::split_line(&text).map_err(Failure::Here);
            let words = words.map_err(|failure| failure.at(&line))?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if let [name, values @ ..] = words.as_slice() {
                let applied = self.apply(name, values, depth);
                applied.map_err(|failure| failure.at(&line))?;
            }
        }
        Ok(())
    }

    fn apply(&mut self, name: &str, values: &[&str], depth: usize) -> Result<(), Failure> {
        if let Some(row) = directives::find(name) {
            return self.apply_row(row, name, values, depth).map_err(Failure::Here);
        }
        match (name.to_ascii_lowercase().as_str(), values) {
            ("include", [pattern]) => self.include(pattern, depth)?,
            ("user", [_, ..]) => {
                let words = values.iter().map(|word| (*word).to_owned()).collect();
                self.settings.security.users.push(words);
            }
            ("rename-command", [from, to]) => {
                let renamed = RenamedCommand { from: (*from).to_owned(), to: (*to).to_owned() };
                self.settings.security.renamed_commands.push(renamed);
            }
            ("loadmodule", _) => {
                let text = "modules are not supported by Tributary; remove the loadmodule line";
                return Err(Failure::Here(Reason::Invalid(text)));
            }
            _ => return Err(Failure::Here(Reason::BadDirective)),
        }
        Ok(())
    }

    fn apply_row(
        &mut self,
        row: &'static Directive,
        name: &str,
        values: &[&str],
        depth: usize,
    ) -> Result<(), Reason> {
        let mode = if self.seen.insert(row.name) { Mode::Replace } else { Mode::Append };
        if depth > 0 {
            self.included.insert(row.name);
        }
        row.set(&mut self.settings, values, mode)?;
        if !row.applies() {
            self.warnings.remove(row.name);
            if self.settings.kept.contains_key(row.name) {
                let text = format!("'{name}' is accepted but has no effect: {}", row.reason);
                self.warnings.insert(row.name, text);
            }
        }
        Ok(())
    }

    /// Reads the file, or all files of a pattern, in order of name. A pattern that matches none is
    /// fine, a plain name must exist.
    fn include(&mut self, pattern: &str, depth: usize) -> Result<(), Failure> {
        if depth >= INCLUDE_DEPTH_MAX {
            return Err(Failure::Here(Reason::IncludeDepth));
        }
        let path = self.settings.server.dir.join(pattern);
        let files = if pattern.contains(['*', '?', '[']) { expand(&path) } else { vec![path] };
        for file in files {
            self.read_file(&file, depth + 1).map_err(Failure::Elsewhere)?;
        }
        Ok(())
    }
}

/// The existing paths that match a pattern component by component, sorted. As in a shell, a leading
/// dot must be written.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::new()];
    for component in pattern.components() {
        let part = component.as_os_str().to_string_lossy();
        if !part.contains(['*', '?', '[']) {
            paths.iter_mut().for_each(|path| path.push(component));
            continue;
        }
        paths = paths.iter().flat_map(|dir| matching_entries(dir, &part)).collect();
    }
    paths.retain(|path| path.exists());
    paths.sort();
    paths
}

fn matching_entries(dir: &Path, pattern: &str) -> Vec<PathBuf> {
    // A directory that cannot be read holds nothing that matches, as for the shell.
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok().map(|entry| entry.file_name()));
    let matching = names.filter(|name| {
        let text = name.to_string_lossy();
        text.starts_with('.') == pattern.starts_with('.')
            && glob::matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive)
    });
    matching.map(|name| dir.join(name)).collect()
}

#[cfg(test)]
mod tests;
