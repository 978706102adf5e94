//! The nouns of a described system and the files that describe it.
//!
//! Pure: no I/O, no clock; files come in through [`Files`]. Everything that is wrong with a
//! description is found here, as a list of [`Fault`]s, before anything is connected to.
//! Start at [`system::System`]; [`load()`] makes one from the files.

mod check;
mod date;
mod document;
mod engine_names;
mod event;
mod event_from_file;
mod fault;
mod files;
mod grounds;
mod headers;
mod identities;
mod load;
mod migration;
mod migration_files;
mod names;
mod nearest;
mod node;
mod outbox_from_file;
mod places;
mod read_model;
mod schema;
mod secret_ref;
mod service;
mod service_dirs;
mod service_file;
mod service_from_file;
mod shape;
mod store;
mod system;
mod system_file;
mod system_from_file;
mod validate;
mod validate_events;
mod yaml;

pub use document::Document;
pub use event::{
    AdoptedOutbox, Compatibility, CopyOf, Provenance, Publish, Snapshot, is_event_name, is_of_item,
};
pub use fault::{Fault, Place};
pub use files::{Files, MemoryFiles};
pub use load::{load, load_servers};
pub use migration::{Batch, Migration, Phase, Seed};
pub use migration_files::{load_migrations, load_seeds};
pub use names::{fit, is_plain_name};
pub use nearest::nearest;
pub use read_model::{ReadModel, Select};
pub use schema::json_schema;
pub use secret_ref::SecretRef;
pub use service::{Entity, Migrations, Run, Service, TableRule};
pub use store::{AppIdentity, Deliver, EngineKind, Identities, Isolation, Store};
pub use system::{Access, Broker, Exercises, Right, Server, System};
