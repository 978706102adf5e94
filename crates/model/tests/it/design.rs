//! The description that the design shows, as it stands there, and what it becomes.

use std::path::Path;

use freehold_model::{
    AppIdentity, Broker, Deliver, EngineKind, Entity, Isolation, Migrations, Right, SecretRef,
    TableRule, json_schema,
};

use crate::loaded;

const FREEHOLD: &str = r#"
# freehold.yaml
system: bookvault
servers:
  main:
    engine: postgres
    url: "env:BOOKVAULT_PG_URL"        # for freehold itself: direct. Secrets are references: env:, file:, vault:, k8s:, prompt
    pooled: "env:BOOKVAULT_POOL_URL"   # for applications, where a pooler stands in front (optional)
broker: { kind: nats, url: "env:NATS_URL" }   # embedded by default; nats, kafka, rabbitmq
services: [services/*]                 # folders now; a git or OCI reference with a digest later, for services in their own repository
access:
  - { who: dba_team, rights: admin, on: [main], reason: "break glass, ticket required", until: 2027-06-30 }
"#;

const ORDERS: &str = r#"
# services/orders/service.yaml
service: orders
team: team-fulfilment
code: [src/**]                         # where its code lives, for `check`; relative to this file
store: { server: main, isolation: database, engines: [postgres, sqlite] }   # the engines that migrations exist for
#  or  stores: { main: {…}, search: { server: os, derived: true } }
entities: { Order: { tables: [orders, order_items], why: "transaction processing" } }
extensions: [pg_trgm]
tables:
  order_items: { append_only: true }
identities: { app: { role: orders_app, logins: [orders_app_1, orders_app_2] } }   # names may be given; these are the defaults
credentials: { deliver: "file:/run/secrets/orders" } # fd, file:, env, k8s:, vault:
migrations: migrations/                # or { by: flyway, command: […] }: an existing tool stays in charge of its files
run: { command: [orders-service], health: /healthz, openapi: /openapi.json }
publishes:
  order.confirmed.v2:
    schema: events/order.confirmed.v2.json
    key: order.id
    snapshot: "SELECT …"               # today's rows as events, for new copies
copies:
  book_cache: { from: catalog/book.changed.v1, key: { book_id: bookId }, columns: { title: title, current_price: priceCents }, provenance: { version: version_number }, fallback: "GET ${catalog}/books/{key}" }
read_models: {}                        # in the service that asks: { from: {…}, select: "SELECT … FROM o JOIN c ON …" }
sagas: [sagas/place_order.yaml]
"#;

const PROD: &str = r#"
protect: true
servers: { main: { url: "vault:kv/bookvault#url", pooled: null }, cat: { engine: postgres } }
override: { orders: { store: { isolation: instance } }, catalog: { store: { server: cat } } }
"#;

/// Who publishes what orders keeps a copy of.
const CATALOG: &str = "service: catalog\nstore: { server: main }\npublishes: { book.changed.v1: { schema: events/book.changed.v1.json, key: bookId } }\n";

const FILES: [(&str, &str); 4] = [
    ("freehold.yaml", FREEHOLD),
    ("services/orders/service.yaml", ORDERS),
    ("services/catalog/service.yaml", CATALOG),
    ("environments/prod.yaml", PROD),
];

#[test]
fn the_system() {
    let system = loaded(&FILES, None);
    assert_eq!((system.name.as_str(), system.protect), ("bookvault", false));
    let main = &system.servers["main"];
    assert_eq!(main.engine, EngineKind::Postgres);
    assert_eq!(main.url, Some(SecretRef::Env("BOOKVAULT_PG_URL".into())));
    assert_eq!(
        main.pooled,
        Some(SecretRef::Env("BOOKVAULT_POOL_URL".into()))
    );
    assert_eq!(
        system.broker,
        Broker::External {
            kind: "nats".into(),
            url: SecretRef::Env("NATS_URL".into())
        }
    );
    let [access] = system.access.as_slice() else {
        panic!("one access")
    };
    assert_eq!(
        (access.who.as_str(), access.rights),
        ("dba_team", Right::Admin)
    );
    assert_eq!(
        (access.on.as_slice(), access.until.as_deref()),
        (&["main".to_owned()][..], Some("2027-06-30"))
    );
}

#[test]
fn the_service() {
    let system = loaded(&FILES, None);
    let orders = &system.services["orders"];
    assert_eq!(orders.dir, Path::new("services/orders"));
    assert_eq!(orders.team.as_deref(), Some("team-fulfilment"));
    assert_eq!(orders.code, ["src/**"]);
    assert_eq!(
        orders.entities["Order"],
        Entity {
            tables: vec!["orders".into(), "order_items".into()],
            why: Some("transaction processing".into())
        }
    );
    assert_eq!(orders.extensions, ["pg_trgm"]);
    assert_eq!(
        orders.tables["order_items"],
        TableRule { append_only: true }
    );
    assert_eq!(
        orders.migrations,
        Migrations::Folder("services/orders/migrations".into())
    );
    assert_eq!(orders.seeds, Path::new("services/orders/seeds"));
    assert_eq!(orders.deliver, Deliver::File("/run/secrets/orders".into()));
    assert!(!orders.require_down);
    let run = orders.run.as_ref().expect("a program");
    assert_eq!(
        (run.command.as_slice(), run.health.as_deref()),
        (&["orders-service".to_owned()][..], Some("/healthz"))
    );
}

#[test]
fn the_store_and_its_defaults() {
    let system = loaded(&FILES, None);
    let main = &system.services["orders"].stores["main"];
    assert_eq!(
        (main.key.as_str(), main.server.as_str(), main.name.as_str()),
        ("main", "main", "orders")
    );
    assert_eq!(main.isolation, Isolation::Database);
    assert_eq!(main.engines, [EngineKind::Postgres, EngineKind::Sqlite]);
    assert_eq!(
        (main.prune, main.require_tls, main.derived),
        (None, false, false)
    );
    let names = &main.identities;
    assert_eq!(
        names.app,
        AppIdentity {
            role: "orders_app".into(),
            logins: ["orders_app_1".into(), "orders_app_2".into()]
        }
    );
    let others = [
        &names.owner,
        &names.sidecar,
        &names.backup,
        &names.migrator,
        &names.issuer,
    ];
    assert_eq!(
        others,
        [
            "orders_owner",
            "orders_sidecar",
            "orders_backup",
            "orders_migrator",
            "orders_issuer"
        ]
    );
}

#[test]
fn the_environment() {
    let system = loaded(&FILES, Some("prod"));
    assert!(system.protect);
    let main = &system.servers["main"];
    let vault = SecretRef::Later {
        scheme: "vault".into(),
        rest: "kv/bookvault#url".into(),
    };
    assert_eq!((&main.url, &main.pooled), (&Some(vault), &None));
    assert_eq!(
        system.services["orders"].stores["main"].isolation,
        Isolation::Instance
    );
}

#[test]
fn several_stores() {
    let system = loaded(
        &[
            (
                "freehold.yaml",
                "system: b\nservers: { main: { engine: postgres }, os: { engine: redis } }\n",
            ),
            (
                "services/orders/service.yaml",
                "service: orders\nstores: { main: { server: main, prune: false }, search: { server: os, derived: true } }\nmigrations: { by: flyway, command: [flyway, migrate] }\n",
            ),
        ],
        None,
    );
    let orders = &system.services["orders"];
    let search = &orders.stores["search"];
    assert_eq!(
        (search.name.as_str(), search.derived),
        ("orders_search", true)
    );
    assert_eq!(search.identities.owner, "orders_search_owner");
    assert_eq!(orders.stores["main"].prune, Some(false));
    assert_eq!(
        orders.migrations_of(&orders.stores["main"]),
        Some(&Migrations::By {
            tool: "flyway".into(),
            command: vec!["flyway".into(), "migrate".into()]
        })
    );
    assert_eq!(
        (orders.migrations_of(search), orders.seeds_of(search)),
        (None, None)
    );
}

#[test]
fn the_schema_describes_each_file() {
    let schema = json_schema();
    for file in ["system", "environment", "service", "servers"] {
        assert!(schema[file]["$schema"].is_string(), "{file}");
        assert!(schema[file]["properties"].is_object(), "{file}");
        assert_eq!(schema[file]["additionalProperties"], false, "{file}");
    }
    assert_eq!(
        schema["service"]["required"],
        serde_json::json!(["service"])
    );
    assert_eq!(schema["environment"]["required"], serde_json::Value::Null);
    let services = &schema["environment"]["properties"]["override"]["additionalProperties"];
    assert_eq!(
        services["anyOf"],
        serde_json::json!([{ "$ref": "#/$defs/ServiceFile" }, { "type": "null" }])
    );
    assert_eq!(
        schema["service"]["$defs"]["Isolation"]["enum"],
        serde_json::json!(["tables", "schema", "database", "instance"])
    );
}
