//! The programs that a system brings to be tried with: what they are told, and how they are started.

use std::path::Path;

use freehold_model::Fault;
use tokio::process::Command;

use crate::supervise::{control, guard};

/// A running system, for a program that tries it.
pub(crate) struct Exercise<'a> {
    /// By service.
    pub(crate) urls: Vec<(String, String)>,
    pub(crate) state: &'a Path,
    pub(crate) root: &'a Path,
}

impl Exercise<'_> {
    /// With the services' addresses, and the socket over which it may stop and start one.
    pub(crate) fn command(&self, program: &[String], more: &[String]) -> Command {
        let (name, arguments) = program
            .split_first()
            .map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
        let mut command = Command::new(name);
        command
            .args(arguments)
            .args(more)
            .current_dir(self.root)
            .envs(addresses(&self.urls))
            .env("FREEHOLD_UP_SOCKET", control::path(self.state))
            .env(guard::MARK, absolute(self.state));
        command
    }
}

/// `CATALOG_URL`, as programs get them.
pub(crate) fn addresses(urls: &[(String, String)]) -> Vec<(String, String)> {
    let named = urls
        .iter()
        .map(|(service, url)| (format!("{}_URL", service.to_uppercase()), url.clone()));
    named.collect()
}

/// The folder as a mark carries it.
pub(crate) fn absolute(state: &Path) -> String {
    let state = std::fs::canonicalize(state).unwrap_or_else(|_| state.to_owned());
    state.display().to_string()
}

/// The program of `exercises:`, or that there is none.
pub(crate) fn named<'a>(program: &'a [String], key: &str) -> Result<&'a [String], Fault> {
    if program.is_empty() {
        return Err(Fault::new(
            "FH3709",
            format!("the description names no program to {key}"),
        )
        .help(format!(
            "add `exercises: {{ {key}: [PROGRAM, ARGUMENTS] }}` to freehold.yaml"
        )));
    }
    Ok(program)
}

/// How a load program is told its rate.
pub(crate) fn rate(per_second: f64, seconds: Option<u64>) -> Vec<String> {
    let mut arguments = vec!["--rate".to_owned(), format!("{per_second:.3}")];
    if let Some(seconds) = seconds {
        arguments.extend(["--seconds".to_owned(), seconds.to_string()]);
    }
    arguments
}

pub(crate) fn not_started(program: &[String], error: &std::io::Error) -> Fault {
    let name = program.first().map_or("", String::as_str);
    Fault::new("FH3706", format!("`{name}` cannot be started ({error})"))
        .help("see that it is built, and in PATH")
}
