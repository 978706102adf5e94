//! Read models against an independent oracle: the same query, asked of the engine over the copies
//! themselves, after every batch.

mod applied;
mod build;
mod items;
mod random;
mod together;
mod world;
