//! What values mean, alone and together: names, placement, ownership, access, secrets.

use crate::{ORDERS, SYSTEM, check, loaded};

fn service<'a>(name: &str, text: &'a str) -> (String, &'a str) {
    (format!("services/{name}/service.yaml"), text)
}

/// Services on the servers of `SYSTEM`.
#[track_caller]
fn check_services(services: &[(&str, &str)], expected: &str) {
    let services: Vec<_> = services
        .iter()
        .map(|(name, text)| service(name, text))
        .collect();
    let mut files = vec![SYSTEM];
    files.extend(services.iter().map(|(path, text)| (path.as_str(), *text)));
    check(&files, expected);
}

/// A system's file beside one service.
#[track_caller]
fn check_system(text: &str, expected: &str) {
    check(&[("freehold.yaml", text), ORDERS], expected);
}

#[test]
fn services_are_where_they_are_said_to_be() {
    check(&[("freehold.yaml", "system: shop\n")], "
        FH1109: `services` says `services/*`, and no folder there has a service.yaml
        = make a service's folder with a service.yaml, or mend the pattern; it is relative to freehold.yaml
        ");
    check_system(
        "system: shop\nservers: { main: { engine: postgres } }\nservices: [services/*, service/*, \"[\", lib, git+https://x/y]\n",
        "
        FH1109: freehold.yaml:3:24: `services` says `service/*`, and no folder there has a service.yaml
        = make a service's folder with a service.yaml, or mend the pattern; it is relative to freehold.yaml
        FH1109: freehold.yaml:3:35: `[` is no pattern of folders: unclosed character class; missing ']'
        = patterns look like services/*
        FH1109: freehold.yaml:3:40: `services` names `lib`, and there is no such folder
        = paths are relative to freehold.yaml
        FH1104: freehold.yaml:3:45: `git+https://x/y`: services in other repositories are not there yet
        = check the service out below this folder, and name that
        ",
    );
    check(
        &[SYSTEM, ("services/orders/service.yml", "")],
        "
        FH1109: services/orders/service.yml is not read: the file is called service.yaml
        = rename it
        ",
    );
}

#[test]
fn deep_patterns_find_services_once() {
    let text = format!(
        "{}services: [teams/**, 'teams/a/*', teams/a/orders/]\n",
        SYSTEM.1
    );
    let system = loaded(
        &[
            ("freehold.yaml", &text),
            ("teams/a/orders/service.yaml", ORDERS.1),
            (
                "teams/b/x/y/service.yaml",
                "service: y\nstore: { server: main }\n",
            ),
            ("teams/.hidden/service.yaml", "not read"),
        ],
        None,
    );
    let dirs: Vec<String> = system
        .services
        .values()
        .map(|it| it.dir.display().to_string())
        .collect();
    assert_eq!(dirs, ["teams/a/orders", "teams/b/x/y"]);
}

#[test]
fn names_need_no_quoting() {
    check(
        &[
            (
                "freehold.yaml",
                "system: Shop\nservers: { \"a b\": { engine: postgres } }\n",
            ),
            (
                "services/orders/service.yaml",
                "service: order-service\nstores:\n  main: { server: a b, name: 1x }\n  Search: { server: a b }\n",
            ),
        ],
        "
        FH1110: freehold.yaml:1:9: `Shop` cannot be the name of a system
        = names are lower-case letters, digits and `_`, and begin with a letter
        = write `shop`
        FH1110: freehold.yaml:2:12: `a b` cannot be the name of a server
        = names are lower-case letters, digits and `_`, and begin with a letter
        = write `a_b`
        FH1110: services/orders/service.yaml:1:10: `order-service` cannot be the name of a service
        = names are lower-case letters, digits and `_`, and begin with a letter
        = write `order_service`
        FH1110: services/orders/service.yaml:3:30: `1x` cannot be the name of a store on a server
        = names are lower-case letters, digits and `_`, and begin with a letter
        FH1110: services/orders/service.yaml:4:3: `Search` cannot be the name of a store
        = names are lower-case letters, digits and `_`, and begin with a letter
        = write `search`
        ",
    );
}

#[test]
fn one_service_one_description() {
    check(
        &[
            SYSTEM,
            ORDERS,
            (
                "services/other/service.yaml",
                "service: orders\nstore: { server: my }\n",
            ),
        ],
        "
        FH1111: services/other/service.yaml:1:10: service `orders` is described twice
        = the other one: services/orders/service.yaml:1:10
        ",
    );
}

#[test]
fn servers_are_described() {
    check_services(
        &[
            ("a", "service: a\nstore: { server: mian }\n"),
            ("b", "service: b\nstores:\n  main:\n    server: oracle\n"),
        ],
        "
        FH1112: services/a/service.yaml:2:18: a: store `main` is placed on server `mian`, which is not described
        = did you mean `main`?
        FH1112: services/b/service.yaml:4:13: b: store `main` is placed on server `oracle`, which is not described
        = there is lite, main or my
        ",
    );
    check(&[("freehold.yaml", "system: shop\n"), ORDERS], "
        FH1112: services/orders/service.yaml:2:18: orders: store `main` is placed on server `main`, which is not described
        = name one below `servers:` in freehold.yaml
        ");
}

#[test]
fn a_table_has_one_owner() {
    check_services(
        &[
            (
                "a",
                "service: a\nstore: { server: main }\nentities: { Order: { tables: [orders, items] }, Again: { tables: [orders] } }\n",
            ),
            (
                "b",
                "service: b\nstore: { server: main }\nentities:\n  Basket: { tables: [baskets, orders] }\ntables:\n  items: { append_only: true }\n",
            ),
        ],
        "
        FH1113: services/b/service.yaml:4:31: table `orders` is claimed by a and by b
        = a claims it at services/a/service.yaml:3:67
        = one of them owns it; the other keeps a copy by events, or asks the owner
        FH1113: services/b/service.yaml:6:3: table `items` is claimed by a and by b
        = a claims it at services/a/service.yaml:3:39
        = one of them owns it; the other keeps a copy by events, or asks the owner
        ",
    );
    // A rule alone claims nothing: each service may have a table of this name.
    check_services(
        &[
            (
                "a",
                "service: a\nstore: { server: main }\ntables: { audit_log: { append_only: true } }\n",
            ),
            (
                "b",
                "service: b\nstore: { server: main }\ntables: { audit_log: { append_only: true } }\n",
            ),
        ],
        "",
    );
}

#[test]
fn identities_are_one_store_s_own() {
    check_services(
        &[
            (
                "a",
                "service: a\nstore: { server: main }\nidentities: { app: { role: shop_app } }\n",
            ),
            (
                "b",
                "service: b\nstore: { server: main }\nidentities: { app: { role: shop_app, logins: [b1, b2] }, backup: a_sidecar }\n",
            ),
            (
                "c",
                "service: c\nstore: { server: main }\nidentities: { app: { logins: [x, x] } }\n",
            ),
            (
                "d",
                "service: d\nstore: { server: my }\nidentities: { app: { role: shop_app } }\n",
            ),
            (
                "e",
                "service: e\nstore: { server: lite }\nidentities: { backup: e_sidecar }\n",
            ),
        ],
        "
        FH1114: services/b/service.yaml:3:1: b: `shop_app` is the app of store `main` and the app of store `main` of a
        = both are on server `main`; give one another name below `identities`
        FH1114: services/b/service.yaml:3:1: b: `a_sidecar` is the backup of store `main` and the sidecar of store `main` of a
        = both are on server `main`; give one another name below `identities`
        FH1114: services/c/service.yaml:3:1: c: `x` is the second login of app of store `main` and the first login of app of store `main` of c
        = both are on server `main`; give one another name below `identities`
        ",
    );
}

#[test]
fn two_keys_of_one_server_are_one_server() {
    check(
        &[
            (
                "freehold.yaml",
                "system: shop\nservers: { a: { engine: postgres, url: \"env:PG\" }, b: { engine: postgres, url: \"env:PG\" } }\n",
            ),
            (
                "services/a/service.yaml",
                "service: a\nstore: { server: a, name: one }\n",
            ),
            (
                "services/b/service.yaml",
                "service: b\nstore: { server: b, name: one }\n",
            ),
        ],
        "
        FH1115: services/b/service.yaml:2:27: b: store `main` is placed in the database `one` on server `b`, where store `main` of a is already
        = give one of them another `name`
        ",
    );
}

#[test]
fn logins_are_two() {
    check_services(
        &[(
            "a",
            "service: a\nstore: { server: main, identities: { app: { logins: [only] } } }\n",
        )],
        "
        FH1123: services/a/service.yaml:2:45: a: `logins` of `app` takes two names, not 1
        = passwords rotate by alternating between the two
        ",
    );
}

#[test]
fn each_store_has_its_own_ground() {
    check_services(
        &[
            ("a", "service: a\nstore: { server: main, name: shop }\n"),
            ("b", "service: b\nstore: { server: main, name: shop }\n"),
            (
                "c",
                "service: c\nstore: { server: main, name: shop, isolation: schema }\n",
            ),
            ("d", "service: d\nstore: { server: lite, name: shop }\n"),
            (
                "e",
                "service: e\nstore: { server: lite, name: shop, isolation: schema }\n",
            ),
        ],
        "
        FH1115: services/b/service.yaml:2:30: b: store `main` is placed in the database `shop` on server `main`, where store `main` of a is already
        = give one of them another `name`
        FH1115: services/e/service.yaml:2:30: e: store `main` is placed in the file `shop` on server `lite`, where store `main` of d is already
        = give one of them another `name`
        ",
    );
}

#[test]
fn prefixes_tell_tables_apart() {
    check_services(
        &[
            (
                "a",
                "service: order\nstore: { server: main, isolation: tables }\n",
            ),
            (
                "b",
                "service: order_item\nstore: { server: main, isolation: tables }\n",
            ),
            (
                "c",
                "service: orders\nstore: { server: main, isolation: tables }\n",
            ),
        ],
        "
        FH1115: services/b/service.yaml:2:8: order_item: the prefix `order_item_` of store `main` begins with `order_`, the prefix of store `main` of order
        = tables could not be told apart; give one of them another `name`
        ",
    );
}

#[test]
fn an_instance_is_shared_with_nobody() {
    check_services(
        &[
            (
                "a",
                "service: a\nstore: { server: main, isolation: instance }\n",
            ),
            ("b", "service: b\nstore: { server: main }\n"),
            (
                "c",
                "service: c\nstore: { server: lite, isolation: instance }\n",
            ),
            (
                "d",
                "service: d\nstore: { server: lite, isolation: instance }\n",
            ),
        ],
        "
        FH1115: services/a/service.yaml:2:35: a: store `main` wants server `main` for itself, and store `main` of b is placed there too
        = describe a server of its own, or say `isolation: database`
        ",
    );
}

#[test]
fn mysql_has_no_schemas_of_its_own() {
    check_services(
        &[(
            "a",
            "service: a\nstore: { server: my, isolation: schema }\n",
        )],
        "
        FH1116: services/a/service.yaml:2:33: a: mysql has no isolation `schema`: a schema is the same as a database there
        = say `isolation: database`
        ",
    );
}

#[test]
fn migrations_exist_for_the_server_s_engine() {
    check_services(
        &[(
            "a",
            "service: a\nstore: { server: my, engines: [postgres, sqlite] }\n",
        )],
        "
        FH1117: services/a/service.yaml:2:22: a: store `main` has migrations for postgres, sqlite, and its server `my` is mysql
        = write migrations for mysql and add it to `engines`, or place the store on another server
        ",
    );
    check(
        &[
            (
                "freehold.yaml",
                "system: shop\nservers: { maria: { engine: mariadb } }\n",
            ),
            (
                "services/a/service.yaml",
                "service: a\nstore: { server: maria, engines: [mysql] }\n",
            ),
        ],
        "",
    );
}

#[test]
fn engines_keep_some_names() {
    check_services(
        &[
            ("a", "service: mysql\nstore: { server: my }\n"),
            (
                "b",
                "service: b\nstore: { server: main, name: pg_b, isolation: schema }\nidentities: { owner: pg_owner, sidecar: '' }\n",
            ),
            (
                "c",
                "service: c\nstore: { server: my }\nidentities: { backup: a_name_of_more_than_thirty_two_bytes, issuer: root }\n",
            ),
        ],
        "
        FH1121: services/a/service.yaml:2:8: mysql: store `main` cannot be called `mysql`: mysql has its own of this name
        = give it another `name`
        FH1121: services/b/service.yaml:2:30: b: store `main` cannot be called `pg_b`: postgres has its own of this name
        = give it another `name`
        FH1121: services/b/service.yaml:3:1: b: the owner of store `main` cannot be called `pg_owner`: PostgreSQL keeps this name for itself
        = give it another name below `identities`
        FH1121: services/b/service.yaml:3:1: b: the sidecar of store `main` cannot be called ``: it is empty
        = give it another name below `identities`
        FH1121: services/c/service.yaml:3:1: c: the backup of store `main` cannot be called `a_name_of_more_than_thirty_two_bytes`: it has 36 bytes, and 32 is the limit
        = give it another name below `identities`
        FH1121: services/c/service.yaml:3:1: c: the issuer of store `main` cannot be called `root`: mysql keeps this name for itself
        = give it another name below `identities`
        ",
    );
}

#[test]
fn access_is_for_somebody_until_a_day() {
    check_system(
        "system: shop\nservers: { main: { engine: postgres } }\naccess:\n  - { who: dba, rights: admin, on: [main, mian, orders, orders.main, orders.x], reason: r, until: 2027-02-30 }\n  - { who: \"\", rights: read, reason: \" \", until: tomorrow }\n",
        "
        FH1119: freehold.yaml:4:43: access of dba: `mian` is neither a server nor a store
        = did you mean `main`?
        FH1119: freehold.yaml:4:70: access of dba: `orders.x` is neither a server nor a store
        = did you mean `orders`?
        FH1118: freehold.yaml:4:99: access of dba: `2027-02-30` is not a day
        = write the last day as YYYY-MM-DD: 2027-06-30
        FH1106: freehold.yaml:5:12: access says no `who`
        = who may enter, and why, is what `access` is for
        FH1106: freehold.yaml:5:38: access says no `reason`
        = who may enter, and why, is what `access` is for
        FH1118: freehold.yaml:5:50: access of : `tomorrow` is not a day
        = write the last day as YYYY-MM-DD: 2027-06-30
        ",
    );
}

#[test]
fn a_service_has_one_store_main() {
    check_services(
        &[
            ("a", "service: a\n"),
            (
                "b",
                "service: b\nstores: { search: { server: main, derived: true } }\n",
            ),
            (
                "c",
                "service: c\nstore: { server: main }\nstores: { main: { server: main } }\n",
            ),
            (
                "d",
                "service: d\nstore: { server: main, identities: { owner: d1 } }\nidentities: { owner: d2 }\n",
            ),
        ],
        "
        FH1122: services/a/service.yaml:1:1: a: there is no store `main`
        = each service owns a database: add `store: { server: … }`, or `main` below `stores`
        FH1122: services/b/service.yaml:2:1: b: there is no store `main`
        = each service owns a database: add `store: { server: … }`, or `main` below `stores`
        FH1122: services/c/service.yaml:2:1: c: `store` and `stores` are both given
        = move what `store` says to `main` below `stores`
        FH1122: services/d/service.yaml:3:1: d: `identities` of `main` are given twice
        = keep those beside the store, or those within it
        ",
    );
}

#[test]
fn programs_are_named() {
    check_services(
        &[(
            "a",
            "service: a\nstore: { server: main }\nmigrations: { by: flyway, command: [] }\nrun: { command: [\"\", --db.password=hunter2], env: [HOME, A-B, \"=x\", \"URL=postgres://u:hunter2@h/d\"] }\ncode: ['a[']\ncredentials: { deliver: files, sidecar: { deliver: \"file:\" } }\n",
        )],
        "
        FH1124: services/a/service.yaml:3:27: a: `command` names no program
        = write the program and its arguments as a list
        FH1124: services/a/service.yaml:4:8: a: `command` names no program
        = write the program and its arguments as a list
        FH1301: services/a/service.yaml:4:8: a: an argument in `command` holds a password
        = arguments are seen by everybody on the machine; let the program read it from its environment
        FH1125: services/a/service.yaml:4:58: a: an item of `env` names no variable
        = an item is NAME, kept from freehold's own environment, or NAME=value
        FH1125: services/a/service.yaml:4:63: a: an item of `env` names no variable
        = an item is NAME, kept from freehold's own environment, or NAME=value
        FH1301: services/a/service.yaml:4:69: a: `URL` in `env` holds a password
        = name the variable alone: it is then kept from freehold's own environment
        FH1109: services/a/service.yaml:5:8: a: `a[` is no pattern of files: unclosed character class; missing ']'
        = patterns look like src/**
        FH1107: services/a/service.yaml:6:25: a: `deliver` does not take `files`
        = it takes fd, env, file:FOLDER, k8s:… or vault:…
        FH1107: services/a/service.yaml:6:52: a: `deliver` does not take `file:`
        = it takes fd, env, file:FOLDER, k8s:… or vault:…
        ",
    );
}

#[test]
fn secrets_are_references() {
    check(
        &[
            (
                "freehold.yaml",
                "system: shop\nservers:\n  a: { engine: postgres, url: \"postgres://adm:hunter2@db/x\" }\n  b: { engine: postgres, url: hunter2, pooled: \"env:\" }\n  c: { engine: sqlite, url: \"file:\" }\n  main: { engine: mysql, url: \"postgres://db/x\" }\nbroker: { kind: nats, url: \"nats://u:p@h\" }\n",
            ),
            ORDERS,
        ],
        "
        FH1301: freehold.yaml:3:31: `url` of server `a` holds a password
        = put the whole URL where only its readers see it, and name the place: `env:NAME` or `file:PATH`
        = it has been written down: change the password
        FH1302: freehold.yaml:4:31: `url` of server `b` names no secret
        = it takes env:NAME, file:PATH, prompt, vault:…, k8s:…, or a URL without a password
        FH1302: freehold.yaml:4:48: `pooled` of server `b` names no variable after `env:`
        = it takes env:NAME, file:PATH, prompt, vault:…, k8s:…, or a URL without a password
        FH1302: freehold.yaml:5:29: `url` of server `c` names no path after `file:`
        = it takes env:NAME, file:PATH, prompt, vault:…, k8s:…, or a URL without a password
        FH1303: freehold.yaml:6:31: `url` of server `main` begins with `postgres:`, but its engine is mysql
        = mysql takes mysql or mariadb
        FH1301: freehold.yaml:7:28: `url` of the broker holds a password
        = put the whole URL where only its readers see it, and name the place: `env:NAME` or `file:PATH`
        = it has been written down: change the password
        ",
    );
    check_system(
        "system: shop\nservers: { main: { engine: postgres } }\nbroker: { kind: kafka }\n",
        r#"
        FH1106: freehold.yaml:3:1: the broker `kafka` has no `url`
        = add `url: "env:NAME"`
        "#,
    );
    check_system(
        "system: shop\nservers: { main: { engine: postgres } }\nbroker: { kind: embedded, url: prompt }\n",
        "
        FH1107: freehold.yaml:3:32: the embedded broker takes no `url`
        = name another `kind`, or take `url` out
        ",
    );
}

#[test]
fn folders_that_are_named_exist() {
    check(
        &[
            SYSTEM,
            (
                "services/orders/service.yaml",
                "service: orders\nstores:\n  main: { server: main }\n  search: { server: lite, migrations: search/ , seeds: s }\nmigrations: db\nseeds: seeds/\n",
            ),
        ],
        "
        FH1207: services/orders/service.yaml:4:39: orders: there is no folder services/orders/search
        = make it, or mend the path; it is relative to the service's folder
        FH1207: services/orders/service.yaml:4:56: orders: there is no folder services/orders/s
        = make it, or mend the path; it is relative to the service's folder
        FH1207: services/orders/service.yaml:5:13: orders: there is no folder services/orders/db
        = make it, or mend the path; it is relative to the service's folder
        ",
    );
}
