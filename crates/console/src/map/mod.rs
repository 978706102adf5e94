//! The drawing of the map: houses on their plots on slabs, events as orthogonal lines, the chosen
//! saga as a ribbon.
//!
//! The layout is computed, never simulated: it follows from the description alone, so that nodes
//! stay where they were whatever state they are in. `layout` places nodes, `wires` routes events
//! through the channels between rows, `draw` and `ribbon` turn both into a picture.

mod draw;
mod layout;
mod ribbon;
mod wires;

pub(crate) use draw::drawing;
pub(crate) use layout::{FEWER, Layout, MOST_COLUMNS, PITCHES};
pub(crate) use ribbon::steps;
