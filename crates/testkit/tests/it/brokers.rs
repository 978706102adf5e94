//! The brokers' conformance suite over every broker.

mod embedded;
mod kafka;
mod nats;
mod rabbitmq;

use freehold_testkit::broker_conformance as suite;

/// Each promise over a ground.
macro_rules! promises {
    ($ground:expr; $($promise:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(ground) = $ground.await {
                    suite::$promise(&ground).await;
                }
            }
        )*
    };
}
pub(crate) use promises;
