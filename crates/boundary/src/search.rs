//! Many words at once in bytes: the search that each file goes through, whatever it holds.
//!
//! Owns the speed of it. An automaton's next step waits for the one before; so a file is read at
//! several places at the same time, and the processor waits for none of them. Words may overlap,
//! and all of them are told, in no order.

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::{Anchored, BuildError, MatchKind, dfa, nfa};

/// Letters of words up to which the search takes the form that is fast and large.
const LETTERS_OF_FAST: usize = 40_000;
/// Files shorter than this are read from one end to the other.
const SHORT: usize = 1_024;

/// A search for words, without regard to case where so made.
#[derive(Debug)]
pub(crate) struct Search {
    form: Form,
    longest: usize,
}

#[derive(Debug)]
enum Form {
    Fast(dfa::DFA),
    Small(nfa::contiguous::NFA),
}

/// A word that was found: which one, and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) word: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Search {
    /// For these words. `any_case`: ASCII letters stand for both of their forms.
    pub(crate) fn new(words: &[&str], any_case: bool) -> Result<Self, BuildError> {
        let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);
        let letters: usize = words.iter().map(|word| word.len()).sum();
        let form = if letters <= LETTERS_OF_FAST {
            Form::Fast(
                dfa::DFA::builder()
                    .match_kind(MatchKind::Standard)
                    .ascii_case_insensitive(any_case)
                    .prefilter(false)
                    .build(words)?,
            )
        } else {
            Form::Small(
                nfa::contiguous::NFA::builder()
                    .match_kind(MatchKind::Standard)
                    .ascii_case_insensitive(any_case)
                    .prefilter(false)
                    .build(words)?,
            )
        };
        Ok(Self { form, longest })
    }

    /// Is there a word that `takes` takes?
    pub(crate) fn any(&self, bytes: &[u8], takes: &mut dyn FnMut(Found) -> bool) -> bool {
        match &self.form {
            Form::Fast(automaton) => any(automaton, self.longest, bytes, takes),
            Form::Small(automaton) => any(automaton, self.longest, bytes, takes),
        }
    }
}

fn any<A: Automaton>(
    automaton: &A,
    longest: usize,
    bytes: &[u8],
    takes: &mut dyn FnMut(Found) -> bool,
) -> bool {
    let Ok(start) = automaton.start_state(Anchored::No) else {
        return false;
    };
    let mut told = |state: StateID, end: usize| tell(automaton, state, end, takes);
    let quarter = bytes.len() / 4;
    if bytes.len() < SHORT || quarter <= longest {
        return one(automaton, start, bytes, 0, &mut told);
    }
    // Each part begins so far in the one before that no word on the border is lost; the first
    // reads on into the second instead, so that all are equally long.
    let length = quarter + longest;
    let at = [
        0,
        quarter - longest,
        2 * quarter - longest,
        3 * quarter - longest,
    ];
    let [a, b, c, d] = at.map(|from| &bytes[from..from + length]);
    let (mut sa, mut sb, mut sc, mut sd) = (start, start, start, start);
    for (i, (((a, b), c), d)) in a.iter().zip(b).zip(c).zip(d).enumerate() {
        sa = automaton.next_state(Anchored::No, sa, *a);
        sb = automaton.next_state(Anchored::No, sb, *b);
        sc = automaton.next_state(Anchored::No, sc, *c);
        sd = automaton.next_state(Anchored::No, sd, *d);
        let special = automaton.is_special(sa)
            | automaton.is_special(sb)
            | automaton.is_special(sc)
            | automaton.is_special(sd);
        if special
            && (told(sa, at[0] + i + 1)
                || told(sb, at[1] + i + 1)
                || told(sc, at[2] + i + 1)
                || told(sd, at[3] + i + 1))
        {
            return true;
        }
    }
    one(automaton, sd, bytes, at[3] + length, &mut told)
}

/// Reads on from byte `from` in `state`.
fn one<A: Automaton>(
    automaton: &A,
    mut state: StateID,
    bytes: &[u8],
    from: usize,
    told: &mut impl FnMut(StateID, usize) -> bool,
) -> bool {
    for (i, byte) in bytes[from..].iter().enumerate() {
        state = automaton.next_state(Anchored::No, state, *byte);
        if automaton.is_special(state) && told(state, from + i + 1) {
            return true;
        }
    }
    false
}

#[cold]
fn tell<A: Automaton>(
    automaton: &A,
    state: StateID,
    end: usize,
    takes: &mut dyn FnMut(Found) -> bool,
) -> bool {
    automaton.is_match(state)
        && (0..automaton.match_len(state)).any(|i| {
            let word = automaton.match_pattern(state, i);
            takes(Found {
                word: word.as_usize(),
                start: end - automaton.pattern_len(word),
                end,
            })
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: &[&str] = &["ab", "bab", "a", "cc\n", "abcabcabcabc"];

    fn all(search: &Search, bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        search.any(bytes, &mut |own| {
            assert_eq!(own.end - own.start, WORDS[own.word].len());
            found.push((own.start, own.word));
            false
        });
        found.sort_unstable();
        found.dedup();
        found
    }

    fn plainly(bytes: &[u8]) -> Vec<(usize, usize)> {
        let at = |start: usize| {
            let rest = bytes[start..].to_ascii_lowercase();
            let begins = move |word: &&str| rest.starts_with(word.as_bytes());
            (0..WORDS.len())
                .filter(move |&i| begins(&WORDS[i]))
                .map(move |i| (start, i))
        };
        (0..bytes.len()).flat_map(at).collect()
    }

    proptest! {
        /// Wherever a word stands, also across the borders of the parts, it is found.
        #[test]
        fn nothing_is_lost(text in "[abcABC\n]{0,5000}") {
            let search = Search::new(WORDS, true).expect("few words");
            prop_assert_eq!(all(&search, text.as_bytes()), plainly(text.as_bytes()));
        }
    }

    #[test]
    fn many_words_are_found_too() {
        let long = "x".repeat(LETTERS_OF_FAST);
        let search = Search::new(&["needle", &long], false).expect("fits");
        let hay = format!("{}needle{}", "hay".repeat(900), "hay".repeat(900));
        assert!(search.any(hay.as_bytes(), &mut |found| found.start == 2_700));
        assert!(!search.any(b"NEEDLE", &mut |_| true));
    }
}
