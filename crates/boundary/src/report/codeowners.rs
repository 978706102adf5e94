//! A CODEOWNERS file: whose team looks at changes of which code.

use std::fmt::Write as _;

use crate::ownership::Ownership;

/// A line for each pattern of code whose context has a team; `prefix` makes a team's name an
/// address (`@acme/`). The code host takes the last line that fits, so patterns that say more
/// stand later. Contexts without a team are named in a remark.
#[must_use]
pub fn codeowners(own: &Ownership, prefix: &str) -> String {
    let mut out =
        String::from("# Made by `freehold render codeowners`: edit the description, not this.\n");
    let mut lines: Vec<(usize, String, String)> = Vec::new();
    for context in &own.contexts {
        let Some(team) = &context.team else {
            let _ = writeln!(out, "# {} names no team.", context.name);
            continue;
        };
        let address = if team.starts_with('@') || team.contains('@') {
            team.clone()
        } else {
            format!("{prefix}{team}")
        };
        for code in &context.code {
            lines.push((said(code), pattern(code), address.clone()));
        }
    }
    lines.sort();
    lines.dedup();
    // What a folder's line says of all below it is not said again.
    let said_by = |pattern: &str| {
        lines
            .iter()
            .filter(|(_, folder, _)| {
                folder.ends_with('/') && folder != pattern && pattern.starts_with(folder.as_str())
            })
            .max_by_key(|(_, folder, _)| folder.len())
            .map(|(_, _, team)| team.clone())
    };
    let lines: Vec<&(usize, String, String)> = lines
        .iter()
        .filter(|(_, pattern, team)| said_by(pattern).as_ref() != Some(team))
        .collect();
    let width = lines
        .iter()
        .map(|(_, pattern, _)| pattern.chars().count())
        .max()
        .unwrap_or(0);
    for (_, pattern, team) in lines {
        let _ = writeln!(out, "{pattern:width$}  {team}");
    }
    out
}

/// From the root; all below a folder ends in a slash. A blank would end the pattern.
fn pattern(code: &str) -> String {
    let code = code.trim_start_matches("./").trim_start_matches('/');
    let code = match code.strip_suffix("/**") {
        Some(folder) => format!("{folder}/"),
        None if code == "**" => "*".to_owned(),
        None => code.to_owned(),
    };
    let code = code.replace(' ', "\\ ");
    if code == "*" || code.starts_with("**/") {
        code
    } else {
        format!("/{code}")
    }
}

/// How much a pattern says.
fn said(code: &str) -> usize {
    code.chars()
        .filter(|c| !matches!(c, '*' | '?' | '/'))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_the_code_host() {
        assert_eq!(pattern("src/orders/**"), "/src/orders/");
        assert_eq!(pattern("**/loan/**"), "**/loan/");
        assert_eq!(pattern("**"), "*");
        assert_eq!(pattern("a b/*.sql"), "/a\\ b/*.sql");
    }
}
