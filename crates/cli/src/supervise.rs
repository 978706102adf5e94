//! Programs that run for a system on this machine: started with what they need, kept running,
//! stopped in order, and gone when the one that started them is gone.
//!
//! Knows nothing of databases. `program` keeps one program running; `board` is what can be seen of
//! all of them, and where a page that shows a running system begins; `claim` sees to it that a folder
//! is run once; `confine` keeps a program to its folder; `guard` ends what is left after a kill;
//! `control` takes orders from other commands.

pub(crate) mod backoff;
pub(crate) mod board;
pub(crate) mod claim;
pub(crate) mod confine;
pub(crate) mod control;
pub(crate) mod guard;
pub(crate) mod health;
pub(crate) mod program;
