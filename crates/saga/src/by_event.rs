//! Starts and approvals that events bring: read from the broker, inserted like everybody else's.
//!
//! An event is acknowledged after its rows are committed, so it may come twice: the business key
//! starts one saga, and a second approval finds nothing to do. Order among keys is the broker's; of
//! one key it is kept. What an expression cannot be made of is not lost: the saga is started with
//! an input that parks it, and an operator sees why.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use freehold_broker::{Body, Message, Partitions, Session, Start, Topic};
use freehold_engine::{Connection, ErrorKind, SagaSql};
use freehold_model::Fault;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::definition::{Definition, StartBy};
use crate::keep::Connect;
use crate::operate::{self, Asked, Filter};
use crate::template::Template;

/// Messages that are read at once.
const BATCH: usize = 256;
const PAUSE: Duration = Duration::from_secs(1);

/// What a service's sagas wait for.
#[derive(Debug, Clone)]
pub struct Awaited {
    /// Whose sagas they are: its group at the broker begins with its name.
    pub service: String,
    pub definitions: Vec<Definition>,
    pub partitions: Partitions,
}

/// A session with the broker, opened anew after trouble.
pub type Enter = Arc<
    dyn Fn() -> freehold_engine::BoxFuture<'static, freehold_broker::Result<Arc<dyn Session>>>
        + Send
        + Sync,
>;

/// How it stands: `None` when it goes well.
pub type Told = Arc<dyn Fn(Option<Fault>) + Send + Sync>;

/// The events that these definitions wait for.
pub fn events(definitions: &[Definition]) -> BTreeSet<&str> {
    let starts = definitions.iter().filter_map(|it| it.start.as_ref());
    let steps = definitions.iter().flat_map(|it| &it.steps);
    let approvals = steps.filter_map(|step| step.approved_by.as_deref());
    starts
        .map(|it| it.event.as_str())
        .chain(approvals)
        .collect()
}

/// Inserts until `stop` says so, going on after trouble.
pub async fn run(
    connect: Connect,
    enter: Enter,
    awaited: Awaited,
    told: Told,
    stop: watch::Receiver<bool>,
) {
    let mut tasks = tokio::task::JoinSet::new();
    for event in events(&awaited.definitions) {
        let Ok(topic) = Topic::new(event) else {
            continue;
        };
        for partition in awaited.partitions.each() {
            let reader = Reader {
                connect: Arc::clone(&connect),
                enter: Arc::clone(&enter),
                awaited: awaited.clone(),
                topic: topic.clone(),
                partition,
                told: Arc::clone(&told),
            };
            tasks.spawn(reader.keep_reading(stop.clone()));
        }
    }
    while tasks.join_next().await.is_some() {}
}

struct Reader {
    connect: Connect,
    enter: Enter,
    awaited: Awaited,
    topic: Topic,
    partition: freehold_broker::Partition,
    told: Told,
}

impl Reader {
    async fn keep_reading(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let read = tokio::select! {
                read = self.read() => read,
                _ = stop.changed() => return,
            };
            if let Err(fault) = read {
                (self.told)(Some(fault));
            }
            let _ = tokio::time::timeout(PAUSE, stop.changed()).await;
        }
    }

    /// Ends in an error only.
    async fn read(&self) -> Result<(), Fault> {
        let broken = |error: freehold_broker::Error| error.fault();
        let session = (self.enter)().await.map_err(broken)?;
        let (mut connection, sql) = (self.connect)().await.map_err(|error| error.fault())?;
        let group = format!("{}.sagas", self.awaited.service);
        let subscribed =
            session.subscribe(&group, &self.topic, self.partition, Start::Acknowledged);
        let mut subscription = subscribed.await.map_err(broken)?;
        (self.told)(None);
        loop {
            let delivered = subscription.next(BATCH).await.map_err(broken)?;
            let mut last = None;
            for it in delivered {
                last = Some(it.offset);
                match it.message {
                    Ok(message) => self.take(connection.as_mut(), &sql, &message).await?,
                    Err(why) => (self.told)(Some(unusable(&self.topic, &why.to_string()))),
                }
            }
            if let Some(offset) = last {
                subscription.acknowledge(offset).await.map_err(broken)?;
            }
        }
    }

    async fn take(
        &self,
        connection: &mut dyn Connection,
        sql: &SagaSql,
        message: &Message,
    ) -> Result<(), Fault> {
        let payload = match &message.body {
            Body::Event { payload, .. } => payload,
            Body::Void { why, .. } => {
                (self.told)(Some(unusable(&self.topic, why)));
                return Ok(());
            }
            Body::Heartbeat(_) | Body::Incarnation(_) => return Ok(()),
        };
        // An entity that is gone starts nothing and approves nothing.
        let Ok(event @ Value::Object(_)) = serde_json::from_slice(payload) else {
            return Ok(());
        };
        for definition in &self.awaited.definitions {
            if let Some(by) = &definition.start
                && by.event == self.topic.as_str()
            {
                let start = begun(definition, by, &event, &message.key);
                self.start(connection, sql, definition, &start).await?;
            }
            for step in &definition.steps {
                if step.approved_by.as_deref() == Some(self.topic.as_str()) {
                    let approval = (definition.name.as_str(), step.name.as_str());
                    self.approve(connection, sql, approval, message, &event)
                        .await?;
                }
            }
        }
        Ok(())
    }

    async fn start(
        &self,
        connection: &mut dyn Connection,
        sql: &SagaSql,
        definition: &Definition,
        start: &Begun,
    ) -> Result<(), Fault> {
        let name = &definition.name;
        let input = start.input.to_string();
        let started = operate::start(connection, sql, name, &start.key, &input, &start.locks).await;
        match started {
            Ok(_) => Ok(()),
            // Nobody is there to be refused, and waiting would hold up all that come after.
            Err(error) if error.kind == ErrorKind::Unique => {
                connection.rollback().await.map_err(|error| error.fault())?;
                let message = format!(
                    "{name} {}: an event starts it, and another saga holds one of its locks",
                    start.key
                );
                (self.told)(Some(Fault::new("FH4123", message).help(
                    "write `locks: { on_conflict: wait }`, and start this one by hand: freehold saga start",
                )));
                Ok(())
            }
            Err(error) => Err(error.fault()),
        }
    }

    /// The event's key is the saga's business key.
    async fn approve(
        &self,
        connection: &mut dyn Connection,
        sql: &SagaSql,
        (definition, step): (&str, &str),
        message: &Message,
        event: &Value,
    ) -> Result<(), Fault> {
        let filter = Filter {
            definition: Some(definition.to_owned()),
            key: Some(message.key.clone()),
            ended: false,
            most: 1,
        };
        let found = operate::list(connection, sql, &filter).await;
        let found = found.map_err(|error| error.fault())?;
        let Some(saga) = found.first() else {
            return Ok(());
        };
        let asked = Asked {
            saga: saga.id.clone(),
            what: "approve".to_owned(),
            step: Some(step.to_owned()),
            seen: None,
            payload: Some(event.to_string()),
            who: format!("event {}", message.event),
        };
        let put = operate::put(connection, sql, &asked).await;
        put.map_err(|error| error.fault())
    }
}

/// What is inserted of an event.
#[derive(Debug, PartialEq)]
struct Begun {
    key: String,
    input: Value,
    locks: Vec<String>,
}

fn begun(definition: &Definition, by: &StartBy, event: &Value, fallback: &str) -> Begun {
    let names = [("event", event)];
    let text = |template: &Template| match template.evaluate(&names) {
        Ok(Value::String(text)) if !text.is_empty() => Some(text),
        Ok(number @ Value::Number(_)) => Some(number.to_string()),
        _ => None,
    };
    let key = text(&by.key).unwrap_or_else(|| fallback.to_owned());
    let input = by.input.evaluate(&names).unwrap_or_else(|(source, why)| {
        // No input of any contract: the saga parks, and shows this.
        json!({ "of_event": event, "unusable": format!("`{source}` {why}") })
    });
    let locks = {
        let names = [("input", &input)];
        let keys = definition.lock_keys.iter();
        keys.filter_map(|key| match key.evaluate(&names) {
            Ok(Value::String(text)) => Some(text),
            _ => None,
        })
        .collect()
    };
    Begun { key, input, locks }
}

fn unusable(topic: &Topic, why: &str) -> Fault {
    Fault::new(
        "FH4123",
        format!("an event of {topic} starts no saga: {why}"),
    )
    .help("its publisher sent something that is no event: see its relay")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SAGA: &str = "saga: ship
input: { order: text, pieces: int }
locks: { keys: [\"'order-' + input.order\"], on_conflict: wait }
start: { event: order.confirmed.v2, key: event.order.id, input: { order: event.order.id, pieces: 'size(event.order.items)' } }
steps:
  - step: look
    kind: approval
    approved_by: order.checked.v1
  - step: pack
    call: { http: \"POST ${stock}/pack\" }
    undo: { http: \"POST ${stock}/unpack\" }
";

    fn of(event: &Value) -> Begun {
        let definition = crate::read(SAGA, Path::new("ship.yaml")).expect("a saga");
        let definition = definition.definition;
        let by = definition.start.clone().expect("by event");
        begun(&definition, &by, event, "of the message")
    }

    #[test]
    fn an_event_becomes_a_start() {
        let start = of(&json!({ "order": { "id": "o-17", "items": [1, 2] } }));
        assert_eq!(start.key, "o-17");
        assert_eq!(start.input, json!({ "order": "o-17", "pieces": 2 }));
        assert_eq!(start.locks, ["order-o-17"]);
    }

    #[test]
    fn one_that_does_not_fit_starts_a_saga_that_parks_and_says_why() {
        let start = of(&json!({ "order": { "id": "o-17" } }));
        assert_eq!(start.key, "o-17");
        assert!(
            start.input["unusable"]
                .as_str()
                .is_some_and(|it| it.contains("items"))
        );
        assert_eq!(start.input["of_event"]["order"]["id"], "o-17");
        assert_eq!(of(&json!({})).key, "of the message");
    }

    #[test]
    fn events_are_those_of_starts_and_approvals() {
        let definition = crate::read(SAGA, Path::new("ship.yaml")).expect("a saga");
        let all = events(std::slice::from_ref(&definition.definition)).into_iter();
        assert_eq!(
            all.collect::<Vec<_>>(),
            ["order.checked.v1", "order.confirmed.v2"]
        );
    }
}
