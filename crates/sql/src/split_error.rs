//! Why a file of SQL cannot be taken apart, where, and how to mend it.
//!
//! Owns the codes FH1220–FH1227 and FH1230. Finding the trouble is [`crate::split()`]'s part.

use std::path::Path;

use freehold_model::{Fault, Place};

/// A text that cannot be split into statements. Line and column count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct SplitError {
    pub line: usize,
    pub column: usize,
    pub what: SplitTrouble,
}

/// What stands at that place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitTrouble {
    #[error("the quote {open} that opens here is never closed")]
    OpenQuote { open: String, close: String },
    #[error("the comment that opens here is never closed")]
    OpenComment,
    #[error("the dollar quote {tag} that opens here is never closed")]
    OpenDollarQuote { tag: String },
    #[error("`{command}` is a command of the client {client}, not SQL")]
    ClientCommand {
        client: &'static str,
        command: String,
    },
    #[error("DELIMITER {why}")]
    Delimiter { why: &'static str },
    #[error(
        "COPY … FROM STDIN takes its rows from a client's input, which a migration does not have"
    )]
    CopyFromStdin,
    #[error("GO {why}")]
    Go { why: &'static str },
    #[error("the {what} that opens here is never closed")]
    OpenBlock { what: &'static str },
    #[error("the text holds a NUL character, where some servers would stop reading")]
    Nul,
}

impl SplitError {
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.what {
            SplitTrouble::OpenQuote { .. } => "FH1220",
            SplitTrouble::OpenComment => "FH1221",
            SplitTrouble::OpenDollarQuote { .. } => "FH1222",
            SplitTrouble::ClientCommand { .. } => "FH1223",
            SplitTrouble::Delimiter { .. } => "FH1224",
            SplitTrouble::CopyFromStdin => "FH1225",
            SplitTrouble::Go { .. } => "FH1226",
            SplitTrouble::OpenBlock { .. } => "FH1227",
            SplitTrouble::Nul => "FH1230",
        }
    }

    /// The error as a user meets it, in `file`.
    #[must_use]
    pub fn fault(&self, file: &Path) -> Fault {
        let help = match &self.what {
            SplitTrouble::OpenQuote { close, .. } => format!("close it with {close}"),
            SplitTrouble::OpenComment => "close it with */".to_owned(),
            SplitTrouble::OpenDollarQuote { tag } => format!("close it with {tag}"),
            SplitTrouble::ClientCommand { .. } => {
                "write the SQL that it stands for, or leave it out".to_owned()
            }
            SplitTrouble::Delimiter { .. } => {
                "write it on a line of its own, such as DELIMITER //".to_owned()
            }
            SplitTrouble::CopyFromStdin => "write the rows as INSERT … VALUES".to_owned(),
            SplitTrouble::Go { .. } => "write GO, or GO and a count, alone on its line".to_owned(),
            SplitTrouble::OpenBlock { what } => format!("close the {what}"),
            SplitTrouble::Nul => "save the file as UTF-8, without NUL characters".to_owned(),
        };
        let place = Place {
            file: file.to_owned(),
            line: self.line,
            column: self.column,
        };
        Fault::new(self.code(), self.what.to_string())
            .at(place)
            .help(help)
    }
}
