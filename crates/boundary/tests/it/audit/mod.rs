//! The report of an audit: its sums and its forms.

mod bookvault;
mod page;
mod states;
mod sums;

pub(crate) use bookvault::bookvault;
