//! What a service may do, as a user of the server's configuration. Pure, but for making keys.
//!
//! Allowed by name; everything else is denied. Answers come to an inbox of the service's own, so
//! nobody reads along. Readers make consumers without a name of their own and nobody else's, and
//! say how far they are below a subject that begins with their service.
//!
//! Weaker than the embedded broker: who may make a consumer may have the server deliver what it may
//! read to any subject, another topic's too. It stays what it is (its source and type give it away,
//! and consumers take it for poison); only accounts of their own per service would prevent it.

use std::fmt::Write as _;

use freehold_broker::{AccountWant, Error, ErrorKind, Result, Secret, Topic, Verifier};
use nkeys::KeyPair;

use crate::names;

/// A new NKey seed.
pub(crate) fn generate() -> Secret {
    // It fails for kinds of keys that have no seed; a user's has.
    Secret::new(KeyPair::new_user().seed().unwrap_or_default())
}

/// The public key.
pub(crate) fn verifier(secret: &Secret) -> Result<Verifier> {
    let odd = |_| Error::new(ErrorKind::Invalid, "the secret is not an NKey seed");
    let pair = KeyPair::from_seed(secret.expose()).map_err(odd)?;
    Ok(Verifier::new(pair.public_key()))
}

/// The entry for `authorization { users: [ … ] }`, one line after a line that names the service.
pub(crate) fn entry(want: &AccountWant, verifier: &Verifier) -> String {
    let mut publish = Vec::new();
    for topic in &want.writes {
        publish.push(names::subjects(topic));
        publish.extend(see(topic));
    }
    for topic in &want.reads {
        let (stream, subjects) = (names::stream(topic), names::subjects(topic));
        publish.extend(see(topic));
        publish.push(format!("$JS.API.CONSUMER.CREATE.{stream}"));
        publish.push(format!("$JS.API.CONSUMER.CREATE.{stream}.*.{subjects}"));
        for verb in ["INFO", "DELETE", "MSG.NEXT"] {
            publish.push(format!("$JS.API.CONSUMER.{verb}.{stream}.*"));
        }
    }
    if !want.reads.is_empty() {
        let groups = names::GROUPS;
        publish.push(format!("{groups}.{}.>", want.service));
        publish.push(format!(
            "$JS.API.DIRECT.GET.{groups}.{groups}.{}.>",
            want.service
        ));
    }
    publish.sort();
    publish.dedup();
    let quoted: Vec<String> = publish.iter().map(|one| format!("\"{one}\"")).collect();
    let mut text = format!("# freehold: {}\n", want.service);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{{ nkey: {}, permissions: {{ publish: {{ allow: [{}] }}, subscribe: {{ allow: [\"{}.>\"] }} }} }}",
        verifier.expose(),
        quoted.join(", "),
        names::inbox(&want.service),
    );
    text
}

/// How long it is and what is where.
fn see(topic: &Topic) -> [String; 2] {
    let stream = names::stream(topic);
    [
        format!("$JS.API.STREAM.INFO.{stream}"),
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
    ]
}

/// What to do when a service is gone.
pub(crate) fn removed(service: &str) -> String {
    format!("# freehold: {service}\n# remove this user")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_may_not_write() {
        let secret = generate();
        let verifier = verifier(&secret).expect("its public key");
        let topic = Topic::new("order.placed.v1").expect("a topic");
        let want = AccountWant {
            service: "guest".to_owned(),
            verifier: None,
            writes: Vec::new(),
            reads: vec![topic],
        };
        let text = entry(&want, &verifier);
        assert!(!text.contains("\"freehold.order.placed.v1.*\""), "{text}");
        assert!(text.contains("allow: [\"_INBOX_guest.>\"]"), "{text}");
        assert!(!text.contains(secret.expose()) && text.contains(verifier.expose()));
    }
}
