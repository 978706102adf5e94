//! The report of an audit: its sums and its forms.

mod bookvault;
mod browser;
mod page;
mod states;
mod sums;
mod terminal;

pub(crate) use bookvault::bookvault;
