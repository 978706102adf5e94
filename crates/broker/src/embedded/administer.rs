//! What an administrator asks for, done. Blocking.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::catalog::Account;
use super::protocol::{Administer, Administered, Answer, LiveTopic};
use super::rules::Sound;
use super::server::{Shared, now_ms};
use crate::Verifier;
use crate::contract::{AccountWant, Change, TopicWant};
use crate::error::{Error, ErrorKind, Result};
use crate::topic::{Compression, Partitions};

pub(crate) fn administer(shared: &Shared, json: &Bytes) -> Result<Answer> {
    let ask: Administer = serde_json::from_slice(json)
        .map_err(|error| Error::new(ErrorKind::Protocol, error.to_string()))?;
    let done = answer(shared, ask)?;
    shared
        .catalog
        .send_replace(Arc::new(shared.store.catalog()));
    let json = serde_json::to_vec(&done)
        .map_err(|error| Error::new(ErrorKind::Unknown, error.to_string()))?;
    Ok(Answer::Administered(json.into()))
}

fn answer(shared: &Shared, ask: Administer) -> Result<Administered> {
    match ask {
        Administer::EnsureTopic {
            topic,
            partitions,
            keep_for_ms,
            keep_bytes,
            compression,
        } => {
            let odd = || Error::new(ErrorKind::Invalid, "a topic has 1 to 64 partitions");
            let want = TopicWant {
                topic,
                partitions: Partitions::new(partitions).ok_or_else(odd)?,
                keep_for: keep_for_ms.map(Duration::from_millis),
                keep_bytes,
                compression: if compression {
                    Compression::On
                } else {
                    Compression::None
                },
            };
            ensure_topic(shared, &want)
        }
        Administer::RemoveTopic { topic } => {
            let change = shared.store.remove_topic::<Sound>(&topic);
            shared.groups.forget(&topic);
            Ok(told(&change.map_err(|error| error.tell())?))
        }
        Administer::Topics => Ok(Administered::Topics(topics(shared))),
        Administer::EnsureAccount {
            service,
            verifier,
            writes,
            reads,
        } => {
            let want = AccountWant {
                service,
                verifier: verifier.map(Verifier::new),
                writes,
                reads,
            };
            ensure_account(shared, &want)
        }
        Administer::RemoveAccount { service } => remove_account(shared, &service),
        Administer::Accounts => {
            let catalog = shared.store.catalog();
            let services = catalog.accounts.into_iter().filter(|(_, one)| !one.admin);
            Ok(Administered::Accounts(
                services.map(|(name, _)| name).collect(),
            ))
        }
    }
}

fn told(change: &Change) -> Administered {
    match change {
        Change::Made => Administered::Made,
        Change::Changed => Administered::Changed,
        Change::Removed => Administered::Removed,
        Change::None | Change::ByHand(_) => Administered::NoChange,
    }
}

fn ensure_topic(shared: &Shared, want: &TopicWant) -> Result<Administered> {
    let change = shared
        .store
        .ensure_topic::<Sound>(want)
        .map_err(|error| error.tell())?;
    let Some(change) = change else {
        let what = format!("{} has another number of partitions", want.topic);
        return Err(Error::new(ErrorKind::Conflict, what));
    };
    if change == Change::Changed {
        let retained = shared.store.retain(now_ms());
        retained.map_err(|error| error.tell())?;
    }
    Ok(told(&change))
}

fn topics(shared: &Shared) -> Vec<LiveTopic> {
    let on_the_wire = |live: crate::contract::TopicLive| LiveTopic {
        topic: live.want.topic,
        partitions: live.want.partitions.count(),
        keep_for_ms: live
            .want
            .keep_for
            .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        keep_bytes: live.want.keep_bytes,
        compression: live.want.compression == Compression::On,
        bytes: live.bytes.unwrap_or_default(),
        messages: live.messages,
    };
    shared.store.topics().into_iter().map(on_the_wire).collect()
}

fn ensure_account(shared: &Shared, want: &AccountWant) -> Result<Administered> {
    let catalog = shared.store.catalog();
    let there = catalog.accounts.get(&want.service);
    if there.is_some_and(|there| there.admin) {
        let what = format!("`{}` is an administrator", want.service.escape_debug());
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    let given = want.verifier.as_ref().map(Verifier::expose);
    let Some(verifier) = given.or(there.map(|there| there.verifier.as_str())) else {
        let what = format!(
            "`{}` is new and needs a secret",
            want.service.escape_debug()
        );
        return Err(Error::new(ErrorKind::Invalid, what));
    };
    let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if verifier.len() != 64 || !verifier.bytes().all(digits) {
        let what = "the verifier is not a SHA-256 in hexadecimal digits";
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    let account = Account::of(want, verifier.to_owned());
    let change = match there {
        Some(there) if *there == account => return Ok(Administered::NoChange),
        Some(_) => Administered::Changed,
        None => Administered::Made,
    };
    save(shared, |accounts| {
        accounts.insert(want.service.clone(), account);
    })?;
    Ok(change)
}

fn remove_account(shared: &Shared, service: &str) -> Result<Administered> {
    let catalog = shared.store.catalog();
    match catalog.accounts.get(service) {
        Some(there) if there.admin => {
            let what = format!("`{}` is an administrator", service.escape_debug());
            Err(Error::new(ErrorKind::Invalid, what))
        }
        Some(_) => {
            save(shared, |accounts| {
                accounts.remove(service);
            })?;
            Ok(Administered::Removed)
        }
        None => Ok(Administered::NoChange),
    }
}

fn save(
    shared: &Shared,
    to: impl FnOnce(&mut std::collections::BTreeMap<String, Account>),
) -> Result<()> {
    let saved = shared
        .store
        .change::<Sound>(|catalog| to(&mut catalog.accounts));
    saved.map(|_| ()).map_err(|error| error.tell())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_strict() {
        let odd = br#"{"remove_topic":{"topic":"a","more":1}}"#;
        assert!(serde_json::from_slice::<Administer>(odd).is_err());
        let bad = br#"{"remove_topic":{"topic":"../a"}}"#;
        assert!(serde_json::from_slice::<Administer>(bad).is_err());
    }
}
