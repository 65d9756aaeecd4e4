//! Every exception to a rule, with its reason. An exception that is no longer needed fails too.

/// An exception: the rule's name, the file, what the line must contain (empty: the whole file),
/// and the reason.
pub struct Exception {
    /// The rule's name as failures print it.
    pub rule: &'static str,
    /// The file, from the project's root.
    pub file: &'static str,
    /// A part of the line.
    pub line: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// The list.
pub const EXCEPTIONS: &[Exception] = &[];

/// Words of clients' wire text and of other people's interfaces that contain a banned word.
pub const ALLOWED_IDENTIFIERS: &[(&str, &str)] = &[];
