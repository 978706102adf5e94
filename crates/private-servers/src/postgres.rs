//! What is PostgreSQL's own: `initdb`, the server's arguments, when it answers.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::making::Making;
use crate::process::Process;
use crate::start::Launch;

/// Small, for development; everything else as the server has it (fsync is on).
const SETTINGS: [(&str, &str); 6] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_permissions", "0700"),
    ("shared_buffers", "32MB"),
    ("max_wal_size", "256MB"),
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
];

/// Makes the data folder with the admin as the only superuser.
///
/// `initdb` takes the password from a file only: ours is 0600 and removed as soon as it ends.
pub(crate) async fn initialise(making: &Making<'_>) -> Result<(), Error> {
    let (folder, account) = (making.folder, making.account);
    let password = folder.short_lived_file("password", making.password.expose(), account)?;
    let data = folder.fresh_data(account)?;
    let mut first = OsString::from("--pwfile=");
    first.push(password.path());
    let mut arguments = vec![first, "-D".into(), data.into()];
    for argument in [
        "--username=freehold_admin",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
    ] {
        arguments.push(argument.into());
    }
    // Not every C library has C.UTF-8; plain C, without case mapping beyond ASCII, is everywhere.
    let mut with_locale = arguments.clone();
    with_locale.push("--locale=C.UTF-8".into());
    let program = &making.binaries.initialise;
    match making.run(program, &with_locale, "").await {
        Err(Error::Initialise { said, .. }) if said.contains("locale") => {
            folder.fresh_data(account)?;
            arguments.push("--locale=C".into());
            making.run(program, &arguments, "").await
        }
        other => other,
    }
}

pub(crate) fn arguments(launch: &Launch<'_>) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("-D"), launch.data.as_os_str().to_owned()];
    let mut set = |name: &str, value: &std::ffi::OsStr| {
        let mut setting = OsString::from(format!("{name}="));
        setting.push(value);
        arguments.extend([OsString::from("-c"), setting]);
    };
    for (name, value) in SETTINGS {
        set(name, value.as_ref());
    }
    set("port", launch.port.to_string().as_ref());
    set("unix_socket_directories", launch.socket_dir.as_os_str());
    if let Some((cert, key)) = launch.tls {
        set("ssl", "on".as_ref());
        set("ssl_cert_file", cert.as_os_str());
        set("ssl_key_file", key.as_os_str());
    }
    for (name, value) in launch.settings {
        set(name, value.as_ref());
    }
    arguments
}

/// As `pg_ctl` sees it: line 1 of `postmaster.pid` is the process, line 8 its state.
pub(crate) fn is_ready(data: &Path, process: Process) -> bool {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else {
        return false;
    };
    let line = |number: usize| text.lines().nth(number - 1).map(str::trim);
    line(1) == Some(process.pid.to_string().as_str()) && line(8) == Some("ready")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_another_process_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let process = Process {
            pid: 42,
            started_ticks: 1,
        };
        assert!(!is_ready(dir.path(), process));
        let write = |pid: u32, state: &str| {
            let text = format!("{pid}\n/d\n1\n5432\n/s\n127.0.0.1\n  1 2\n{state}\n");
            fs::write(dir.path().join("postmaster.pid"), text).unwrap();
        };
        write(42, "starting");
        assert!(!is_ready(dir.path(), process));
        write(41, "ready   ");
        assert!(!is_ready(dir.path(), process));
        write(42, "ready   ");
        assert!(is_ready(dir.path(), process));
    }
}
