//! Crossings that are wanted: which findings a policy covers, and which policies have ended.

use crate::finding::Finding;
use crate::ownership::{Allow, Ownership};

/// Findings held against the policy.
pub(crate) struct Sorted {
    pub(crate) allowed: Vec<Finding>,
    pub(crate) findings: Vec<Finding>,
    /// Policies whose last day has passed: they cover nothing.
    pub(crate) expired: Vec<Allow>,
}

/// `today` is a day, `YYYY-MM-DD`.
pub(crate) fn sort(own: &Ownership, findings: Vec<Finding>, today: &str) -> Sorted {
    let ended = |allow: &&Allow| allow.until.as_deref().is_some_and(|day| day < today);
    let (expired, valid): (Vec<&Allow>, Vec<&Allow>) = own.allows.iter().partition(ended);
    let (allowed, findings) = findings
        .into_iter()
        .partition(|finding| valid.iter().any(|allow| covers(allow, finding)));
    Sorted {
        allowed,
        findings,
        expired: expired.into_iter().cloned().collect(),
    }
}

fn covers(allow: &Allow, finding: &Finding) -> bool {
    let fits = |wanted: &Option<String>, is: &str| {
        wanted
            .as_deref()
            .is_none_or(|wanted| wanted == is || wanted == "*")
    };
    let table = allow.table.as_deref().is_none_or(|pattern| {
        let bare = finding.object.rsplit('.').next().unwrap_or(&finding.object);
        pattern.eq_ignore_ascii_case(&finding.object)
            || pattern.eq_ignore_ascii_case(bare)
            || pattern.strip_suffix('*').is_some_and(|start| {
                bare.to_ascii_lowercase()
                    .starts_with(&start.to_ascii_lowercase())
            })
    });
    fits(&allow.from, &finding.from)
        && fits(&allow.to, &finding.to)
        && table
        && (allow.kinds.is_empty() || allow.kinds.contains(&finding.kind))
}
