//! RabbitMQ, with users and rights imported as `apply` writes them down. One server bears all
//! promises, one after another: it takes seconds to start.

use freehold_broker::{BoxFuture, Broker, Change, Login};
use freehold_rabbitmq::RabbitMq;
use freehold_testkit::broker_conformance::Ground;
use freehold_testkit::{Must as _, RabbitServer};

use super::suite;

struct RabbitGround(RabbitServer);

impl Ground for RabbitGround {
    fn broker(&self) -> &dyn Broker {
        &RabbitMq
    }

    fn address(&self) -> String {
        self.0.address()
    }

    fn admin(&self) -> Login {
        self.0.admin()
    }

    fn by_hand(&self, change: &Change) -> BoxFuture<'_, ()> {
        let Change::ByHand(text) = change.clone() else {
            panic!("RabbitMQ makes no accounts: {change:?}");
        };
        Box::pin(async move {
            if let Some(command) = text.strip_prefix("rabbitmqctl ") {
                self.0.control(&command.split(' ').collect::<Vec<_>>());
            } else {
                self.0.import(&text).await;
            }
        })
    }

    fn kill_and_restart(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.kill_and_restart())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promise() {
    let Some(server) = RabbitServer::start().await else {
        return;
    };
    let ground = RabbitGround(server);
    suite::order_and_durability(&ground).await;
    suite::sent_again(&ground).await;
    nothing_stands_twice(&ground).await;
    suite::seek(&ground).await;
    suite::retention(&ground).await;
    suite::permissions(&ground).await;
    suite::oversize(&ground).await;
    suite::topics_settle_separately(&ground).await;
    suite::administration(&ground).await;
    suite::waiting(&ground).await;
    suite::backwards_alone(&ground).await;
}

/// After [`suite::sent_again`]: that no other session published, so what it sent again was left out.
async fn nothing_stands_twice(ground: &RabbitGround) {
    let (address, login) = (ground.address(), ground.admin());
    let admin = RabbitMq.administer(&address, &login).await.must("entered");
    let live = admin.topics().await.must("topics");
    let mut live = live.iter();
    let live = live.find(|live| live.want.topic.as_str() == "order.paid.v1");
    assert_eq!(live.must("made there").messages, 120);
}
