//! The attack list.
