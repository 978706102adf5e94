//! How a credential reaches the service: one file, one descriptor, or one child's environment.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use command_fds::{CommandFdExt as _, FdMapping};
use freehold_engine::Secret;
use freehold_model::{Deliver, Fault};
use tokio::process::Command;

/// The descriptor on which a child reads its credentials.
const CREDENTIALS_FD: i32 = 3;
/// What a child keeps of our environment besides what the service asks for.
const KEPT: [&str; 7] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TERM"];

/// `DATABASE_URL` for the store `main`, `SEARCH_DATABASE_URL` for `search`.
pub fn variable(store: &str) -> String {
    if store == "main" {
        "DATABASE_URL".to_owned()
    } else {
        format!("{}_DATABASE_URL", store.to_uppercase())
    }
}

/// Writes a URL to `folder/DATABASE_URL`: mode 0600, replaced in one rename, so that a reader
/// sees the old login with the old password or the new with the new. Returns the file.
///
/// # Errors
/// FH3505, with nothing replaced.
pub fn to_file(folder: &Path, store: &str, url: &Secret) -> Result<PathBuf, Fault> {
    let file = folder.join(variable(store));
    write(folder, &file, url).map_err(|error| {
        Fault::new(
            "FH3505",
            format!(
                "the credential's file {} cannot be written ({error})",
                file.display()
            ),
        )
        .help("see that the folder exists or can be made by this user")
    })?;
    Ok(file)
}

fn write(folder: &Path, file: &Path, url: &Secret) -> std::io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let part = file.with_extension("part");
    let _ = fs::remove_file(&part);
    let mut out = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)?;
    out.write_all(url.expose().as_bytes())?;
    out.write_all(b"\n")?;
    out.sync_all()?;
    fs::rename(&part, file)
}

/// A child that starts with a cleared environment, `keep` (names, or `NAME=value`), and its
/// credentials as the service wants them: in its environment or on a descriptor.
///
/// # Errors
/// FH3506 no pipe could be made, FH3507 a way of delivery that is not there yet.
pub fn child(
    program: &[String],
    keep: &[String],
    deliver: &Deliver,
    urls: &[(String, Secret)],
) -> Result<Command, Fault> {
    let (name, arguments) = program.split_first().ok_or_else(|| {
        Fault::new("FH3508", "there is no command to run")
            .help("freehold creds exec SERVICE -- COMMAND ARGUMENTS")
    })?;
    let mut command = std::process::Command::new(name);
    command.args(arguments).env_clear();
    for variable in KEPT.into_iter().chain(keep.iter().map(String::as_str)) {
        match variable.split_once('=') {
            Some((variable, value)) => {
                command.env(variable, value);
            }
            None => {
                command.envs(std::env::var_os(variable).map(|value| (variable.to_owned(), value)));
            }
        }
    }
    match deliver {
        Deliver::Env => {
            command.envs(
                urls.iter()
                    .map(|(store, url)| (variable(store), url.expose())),
            );
        }
        Deliver::Fd => on_descriptor(&mut command, urls)?,
        Deliver::File(folder) => {
            for (store, _) in urls {
                command.env(
                    format!("{}_FILE", variable(store)),
                    folder.join(variable(store)),
                );
            }
        }
        Deliver::Later { scheme, .. } => {
            return Err(Fault::new(
                "FH3507",
                format!("credentials delivered by `{scheme}:` are not there yet"),
            )
            .help("use `env`, `fd` or `file:FOLDER`"));
        }
    }
    Ok(Command::from(command))
}

/// One JSON line, written before the child starts: it fits any pipe's buffer.
fn on_descriptor(
    command: &mut std::process::Command,
    urls: &[(String, Secret)],
) -> Result<(), Fault> {
    let fault = |error: String| {
        Fault::new(
            "FH3506",
            format!("no pipe for the credentials could be made ({error})"),
        )
        .help("see the limit of open files (ulimit -n)")
    };
    let (reader, mut writer) = std::io::pipe().map_err(|error| fault(error.to_string()))?;
    let json: serde_json::Map<_, _> = urls
        .iter()
        .map(|(store, url)| (variable(store), url.expose().into()))
        .collect();
    let line = zeroize::Zeroizing::new(serde_json::Value::Object(json).to_string());
    writeln!(writer, "{}", line.as_str()).map_err(|error| fault(error.to_string()))?;
    command.env("FREEHOLD_CREDENTIALS_FD", CREDENTIALS_FD.to_string());
    let mapping = FdMapping {
        parent_fd: reader.into(),
        child_fd: CREDENTIALS_FD,
    };
    command
        .fd_mappings(vec![mapping])
        .map_err(|error| fault(error.to_string()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn sh(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    async fn output(deliver: &Deliver, script: &str, keep: &[&str]) -> String {
        let keep: Vec<_> = keep.iter().map(|&name| name.to_owned()).collect();
        let urls = [
            ("main".to_owned(), Secret::new("postgres://u:s3cret@h/x")),
            ("search".to_owned(), Secret::new("os://y")),
        ];
        let mut child = child(&sh(script), &keep, deliver, &urls).expect("a child");
        String::from_utf8(child.output().await.expect("it runs").stdout).expect("text")
    }

    #[tokio::test]
    async fn by_environment_in_a_cleared_one() {
        let seen = output(
            &Deliver::Env,
            "env",
            &["CARGO_MANIFEST_DIR", "GREETING=hello"],
        )
        .await;
        assert!(
            seen.contains("DATABASE_URL=postgres://u:s3cret@h/x\n"),
            "{seen}"
        );
        assert!(
            seen.contains("SEARCH_DATABASE_URL=os://y\n") && seen.contains("GREETING=hello\n"),
            "{seen}"
        );
        assert!(
            seen.contains("CARGO_MANIFEST_DIR=") && !seen.contains("CARGO_PKG_NAME="),
            "{seen}"
        );
    }

    #[tokio::test]
    async fn by_descriptor_and_not_by_environment() {
        let seen = output(&Deliver::Fd, "env; cat <&$FREEHOLD_CREDENTIALS_FD", &[]).await;
        assert!(
            !seen.contains("DATABASE_URL=")
                && seen.contains(r#""DATABASE_URL":"postgres://u:s3cret@h/x""#),
            "{seen}"
        );
    }

    #[test]
    fn by_file_for_the_owner_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("orders");
        to_file(&folder, "main", &Secret::new("old")).expect("written");
        let file = to_file(&folder, "main", &Secret::new("new")).expect("replaced");
        assert_eq!(fs::read_to_string(&file).expect("readable"), "new\n");
        assert_eq!(
            fs::metadata(&file).expect("there").permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::metadata(&folder).expect("there").permissions().mode() & 0o777,
            0o700
        );
        assert_eq!(fs::read_dir(&folder).expect("readable").count(), 1);
    }
}
