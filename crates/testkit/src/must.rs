//! `.must("…")`: unwrapping that says what was expected, for tests and this crate.

use freehold_model::Fault;

/// Unwraps or fails the test with a sentence.
pub trait Must {
    /// What is inside.
    type Inside;
    /// Fails the test, saying what had to be.
    fn must(self, what: &str) -> Self::Inside;
}

impl<T> Must for Option<T> {
    type Inside = T;
    #[track_caller]
    fn must(self, what: &str) -> T {
        match self {
            Some(inside) => inside,
            None => panic!("{what}: there is none"),
        }
    }
}

impl<T> Must for Result<T, Vec<Fault>> {
    type Inside = T;
    #[track_caller]
    fn must(self, what: &str) -> T {
        match self {
            Ok(inside) => inside,
            Err(faults) => {
                let lines: Vec<_> = faults
                    .iter()
                    .map(|fault| format!("{fault}\n  {}", fault.help.join("\n  ")))
                    .collect();
                panic!("{what}:\n{}", lines.join("\n"))
            }
        }
    }
}

impl<T> Must for std::sync::LockResult<T> {
    type Inside = T;
    #[track_caller]
    fn must(self, what: &str) -> T {
        match self {
            Ok(inside) => inside,
            Err(poisoned) => panic!("{what}: {poisoned}"),
        }
    }
}

macro_rules! must_for {
    ($($error:ty),*) => {$(
        impl<T> Must for Result<T, $error> {
            type Inside = T;
            #[track_caller]
            fn must(self, what: &str) -> T {
                match self {
                    Ok(inside) => inside,
                    Err(error) => panic!("{what}: {error}"),
                }
            }
        }
    )*};
}

must_for!(
    freehold_broker::Error,
    freehold_broker::ParseError,
    freehold_broker::Malformed,
    tokio::time::error::Elapsed,
    freehold_engine::Error,
    freehold_private_servers::Error,
    std::io::Error,
    Fault
);
