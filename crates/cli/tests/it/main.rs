//! End to end: the real binary on the real examples.
#![expect(clippy::print_stderr, reason = "skips and shapes have to be seen")]

mod adopt;
mod audit;
mod bad_input;
mod batched;
mod binary;
mod change;
mod check;
mod commands;
mod contracts;
mod eject;
mod embedded;
mod events;
mod events_faults;
mod histories;
#[cfg(feature = "kafka")]
mod kafka;
mod kept_plan;
mod killed;
mod ledger_upgrade;
mod lsp;
mod nats;
mod participants;
mod phase;
mod planner;
mod pooled;
mod rabbitmq;
mod real_tools;
mod rotation;
mod saga;
mod secrets;
mod servers;
mod up;
mod up_console;
mod up_faults;
mod up_storm;
mod up_walls;
mod walk;
mod world;
