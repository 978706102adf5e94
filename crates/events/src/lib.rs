//! Events between services: from a store's outbox to the broker, and from there into copies.
//!
//! Start at [`Relay`] for the way out and at [`Applier`] for the way in. Decisions are pure
//! (`assign`, `record`, `lane`, `copy`, `fill`); what they need of a store stands behind `ground`, one
//! engine's statements over one connection. Knows neither descriptions' files nor commands.

mod applier;
mod assign;
mod copy;
mod error;
mod fill;
mod ground;
mod heads;
pub mod keep;
mod lane;
mod left_out;
pub mod operate;
pub mod peer;
pub mod read_models;
mod record;
mod relay;
mod survey;
pub mod token;

pub use applier::{APPLIER, Applier, Consumer, Seen, Subscribed};
pub use assign::{HEARTBEAT, Source};
pub use copy::{Change, Changes};
pub use error::{Error, Result};
pub use fill::{Fill, FillState};
pub use ground::Ground;
pub use left_out::{LeftOut, LostRange, Which};
pub use relay::{Options, RELAY, Relay, Round, Rules, Sound};
pub use survey::{Survey, clock, survey};
