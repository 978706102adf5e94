//! Migration and seed files of one store: which exist, in what order, with what headers.

use std::path::Path;

use crate::fault::Fault;
use crate::files::Files;
use crate::migration::{Migration, Seed};
use crate::service::Service;
use crate::store::Store;
use crate::system::System;

/// The migrations of one store, by number. Empty where an existing tool is in charge, and where
/// the folder does not exist.
pub fn load_migrations(
    system: &System,
    service: &Service,
    store: &Store,
    files: &dyn Files,
    root: &Path,
) -> Result<Vec<Migration>, Vec<Fault>> {
    let _ = (system, service, store, files, root);
    Err(Vec::new())
}

/// The seeds of one store, by number. Empty where the folder does not exist.
pub fn load_seeds(
    system: &System,
    service: &Service,
    store: &Store,
    files: &dyn Files,
    root: &Path,
) -> Result<Vec<Seed>, Vec<Fault>> {
    let _ = (system, service, store, files, root);
    Err(Vec::new())
}
