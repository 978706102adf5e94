//! The decisions that safety hangs on, as constants of a type without size.
//!
//! [`Sound`] is what ships. Each constant exists so that a test can turn it off and see the
//! simulator or a model find what it prevents.

/// What the transition core keeps to.
pub trait Rules {
    /// Undo in reverse order of dependence.
    const REVERSE_ORDER: bool = true;
    /// A pivot that does not answer may have happened.
    const TIMEOUT_IS_UNKNOWN: bool = true;
    /// A pivot that its participant does not know may still be on its way.
    const NOT_FOUND_IS_UNKNOWN: bool = true;
    /// A reply counts for the generation that it carries, and no other.
    const CHECK_GENERATION: bool = true;
    /// Skipping and editing begin with an undo of what may have run.
    const UNDO_BEFORE_SKIP: bool = true;
    /// After a restore the participants are asked before anything goes on.
    const REBUILD: bool = true;
    /// Every enabled step is undone, answered or not.
    const UNDO_ENABLED: bool = true;
}

/// All of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sound;

impl Rules for Sound {}
