//! The report of an audit: its sums and its forms.

mod bookvault;
mod browser;
mod hostile;
mod page;
mod shown;
mod states;
mod sums;
mod system;
mod terminal;

pub(crate) use bookvault::bookvault;
