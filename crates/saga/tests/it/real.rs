//! The executor on real stores, with participants behind real HTTP that keep ledgers of their own:
//! its process dies at every call, and what the ledgers say afterwards is held to what a saga is.

mod changed;
mod child;
mod crashes;
mod definitions;
mod documented;
mod message;
mod operators;
mod oracle;
mod participant;
mod shares;
mod world;
