//! References to secrets: a description names where a secret is, never the secret.

use std::path::PathBuf;

/// Where a secret is found when it is needed. Resolved by the credentials crate, never here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`
    Env(String),
    /// `file:PATH`, relative to the file that names it; exactly one final newline is dropped.
    File(PathBuf),
    /// `prompt`: asked on the terminal.
    Prompt,
    /// A URL that holds no password and so is no secret: `sqlite:…`, or without user info.
    Plain(String),
    /// `vault:…`, `k8s:…`: parsed, refused with "not there yet" when used.
    Later { scheme: String, rest: String },
}
