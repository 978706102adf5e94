//! Private database servers: started from the binaries that this machine has, each in a folder of
//! its own, on a free port of 127.0.0.1, as an unprivileged user.
//!
//! Owned here: finding the binaries, initialising a folder, starting, joining, stopping, and the
//! admin account with its random password. Not here: anything about a described system, SQL other
//! than what makes the admin account, and servers that others run.
//! Begin at [`start()`]; what lies in a folder is told in `folder.rs`; one file per kind of server
//! (`postgres.rs`, `mariadb.rs`, `mysql.rs`) holds what differs. Processes are looked at through
//! `/proc`, so Linux only.

mod account;
mod binaries;
mod caching_sha2;
mod error;
mod folder;
mod kind;
mod making;
mod mariadb;
mod mysql;
mod nats;
mod password;
mod port;
mod postgres;
mod process;
mod server;
mod settings;
mod start;
mod stop;

pub use binaries::{Binaries, find};
pub use error::Error;
pub use kind::Kind;
pub use nats::{NatsServer, has_nats, start_nats};
pub use server::PrivateServer;
pub use settings::{Settings, TlsFiles};
pub use start::start;
pub use stop::{is_running, stop};
