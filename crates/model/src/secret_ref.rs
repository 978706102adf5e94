//! References to secrets: a description names where a secret is, never the secret.
//!
//! Owns their text form and the refusal of passwords in it. Resolving is the credentials
//! crate's.

use std::path::{Path, PathBuf};

use crate::names::relative_to;

/// Where a secret is found when it is needed. Resolved by the credentials crate, never here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`
    Env(String),
    /// `file:PATH`; exactly one final newline is dropped. Written relative to the file that
    /// names it, kept here relative to the system's root, or absolute.
    File(PathBuf),
    /// `prompt`: asked on the terminal.
    Prompt,
    /// A URL that holds no password and so is no secret: `sqlite:…`, or without user info.
    Plain(String),
    /// `vault:…`, `k8s:…`: parsed, refused with "not there yet" when used.
    Later { scheme: String, rest: String },
}

/// Why a text is no reference. Says nothing of the text: it may be the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotARef {
    /// A URL or connection string with the password in it.
    HoldsPassword,
    /// None of the forms.
    UnknownForm,
    /// `env:` without a name that a variable can have.
    VariableName,
    /// `file:` without a path.
    EmptyPath,
}

impl SecretRef {
    /// Reads a reference given on the command line; paths are relative to the caller's root.
    /// `None`: it holds a password itself, or has none of the forms.
    #[must_use]
    pub fn of_argument(text: &str) -> Option<Self> {
        Self::parse(text, Path::new("")).ok()
    }

    /// Reads a reference that stands in a file of the folder `dir`.
    pub(crate) fn parse(text: &str, dir: &Path) -> Result<Self, NotARef> {
        if holds_password(text) {
            return Err(NotARef::HoldsPassword);
        }
        if text == "prompt" {
            return Ok(Self::Prompt);
        }
        let (scheme, rest) = text.split_once(':').ok_or(NotARef::UnknownForm)?;
        match scheme {
            "env" if is_variable_name(rest) => Ok(Self::Env(rest.to_owned())),
            "env" => Err(NotARef::VariableName),
            "file" => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(NotARef::EmptyPath),
                path => Ok(Self::File(relative_to(dir, path))),
            },
            "vault" | "k8s" => Ok(Self::Later {
                scheme: scheme.to_owned(),
                rest: rest.to_owned(),
            }),
            "sqlite" => Ok(Self::Plain(text.to_owned())),
            _ if is_url_scheme(scheme) && rest.starts_with("//") => {
                Ok(Self::Plain(text.to_owned()))
            }
            _ => Err(NotARef::UnknownForm),
        }
    }
}

/// Does this text carry a password: in the user info of a URL, or as a parameter? Rather once
/// too often than too rarely.
pub(crate) fn holds_password(text: &str) -> bool {
    // Up to the last `@`: a password that was not percent-encoded may hold any other delimiter.
    let user_info = text
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'));
    if user_info.is_some_and(|(user_info, _)| {
        user_info
            .split_once(':')
            .is_some_and(|(_, password)| !password.is_empty())
    }) {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    ["password", "passwd", "pwd"]
        .iter()
        .any(|key| has_parameter(&lower, key))
}

/// `…key=value`, with the key at the beginning or after a delimiter, and a value that is there.
fn has_parameter(text: &str, key: &str) -> bool {
    text.match_indices(key).any(|(at, _)| {
        let alone = text[..at]
            .chars()
            .next_back()
            .is_none_or(|c| !c.is_ascii_alphanumeric());
        let rest = text[at + key.len()..].trim_start();
        let value = rest.strip_prefix('=').map(str::trim_start);
        alone && value.is_some_and(|it| it.starts_with(|c: char| !matches!(c, '&' | ';' | ' ')))
    })
}

pub(crate) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_url_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SecretRef, NotARef> {
        SecretRef::parse(text, Path::new("environments"))
    }

    #[test]
    fn each_form_is_read() {
        assert_eq!(parse("env:PG_URL"), Ok(SecretRef::Env("PG_URL".into())));
        assert_eq!(
            parse("file:pg"),
            Ok(SecretRef::File("environments/pg".into()))
        );
        assert_eq!(parse("file:../pg"), Ok(SecretRef::File("pg".into())));
        assert_eq!(
            parse("file:///run/pg"),
            Ok(SecretRef::File("/run/pg".into()))
        );
        assert_eq!(parse("prompt"), Ok(SecretRef::Prompt));
        assert_eq!(
            parse("sqlite:data"),
            Ok(SecretRef::Plain("sqlite:data".into()))
        );
        for plain in [
            "postgres://db.example:5432/x",
            "mysql://adm@db/?ssl-mode=REQUIRED",
        ] {
            assert_eq!(parse(plain), Ok(SecretRef::Plain(plain.into())));
        }
        assert_eq!(
            parse("vault:kv/pg#url"),
            Ok(SecretRef::Later {
                scheme: "vault".into(),
                rest: "kv/pg#url".into()
            })
        );
    }

    #[test]
    fn passwords_are_refused_wherever_they_hide() {
        for text in [
            "postgres://adm:hunter2@db/x",
            "postgres://adm:hun/ter@2@db/x",
            "postgres://:p@db",
            "postgres://db/x?user=a&password=b",
            "host=db user=a Password = 'b'",
            "Server=db;Pwd=b",
        ] {
            assert_eq!(parse(text), Err(NotARef::HoldsPassword), "{text}");
        }
        assert!(!holds_password("postgres://adm:@db/x"));
        assert!(!holds_password("env:ADMIN_PASSWORD"));
        assert!(!holds_password("postgres://db/x?password=&a=b"));
    }

    #[test]
    fn anything_else_is_no_reference() {
        assert_eq!(parse("hunter2"), Err(NotARef::UnknownForm));
        assert_eq!(parse("localhost:5432"), Err(NotARef::UnknownForm));
        assert_eq!(parse("env:"), Err(NotARef::VariableName));
        assert_eq!(parse("env:A-B"), Err(NotARef::VariableName));
        assert_eq!(parse("file:"), Err(NotARef::EmptyPath));
    }
}
