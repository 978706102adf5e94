//! What the whole system keeps to, and the mutants that each give up one thing.

use freehold_saga::{BarrierRules, Rules, Sound};

use super::explore;

/// How a transaction makes sure that its executor still leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fence {
    /// The leadership row is locked by the first statement until the commit.
    Locked,
    /// It is read, and may have changed by the time of the commit.
    Subselect,
    Off,
}

pub(super) trait Keeps: Rules + BarrierRules + Send + Sync {
    const FENCE: Fence = Fence::Locked;
    const SEND_AFTER_COMMIT: bool = true;
    /// `version = previous`, not `version < next`.
    const EXACT_VERSION: bool = true;
    /// Rows of a commit whose outcome is unknown are read again before anything is sent for them.
    const READ_AFTER_UNKNOWN: bool = true;
    const SIGNALS_BEFORE_STARTS: bool = true;
    /// Requests live from the last renewal of the leadership, not from their sending.
    const EXPIRE_FROM_RENEWAL: bool = true;
    /// Barrier rows go when they are told to, not by age.
    const FORGET_ON_REQUEST: bool = true;
    /// Rows are pruned a request life after their end.
    const PRUNE_LATE: bool = true;
}

pub(super) type KeepsAll = Sound;

impl Keeps for Sound {}

type Hunt = fn(u64) -> Option<(u64, String)>;

/// One type that gives up one constant of one of the three traits.
macro_rules! mutant {
    ($list:ident, $name:literal, core $rule:ident) => {
        mutant!(@ $list, $name, { const $rule: bool = false; }, {}, {});
    };
    ($list:ident, $name:literal, barrier $rule:ident) => {
        mutant!(@ $list, $name, {}, { const $rule: bool = false; }, {});
    };
    ($list:ident, $name:literal, fence $fence:ident) => {
        mutant!(@ $list, $name, {}, {}, { const FENCE: Fence = Fence::$fence; });
    };
    ($list:ident, $name:literal, system $($rule:ident)+) => {
        mutant!(@ $list, $name, {}, {}, { $(const $rule: bool = false;)+ });
    };
    (@ $list:ident, $name:literal, {$($core:tt)*}, {$($barrier:tt)*}, {$($system:tt)*}) => {{
        struct Mutant;
        impl Rules for Mutant { $($core)* }
        impl BarrierRules for Mutant { $($barrier)* }
        impl Keeps for Mutant { $($system)* }
        $list.push(($name, (|seeds| explore::<Mutant>(0, seeds).broken) as Hunt));
    }};
}

/// Each with how it is hunted: through so many seeds, until one breaks.
pub(super) fn mutants() -> Vec<(&'static str, Hunt)> {
    let mut all: Vec<(&'static str, Hunt)> = Vec::new();
    mutant!(all, "undo order flipped", core REVERSE_ORDER);
    mutant!(all, "time-out taken for failure at the pivot", core TIMEOUT_IS_UNKNOWN);
    mutant!(all, "not found taken for failure at the pivot", core NOT_FOUND_IS_UNKNOWN);
    mutant!(all, "generation unchecked", core CHECK_GENERATION);
    mutant!(all, "skip without undo", core UNDO_BEFORE_SKIP);
    mutant!(all, "restore without rebuild", core REBUILD);
    mutant!(all, "only answered steps undone", core UNDO_ENABLED);
    mutant!(all, "barrier removed", barrier BARRIER);
    mutant!(all, "refusal unstored", barrier STORE_REFUSALS);
    mutant!(all, "stored done after an undo", barrier UNDO_HIDES_DONE);
    mutant!(all, "empty undo leaves no row", barrier UNDO_BLOCKS);
    mutant!(all, "expiry unchecked", barrier CHECK_EXPIRY);
    mutant!(all, "fencing off", fence Off);
    mutant!(all, "epoch by subselect", fence Subselect);
    mutant!(all, "send before commit", system SEND_AFTER_COMMIT);
    // The version is the second line of defence, behind reading again.
    mutant!(all, "version <", system EXACT_VERSION READ_AFTER_UNKNOWN);
    mutant!(all, "signals after starts", system SIGNALS_BEFORE_STARTS);
    mutant!(all, "expiry stamped at send", system EXPIRE_FROM_RENEWAL);
    mutant!(all, "barrier rows by age", system FORGET_ON_REQUEST);
    mutant!(all, "pruned at once", system PRUNE_LATE);
    all
}
