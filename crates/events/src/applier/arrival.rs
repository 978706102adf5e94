//! A message that came, and what it would do to copies. Pure, and the dearest part of an event: worked
//! out by whoever reads, while the store is busy with those before it.

use std::sync::Arc;

use freehold_broker::{Body, Message};

use super::step::Subscribed;
use crate::copy::{Ready, change};

/// A message beside what it says.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// As the broker gave it, or the owner.
    pub(crate) message: Message,
    /// What it does to each table that its topic feeds, or why it cannot be applied.
    pub(crate) changes: Result<Vec<(String, Arc<Ready>)>, String>,
}

impl Arrival {
    /// Whether it may take effect is decided later, in order.
    pub(crate) fn new(copies: &[Subscribed], message: Message) -> Self {
        let changes = match &message.body {
            Body::Event { payload, .. } => changes(copies, &message, payload),
            _ => Ok(Vec::new()),
        };
        Self { message, changes }
    }
}

fn changes(
    copies: &[Subscribed],
    message: &Message,
    payload: &[u8],
) -> Result<Vec<(String, Arc<Ready>)>, String> {
    let fed = copies.iter().filter(|it| it.topic == message.topic);
    fed.map(|it| {
        let change = change(&it.copy, message, payload)?;
        Ok((it.table.clone(), Arc::new(Ready::from(change))))
    })
    .collect()
}
