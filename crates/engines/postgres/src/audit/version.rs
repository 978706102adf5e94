//! Which servers the audit knows: whether rights that were read mean what they mean elsewhere.
//!
//! Pure. A server that is not known is read all the same, and what is said of it is never `closed`.

use std::ops::Range;

use freehold_engine::audit::Outcome;

/// PostgreSQL 12 to 18.
const KNOWN: Range<u32> = 120_000..190_000;
/// What would show the rest of a server that is older or newer.
pub(super) const NEEDS: &str = "PostgreSQL 12 to 18, or a freehold that knows this server";
/// Servers that speak PostgreSQL's protocol and decide by themselves who may do what.
const OTHERS: [&str; 5] = [
    "-YB-",
    "Greenplum",
    "Redshift",
    "EnterpriseDB",
    "Materialize",
];

/// How much a version says of what a server does. `said`: its answer to `version()`.
pub(super) fn known(version_num: u32, said: &str) -> Outcome {
    let why = if !said.starts_with("PostgreSQL ") || OTHERS.iter().any(|own| said.contains(own)) {
        "it is not PostgreSQL itself, and may decide about rights in its own way"
    } else if version_num < KNOWN.start {
        "it is older than any PostgreSQL that the audit knows"
    } else if version_num >= KNOWN.end {
        "it is newer than any PostgreSQL that the audit knows, and may have rights of new kinds"
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
        let whole = |number, said: &str| known(number, said) == Outcome::Whole;
        let plain = "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu";
        assert!(whole(120_000, plain) && whole(150_018, plain) && whole(180_004, plain));
        assert!(!whole(110_022, plain) && !whole(190_000, plain) && !whole(0, plain));
        for other in [
            "CockroachDB CCL v25.1.0 (x86_64-pc-linux-gnu)",
            "PostgreSQL 15.2-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu",
            "PostgreSQL 12.12 (Greenplum Database 7.1.0 build commit:1) on x86_64",
            "",
        ] {
            assert!(!whole(150_000, other), "{other}");
        }
    }
}
