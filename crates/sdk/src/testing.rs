//! For a service's own tests, without a sidecar or a broker: what was published, and a copy as the
//! sidecar would have filled it. One module per driver, each behind a feature of the driver's name.
//!
//! Never against a store that freehold looks after: there the outbox is not the program's to read,
//! and a copy not its to write.

use crate::{Event, Fact};

#[cfg(feature = "rusqlite")]
pub mod rusqlite;
#[cfg(feature = "tokio-postgres")]
pub mod tokio_postgres;

/// Which columns of a copy an event fills, as `copies:` of the description says it.
#[derive(Debug, Clone, Copy)]
pub struct CopyTable<'a> {
    /// The table.
    pub table: &'a str,
    /// (column, field) of the key.
    pub key: &'a [(&'a str, &'a str)],
    /// (column, field) of the rest; `a.b` goes down into objects.
    pub columns: &'a [(&'a str, &'a str)],
    /// The column among them by which the newer of two rows is known.
    pub version: &'a str,
}

impl CopyTable<'_> {
    /// What happens to a row that is there.
    #[cfg(any(feature = "rusqlite", feature = "tokio-postgres"))]
    fn conflict(&self) -> String {
        let set = self.columns.iter().map(|(column, _)| {
            let column = quoted(column);
            format!("{column} = excluded.{column}")
        });
        let (set, version) = (set.collect::<Vec<_>>().join(", "), quoted(self.version));
        let key = names(self.key);
        format!("ON CONFLICT ({key}) DO UPDATE SET {set} WHERE t.{version} < excluded.{version}")
    }
}

#[cfg(any(feature = "rusqlite", feature = "tokio-postgres"))]
fn names(columns: &[(&str, &str)]) -> String {
    let quoted = columns.iter().map(|(column, _)| quoted(column));
    quoted.collect::<Vec<_>>().join(", ")
}

#[cfg(any(feature = "rusqlite", feature = "tokio-postgres"))]
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The fact is among these, once, under its own topic and key.
///
/// # Panics
/// When it is not; the message names what there is of its topic.
#[track_caller]
pub fn assert_published<F: Fact>(events: &[Event], fact: &F) {
    if let Some(why) = amiss(events, fact) {
        panic!("{why}");
    }
}

/// Why the fact is not among these once.
fn amiss<F: Fact>(events: &[Event], fact: &F) -> Option<String> {
    let wanted = match Event::of(fact) {
        Ok(wanted) => wanted,
        Err(error) => return Some(error.to_string()),
    };
    let json = |event: &Event| -> Option<serde_json::Value> {
        serde_json::from_str(event.payload()?).ok()
    };
    let same = |event: &&Event| {
        event.topic() == F::TOPIC && event.key() == wanted.key() && json(event) == json(&wanted)
    };
    let found = events.iter().filter(same).count();
    let others: Vec<String> = events
        .iter()
        .filter(|event| event.topic() == F::TOPIC)
        .map(|event| format!("{}: {}", event.key(), event.payload().unwrap_or("gone")))
        .collect();
    (found != 1).then(|| {
        format!(
            "{} of {} was published {found} times, wanted once: {}\nof this topic there is:\n{}",
            F::TOPIC,
            wanted.key(),
            wanted.payload().unwrap_or("gone"),
            others.join("\n")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize)]
    struct Renamed(u8);

    impl Fact for Renamed {
        const TOPIC: &'static str = "a.v1";
        fn key(&self) -> String {
            self.0.to_string()
        }
    }

    fn events() -> Vec<Event> {
        let of = |fact| Event::of(&Renamed(fact)).expect("an event");
        vec![of(1), of(2), of(2), Event::gone("a.v1", "3").expect("gone")]
    }

    #[test]
    fn once_is_neither_never_nor_twice() {
        assert_published(&events(), &Renamed(1));
        let said = |fact| amiss(&events(), &Renamed(fact)).unwrap_or_default();
        assert!(said(2).contains("published 2 times"), "{}", said(2));
        let gone = said(3);
        assert!(
            gone.contains("published 0 times") && gone.contains("3: gone"),
            "{gone}"
        );
    }
}
