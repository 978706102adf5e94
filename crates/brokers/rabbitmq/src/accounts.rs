//! What a service may do, as definitions for `rabbitmqctl import_definitions`. Pure, but for the
//! salt.
//!
//! Rights are regular expressions over streams' names. Who writes a topic may read it, too: that is
//! how it learns where the topic ends. How far a service's groups are stands in a stream of its own,
//! since the server asks for the right to write where a place is remembered.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_broker::{AccountWant, Secret, Topic, TopicWant, Verifier};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::names;

/// The server's stored form of a password: four bytes of salt and the SHA-256 of salt and password,
/// in base64.
pub(crate) fn verifier(secret: &Secret, salt: [u8; 4]) -> Verifier {
    let hash = Sha256::new()
        .chain_update(salt)
        .chain_update(secret.expose());
    Verifier::new(STANDARD.encode([&salt[..], &hash.finalize()].concat()))
}

/// A user and its rights.
pub(crate) fn definitions(want: &AccountWant, verifier: &Verifier, vhost: &str) -> String {
    let groups = names::quote(&names::groups(&want.service));
    let reads: Vec<Topic> = want.reads.iter().chain(&want.writes).cloned().collect();
    let definitions = json!({
        "users": [{
            "name": want.service,
            "password_hash": verifier.expose(),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": "",
            "limits": {},
        }],
        "permissions": [{
            "user": want.service,
            "vhost": vhost,
            "configure": "^$",
            "write": either(&groups, &want.writes),
            "read": either(&groups, &reads),
        }],
    });
    definitions.to_string()
}

fn either(groups: &str, topics: &[Topic]) -> String {
    if topics.is_empty() {
        return format!("^{groups}$");
    }
    format!("^({groups}|{})$", names::pattern(topics))
}

/// How to remove a user, and what is remembered of its groups: definitions only add.
pub(crate) fn removed(service: &str) -> String {
    format!("rabbitmqctl delete_user {service}")
}

/// Another retention than the streams were made with.
pub(crate) fn policy(want: &TopicWant, vhost: &str) -> String {
    let mut bounds = serde_json::Map::new();
    if let Some(bytes) = want.keep_bytes {
        let each = bytes / u64::from(want.partitions.count());
        bounds.insert("max-length-bytes".to_owned(), each.max(1).into());
    }
    if let Some(age) = want.keep_for {
        let seconds = format!("{}s", age.as_secs().max(1));
        bounds.insert("max-age".to_owned(), seconds.into());
    }
    let topics = std::slice::from_ref(&want.topic);
    let definitions = json!({
        "policies": [{
            "name": format!("freehold.{}", want.topic),
            "vhost": vhost,
            "pattern": format!("^{}$", names::pattern(topics)),
            "apply-to": "queues",
            "priority": 0,
            "definition": bounds,
        }],
    });
    definitions.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_is_the_servers() {
        // The example of RabbitMQ's documentation of password hashing.
        let verifier = verifier(&Secret::new("test12"), [0x90, 0x8d, 0xc6, 0x0a]);
        assert_eq!(
            verifier.expose(),
            "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
        );
    }

    #[test]
    fn a_reader_may_write_nothing_but_where_its_groups_are() {
        let topic = Topic::new("order.placed.v1").expect("a topic");
        let want = AccountWant {
            service: "guest".to_owned(),
            verifier: None,
            writes: Vec::new(),
            reads: vec![topic],
        };
        let text = definitions(&want, &Verifier::new("hash"), "/");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let rights = &json["permissions"][0];
        assert_eq!(rights["write"], r"^freehold-groups\.guest$");
        assert_eq!(
            rights["read"],
            r"^(freehold-groups\.guest|freehold\.(order\.placed\.v1)\.[0-9]+-of-[0-9]+)$"
        );
        assert_eq!(json["users"][0]["password_hash"], "hash");
    }
}
