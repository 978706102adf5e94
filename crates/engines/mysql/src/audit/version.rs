//! Which servers the audit knows: whether rights that were read mean what they mean elsewhere.
//!
//! Pure. A server that is not known is read all the same, and what is said of it is never `closed`.

use freehold_engine::audit::Outcome;

/// What would show the rest of a server that is older or newer.
pub(super) const NEEDS: &str =
    "MariaDB 10.6 to 12, MySQL 8 or 9, or a freehold that knows this server";
/// Servers that speak the protocol and decide by themselves who may do what.
const OTHERS: [&str; 6] = [
    "tidb",
    "vitess",
    "singlestore",
    "oceanbase",
    "starrocks",
    "doris",
];

/// How much a version says of what a server does. `said`: its version and the comment on it.
pub(super) fn known(mariadb: bool, version_num: u32, said: &str) -> Outcome {
    let known = if mariadb {
        100_600..130_000
    } else {
        80_000..100_000
    };
    let said = said.to_lowercase();
    let why = if OTHERS.iter().any(|own| said.contains(own)) {
        "it is neither MySQL nor MariaDB, and may decide about rights in its own way"
    } else if version_num < known.start {
        "it is older than any that the audit knows"
    } else if version_num >= known.end {
        "it is newer than any that the audit knows, and may have rights of new kinds"
    } else {
        return Outcome::Whole;
    };
    Outcome::NotSeen {
        why: why.to_owned(),
        needs: NEEDS.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_servers_are_whole() {
        let whole = |mariadb, number, said: &str| known(mariadb, number, said) == Outcome::Whole;
        assert!(whole(true, 100_600, "10.6.0-MariaDB") && whole(true, 120_002, "12.0.2-MariaDB"));
        assert!(
            !whole(true, 100_528, "10.5.28-MariaDB") && !whole(true, 130_000, "13.0.0-MariaDB")
        );
        assert!(whole(false, 80_000, "8.0.0") && whole(false, 90_704, "9.7.4 Debian"));
        assert!(!whole(false, 50_744, "5.7.44") && !whole(false, 100_000, "10.0.0"));
        assert!(!whole(
            false,
            80_011,
            "8.0.11-TiDB-v8.5.0 TiDB Server (Apache License 2.0)"
        ));
    }
}
