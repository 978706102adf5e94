//! Environments: merged over the description, with places in the file that says it.

use std::path::Path;

use freehold_model::{Deliver, EngineKind, SecretRef, load};

use crate::{ORDERS, ROOT, SYSTEM, check_in, loaded, memory};

#[test]
fn maps_merge_lists_replace_null_deletes() {
    let files = [
        (
            "freehold.yaml",
            "system: shop\nservers:\n  main: { engine: postgres, url: \"env:PG\", pooled: \"env:POOL\" }\nservices: [services/*]\naccess: [{ who: a, rights: read, reason: r }, { who: b, rights: read, reason: r }]\n",
        ),
        (
            "services/orders/service.yaml",
            "service: orders\nteam: t\nstore: { server: main, tls: optional }\nextensions: [a, b]\n",
        ),
        (
            "environments/prod.yaml",
            "protect: true\nservers:\n  main: { url: \"file:secrets/pg\", pooled: null }\n  other: { engine: mariadb, url: prompt, pooled: null }\naccess: [{ who: c, rights: admin, reason: r }]\noverride:\n  orders: { team: null, store: { server: other, tls: required }, extensions: [c], credentials: { deliver: \"file:/run/s\" } }\n",
        ),
    ];
    let system = loaded(&files, Some("prod"));
    assert_eq!(system.environment.as_deref(), Some("prod"));
    assert!(system.protect);
    let main = &system.servers["main"];
    assert_eq!(
        main.url,
        Some(SecretRef::File("environments/secrets/pg".into()))
    );
    assert_eq!((main.engine, &main.pooled), (EngineKind::Postgres, &None));
    assert_eq!(system.access.len(), 1);
    let orders = &system.services["orders"];
    assert_eq!(
        (&orders.team, &orders.extensions),
        (&None, &vec!["c".to_owned()])
    );
    assert_eq!(orders.stores["main"].server, "other");
    assert!(orders.stores["main"].require_tls);
    assert_eq!(orders.deliver, Deliver::File("/run/s".into()));

    let plain = loaded(&files, None);
    assert!(!plain.protect);
    assert_eq!(plain.services["orders"].stores["main"].server, "main");
}

#[test]
fn an_environment_may_complete_what_is_missing() {
    let files = [
        (
            "freehold.yaml",
            "system: shop\nservers: { main: { url: prompt } }\n",
        ),
        (
            "services/orders/service.yaml",
            "service: orders\nstore: {}\n",
        ),
        (
            "environments/dev.yaml",
            "servers: { main: { engine: sqlite } }\noverride: { orders: { store: { server: main } } }\n",
        ),
    ];
    assert!(load(Path::new(ROOT), None, &memory(&files)).is_err());
    assert_eq!(
        loaded(&files, Some("dev")).servers["main"].engine,
        EngineKind::Sqlite
    );
}

#[test]
fn what_is_missing_after_merging_is_said() {
    check_in(
        Some("prod"),
        &[
            SYSTEM,
            ORDERS,
            (
                "environments/prod.yaml",
                "servers: { main: { engine: null } }\noverride: { orders: { store: null } }\n",
            ),
        ],
        "
        FH1106: freehold.yaml:3:9: `main` has no `engine`
        = add `engine`; it takes postgres, mysql, mariadb, sqlite, sqlserver, oracle, redis or mongodb
        FH1122: services/orders/service.yaml:1:1: orders: there is no store `main`
        = each service owns a database: add `store: { server: … }`, or `main` below `stores`
        ",
    );
}

#[test]
fn faults_point_into_the_environment() {
    check_in(
        Some("prod"),
        &[
            SYSTEM,
            ORDERS,
            (
                "environments/prod.yaml",
                "system: shop\noverride:\n  orders:\n    store: { server: mian }\n  order: { team: x }\n",
            ),
        ],
        "
        FH1112: environments/prod.yaml:4:22: orders: store `main` is placed on server `mian`, which is not described
        = did you mean `main`?
        FH1120: environments/prod.yaml:5:3: `override` names a service `order`, which is not described
        = did you mean `orders`?
        ",
    );
    check_in(
        Some("prod"),
        &[
            SYSTEM,
            ORDERS,
            (
                "environments/prod.yaml",
                "protekt: true\nservers: { main: { engine: foo } }\noverride:\n  orders: { stores: [x], team: 3 }\n",
            ),
        ],
        "
        FH1103: environments/prod.yaml:1:1: unknown key `protekt`
        = did you mean `protect`? It takes true or false.
        FH1107: environments/prod.yaml:2:28: `engine` does not take `foo`
        = it takes postgres, mysql, mariadb, sqlite, sqlserver, oracle, redis or mongodb
        FH1105: environments/prod.yaml:4:21: `stores` takes a map of names to maps, not a list
        FH1105: environments/prod.yaml:4:32: `team` takes text, not a number
        = put it in quotes to make it text
        ",
    );
}

#[test]
fn environments_are_files() {
    check_in(
        Some("prd"),
        &[
            SYSTEM,
            ORDERS,
            ("environments/prod.yaml", ""),
            ("environments/dev.yaml", ""),
        ],
        "
        FH1101: there is no file environments/prd.yaml
        = environments here: dev, prod
        ",
    );
    check_in(
        Some("../x"),
        &[SYSTEM, ORDERS],
        "
        FH1101: `../x` cannot be the name of an environment
        = -e takes the name of a file in environments/, without .yaml
        ",
    );
}
