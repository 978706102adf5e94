//! Kafka, in `./x prove kafka`. One server bears all promises, one after another: it takes seconds to
//! start.

use freehold_broker::{BoxFuture, Broker, Change, Login};
use freehold_kafka::Kafka;
use freehold_testkit::broker_conformance::Ground;
use freehold_testkit::{KafkaServer, Must as _};

use super::suite;

struct KafkaGround(KafkaServer);

impl Ground for KafkaGround {
    fn broker(&self) -> &dyn Broker {
        &Kafka
    }

    fn address(&self) -> String {
        self.0.address()
    }

    fn admin(&self) -> Login {
        self.0.admin()
    }

    fn by_hand(&self, change: &Change) -> BoxFuture<'_, ()> {
        assert!(!matches!(change, Change::ByHand(_)), "{change:?}");
        Box::pin(async {})
    }

    fn kill_and_restart(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.kill_and_restart())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promise() {
    let Some(server) = KafkaServer::start().await else {
        return;
    };
    let ground = KafkaGround(server);
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
async fn nothing_stands_twice(ground: &KafkaGround) {
    let (address, login) = (ground.address(), ground.admin());
    let admin = Kafka.administer(&address, &login).await.must("entered");
    let live = admin.topics().await.must("topics");
    let mut live = live.iter();
    let live = live.find(|live| live.want.topic.as_str() == "order.paid.v1");
    assert_eq!(live.must("made there").messages, 120);
}
