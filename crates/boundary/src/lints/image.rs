//! Images and charts in deployments that nobody maintains any more.

use std::path::Path;

use super::{Lint, Rule};
use crate::spot::Lines;

pub(super) const RULE: Rule = Rule {
    code: "FH2127",
    name: "unmaintained-image",
    way_out: "take the image of the database's own makers, or its operator, at a version that is still maintained",
};

/// What an image or chart begins with, and why it is none to rely on.
const ENDED: &[(&str, &str)] = &[
    (
        "bitnami/",
        "Bitnami's free images get no updates since 2025",
    ),
    (
        "bitnamilegacy/",
        "an archive of Bitnami's that gets no updates",
    ),
    (
        "docker.io/bitnami/",
        "Bitnami's free images get no updates since 2025",
    ),
    (
        "docker.io/bitnamilegacy/",
        "an archive of Bitnami's that gets no updates",
    ),
    (
        "registry-1.docker.io/bitnamicharts",
        "Bitnami's charts take images that get no updates",
    ),
    (
        "oci://registry-1.docker.io/bitnamicharts",
        "Bitnami's charts take images that get no updates",
    ),
    (
        "https://charts.bitnami.com",
        "Bitnami's charts take images that get no updates",
    ),
    (
        "https://charts.helm.sh/stable",
        "the stable charts ended in 2020",
    ),
    (
        "https://kubernetes-charts.storage.googleapis.com",
        "the stable charts ended in 2020",
    ),
    (
        "k8s.gcr.io/",
        "this registry is frozen since 2023; registry.k8s.io took its place",
    ),
    ("mysql:5.", "MySQL 5 gets no updates since 2023"),
    ("postgres:9", "this version of PostgreSQL gets no updates"),
    ("postgres:10", "this version of PostgreSQL gets no updates"),
    ("postgres:11", "this version of PostgreSQL gets no updates"),
    ("postgres:12", "this version of PostgreSQL gets no updates"),
    ("mariadb:10.3", "this version of MariaDB gets no updates"),
    ("mariadb:10.4", "this version of MariaDB gets no updates"),
    ("mariadb:10.5", "this version of MariaDB gets no updates"),
    ("mongo:3", "this version of MongoDB gets no updates"),
    ("mongo:4", "this version of MongoDB gets no updates"),
];

pub(super) fn read(path: &Path, text: &str, lines: &Lines) -> Vec<Lint> {
    let mut found = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let code = line.trim_start().trim_start_matches("- ").trim_start();
        let Some(rest) = ["image:", "repository:", "chart:", "\"image\":"]
            .iter()
            .find_map(|key| code.strip_prefix(key))
        else {
            continue;
        };
        let value = rest.trim().trim_matches(['"', '\'', ',']);
        let said = ENDED.iter().find(|(begins, _)| value.starts_with(begins));
        if let Some((_, why)) = said {
            let from = start + line.find(value).unwrap_or(0);
            let image = value.split_whitespace().next().unwrap_or(value);
            let spot = lines.spot(from, from + image.len(), String::new());
            found.push(Lint::new(&RULE, path, spot, format!("{image}: {why}")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_where_they_stand() {
        let text = "kind: Pod\nspec:\n  containers:\n  - image: \"bitnami/postgresql:15\"\n  - image: postgres:17\n  - name: bitnami/x\n  # image: bitnami/no\n";
        let found = read(Path::new("a.yaml"), text, &Lines::new(text));
        let said: Vec<_> = found
            .iter()
            .map(|own| (own.spot.line, own.spot.column, own.spot.length))
            .collect();
        assert_eq!(said, [(4, 13, 21)]);
    }
}
