//! What a changed contract owes to those who read the event.

use freehold_model::Compatibility;

use super::{Break, Schema, fits};

/// Is it held against every state that was kept, not only the last?
pub(super) fn is_transitive(mode: Compatibility) -> bool {
    matches!(
        mode,
        Compatibility::BackwardTransitive
            | Compatibility::ForwardTransitive
            | Compatibility::FullTransitive
    )
}

/// Who is hurt by a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hurt {
    /// Who knows the new schema and reads what was written before.
    NewReaders,
    /// Who knows the old schema and reads what is written from now on.
    OldReaders,
}

/// Holds a schema against one before it. Who writes an event writes the fields that its schema
/// names; who reads it takes others, too, unless it forbids them.
///
/// # Errors
/// What breaks, and for whom.
pub fn holds(mode: Compatibility, old: &Schema, new: &Schema) -> Result<(), (Hurt, Box<Break>)> {
    use Compatibility::{Backward, BackwardTransitive, Forward, ForwardTransitive, None};
    let backward = !matches!(mode, None | Forward | ForwardTransitive);
    let forward = !matches!(mode, None | Backward | BackwardTransitive);
    if backward {
        fits(&old.as_written(), new).map_err(|own| (Hurt::NewReaders, Box::new(own)))?;
    }
    if forward {
        fits(&new.as_written(), old).map_err(|own| (Hurt::OldReaders, Box::new(own)))?;
    }
    Ok(())
}
