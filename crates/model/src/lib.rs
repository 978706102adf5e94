//! The nouns of a described system and the files that describe it.
//!
//! Pure: no I/O, no clock; files come in through [`Files`]. Everything that is wrong with a
//! description is found here, as a list of [`Fault`]s, before anything is connected to.
//! Start at [`system::System`]; [`load()`] makes one from the files.

mod fault;
mod files;
mod load;
mod migration;
mod migration_files;
mod names;
mod secret_ref;
mod service;
mod store;
mod system;

pub use fault::{Fault, Place};
pub use files::{Files, MemoryFiles};
pub use load::{load, load_servers};
pub use migration::{Migration, Phase, Seed};
pub use migration_files::{load_migrations, load_seeds};
pub use names::{fit, is_plain_name};
pub use secret_ref::SecretRef;
pub use service::{Entity, Migrations, Run, Service, TableRule};
pub use store::{AppIdentity, Deliver, EngineKind, Identities, Isolation, Store};
pub use system::{Access, Broker, Right, Server, System};
