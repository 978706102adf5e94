//! Secrets from where the description says they are, passwords to where it says they go.
//!
//! [`resolve()`] reads a reference; [`issue()`] gives one of the app's two logins a new password
//! through the store's issuer; [`deliver`] hands it over: a file, a descriptor, one child's
//! environment. A plaintext is held in a zeroized type and never written anywhere else.

pub mod deliver;
mod issue;
mod resolve;

pub use issue::{Issued, Place, issue, retire, sessions};
pub use resolve::resolve;
