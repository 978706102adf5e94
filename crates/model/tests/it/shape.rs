//! One file against its shape: what cannot be read at all, and keys and values that do not fit.

use crate::{ORDERS, SYSTEM, check};

#[test]
fn nothing_is_there() {
    check(
        &[],
        "
        FH1101: there is no file freehold.yaml
        = `freehold init` makes one; -C DIR names the folder that has one
        ",
    );
}

#[test]
fn a_named_folder_without_a_description() {
    check(
        &[
            (
                "freehold.yaml",
                "system: shop\nservices: [services/orders]\n",
            ),
            ("services/orders/README.md", ""),
        ],
        "
        FH1101: there is no file services/orders/service.yaml
        = `services` in freehold.yaml names this folder
        ",
    );
}

#[test]
fn broken_yaml_is_one_fault_and_hides_no_other_file() {
    check(
        &[
            ("freehold.yaml", "system: shop\nservers: { main: [\n"),
            (
                "services/catalog/service.yaml",
                "service: catalog\nstore: {server: main}\nteem: x\n",
            ),
            (
                "services/orders/service.yaml",
                "service: orders\n  store: x\n bad\n",
            ),
        ],
        "
        FH1102: freehold.yaml:3:1: this is not YAML: while parsing a node, did not find expected node content
        = indentation, an open quote or bracket, or a `:` inside a plain text are the usual causes; quote the text
        FH1103: services/catalog/service.yaml:3:1: unknown key `teem`
        = did you mean `team`? It takes text.
        FH1102: services/orders/service.yaml:2:8: this is not YAML: mapping values are not allowed in this context
        = indentation, an open quote or bracket, or a `:` inside a plain text are the usual causes; quote the text
        ",
    );
}

#[test]
fn yaml_that_is_more_than_a_description() {
    check(
        &[
            SYSTEM,
            ("services/a/service.yaml", "service: a\n---\nservice: b\n"),
            ("services/b/service.yaml", "service: !include name.txt\n"),
            ("services/c/service.yaml", "service: c\n? [x]\n: y\n"),
            (
                "services/d/service.yaml",
                &format!("service: d\ncode: {}{}\n", "[".repeat(80), "]".repeat(80)),
            ),
            (
                "services/e/service.yaml",
                &format!(
                    "a: &a [{}]\nb: [{}]\n",
                    "x, ".repeat(99),
                    "*a, ".repeat(101)
                ),
            ),
        ],
        "
        FH1102: services/a/service.yaml:2:1: a second document begins here
        = one file, one document: remove the `---`
        FH1102: services/b/service.yaml:1:10: this tag is not understood
        = write the value without `!`; descriptions have no includes
        FH1102: services/c/service.yaml:2:3: a key must be plain text
        FH1102: services/d/service.yaml:2:70: nested deeper than 64 levels
        FH1102: services/e/service.yaml:2:405: aliases make this file too large
        ",
    );
}

#[test]
fn unknown_keys_name_the_nearest_known_one() {
    check(
        &[
            SYSTEM,
            (
                "services/orders/service.yaml",
                "service: orders\nteam: t\ncode: [src/**]\nrequireDown: true\nstore:\n  server: main\n  isolaton: schema\n  colour: red\n",
            ),
        ],
        "
        FH1103: services/orders/service.yaml:4:1: unknown key `requireDown`
        = did you mean `require_down`? It takes true or false.
        FH1103: services/orders/service.yaml:7:3: unknown key `isolaton`
        = did you mean `isolation`? It takes tables, schema, database or instance.
        FH1103: services/orders/service.yaml:8:3: unknown key `colour`
        = known here: server, name, isolation, engines, derived, prune, tls, identities, migrations, seeds
        ",
    );
}

#[test]
fn reserved_keys_are_not_there_yet() {
    check(
        &[
            (
                "freehold.yaml",
                &format!("{}tenants: [a]\nregion: eu\n", SYSTEM.1),
            ),
            (
                "services/orders/service.yaml",
                "service: orders\nstore: { server: main, read_replicas: 2 }\nexports: {}\ncredentials: { auth: iam }\n",
            ),
        ],
        "
        FH1104: freehold.yaml:6:1: `tenants` is not there yet
        = the key is reserved for a later version; take it out until then
        FH1104: freehold.yaml:7:1: `region` is not there yet
        = the key is reserved for a later version; take it out until then
        FH1104: services/orders/service.yaml:2:24: `read_replicas` is not there yet
        = the key is reserved for a later version; take it out until then
        FH1104: services/orders/service.yaml:3:1: `exports` is not there yet
        = the key is reserved for a later version; take it out until then
        FH1104: services/orders/service.yaml:4:16: `auth` is not there yet
        = the key is reserved for a later version; take it out until then
        ",
    );
}

#[test]
fn values_of_another_kind() {
    check(
        &[
            (
                "freehold.yaml",
                "system: 12\nservices: services/*\nservers: [main]\nprotect: \"yes\"\n",
            ),
            (
                "services/orders/service.yaml",
                "service: orders\nstore: main\ntables: { orders: }\nmigrations: [a]\nextensions: [1]\n",
            ),
            ("services/other/service.yaml", "- service: other\n"),
        ],
        "
        FH1105: freehold.yaml:1:9: `system` takes text, not a number
        = put it in quotes to make it text
        FH1105: freehold.yaml:2:11: `services` takes a list of texts, not text
        = put it in brackets to make it a list: `[…]`
        FH1105: freehold.yaml:3:10: `servers` takes a map of names to maps, not a list
        FH1105: freehold.yaml:4:10: `protect` takes true or false, not text
        FH1105: services/orders/service.yaml:2:8: `store` takes a map with the keys server, name, isolation, engines, derived, prune, tls, identities, migrations, seeds, not text
        FH1105: services/orders/service.yaml:3:17: `orders` takes a map with the keys append_only, not nothing
        = write the value, or take the key out
        FH1105: services/orders/service.yaml:4:13: `migrations` takes text, or a map with the keys by, command, not a list
        FH1105: services/orders/service.yaml:5:14: `extensions` takes text, not a number
        = put it in quotes to make it text
        FH1105: services/other/service.yaml:1:1: this file takes keys and values, not a list
        ",
    );
}

#[test]
fn missing_keys() {
    check(
        &[
            (
                "freehold.yaml",
                "servers: { main: { url: prompt } }\naccess:\n  - { who: dba, rights: admin }\n",
            ),
            ("services/empty/service.yaml", ""),
            (
                "services/orders/service.yaml",
                "service: orders\nstore: { name: x }\nmigrations: { by: flyway }\n",
            ),
        ],
        "
        FH1106: freehold.yaml:1:1: the key `system` is missing
        = add `system`; it takes text
        FH1106: freehold.yaml:1:18: `main` has no `engine`
        = add `engine`; it takes postgres, mysql, mariadb, sqlite, sqlserver, oracle, redis or mongodb
        FH1106: freehold.yaml:3:5: `access` has no `reason`
        = add `reason`; it takes text
        FH1106: services/empty/service.yaml:1:1: the key `service` is missing
        = add `service`; it takes text
        FH1106: services/orders/service.yaml:2:8: `store` has no `server`
        = add `server`; it takes text
        FH1106: services/orders/service.yaml:3:13: `migrations` has no `command`
        = add `command`; it takes a list of texts
        ",
    );
}

#[test]
fn words_that_an_enumeration_lacks() {
    check(
        &[
            (
                "freehold.yaml",
                "system: shop\nservers: { main: { engine: postgresql }, x: { engine: db2 } }\naccess: [{ who: a, rights: owner, reason: x }]\n",
            ),
            (
                "services/orders/service.yaml",
                "service: orders\nstore: { server: main, isolation: databse, engines: [Postgres] }\n",
            ),
        ],
        "
        FH1107: freehold.yaml:2:28: `engine` does not take `postgresql`
        = did you mean `postgres`? It takes postgres, mysql, mariadb, sqlite, sqlserver, oracle, redis or mongodb.
        FH1107: freehold.yaml:2:55: `engine` does not take `db2`
        = it takes postgres, mysql, mariadb, sqlite, sqlserver, oracle, redis or mongodb
        FH1107: freehold.yaml:3:28: `rights` does not take `owner`
        = it takes connect, read, write, plan or admin
        FH1107: services/orders/service.yaml:2:35: `isolation` does not take `databse`
        = did you mean `database`? It takes tables, schema, database or instance.
        FH1107: services/orders/service.yaml:2:54: `engines` does not take `Postgres`
        = did you mean `postgres`? It takes postgres, mysql, mariadb, sqlite, sqlserver, oracle, redis or mongodb.
        ",
    );
}

#[test]
fn every_duplicate_key_is_told() {
    check(
        &[
            SYSTEM,
            (
                "services/orders/service.yaml",
                "service: orders\nstore: { server: main, server: my }\nteam: a\nteam: b\nteam: c\n",
            ),
        ],
        "
        FH1108: services/orders/service.yaml:2:24: key `server` stands here a second time
        = the first is in line 2; keep one of them
        FH1108: services/orders/service.yaml:4:1: key `team` stands here a second time
        = the first is in line 3; keep one of them
        FH1108: services/orders/service.yaml:5:1: key `team` stands here a second time
        = the first is in line 3; keep one of them
        ",
    );
}

#[test]
fn an_empty_key_says_nothing() {
    check(
        &[
            SYSTEM,
            (
                "services/orders/service.yaml",
                "service: orders\nstore: { server: main }\nteam:\ntables:\nread_models:\n",
            ),
        ],
        "",
    );
    check(&[SYSTEM, ORDERS], "");
}
