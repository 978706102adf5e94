//! What a description may ask for beyond the usual: access for others, extensions, hardening of
//! the server, names that are keywords; and administrators who lack something.

use freehold_engine::{AccessWant, Address, Endpoint, Engine as _, Keep, Subject, Tls};
use freehold_model::{Isolation, Right};
use freehold_postgres::Postgres;
use freehold_private_servers::TlsFiles;

use crate::scratch::{ADMINS, Admin, server};
use crate::store::{Store, list};

async fn may(store: &Store, role: &str, right: &str, table: &str) -> bool {
    let sql = format!("SELECT has_table_privilege('{role}', '{table}', '{right}')::text");
    list(&mut *store.root().await, &sql).await == ["true"]
}

#[tokio::test(flavor = "multi_thread")]
async fn others_get_what_is_described_and_lose_it_with_the_description() {
    let Some(server) = server().await else { return };
    server
        .root("postgres")
        .await
        .execute("CREATE ROLE connects; CREATE ROLE reads; CREATE ROLE writes; CREATE ROLE governs")
        .await
        .expect("roles");
    let mut store = Store::new(&server, Admin::Plain, Isolation::Database, "open");
    let rights = [
        ("connects", Right::Connect),
        ("reads", Right::Read),
        ("writes", Right::Write),
        ("governs", Right::Admin),
    ];
    store.want.access = rights
        .map(|(who, right)| AccessWant {
            who: who.to_owned(),
            right,
        })
        .to_vec();
    store.apply().await;
    store.migrate(&store.tables()).await.expect("a migration");
    assert_eq!(store.diff().await.steps, []);
    let mut root = store.root().await;
    for (who, expected) in [
        ("connects", [false; 4]),
        ("reads", [true, false, false, false]),
        ("writes", [true, true, false, false]),
    ] {
        let checks = [
            ("SELECT", "orders"),
            ("UPDATE", "orders"),
            ("UPDATE", "order_items"),
            ("SELECT", "freehold_ledger"),
        ];
        for ((right, table), expected) in checks.into_iter().zip(expected) {
            assert_eq!(
                may(&store, who, right, table).await,
                expected,
                "{who} {right} {table}"
            );
        }
        let enters = format!("SELECT has_database_privilege('{who}', 'open', 'CONNECT')::text");
        assert_eq!(list(&mut *root, &enters).await, ["true"]);
    }
    // Tolerated, whatever it is.
    root.execute("GRANT ALL ON orders TO governs; GRANT open_owner TO governs")
        .await
        .expect("by hand");
    assert_eq!(store.diff().await.steps, []);
    drop(root);
    store.want.access.clear();
    store.apply().await;
    assert!(
        !may(&store, "reads", "SELECT", "orders").await
            && !may(&store, "writes", "SELECT", "orders").await
    );
    store.want.access = vec![AccessWant {
        who: "nobody_here".to_owned(),
        right: Right::Read,
    }];
    assert_eq!(store.diff().await.refused[0].code, "FH3117");
    store.want.access.clear();
    store.destroy(Keep::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_becomes_append_only_and_back() {
    let Some(server) = server().await else { return };
    let mut store = Store::new(&server, Admin::Plain, Isolation::Database, "becoming");
    store.want.append_only.clear();
    store.apply().await;
    store.migrate(&store.tables()).await.expect("a migration");
    assert!(may(&store, "becoming_app", "UPDATE", "order_items").await);
    store.want.append_only.insert("order_items".to_owned());
    // A writer that is not done yet: rights are not taken from under it.
    let mut app = store.enter(&store.want.identities.app.logins[0]).await;
    app.execute("INSERT INTO orders DEFAULT VALUES; INSERT INTO order_items (order_id, quantity) VALUES (1, 1)").await.expect("rows");
    app.execute("BEGIN; UPDATE order_items SET quantity = 2")
        .await
        .expect("an update under way");
    let steps = store.diff().await.steps;
    assert_eq!(steps.len(), 1);
    assert_eq!(
        steps[0].note,
        "DELETE, INSERT, UPDATE on order_items taken back (append-only)"
    );
    let refused = store
        .run_one(&steps[0], &freehold_engine::Verifiers::new())
        .await
        .expect_err("a writer is in the way");
    assert_eq!(refused.kind, freehold_engine::ErrorKind::Conflict);
    app.execute("COMMIT").await.expect("done");
    store.forget().await;
    store.apply().await;
    app.execute("UPDATE order_items SET quantity = 3")
        .await
        .expect_err("append-only now");
    app.query(
        "INSERT INTO order_items (order_id, quantity) VALUES (1, 1) RETURNING order_item_id",
        &[],
    )
    .await
    .expect("an insert");
    store.want.append_only.clear();
    store.apply().await;
    app.execute("UPDATE order_items SET quantity = 3")
        .await
        .expect("ordinary again");
    drop(app);
    store.destroy(Keep::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_beyond_the_ordinary() {
    let Some(server) = server().await else { return };
    let mut store = Store::new(&server, Admin::Plain, Isolation::Database, "beyond");
    store.want.append_only.extend([
        "log".to_owned(),
        "audit.trail".to_owned(),
        "\"od\"\"d.name\"".to_owned(),
    ]);
    store.apply().await;
    let sql = "CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY, at date NOT NULL, words text, double text GENERATED ALWAYS AS (words || words) STORED) PARTITION BY RANGE (at);
        CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        CREATE SCHEMA audit; CREATE TABLE audit.trail (id serial, words text); CREATE TABLE audit.plain (a int);
        CREATE TABLE \"od\"\"d.name\" (\"a \"\"column\" int);
        CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM log;
        CREATE PROCEDURE tidy(INOUT n int) LANGUAGE plpgsql AS 'BEGIN n := n + 1; END';
        CREATE SEQUENCE free";
    store.migrate(sql).await.expect("a migration");
    assert_eq!(store.diff().await.steps, []);
    let mut app = store.enter(&store.want.identities.app.logins[0]).await;
    for good in [
        "INSERT INTO log (at, words) VALUES ('2026-11-21', 'a') RETURNING id",
        "INSERT INTO audit.trail (words) VALUES ('a') RETURNING id",
        "UPDATE audit.plain SET a = 1",
        "INSERT INTO \"od\"\"d.name\" VALUES (1)",
        "SELECT * FROM counted",
        "SELECT nextval('free')",
        "CALL tidy(1)",
    ] {
        app.execute(good).await.expect(good);
    }
    for bad in [
        "UPDATE log SET words = 'b'",
        "UPDATE log_2026 SET words = 'b'",
        "DELETE FROM log_2026",
        "INSERT INTO log_2026 (id, at) OVERRIDING SYSTEM VALUE VALUES (9, '2026-11-21')",
        "UPDATE audit.trail SET words = 'b'",
        "INSERT INTO audit.trail (id) VALUES (9)",
        "DELETE FROM \"od\"\"d.name\"",
        "SELECT setval('free', 9)",
    ] {
        app.execute(bad).await.expect_err(bad);
    }
    drop(app);
    store.destroy(Keep::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn extensions_are_made_or_refused_before_anything_is() {
    let Some(server) = server().await else { return };
    for (admin, isolation, name) in [
        (Admin::Plain, Isolation::Database, "ext_d"),
        (Admin::Plain, Isolation::Schema, "ext_s"),
    ] {
        let at = server.admin(admin).with_database("shared");
        let mut store = Store::at(&server, at, isolation, name);
        store.want.extensions = vec!["citext".to_owned()];
        let steps = store.apply().await;
        assert!(steps.iter().any(|step| step.subject == Subject::Extension));
        store
            .migrate("CREATE TABLE people (name citext)")
            .await
            .expect("its type is in reach");
        store.want.extensions.push("no_such_extension".to_owned());
        store.want.extensions.push("dblink".to_owned());
        let codes: Vec<_> = store
            .diff()
            .await
            .refused
            .iter()
            .map(|fault| fault.code)
            .collect();
        assert_eq!(codes, ["FH3108", "FH3108"]);
        store.want.extensions.truncate(1);
        store.destroy(Keep::default()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keywords_and_odd_names_are_names() {
    let Some(server) = server().await else { return };
    let at = server.admin(Admin::Plain).with_database("shared");
    for name in ["order", "Select \"x\""] {
        let store = Store::at(&server, at.clone(), Isolation::Schema, name);
        store.apply().await;
        store
            .migrate("CREATE TABLE \"table\" (\"user\" int)")
            .await
            .expect("a migration");
        assert_eq!(store.diff().await.steps, []);
        store
            .enter(&store.want.identities.app.logins[0])
            .await
            .execute("INSERT INTO \"table\" VALUES (1)")
            .await
            .expect("its search path");
        store.destroy(Keep::default()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_who_lacks_rights_is_told_which() {
    let Some(server) = server().await else { return };
    let mut root = server.root("postgres").await;
    root.execute("CREATE ROLE poor_admin LOGIN")
        .await
        .expect("a login");
    let store = Store::at(&server, server.superuser(), Isolation::Database, "poor");
    let mut probe = store.probe().await;
    probe.rights.clear();
    probe.user = "poor_admin".to_owned();
    let live = store.look().await;
    let diff = Postgres.diff(&probe, &store.want, &live);
    assert_eq!(diff.refused[0].code, "FH3102");
    assert_eq!(
        diff.refused[0].help,
        [
            "as a superuser: ALTER ROLE \"poor_admin\" CREATEDB",
            "as a superuser: ALTER ROLE \"poor_admin\" CREATEROLE"
        ]
    );
    // On the ground of somebody else.
    let at = server.admin(Admin::Plain).with_database("somebodys");
    for isolation in [Isolation::Schema, Isolation::Tables] {
        let store = Store::at(&server, at.clone(), isolation, "poor");
        let refused = store.diff().await.refused;
        assert_eq!(
            refused.first().map(|fault| fault.code),
            Some("FH3102"),
            "{refused:#?}"
        );
        for statement in &refused[0].help {
            let statement = statement
                .strip_prefix("as a superuser: ")
                .expect("a statement");
            server
                .root("somebodys")
                .await
                .execute(statement)
                .await
                .expect(statement);
        }
        assert_eq!(store.diff().await.refused, []);
        store.apply().await;
        store.destroy(Keep::default()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_administrator_goes_on_where_the_first_was() {
    let Some(server) = server().await else { return };
    let mut root = server.root("postgres").await;
    let first = Store::new(&server, Admin::Plain, Isolation::Database, "handed");
    first.apply().await;
    let verifier = Postgres.verifier(
        root.probe(),
        "other_admin",
        &freehold_engine::Secret::new("other"),
    );
    root.execute(&format!(
        "CREATE ROLE other_admin LOGIN CREATEDB CREATEROLE PASSWORD '{}'",
        verifier.expose()
    ))
    .await
    .expect("another");
    let at = server
        .superuser()
        .with_login("other_admin", Some(freehold_engine::Secret::new("other")));
    let second = Store::at(&server, at, Isolation::Database, "handed");
    // Before he may enter he is no more than a stranger, whom the first administrator lets in.
    let mut inside = first.root().await;
    inside
        .execute("GRANT CONNECT ON DATABASE handed TO other_admin")
        .await
        .expect("let in");
    drop(inside);
    for fault in second.diff().await.refused {
        assert_eq!(fault.code, "FH3102");
        for statement in &fault.help {
            let statement = statement
                .strip_prefix("as a superuser: ")
                .expect("a statement");
            root.execute(statement).await.expect(statement);
        }
    }
    second.apply().await;
    let diff = second.diff().await;
    assert!(
        diff.advisory
            .iter()
            .any(|fault| fault.code == "FH3112" && fault.message.contains("plain_admin")),
        "{:#?}",
        diff.advisory
    );
    second.migrate(&second.tables()).await.expect("a migration");
    assert_eq!(
        first.diff().await.steps,
        [],
        "and the first has nothing to do either"
    );
    first.forget().await;
    second.destroy(Keep::default()).await;
}

/// A server of its own: this closes databases that everybody else uses.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_hardened_only_on_request() {
    let Some(server) = crate::scratch::server_of_its_own().await else {
        return;
    };
    let server = std::sync::Arc::new(server);
    for admin in ADMINS {
        let mut store = Store::new(&server, admin, Isolation::Database, "hard");
        store.apply().await;
        let open = store.diff().await;
        assert!(
            open.steps.is_empty()
                && open.advisory.iter().any(|fault| fault.code == "FH3106"
                    && fault.help.iter().any(|line| line.contains("postgres"))),
            "{open:#?}"
        );
        store.want.server_wide = true;
        let diff = store.diff().await;
        if admin == Admin::Plain {
            // It owns `shared` only; for the rest it names the statements.
            let names: Vec<_> = diff.steps.iter().map(|step| step.name.as_str()).collect();
            assert_eq!(names, ["CONNECT, TEMPORARY on shared to PUBLIC"]);
            assert!(diff.advisory.iter().any(|fault| fault.code == "FH3105"
                && fault.help.iter().any(|line| line.contains("\"template1\""))));
            store.apply().await;
            store.want.server_wide = false;
            store.destroy(Keep::default()).await;
            continue;
        }
        let somebodys = diff
            .steps
            .iter()
            .find(|step| step.name.contains("postgres "))
            .expect("a step on postgres");
        assert!(
            somebodys.note.contains("plain_admin") && somebodys.note.contains("somebody"),
            "{}",
            somebodys.note
        );
        server
            .root("postgres")
            .await
            .execute("GRANT CONNECT ON DATABASE postgres TO plain_admin")
            .await
            .expect("the way in");
        store.apply().await;
        let login = &store.want.identities.app.logins[0];
        let at = store.password_of(login).await;
        for database in ["postgres", "template1", "somebodys", "shared"] {
            assert!(
                Postgres.connect(&at.with_database(database)).await.is_err(),
                "{login} entered {database}"
            );
        }
        store.want.server_wide = false;
        store.destroy(Keep::default()).await;
        let reopened =
            "GRANT CONNECT, TEMPORARY ON DATABASE postgres, template1, somebodys, shared TO PUBLIC";
        server
            .root("postgres")
            .await
            .execute(reopened)
            .await
            .expect("as before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_sockets() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=here",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .arg("-keyout")
        .arg(at("key.pem"))
        .arg("-out")
        .arg(at("cert.pem"))
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        assert!(std::env::var("CI").is_err(), "openssl is missing in CI");
        return;
    }
    let tls = Some(TlsFiles {
        cert: at("cert.pem"),
        key: at("key.pem"),
    });
    let Some(server) = crate::scratch::server_with(tls).await else {
        return;
    };
    let good = server.superuser();
    let reached = async |tls: Tls| {
        let connection = Postgres
            .connect(&Endpoint {
                tls,
                ..good.clone()
            })
            .await?;
        Ok::<bool, freehold_engine::Error>(connection.probe().tls)
    };
    assert!(!reached(Tls::Off).await.expect("plain"));
    for tls in [Tls::Prefer, Tls::Require, Tls::Verify(Some(at("cert.pem")))] {
        assert!(reached(tls.clone()).await.expect("encrypted"), "{tls:?}");
    }
    for tls in [
        Tls::Verify(None),
        Tls::Verify(Some(at("key.pem"))),
        Tls::Verify(Some(at("missing.pem"))),
    ] {
        assert_eq!(
            reached(tls.clone()).await.expect_err("not trusted").kind,
            freehold_engine::ErrorKind::Tls,
            "{tls:?}"
        );
    }
    let named = Endpoint {
        address: Address::Tcp("localhost".to_owned(), server.port()),
        tls: Tls::Verify(Some(at("cert.pem"))),
        ..good.clone()
    };
    assert!(
        Postgres.connect(&named).await.is_err(),
        "the certificate is for another name"
    );
    // The whole life over the socket, as a superuser and with a rule that lets plain ones in.
    let mut root = server.root("postgres").await;
    let folder = list(
        &mut *root,
        "SELECT current_setting('unix_socket_directories')",
    )
    .await
    .remove(0);
    let socket = Endpoint {
        address: Address::Unix(folder.into(), server.port()),
        ..good
    };
    let connection = Postgres.connect(&socket).await.expect("the socket");
    assert!(!connection.probe().tls);
    let mut store = Store::at(
        &std::sync::Arc::new(server),
        socket,
        Isolation::Database,
        "socket",
    );
    store.want.require_tls = true;
    assert!(
        store
            .diff()
            .await
            .advisory
            .iter()
            .all(|fault| fault.code != "FH3110"),
        "only loopback is plain"
    );
    store.apply().await;
    store.destroy(Keep::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_a_database_on_a_server_of_its_own() {
    let Some(server) = server().await else { return };
    let store = Store::new(&server, Admin::Plain, Isolation::Instance, "alone");
    assert_eq!(store.want.spot.database, "alone");
    store.apply().await;
    assert_eq!(store.diff().await.steps, []);
    store.destroy(Keep::default()).await;
}
