//! What removes a store. Pure; the files themselves go in `files`.

use freehold_engine::{At, Change, Drop, Keep, Live, Mark, Step, Subject, Want};

use crate::diff::{cannot_open, store_name, taken};
use crate::inspect::{fact, file};

/// There are no logins, so keeping them keeps nothing.
pub(crate) fn drop_steps(want: &Want, live: &Live, keep: Keep) -> Drop {
    let mut drop = Drop::default();
    match &live.database {
        None if live.facts.contains_key(fact::LEFTOVER) => {
            drop.steps.push(remove(
                want,
                "left by a run that was cut off; nothing is in it".to_owned(),
            ));
        }
        None => {}
        Some(Mark::Foreign(what)) => drop.refused.push(taken(want, what)),
        Some(Mark::Ours) if keep.data => {}
        Some(Mark::Ours) if !live.looked_inside => drop.refused.push(cannot_open(want)),
        Some(Mark::Ours) => {
            let others = live.facts.get(fact::OTHERS);
            let stays = others
                .map(|others| format!("; its folder stays, with what is not freehold's: {others}"));
            let note = format!(
                "{} with everything in it{}",
                file(want),
                stays.unwrap_or_default()
            );
            drop.steps.push(remove(want, note));
        }
    }
    drop
}

fn remove(want: &Want, note: String) -> Step {
    Step::new(
        Change::Remove,
        Subject::Database,
        At::Server,
        store_name(want),
        note,
    )
    .not_atomic()
}
