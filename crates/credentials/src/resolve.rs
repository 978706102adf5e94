//! Secret references → secrets, at the moment they are needed.

use std::path::Path;

use freehold_engine::Secret;
use freehold_model::{Fault, SecretRef};
use zeroize::Zeroizing;

/// Reads what a reference points to. `what` names it for the user (`server main`), `root` is the
/// folder that relative files count from.
///
/// # Errors
/// FH1311 variable not set, FH1312 file not readable, FH1313 no terminal to ask on, FH1314 a kind
/// of reference that is not there yet.
pub fn resolve(reference: &SecretRef, root: &Path, what: &str) -> Result<Secret, Fault> {
    match reference {
        SecretRef::Plain(text) => Ok(Secret::new(text.clone())),
        SecretRef::Env(name) => match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(Secret::new(value)),
            _ => Err(Fault::new("FH1311", format!("{what}: the environment variable {name} is not set"))
                .help(format!("export {name}=… before the command; its value never belongs into a file that is committed"))),
        },
        SecretRef::File(path) => read_file(&root.join(path), what),
        SecretRef::Prompt => {
            let answer = rpassword::prompt_password(format!("{what}: "));
            answer.map(Secret::new).map_err(|error| {
                Fault::new("FH1313", format!("{what}: `prompt` needs a terminal to ask on ({error})"))
                    .help("run it in a terminal, or use `env:NAME` or `file:PATH`")
            })
        }
        SecretRef::Later { scheme, .. } => {
            Err(Fault::new("FH1314", format!("{what}: secret references of the form `{scheme}:` are not there yet"))
                .help("use `env:NAME`, `file:PATH` or `prompt`"))
        }
    }
}

/// Exactly one final newline is dropped: editors add one, passwords may end with more.
fn read_file(path: &Path, what: &str) -> Result<Secret, Fault> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| {
        Fault::new(
            "FH1312",
            format!(
                "{what}: the secret's file {} cannot be read ({error})",
                path.display()
            ),
        )
        .help("make the file, readable for this user only (mode 0600)")
    })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_loses_one_newline_only() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("s"), "a\n\n").expect("write");
        let secret =
            resolve(&SecretRef::File("s".into()), dir.path(), "server main").expect("readable");
        assert_eq!(secret.expose(), "a\n");
    }

    #[test]
    fn what_is_missing_is_named() {
        let code = |reference| {
            resolve(&reference, Path::new("/nowhere"), "server main")
                .expect_err("missing")
                .code
        };
        assert_eq!(
            code(SecretRef::Env("FREEHOLD_NOT_SET_ANYWHERE".into())),
            "FH1311"
        );
        assert_eq!(code(SecretRef::File("s".into())), "FH1312");
        assert_eq!(
            code(SecretRef::Later {
                scheme: "vault".into(),
                rest: "x".into()
            }),
            "FH1314"
        );
    }
}
