//! What somebody probably meant: the nearest known word.

/// The candidate nearest to `word`, if one is near enough to be meant. Case, `_` and `-` do not
/// count; the first of equally near ones wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(word);
    // A third of the word may be wrong, and a single letter of a short one.
    let limit = (plain.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&plain, &self::plain(candidate)),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["isolation", "identities", "store", "stores", "run"];
        assert_eq!(nearest("isolaton", known), Some("isolation"));
        assert_eq!(nearest("Store", known), Some("store"));
        assert_eq!(nearest("idnetities", known), Some("identities"));
        assert_eq!(
            nearest("requireDown", ["require_down"]),
            Some("require_down")
        );
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
