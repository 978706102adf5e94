//! Logins and rights: a SCRAM credential and an access control list per service.
//!
//! A service writes and reads its topics, reads those it consumes, and keeps places of groups that
//! begin with its name. Who writes a topic may read it, too: that is how it learns where it ends.

use std::collections::BTreeSet;

use freehold_broker::{AccountWant, Change, Error, ErrorKind, Result};
use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest,
    DescribeUserScramCredentialsRequest,
};

use crate::admin::{KafkaAdmin, told};
use crate::errors::{answer, checked, code};
use crate::patience::Patience;
use crate::scram::Stored;
use crate::wire::{self, version};

const SHA_512: i8 = 2;
const ALLOW: i8 = 3;
const ANY: i8 = 1;

/// A right, as the protocol numbers it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    resource: i8,
    name: String,
    pattern: i8,
    operation: i8,
}

const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const READ: i8 = 3;
const WRITE: i8 = 4;

fn rights(want: &AccountWant) -> BTreeSet<Right> {
    let right = |resource, name: String, pattern, operation| Right {
        resource,
        name,
        pattern,
        operation,
    };
    let mut rights = BTreeSet::from([
        right(GROUP, want.service.clone(), LITERAL, READ),
        right(GROUP, format!("{}.", want.service), PREFIXED, READ),
    ]);
    for topic in &want.writes {
        rights.insert(right(TOPIC, wire::name(topic).to_string(), LITERAL, WRITE));
    }
    for topic in want.writes.iter().chain(&want.reads) {
        rights.insert(right(TOPIC, wire::name(topic).to_string(), LITERAL, READ));
    }
    rights
}

fn principal(service: &str) -> String {
    format!("User:{service}")
}

impl KafkaAdmin {
    pub(crate) async fn account(&self, want: &AccountWant) -> Result<Change> {
        let made = self.credential(&want.service).await?.is_none();
        // The login comes before its rights: who sees the rights sees the login.
        if let Some(verifier) = &want.verifier {
            self.let_in(&want.service, &Stored::read(verifier)?).await?;
        }
        let (live, wanted) = (self.rights(&want.service).await?, rights(want));
        self.take(&want.service, live.difference(&wanted)).await?;
        self.give(&want.service, wanted.difference(&live)).await?;
        let patience = Patience::new();
        while self.rights(&want.service).await? != wanted {
            patience.moment("what the service may do").await?;
        }
        Ok(if made {
            Change::Made
        } else if want.verifier.is_some() || live != wanted {
            Change::Changed
        } else {
            Change::None
        })
    }

    pub(crate) async fn dismiss(&self, service: &str) -> Result<Change> {
        let live = self.rights(service).await?;
        self.take(service, live.iter()).await?;
        let known = self.credential(service).await?.is_some();
        if known {
            let gone = ScramCredentialDeletion::default()
                .with_name(wire::text(service))
                .with_mechanism(SHA_512);
            let question = AlterUserScramCredentialsRequest::default().with_deletions(vec![gone]);
            self.change_logins(&question).await?;
        }
        let patience = Patience::new();
        while !self.rights(service).await?.is_empty() || self.credential(service).await?.is_some() {
            patience.moment("that the service is gone").await?;
        }
        Ok(if known || !live.is_empty() {
            Change::Removed
        } else {
            Change::None
        })
    }

    /// Everybody who has a credential.
    pub(crate) async fn names(&self) -> Result<Vec<String>> {
        let question = DescribeUserScramCredentialsRequest::default().with_users(None);
        let answered = self
            .cluster
            .front()
            .ask(version::DESCRIBE_SCRAM, &question)
            .await?;
        checked(answered.error_code, "ask for accounts")?;
        let mut names: Vec<_> = answered
            .results
            .iter()
            .map(|one| one.user.to_string())
            .collect();
        names.sort();
        Ok(names)
    }

    /// How many iterations somebody's password takes; `None`: there is no such login.
    async fn credential(&self, service: &str) -> Result<Option<u32>> {
        let user = UserName::default().with_name(wire::text(service));
        let question = DescribeUserScramCredentialsRequest::default().with_users(Some(vec![user]));
        let answered = self
            .cluster
            .front()
            .ask(version::DESCRIBE_SCRAM, &question)
            .await?;
        checked(answered.error_code, "ask for an account")?;
        let Some(found) = answered.results.first() else {
            return Ok(None);
        };
        if found.error_code == code::NO_CREDENTIAL {
            return Ok(None);
        }
        checked(found.error_code, service)?;
        let mut known = found.credential_infos.iter();
        let known = known.find(|one| one.mechanism == SHA_512);
        Ok(known.and_then(|one| u32::try_from(one.iterations).ok()))
    }

    async fn let_in(&self, service: &str, stored: &Stored) -> Result<()> {
        let credential = ScramCredentialUpsertion::default()
            .with_name(wire::text(service))
            .with_mechanism(SHA_512)
            .with_iterations(i32::try_from(stored.iterations).unwrap_or(i32::MAX))
            .with_salt(stored.salt.clone().into())
            .with_salted_password(stored.salted.clone().into());
        let question =
            AlterUserScramCredentialsRequest::default().with_upsertions(vec![credential]);
        self.change_logins(&question).await?;
        let patience = Patience::new();
        while self.credential(service).await? != Some(stored.iterations) {
            patience.moment("the service's login").await?;
        }
        Ok(())
    }

    async fn change_logins(&self, question: &AlterUserScramCredentialsRequest) -> Result<()> {
        let answered = self
            .cluster
            .front()
            .ask(version::ALTER_SCRAM, question)
            .await?;
        for one in answered.results {
            let about = format!(
                "the login {}: {}",
                one.user,
                told(one.error_message.as_deref())
            );
            checked(one.error_code, &about)?;
        }
        Ok(())
    }

    async fn rights(&self, service: &str) -> Result<BTreeSet<Right>> {
        let question = DescribeAclsRequest::default()
            .with_resource_type_filter(ANY)
            .with_resource_name_filter(None)
            .with_pattern_type_filter(ANY)
            .with_host_filter(None)
            .with_principal_filter(Some(wire::text(principal(service))))
            .with_operation(ANY)
            .with_permission_type(ANY);
        let answered = self
            .cluster
            .front()
            .ask(version::DESCRIBE_ACLS, &question)
            .await?;
        if answered.error_code == 54 {
            let what = "the cluster has no authorizer: everybody may do everything there";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        checked(answered.error_code, "ask for rights")?;
        let rights = answered.resources.into_iter().flat_map(|resource| {
            let name = resource.resource_name.to_string();
            resource.acls.into_iter().map(move |one| Right {
                resource: resource.resource_type,
                name: name.clone(),
                pattern: resource.pattern_type,
                operation: one.operation,
            })
        });
        Ok(rights.collect())
    }

    async fn give(&self, service: &str, rights: impl Iterator<Item = &Right>) -> Result<()> {
        let new = rights.map(|right| {
            AclCreation::default()
                .with_resource_type(right.resource)
                .with_resource_name(wire::text(right.name.clone()))
                .with_resource_pattern_type(right.pattern)
                .with_principal(wire::text(principal(service)))
                .with_host(wire::text("*"))
                .with_operation(right.operation)
                .with_permission_type(ALLOW)
        });
        let new: Vec<_> = new.collect();
        if new.is_empty() {
            return Ok(());
        }
        let question = CreateAclsRequest::default().with_creations(new);
        let answered = self
            .cluster
            .front()
            .ask(version::CREATE_ACLS, &question)
            .await?;
        for one in answered.results {
            checked(one.error_code, &format!("give rights to {service}"))?;
        }
        Ok(())
    }

    async fn take(&self, service: &str, rights: impl Iterator<Item = &Right>) -> Result<()> {
        let gone = rights.map(|right| {
            DeleteAclsFilter::default()
                .with_resource_type_filter(right.resource)
                .with_resource_name_filter(Some(wire::text(right.name.clone())))
                .with_pattern_type_filter(right.pattern)
                .with_host_filter(None)
                .with_principal_filter(Some(wire::text(principal(service))))
                .with_operation(right.operation)
                .with_permission_type(ANY)
        });
        let gone: Vec<_> = gone.collect();
        if gone.is_empty() {
            return Ok(());
        }
        let question = DeleteAclsRequest::default().with_filters(gone);
        let answered = self
            .cluster
            .front()
            .ask(version::DELETE_ACLS, &question)
            .await?;
        for one in answered.filter_results {
            if one.error_code != code::OK {
                return Err(answer(
                    one.error_code,
                    &format!("take rights from {service}"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use freehold_broker::Topic;

    use super::*;

    #[test]
    fn a_reader_may_write_nothing() {
        let topic = |name| Topic::new(name).expect("a topic");
        let want = AccountWant {
            service: "guest".to_owned(),
            verifier: None,
            writes: vec![topic("guest.came.v1")],
            reads: vec![topic("order.placed.v1")],
        };
        let rights = rights(&want);
        let on = |name: &str| -> Vec<i8> {
            let here = rights.iter().filter(|right| right.name == name);
            here.map(|right| right.operation).collect()
        };
        assert_eq!(on("freehold.order.placed.v1"), [READ]);
        assert_eq!(on("freehold.guest.came.v1"), [READ, WRITE]);
        assert_eq!((on("guest"), on("guest.")), (vec![READ], vec![READ]));
        assert_eq!(rights.len(), 5);
    }
}
