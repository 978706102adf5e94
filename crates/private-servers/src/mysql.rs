//! What is MySQL's own (Oracle's): `mysqld --initialize-insecure`, the admin account, arguments.
//!
//! What it shares with MariaDB is in `mariadb.rs`.

use std::ffi::OsString;

use crate::caching_sha2;
use crate::error::Error;
use crate::folder::ShortLived;
use crate::mariadb::shared_arguments;
use crate::password;
use crate::start::{Launch, Making, initialise_with};

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

/// Makes the data folder; gives the SQL file that the first start runs before it takes clients.
///
/// "Insecure" is the root account without a password, which that SQL removes.
pub(crate) async fn initialise(making: &Making<'_>) -> Result<ShortLived, Error> {
    let data = making.folder.fresh_data(making.account)?;
    let mut data_dir = OsString::from("--datadir=");
    data_dir.push(&data);
    let arguments = [
        OsString::from("--no-defaults"),
        "--initialize-insecure".into(),
        "--secure-file-priv=NULL".into(),
        data_dir,
    ];
    initialise_with(making, &arguments).await?;
    let mut salt = [0_u8; caching_sha2::SALT_BYTES];
    password::fill(&mut salt)?;
    let verifier = caching_sha2::verifier(making.password.expose(), salt);
    making
        .folder
        .short_lived_file("first.sql", &first_sql(&verifier), making.account)
}

pub(crate) fn arguments(launch: &Launch<'_>) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("--no-defaults")];
    arguments.extend(SETTINGS.map(OsString::from));
    arguments.extend(shared_arguments(launch));
    arguments
}

fn first_sql(verifier: &[u8]) -> String {
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
