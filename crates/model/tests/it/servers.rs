//! Other servers under the same system: `--servers FILE` and `--servers embedded`.

use std::collections::BTreeMap;
use std::path::Path;

use freehold_model::{EngineKind, SecretRef, Server, load_servers};

use crate::{ROOT, SYSTEM, assert_said, loaded, memory};

#[test]
fn a_file_of_servers() {
    let files = memory(&[(
        "other/servers.yaml",
        "servers: { main: { engine: mariadb, url: \"file:url\" } }\n",
    )]);
    let servers =
        load_servers(&Path::new(ROOT).join("other/servers.yaml"), &files).expect("servers");
    assert_eq!(servers["main"].engine, EngineKind::Mariadb);
    assert_eq!(
        servers["main"].url,
        Some(SecretRef::File("/system/other/url".into()))
    );
}

#[test]
fn a_file_of_servers_with_faults() {
    let files = memory(&[
        ("shape.yaml", "system: x\nserver: {}\n"),
        (
            "meaning.yaml",
            "servers: { A: { engine: sqlite, url: \"mysql://u:p@h\" } }\n",
        ),
    ]);
    let said = |name: &str| load_servers(&Path::new(ROOT).join(name), &files).expect_err("faults");
    assert_said(
        &said("shape.yaml"),
        "
        FH1103: /system/shape.yaml:1:1: unknown key `system`
        = known here: servers
        FH1103: /system/shape.yaml:2:1: unknown key `server`
        = did you mean `servers`? It takes a map of names to maps.
        FH1106: /system/shape.yaml:1:1: the key `servers` is missing
        = add `servers`; it takes a map of names to maps
        ",
    );
    assert_said(&said("meaning.yaml"), "
        FH1110: /system/meaning.yaml:1:12: `A` cannot be the name of a server
        = names are lower-case letters, digits and `_`, and begin with a letter
        = write `a`
        FH1301: /system/meaning.yaml:1:38: `url` of server `A` holds a password
        = put the whole URL where only its readers see it, and name the place: `env:NAME` or `file:PATH`
        = it has been written down: change the password
        ");
    assert_said(
        &said("none.yaml"),
        "
        FH1101: there is no file /system/none.yaml
        ",
    );
}

fn server(engine: EngineKind) -> Server {
    Server {
        engine,
        url: None,
        planner_url: None,
        pooled: None,
    }
}

#[test]
fn generated_names_are_fitted_again() {
    let long = "a_service_whose_name_is_rather_long";
    let text =
        format!("service: {long}\nstore: {{ server: main }}\nidentities: {{ backup: given }}\n");
    let system = loaded(&[SYSTEM, ("services/a/service.yaml", &text)], None);
    let before = system.services[long].stores["main"].identities.clone();
    let on_mysql = system
        .with_servers(BTreeMap::from([("main".into(), server(EngineKind::Mysql))]))
        .expect("fits");
    let names = &on_mysql.services[long].stores["main"].identities;
    assert_eq!(names.app.logins[0].len(), 32);
    assert_eq!(names.backup, "given");
    let back = on_mysql
        .with_servers(BTreeMap::from([(
            "main".into(),
            server(EngineKind::Postgres),
        )]))
        .expect("fits");
    assert_eq!(back.services[long].stores["main"].identities, before);
}

#[test]
fn rules_are_checked_again() {
    let files = [
        SYSTEM,
        (
            "services/orders/service.yaml",
            "service: orders\nstore: { server: main, engines: [postgres, sqlite], isolation: schema }\n",
        ),
        (
            "services/other/service.yaml",
            "service: other\nstore: { server: my }\n",
        ),
    ];
    let system = loaded(&files, None);
    let other = BTreeMap::from([("main".into(), server(EngineKind::Mysql))]);
    assert_said(
        &system.clone().with_servers(other).expect_err("faults"),
        "
        FH1116: orders: mysql has no isolation `schema`: a schema is the same as a database there
        = say `isolation: database`
        FH1117: orders: store `main` has migrations for postgres, sqlite, and its server `main` is mysql
        = write migrations for mysql and add it to `engines`, or place the store on another server
        FH1112: other: store `main` is placed on server `my`, which is not described
        = there is main
        ",
    );
    let embedded = system
        .servers
        .keys()
        .map(|key| (key.clone(), server(EngineKind::Sqlite)))
        .collect();
    assert!(system.with_servers(embedded).is_ok());
}
