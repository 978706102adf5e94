//! Dependencies point down only, and only `builtin` names concrete engines.

use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata};

use super::Finding;

/// A layer: its name, its crates, and the layers below that they may use. Nothing else may be used.
struct Layer {
    name: &'static str,
    crates: &'static [&'static str],
    may_use: &'static [&'static str],
}

/// ARCHITECTURE.md shows the same from above.
const LAYERS: &[Layer] = &[
    Layer {
        name: "nouns",
        crates: &["freehold-model"],
        may_use: &[],
    },
    Layer {
        name: "look",
        crates: &["freehold-look"],
        may_use: &[],
    },
    Layer {
        name: "sql",
        crates: &["freehold-sql"],
        may_use: &["nouns"],
    },
    // A checked definition is part of what a store should be: the contract carries it.
    Layer {
        name: "read models",
        crates: &["freehold-readmodel"],
        may_use: &["nouns", "sql"],
    },
    Layer {
        name: "contract",
        crates: &["freehold-engine"],
        may_use: &["nouns", "sql", "read models"],
    },
    Layer {
        name: "engines",
        crates: &["freehold-postgres", "freehold-mysql", "freehold-sqlite"],
        may_use: &["nouns", "sql", "read models", "contract"],
    },
    // Of the engines' contract a broker uses only the secrets and their stored forms.
    Layer {
        name: "broker",
        crates: &["freehold-broker"],
        may_use: &["nouns", "contract"],
    },
    Layer {
        name: "brokers",
        crates: &["freehold-kafka", "freehold-nats", "freehold-rabbitmq"],
        may_use: &["nouns", "contract", "broker"],
    },
    Layer {
        name: "bookkeeping",
        crates: &["freehold-bookkeeping"],
        may_use: &["nouns", "sql", "contract"],
    },
    Layer {
        name: "features",
        crates: &[
            "freehold-boundary",
            "freehold-console",
            "freehold-credentials",
            "freehold-events",
            "freehold-lifecycle",
            "freehold-saga",
        ],
        may_use: &[
            "look",
            "nouns",
            "sql",
            "read models",
            "contract",
            "broker",
            "bookkeeping",
        ],
    },
    Layer {
        name: "servers",
        crates: &["freehold-private-servers"],
        may_use: &["nouns"],
    },
    Layer {
        name: "builtin",
        crates: &["freehold-builtin"],
        may_use: &["nouns", "sql", "contract", "broker", "brokers", "engines"],
    },
    Layer {
        name: "binary",
        crates: &["freehold-cli"],
        may_use: &[
            "look",
            "nouns",
            "sql",
            "contract",
            "broker",
            "bookkeeping",
            "features",
            "servers",
            "builtin",
        ],
    },
    // The library for services: it knows nothing of freehold's inside.
    Layer {
        name: "sdk",
        crates: &["freehold"],
        may_use: &[],
    },
    Layer {
        name: "examples",
        crates: &["bookvault"],
        may_use: &["sdk"],
    },
    Layer {
        name: "browser",
        crates: &["freehold-browser"],
        may_use: &[],
    },
    Layer {
        name: "testkit",
        crates: &["freehold-testkit"],
        may_use: &[
            "nouns",
            "sql",
            "contract",
            "broker",
            "brokers",
            "bookkeeping",
            "features",
            "servers",
            "builtin",
            // Its tests publish as a service does.
            "sdk",
        ],
    },
    Layer {
        name: "tasks",
        crates: &["xtask"],
        may_use: &[],
    },
];

/// What tests may use besides: these never ship. A test may be a service's program, too.
const FOR_TESTS: &[&str] = &["testkit", "servers", "builtin", "browser", "sdk"];

/// A crate of the workspace and the workspace's crates that it uses.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    name: String,
    /// Name and whether only tests use it.
    uses: Vec<(String, bool)>,
}

/// The workspace's own crates and the edges between them.
pub(crate) fn members(metadata: &Metadata) -> Vec<Member> {
    let packages = metadata.workspace_packages();
    let ours = |name: &str| packages.iter().any(|package| package.name.as_str() == name);
    let member = |package: &&cargo_metadata::Package| {
        let uses = package.dependencies.iter().filter(|used| ours(&used.name));
        Member {
            name: package.name.to_string(),
            uses: uses
                .map(|used| (used.name.clone(), used.kind == DependencyKind::Development))
                .collect(),
        }
    };
    packages.iter().map(member).collect()
}

pub(crate) fn layers(members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members {
        let Some(layer) = layer_of(&member.name) else {
            findings.push(finding(
                &member.name,
                "is in no layer: add it to xtask/src/tidy/layers.rs",
            ));
            continue;
        };
        for (used, only_tests) in &member.uses {
            let below = layer_of(used).map_or("", |layer| layer.name);
            let may = layer.may_use.contains(&below) || *only_tests && FOR_TESTS.contains(&below);
            if !may {
                let kind = if *only_tests { "in its tests " } else { "" };
                let what = format!("uses {used} {kind}({} may not use {below})", layer.name);
                findings.push(finding(&member.name, &what));
            }
        }
    }
    findings
}

fn layer_of(name: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.crates.contains(&name))
}

fn finding(member: &str, what: &str) -> Finding {
    Finding::new(Path::new("Cargo.toml"), 0, format!("{member} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, uses: &[(&str, bool)]) -> usize {
        let uses = uses
            .iter()
            .map(|(name, only_tests)| ((*name).to_owned(), *only_tests))
            .collect();
        layers(&[Member {
            name: name.to_owned(),
            uses,
        }])
        .len()
    }

    #[test]
    fn down_is_right_and_up_or_across_is_found() {
        assert_eq!(
            found(
                "freehold-lifecycle",
                &[("freehold-bookkeeping", false), ("freehold-model", false)]
            ),
            0
        );
        assert_eq!(found("freehold-model", &[("freehold-sql", false)]), 1);
        assert_eq!(
            found("freehold-lifecycle", &[("freehold-credentials", false)]),
            1
        );
        assert_eq!(found("freehold-sqlite", &[("freehold-postgres", false)]), 1);
        assert_eq!(
            found("freehold-bookkeeping", &[("freehold-lifecycle", false)]),
            1
        );
    }

    #[test]
    fn only_builtin_names_engines() {
        assert_eq!(found("freehold-builtin", &[("freehold-mysql", false)]), 0);
        for name in ["freehold-lifecycle", "freehold-cli", "freehold-testkit"] {
            assert_eq!(found(name, &[("freehold-mysql", false)]), 1, "{name}");
        }
    }

    #[test]
    fn the_testkit_does_not_ship() {
        assert_eq!(found("freehold-cli", &[("freehold-testkit", true)]), 0);
        assert_eq!(found("freehold-cli", &[("freehold-testkit", false)]), 1);
        assert_eq!(found("freehold-sqlite", &[("freehold-lifecycle", true)]), 1);
    }

    #[test]
    fn a_crate_that_nobody_placed_is_found() {
        assert_eq!(found("freehold-surprise", &[]), 1);
    }
}
