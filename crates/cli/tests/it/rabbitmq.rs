//! The same way as in `events`, with a RabbitMQ of others between the services, which is told its
//! users and killed in between.

use std::fs;

use freehold_testkit::RabbitServer;

use crate::events::{Sidecars, freehold, publish, shop, wait_for};

#[test]
fn a_rabbitmq_of_others_is_told_its_users_and_carries_events() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let Some(server) = runtime.block_on(RabbitServer::start()) else {
        return;
    };
    let shop = shop();
    let folder = shop.path();
    let path = folder.join("freehold.yaml");
    let text = fs::read_to_string(&path).expect("read");
    let broker = "broker: { kind: rabbitmq, url: \"env:RABBITMQ_URL\" }\n";
    fs::write(&path, text + broker).expect("written");
    let apply = freehold(folder, &["apply"])
        .output()
        .expect("the binary runs");
    assert!(apply.status.success(), "{apply:?}");
    let admin = server.admin();
    let (name, password) = (&admin.name, admin.secret.expose());
    let run = |address: String| {
        let url = address.replace("://", &format!("://{name}:{password}@"));
        let mut command = freehold(folder, &["run"]);
        command.env("RABBITMQ_URL", &url);
        command
    };
    let refused = run(server.address()).output().expect("the binary runs");
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("FH3922") && !said.contains(password),
        "{said}"
    );
    let kept = folder.join(".freehold/rabbitmq");
    let definitions = fs::read_to_string(kept.join("definitions.json")).expect("definitions");
    let secret = fs::read_to_string(kept.join("orders.password")).expect("a password");
    assert!(!definitions.contains(&secret), "hashes only");
    runtime.block_on(server.import(&definitions));
    let running = Sidecars(run(server.address()).spawn().expect("it starts"));
    publish(folder, 5, 1);
    wait_for(folder, 5, 1);
    runtime.block_on(server.kill_and_restart());
    publish(folder, 5, 2);
    wait_for(folder, 5, 2);
    drop(running);
    publish(folder, 6, 1);
    let mut encrypted = run(server.encrypted_address());
    let distrusted = encrypted.output().expect("the binary runs");
    let said = String::from_utf8_lossy(&distrusted.stderr).into_owned();
    assert!(said.contains("certificate"), "{said}");
    encrypted.env("SSL_CERT_FILE", server.authority());
    let _again = Sidecars(encrypted.spawn().expect("it starts"));
    wait_for(folder, 6, 1);
}
