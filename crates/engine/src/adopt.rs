//! What taking over a store that is there already needs of an engine: who owns it from now on, and
//! its present schema as statements; and what leaving it to its people needs.

use freehold_model::Fault;
use serde::Serialize;

use crate::live::Live;
use crate::step::Step;

/// What [`crate::Engine::adopt`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Adoption {
    /// Give the store and its objects to its owner, and mark it. Repeatable; they come before the
    /// steps of a diff. Whoever owned an object keeps working rights on it.
    pub steps: Vec<Step>,
    /// Why not.
    pub refused: Vec<Fault>,
    /// The store as it will look after the steps, for showing what a diff will add.
    pub then: Live,
}

/// The present schema of a store as a migration: made again by `up` on an empty store, removed by
/// `down`. freehold's own objects, data, rights and counters are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dump {
    /// Statements in the order in which they can be run.
    pub up: Vec<String>,
    /// The reverse, in its order.
    pub down: Vec<String>,
    /// Objects that cannot be written so, each named: `aggregate median(integer)`.
    pub missing: Vec<String>,
}

/// What [`crate::Engine::eject_steps`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ejection {
    /// Removals of what freehold keeps for itself, the marks last. Repeatable: cut off anywhere, the
    /// next look goes on.
    pub steps: Vec<Step>,
    /// Why not.
    pub refused: Vec<Fault>,
    /// What is there afterwards and works on: databases, logins, tables.
    pub remains: Vec<String>,
    /// How people do by hand what freehold did, a sentence or a statement each.
    pub by_hand: Vec<String>,
}
