//! `freehold lsp`: the findings of a check in editors, by the Language Server Protocol 3.17.
//!
//! Owns the conversation. What an editor has open stands before what is on the disk. Reads files,
//! executes nothing, changes nothing. A finding that the baseline knows is a hint.

mod place;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use freehold_boundary::{Baseline, Checked, Checker, Finding, Lint, Origin, Spot};
use freehold_model::Fault;
use serde_json::{Value, json};

use self::place::{path_of, range, uri_of};
use super::Result;
use super::check::place::{BASELINE, Place, today};
use crate::Outcome;
use crate::args::Args;

/// So long after the last change a check begins.
const QUIET: Duration = Duration::from_millis(250);

const ERROR: u8 = 1;
const WARNING: u8 = 2;
const INFORMATION: u8 = 3;
const HINT: u8 = 4;

/// Answers on standard output until the editor goes.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let (send, messages) = sync_channel(64);
    std::thread::spawn(move || {
        let mut input = BufReader::new(std::io::stdin());
        // Whatever ends the stream ends the conversation.
        while let Ok(Some(message)) = wire::read(&mut input) {
            if send.send(message).is_err() {
                return;
            }
        }
    });
    let mut server = Server {
        output: std::io::stdout(),
        environment: args.environment.clone(),
        folder: args.directory.clone(),
        checker: Checker::remembering(),
        root: None,
        open: BTreeMap::new(),
        shown: BTreeSet::new(),
        leaving: false,
    };
    server.converse(&messages).map_err(|error| {
        vec![
            Fault::new(
                "FH2208",
                format!("the editor cannot be written to: {error}"),
            )
            .help("start the language server again"),
        ]
    })
}

struct Server<W> {
    output: W,
    environment: Option<String>,
    /// The folder that the editor, or `-C`, names.
    folder: Option<PathBuf>,
    checker: Checker,
    /// The root of the last check: what is open is told to the checker relative to it.
    root: Option<PathBuf>,
    open: BTreeMap<PathBuf, String>,
    /// Files that the editor shows something of.
    shown: BTreeSet<PathBuf>,
    leaving: bool,
}

impl<W: Write> Server<W> {
    fn converse(&mut self, messages: &Receiver<Value>) -> std::io::Result<Outcome> {
        let mut changed = false;
        loop {
            let message = if changed {
                match messages.recv_timeout(QUIET) {
                    Err(RecvTimeoutError::Timeout) => {
                        self.check()?;
                        changed = false;
                        continue;
                    }
                    other => other.ok(),
                }
            } else {
                messages.recv().ok()
            };
            // An editor that goes without a word is no error of ours.
            let Some(message) = message else {
                return Ok(Outcome::Done);
            };
            match message["method"].as_str() {
                Some("exit") if self.leaving => return Ok(Outcome::Done),
                Some("exit") => return Ok(Outcome::Exit(1)),
                Some(method) => changed |= self.take(method, &message)?,
                None => {}
            }
        }
    }

    /// Answers; true: a check is due.
    fn take(&mut self, method: &str, message: &Value) -> std::io::Result<bool> {
        let parameters = &message["params"];
        let document = &parameters["textDocument"];
        let file = document["uri"].as_str().and_then(path_of);
        match (method, file) {
            ("initialize", _) => self.begin(&message["id"], parameters).map(|()| false),
            ("shutdown", _) => {
                self.leaving = true;
                self.answer(&message["id"], &Value::Null).map(|()| false)
            }
            ("textDocument/didOpen", Some(file)) => {
                let text = document["text"].as_str().unwrap_or("");
                Ok(self.open.insert(file, text.to_owned()).as_deref() != Some(text))
            }
            ("textDocument/didChange", Some(file)) => {
                // The whole text each time, as was agreed on at the beginning.
                let changes = parameters["contentChanges"].as_array();
                if let Some(text) = changes.and_then(|all| all.last()?["text"].as_str()) {
                    self.open.insert(file, text.to_owned());
                }
                Ok(true)
            }
            ("textDocument/didClose", Some(file)) => {
                self.open.remove(&file);
                Ok(true)
            }
            ("initialized" | "textDocument/didSave" | "workspace/didChangeWatchedFiles", _) => {
                Ok(true)
            }
            _ if message.get("id").is_some() => {
                let error =
                    json!({ "code": -32601, "message": format!("{method} is not offered") });
                self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "error": error }))
                    .map(|()| false)
            }
            _ => Ok(false),
        }
    }

    fn begin(&mut self, id: &Value, parameters: &Value) -> std::io::Result<()> {
        let named = parameters["workspaceFolders"][0]["uri"]
            .as_str()
            .or(parameters["rootUri"].as_str());
        if self.folder.is_none() {
            self.folder = named.and_then(path_of);
        }
        self.answer(
            id,
            &json!({
                "capabilities": {
                    "positionEncoding": "utf-16",
                    "textDocumentSync": { "openClose": true, "change": 1, "save": {} },
                },
                "serverInfo": { "name": "freehold", "version": env!("CARGO_PKG_VERSION") },
            }),
        )
    }

    /// Checks the whole tree, and tells what each file has now.
    fn check(&mut self) -> std::io::Result<()> {
        let mut told: BTreeMap<PathBuf, Vec<Value>> = BTreeMap::new();
        match self.found() {
            Ok((root, checked)) => {
                let mut by_file: BTreeMap<&Path, (Vec<&Finding>, Vec<&Lint>)> = BTreeMap::new();
                for finding in &checked.findings {
                    by_file.entry(&finding.file).or_default().0.push(finding);
                }
                for lint in &checked.lints {
                    by_file.entry(&lint.file).or_default().1.push(lint);
                }
                for (file, (findings, lints)) in by_file {
                    let path = root.join(file);
                    let text = self.text(&path);
                    let lines: Vec<&str> = text.lines().collect();
                    let told = told.entry(path).or_default();
                    told.extend(findings.iter().map(|own| crossing(own, &checked, &lines)));
                    told.extend(lints.iter().map(|own| warning(own, &lines)));
                }
            }
            Err(faults) => {
                for fault in faults {
                    let Some(place) = &fault.place else { continue };
                    let path = self.folder().join(&place.file);
                    told.entry(path)
                        .or_default()
                        .push(broken(&fault, place.line, place.column));
                }
            }
        }
        let now: BTreeSet<PathBuf> = told.keys().cloned().collect();
        for gone in std::mem::replace(&mut self.shown, now) {
            told.entry(gone).or_default();
        }
        for (path, diagnostics) in told {
            let parameters = json!({ "uri": uri_of(&path), "diagnostics": diagnostics });
            self.send(&json!({
                "jsonrpc": "2.0",
                "method": "textDocument/publishDiagnostics",
                "params": parameters,
            }))?;
        }
        Ok(())
    }

    fn found(&mut self) -> Result<(PathBuf, Checked)> {
        let place = Place::at(&self.folder(), self.environment.as_deref())?;
        let root = place.root;
        if self.root.as_ref() != Some(&root) {
            self.checker = Checker::remembering();
            self.root = Some(root.clone());
        }
        self.checker.close_all();
        for (path, text) in &self.open {
            if let Ok(file) = path.strip_prefix(&root) {
                self.checker.open(file.to_path_buf(), text.clone());
            }
        }
        let mut checked = self.checker.check(&root, &[], place.ownership, &today())?;
        // A baseline that cannot be read is shown by the command line; here nothing is known then.
        let known = std::fs::read_to_string(root.join(BASELINE))
            .ok()
            .and_then(|text| Baseline::parse(&text).ok());
        if let Some(known) = known {
            known.compare(&mut checked.findings);
        }
        Ok((root, checked))
    }

    fn folder(&self) -> PathBuf {
        let folder = self.folder.clone().unwrap_or_else(|| PathBuf::from("."));
        std::fs::canonicalize(&folder).unwrap_or(folder)
    }

    fn text(&self, path: &Path) -> String {
        match self.open.get(path) {
            Some(text) => text.clone(),
            None => std::fs::read(path)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .unwrap_or_default(),
        }
    }

    fn answer(&mut self, id: &Value, result: &Value) -> std::io::Result<()> {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))
    }

    fn send(&mut self, message: &Value) -> std::io::Result<()> {
        wire::write(&mut self.output, message)
    }
}

fn crossing(finding: &Finding, checked: &Checked, lines: &[&str]) -> Value {
    let severity = match (&checked.ownership.origin, finding.known) {
        (_, true) => HINT,
        // Nobody said who owns what: it is a guess.
        (Origin::Proposal { .. }, _) => INFORMATION,
        _ => ERROR,
    };
    diagnostic(
        severity,
        finding.code,
        &finding.spot,
        &finding.text(),
        lines,
    )
}

fn warning(lint: &Lint, lines: &[&str]) -> Value {
    let text = format!("{}\nWay out: {}", lint.message, lint.way_out());
    diagnostic(WARNING, &lint.code, &lint.spot, &text, lines)
}

fn diagnostic(severity: u8, code: &str, spot: &Spot, text: &str, lines: &[&str]) -> Value {
    json!({
        "range": range(lines, spot.line, spot.column, spot.length),
        "severity": severity,
        "source": "freehold",
        "code": code,
        "message": text,
    })
}

/// A mistake in the description.
fn broken(fault: &Fault, line: usize, column: usize) -> Value {
    let mut message = fault.message.clone();
    for help in &fault.help {
        message.push('\n');
        message.push_str(help);
    }
    json!({
        "range": range(&[], line, column, 1),
        "severity": ERROR,
        "source": "freehold",
        "code": fault.code,
        "message": message,
    })
}
