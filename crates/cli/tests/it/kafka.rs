//! The same way as in `events`, with a Kafka of others between the services, which is killed in
//! between: `./x prove kafka`.

use std::fs;

use freehold_testkit::KafkaServer;

use crate::events::{Sidecars, freehold, publish, shop, wait_for};

#[test]
fn a_kafka_of_others_carries_events() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let Some(server) = runtime.block_on(KafkaServer::start()) else {
        return;
    };
    let shop = shop();
    let folder = shop.path();
    let path = folder.join("freehold.yaml");
    let text = fs::read_to_string(&path).expect("read");
    let broker = "broker: { kind: kafka, url: \"env:KAFKA_URL\" }\n";
    fs::write(&path, text + broker).expect("written");
    let apply = freehold(folder, &["apply"])
        .output()
        .expect("the binary runs");
    assert!(apply.status.success(), "{apply:?}");
    let admin = server.admin();
    let run = |address: String, password: &str| {
        let url = address.replace("://", &format!("://{}:{password}@", admin.name));
        let mut command = freehold(folder, &["run"]);
        command.env("KAFKA_URL", &url);
        command
    };
    let password = admin.secret.expose();
    let refused = run(server.address(), "wrong").output().expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("FH3802"),
        "{said}"
    );
    let running = Sidecars(run(server.address(), password).spawn().expect("it starts"));
    publish(folder, 5, 1);
    wait_for(folder, 5, 1);
    runtime.block_on(server.kill_and_restart());
    publish(folder, 5, 2);
    wait_for(folder, 5, 2);
    drop(running);
    publish(folder, 6, 1);
    let mut encrypted = run(server.encrypted_address(), password);
    let distrusted = encrypted.output().expect("the binary runs");
    let said = String::from_utf8_lossy(&distrusted.stderr).into_owned();
    assert!(said.contains("certificate"), "{said}");
    encrypted.env("SSL_CERT_FILE", server.authority());
    let _again = Sidecars(encrypted.spawn().expect("it starts"));
    wait_for(folder, 6, 1);
}
