//! NATS JetStream as a broker: one stream per topic, a subject per partition.
//!
//! `names.rs` says what things are called there, `connect.rs` opens and watches a connection,
//! `session.rs` publishes, `seek.rs` finds places by position, `subscription.rs` reads, `admin.rs`
//! makes streams, `accounts.rs` writes down what a service may do. Accounts are users with NKeys in
//! the server's configuration: NATS has no call to make them.

#![warn(missing_docs)]

mod accounts;
mod admin;
mod connect;
mod errors;
mod names;
mod seek;
mod session;
mod subscription;

use freehold_broker::{
    Admin, BoxFuture, Broker, BrokerInfo, Login, Result, Secret, Session, Verifier,
};

/// NATS JetStream, 2.9 or later. Address: `nats://host:4222`, `tls://host:4222`.
///
/// A service logs in with an NKey seed. An administrator with a seed too, or with user (the
/// login's name) and password.
#[derive(Debug, Clone, Copy)]
pub struct Nats;

const INFO: BrokerInfo = BrokerInfo {
    name: "nats",
    makes_accounts: false,
    changes_retention: true,
    refuses_backwards: true,
};

impl Broker for Nats {
    fn info(&self) -> &BrokerInfo {
        &INFO
    }

    fn connect<'a>(
        &'a self,
        address: &'a str,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Session>>> {
        Box::pin(async move {
            let link = connect::connect(address, login).await?;
            let session = session::NatsSession::new(link, login.name.as_str().into());
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }

    fn administer<'a>(
        &'a self,
        address: &'a str,
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Admin>>> {
        Box::pin(async move {
            let link = connect::connect(address, login).await?;
            Ok(Box::new(admin::NatsAdmin::new(link)) as Box<dyn Admin>)
        })
    }

    fn verifier(&self, secret: &Secret) -> Result<Verifier> {
        accounts::verifier(secret)
    }

    fn generate(&self) -> Secret {
        accounts::generate()
    }
}
