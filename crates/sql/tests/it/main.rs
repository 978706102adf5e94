//! The sql crate seen from outside: what must hold for any text, and against a real SQLite.
//!
//! Each file is one claim; the table-driven cases are beside the code.

mod fingerprint;
mod quote;
mod split;
mod sqlite;
mod text;
