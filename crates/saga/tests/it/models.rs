//! Small worlds, searched exhaustively: the real core and barrier under every order of messages,
//! and the protocol that fences commits. The bounds are printed with the number of states.

#![expect(clippy::print_stdout, reason = "bounds and numbers of states")]

mod commits;
mod saga;
