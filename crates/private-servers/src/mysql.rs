//! What is MySQL's own (Oracle's): `mysqld --initialize-insecure`, the admin account, arguments.
//!
//! What it shares with MariaDB is in `mariadb.rs`.

use std::ffi::OsString;

use crate::caching_sha2;
use crate::error::Error;
use crate::making::Making;
use crate::mariadb::{push, shared_arguments};
use crate::password;
use crate::start::Launch;

/// Small, for development. The X protocol would take a second port.
const SETTINGS: [&str; 8] = [
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--mysqlx=OFF",
    "--secure-file-priv=NULL",
    "--innodb-buffer-pool-size=32M",
    "--innodb-redo-log-capacity=32M",
    "--character-set-server=utf8mb4",
];

/// Makes the data folder with the admin as the only account that can log in.
///
/// "Insecure" is the root account without a password, which the same run removes by its SQL; it
/// has no network and fails with the first statement that does.
pub(crate) async fn initialise(making: &Making<'_>) -> Result<(), Error> {
    let mut salt = [0_u8; caching_sha2::SALT_BYTES];
    password::fill(&mut salt)?;
    let verifier = caching_sha2::verifier(making.password.expose(), salt);
    let (folder, account) = (making.folder, making.account);
    let sql = folder.short_lived_file("accounts.sql", &accounts_sql(&verifier), account)?;
    let data = folder.fresh_data(account)?;
    let mut arguments = vec![OsString::from("--no-defaults")];
    if let (true, Some(base)) = (making.own_binaries, making.binaries.base_dir()) {
        push(&mut arguments, "--basedir=", base.as_os_str());
    }
    arguments.push("--initialize-insecure".into());
    arguments.push("--secure-file-priv=NULL".into());
    push(&mut arguments, "--datadir=", data.as_os_str());
    push(&mut arguments, "--init-file=", sql.path().as_os_str());
    making.run(&making.binaries.server, &arguments, "").await
}

pub(crate) fn arguments(launch: &Launch<'_>) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("--no-defaults")];
    if let (true, Some(base)) = (launch.own_binaries, launch.binaries.base_dir()) {
        push(&mut arguments, "--basedir=", base.as_os_str());
    }
    arguments.extend(SETTINGS.map(OsString::from));
    arguments.extend(shared_arguments(launch));
    arguments
}

fn accounts_sql(verifier: &[u8]) -> String {
    // As a hexadecimal literal: the salt may hold any byte.
    let verifier = password::hex(verifier);
    [
        "SET sql_log_bin = 0;",
        &format!(
            "CREATE USER freehold_admin@'127.0.0.1' \
             IDENTIFIED WITH caching_sha2_password AS 0x{verifier};"
        ),
        "GRANT ALL PRIVILEGES ON *.* TO freehold_admin@'127.0.0.1' WITH GRANT OPTION;",
        "DROP USER root@localhost;",
        "",
    ]
    .join("\n")
}
