//! The conformance suite over every shape.
#![expect(clippy::print_stderr, reason = "skips and shapes have to be seen")]

mod adoption;
mod audit;
mod brokers;
mod conformance;
mod convergence;
mod crashes;
mod faults;
mod outboxes;
mod publish;
mod refusals;
mod sagas;
mod takes_part;
