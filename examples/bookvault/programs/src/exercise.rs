//! BookVault tried from outside, through its public APIs only: the demonstration that `freehold up
//! --once` runs, and the load.

mod customer;
mod demonstration;
mod load;

pub(crate) use demonstration::demonstrate;
pub(crate) use load::load;
