//! What things are called at a RabbitMQ server. Pure.

use freehold_broker::{Partition, Partitions, Topic};

/// Where it is written which topics there are: the protocol cannot list streams.
pub(crate) const TOPICS: &str = "freehold-topics";

/// A partition's stream. How many partitions there are is in each name, so that nobody sees a topic
/// that is only half made as one with fewer.
pub(crate) fn stream(topic: &Topic, partition: Partition, partitions: Partitions) -> String {
    let (number, count) = (partition.number(), partitions.count());
    format!("freehold.{topic}.{number}-of-{count}")
}

/// All streams of a topic, the first one last: it is made last and removed last, so that where it
/// is the others are, unless somebody is removing them.
pub(crate) fn streams(topic: &Topic, partitions: Partitions) -> Vec<String> {
    let mut all: Vec<_> = partitions
        .each()
        .map(|partition| stream(topic, partition, partitions))
        .collect();
    all.reverse();
    all
}

/// Where a service's groups say how far they are. Only it may write there.
pub(crate) fn groups(service: &str) -> String {
    format!("freehold-groups.{service}")
}

/// What a group's place in a partition is called there.
pub(crate) fn place(group: &str, topic: &Topic, partition: Partition) -> String {
    format!("{group}/{topic}/{}", partition.number())
}

/// The streams of these topics, as a regular expression over whole names.
pub(crate) fn pattern(topics: &[Topic]) -> String {
    let quoted = topics.iter().map(|topic| quote(topic.as_str()));
    let mut quoted: Vec<String> = quoted.collect();
    quoted.sort();
    quoted.dedup();
    format!("freehold\\.({})\\.[0-9]+-of-[0-9]+", quoted.join("|"))
}

/// Dots are the only characters of topics' and services' names that mean something in a pattern.
pub(crate) fn quote(name: &str) -> String {
    name.replace('.', "\\.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_how_many_there_are() {
        let topic = Topic::new("order.placed.v1").expect("a topic");
        let two = Partitions::new(2).expect("two");
        let expected = [
            "freehold.order.placed.v1.1-of-2",
            "freehold.order.placed.v1.0-of-2",
        ];
        assert_eq!(streams(&topic, two), expected);
        assert_eq!(
            pattern(&[topic]),
            r"freehold\.(order\.placed\.v1)\.[0-9]+-of-[0-9]+"
        );
    }
}
