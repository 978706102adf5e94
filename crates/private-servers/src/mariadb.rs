//! What is MariaDB's own: `mariadb-install-db`, the admin account, the server's arguments.

use std::ffi::OsString;
use std::fmt::Write as _;

use sha1::{Digest, Sha1};

use crate::error::Error;
use crate::making::Making;
use crate::password::Password;
use crate::start::Launch;

/// Small, for development. A commit is synced to disk, as the server does by default.
const SETTINGS: [&str; 7] = [
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-buffer-size=4M",
    "--aria-pagecache-buffer-size=8M",
    "--character-set-server=utf8mb4",
];

/// From the beginning, or the first start would have to change it.
const LOG_FILE_SIZE: &str = "--innodb-log-file-size=16M";

/// Makes the data folder with the admin as the only account that can log in.
///
/// The accounts are made by the server's bootstrap mode: it has no network, takes SQL on its
/// standard input and ends at the first statement that fails.
pub(crate) async fn initialise(making: &Making<'_>) -> Result<(), Error> {
    let data = making.folder.fresh_data(making.account)?;
    let mut shared = vec![OsString::from("--no-defaults")];
    // Packages know where they lie; an unpacked archive has to be told.
    if let (true, Some(base)) = (making.own_binaries, making.binaries.base_dir()) {
        push(&mut shared, "--basedir=", base.as_os_str());
    }
    push(&mut shared, "--datadir=", data.as_os_str());
    shared.push(LOG_FILE_SIZE.into());
    let mut arguments = shared.clone();
    for argument in [
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-name-resolve",
    ] {
        arguments.push(argument.into());
    }
    making
        .run(&making.binaries.initialise, &arguments, "")
        .await?;
    shared.push("--bootstrap".into());
    making
        .run(
            &making.binaries.server,
            &shared,
            &accounts_sql(making.password),
        )
        .await
}

pub(crate) fn arguments(launch: &Launch<'_>) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("--no-defaults")];
    if let (true, Some(base)) = (launch.own_binaries, launch.binaries.base_dir()) {
        push(&mut arguments, "--basedir=", base.as_os_str());
    }
    arguments.extend(SETTINGS.map(OsString::from));
    arguments.push(LOG_FILE_SIZE.into());
    arguments.extend(shared_arguments(launch));
    arguments
}

/// What MariaDB and MySQL call the same; the caller's settings last, so that they win.
pub(crate) fn shared_arguments(launch: &Launch<'_>) -> Vec<OsString> {
    let mut arguments = Vec::new();
    push(&mut arguments, "--datadir=", launch.data.as_os_str());
    push(
        &mut arguments,
        "--socket=",
        launch.socket_dir.join("server.sock").as_os_str(),
    );
    push(
        &mut arguments,
        "--pid-file=",
        launch.data.join("server.pid").as_os_str(),
    );
    push(&mut arguments, "--port=", launch.port.to_string().as_ref());
    if let Some((cert, key)) = launch.tls {
        push(&mut arguments, "--ssl-cert=", cert.as_os_str());
        push(&mut arguments, "--ssl-key=", key.as_os_str());
    }
    let names_binlog = |name: &str| matches!(name.replace('-', "_").as_str(), "log_bin");
    if !launch.settings.iter().any(|(name, _)| names_binlog(name)) {
        arguments.push("--skip-log-bin".into());
    }
    for (name, value) in launch.settings {
        push(
            &mut arguments,
            &format!("--{}=", name.replace('_', "-")),
            value.as_ref(),
        );
    }
    arguments
}

/// The server writes this when it begins to take clients.
pub(crate) fn is_ready(log: &str) -> bool {
    log.contains("ready for connections")
}

/// Removes every account but the system's own and makes the admin, by verifier.
///
/// One statement a line, as bootstrap mode wants it. `PUBLIC` is a role's row, not an account.
fn accounts_sql(password: &Password) -> String {
    let verifier = native_verifier(password);
    [
        "DELETE FROM mysql.proxies_priv;",
        "DELETE FROM mysql.global_priv WHERE User NOT IN ('mariadb.sys', 'PUBLIC');",
        "FLUSH PRIVILEGES;",
        &format!("CREATE USER freehold_admin@'127.0.0.1' IDENTIFIED BY PASSWORD '{verifier}';"),
        "GRANT ALL PRIVILEGES ON *.* TO freehold_admin@'127.0.0.1' WITH GRANT OPTION;",
        "",
    ]
    .join("\n")
}

/// The form in which `mysql_native_password` keeps a password: SHA-1 of SHA-1.
fn native_verifier(password: &Password) -> String {
    let hash = Sha1::digest(Sha1::digest(password.expose().as_bytes()));
    hash.iter().fold(String::from("*"), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// Adds `name` and `value` as one argument.
pub(crate) fn push(arguments: &mut Vec<OsString>, name: &str, value: &std::ffi::OsStr) {
    let mut argument = OsString::from(name);
    argument.push(value);
    arguments.push(argument);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_is_that_of_the_manual() {
        // SELECT PASSWORD('mypass') in MariaDB's manual.
        let verifier = native_verifier(&Password::read("mypass"));
        assert_eq!(verifier, "*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4");
    }

    #[test]
    fn the_sql_holds_no_plaintext() {
        let password = Password::random().unwrap();
        assert!(!accounts_sql(&password).contains(password.expose()));
    }
}
