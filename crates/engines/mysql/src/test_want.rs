//! Descriptions and servers as the unit tests of this crate use them.

use std::collections::{BTreeMap, BTreeSet};

use freehold_engine::{Flavour, Probe, Spot, Want};
use freehold_model::{AppIdentity, Identities, Isolation};

/// A store `orders` with one append-only table.
pub(crate) fn orders() -> Want {
    Want {
        system: "bookvault".to_owned(),
        service: "orders".to_owned(),
        store: "main".to_owned(),
        isolation: Isolation::Database,
        spot: Spot {
            database: "orders".to_owned(),
            schema: String::new(),
            prefix: String::new(),
        },
        identities: Identities {
            owner: "orders_owner".to_owned(),
            app: AppIdentity {
                role: "orders_app".to_owned(),
                logins: ["orders_app_1".to_owned(), "orders_app_2".to_owned()],
            },
            sidecar: "orders_sidecar".to_owned(),
            backup: "orders_backup".to_owned(),
            migrator: "orders_migrator".to_owned(),
            issuer: "orders_issuer".to_owned(),
        },
        append_only: BTreeSet::from(["order_items".to_owned()]),
        extensions: vec![],
        access: vec![],
        prune: true,
        require_tls: false,
        server_wide: false,
        plane: freehold_engine::Plane::default(),
    }
}

/// A superuser on `product`.
pub(crate) fn server(product: &'static str) -> Probe {
    let settings = [
        (crate::names::ACCOUNTS_HOST, "127.0.0.1"),
        ("have_ssl", "YES"),
        ("innodb_flush_log_at_trx_commit", "1"),
    ];
    Probe {
        product,
        version: "10.11.19".to_owned(),
        version_num: 101_119,
        flavour: Flavour::Vanilla,
        user: "adm".to_owned(),
        rights: BTreeSet::from(["all".to_owned(), "grant option".to_owned()]),
        settings: settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>(),
        tls: false,
    }
}
