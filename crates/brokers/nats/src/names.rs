//! What things are called at a NATS server. Pure.

use freehold_broker::{Partition, Topic};

/// Where groups write how far they are: one message per subject is kept.
pub(crate) const GROUPS: &str = "freehold-groups";

/// A stream's name holds no dots; a topic's holds no `~`.
pub(crate) fn stream(topic: &Topic) -> String {
    format!("freehold~{}", topic.as_str().replace('.', "~"))
}

/// The topic of a stream, if it is one of ours.
pub(crate) fn topic(stream: &str) -> Option<Topic> {
    Topic::new(&stream.strip_prefix("freehold~")?.replace('~', ".")).ok()
}

/// Where a partition's messages go.
pub(crate) fn subject(topic: &Topic, partition: Partition) -> String {
    format!("freehold.{topic}.{}", partition.number())
}

/// The subjects of all partitions.
pub(crate) fn subjects(topic: &Topic) -> String {
    format!("freehold.{topic}.*")
}

/// Where a group says how far it is. The group begins with its service, so that a service's rights
/// end with its own groups.
pub(crate) fn group_subject(group: &str, topic: &Topic, partition: Partition) -> String {
    let stream = stream(topic);
    format!("{GROUPS}.{group}.{stream}.{}", partition.number())
}

/// Where answers for a service come to.
pub(crate) fn inbox(service: &str) -> String {
    format!("_INBOX_{service}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_come_back_from_their_streams() {
        for name in ["a", "order.confirmed.v2", "a-b_c.d"] {
            let topic = Topic::new(name).expect("a topic");
            assert_eq!(self::topic(&stream(&topic)), Some(topic));
        }
        assert_eq!(topic("ORDERS"), None);
    }
}
