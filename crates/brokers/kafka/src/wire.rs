//! Which version of each request is asked, and small words of the protocol. Pure.
//!
//! One version of each, which 3.5 and 4.x understand: what is asked is what was tested.

use freehold_broker::Topic;
use kafka_protocol::messages::{ApiKey, GroupId, TopicName};
use kafka_protocol::protocol::StrBytes;

pub(crate) mod version {
    pub(crate) const API_VERSIONS: i16 = 3;
    pub(crate) const SASL_HANDSHAKE: i16 = 1;
    pub(crate) const SASL_AUTHENTICATE: i16 = 2;
    pub(crate) const METADATA: i16 = 12;
    pub(crate) const PRODUCE: i16 = 9;
    pub(crate) const FETCH: i16 = 12;
    pub(crate) const LIST_OFFSETS: i16 = 7;
    pub(crate) const FIND_COORDINATOR: i16 = 4;
    pub(crate) const OFFSET_COMMIT: i16 = 8;
    pub(crate) const OFFSET_FETCH: i16 = 8;
    pub(crate) const CREATE_TOPICS: i16 = 7;
    pub(crate) const DELETE_TOPICS: i16 = 6;
    pub(crate) const DESCRIBE_CONFIGS: i16 = 4;
    pub(crate) const ALTER_CONFIGS: i16 = 1;
    pub(crate) const ALTER_SCRAM: i16 = 0;
    pub(crate) const DESCRIBE_SCRAM: i16 = 0;
    pub(crate) const CREATE_ACLS: i16 = 3;
    pub(crate) const DELETE_ACLS: i16 = 3;
    pub(crate) const DESCRIBE_ACLS: i16 = 3;
    pub(crate) const LOG_DIRS: i16 = 4;
}

/// What a service asks, besides how it enters.
pub(crate) const ASKED: &[(i16, i16)] = &[
    (ApiKey::SaslHandshake as i16, version::SASL_HANDSHAKE),
    (ApiKey::SaslAuthenticate as i16, version::SASL_AUTHENTICATE),
    (ApiKey::Metadata as i16, version::METADATA),
    (ApiKey::Produce as i16, version::PRODUCE),
    (ApiKey::Fetch as i16, version::FETCH),
    (ApiKey::ListOffsets as i16, version::LIST_OFFSETS),
    (ApiKey::FindCoordinator as i16, version::FIND_COORDINATOR),
    (ApiKey::OffsetCommit as i16, version::OFFSET_COMMIT),
    (ApiKey::OffsetFetch as i16, version::OFFSET_FETCH),
    (
        ApiKey::AlterUserScramCredentials as i16,
        version::ALTER_SCRAM,
    ),
];

/// Topics of freehold begin with this: there may be others.
const OURS: &str = "freehold.";

pub(crate) fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}

pub(crate) fn name(topic: &Topic) -> TopicName {
    TopicName(text(format!("{OURS}{topic}")))
}

/// The reverse; `None`: it is none of ours.
pub(crate) fn topic(name: &str) -> Option<Topic> {
    Topic::new(name.strip_prefix(OURS)?).ok()
}

pub(crate) fn group(group: &str) -> GroupId {
    GroupId(text(group))
}
