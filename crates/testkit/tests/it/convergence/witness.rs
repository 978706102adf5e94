//! Two sessions of the program that were open before an apply and go on during it: one tries to
//! change the append-only table, one does what the program is there for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use freehold_engine::{Connection, ErrorKind};
use freehold_testkit::Must as _;
use tokio::task::JoinHandle;

use super::scene::Scene;

const ATTACK: [&str; 2] = [
    "UPDATE order_items SET book = 'x' WHERE 1 = 0",
    "DELETE FROM order_items WHERE 1 = 0",
];

const WORK: [&str; 6] = [
    "INSERT INTO orders (customer_id) VALUES (7)",
    "UPDATE orders SET status = 'paid' WHERE customer_id = 7",
    "SELECT customer_id FROM open_orders WHERE 1 = 0",
    "INSERT INTO order_items (order_id, book) SELECT order_id, 'x' FROM orders WHERE 1 = 0",
    "SELECT book FROM order_items WHERE 1 = 0",
    "DELETE FROM orders WHERE customer_id = 7",
];

/// What a witness saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) done: usize,
    pub(crate) refused: usize,
    pub(crate) first_refusal: Option<String>,
}

/// A witness at work, or none: what it watches for held no more before the apply began.
pub(crate) struct Witness {
    stop: Arc<AtomicBool>,
    at_work: Option<JoinHandle<Seen>>,
}

/// The attacker and the client.
pub(crate) async fn both(scene: &Scene) -> (Witness, Witness) {
    let [first, second] = &scene.target.want.identities.app.logins;
    (
        witness(scene, first, &ATTACK, false).await,
        witness(scene, second, &WORK, true).await,
    )
}

/// Starts only when, before the apply, every statement ends as it should.
async fn witness(scene: &Scene, login: &str, statements: &[&str], may: bool) -> Witness {
    let statements: Vec<String> = statements.iter().map(|sql| scene.here(sql)).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let Some(mut session) = scene.enters(login).await else {
        return Witness {
            stop,
            at_work: None,
        };
    };
    for sql in &statements {
        let as_it_should = match session.execute(sql).await {
            Ok(()) => may,
            Err(error) => !may && error.kind == ErrorKind::Denied,
        };
        if !as_it_should {
            return Witness {
                stop,
                at_work: None,
            };
        }
    }
    let ended = Arc::clone(&stop);
    let at_work = tokio::spawn(async move { watch(session, &statements, &ended).await });
    Witness {
        stop,
        at_work: Some(at_work),
    }
}

async fn watch(mut session: Box<dyn Connection>, statements: &[String], stop: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    while !stop.load(Ordering::SeqCst) {
        for sql in statements {
            match session.execute(sql).await {
                Ok(()) => seen.done += 1,
                Err(error) => {
                    seen.refused += 1;
                    seen.first_refusal
                        .get_or_insert_with(|| format!("{sql}: {error}"));
                    if session.broken() {
                        return seen;
                    }
                }
            }
        }
    }
    seen
}

impl Witness {
    pub(crate) async fn ends(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        match self.at_work {
            Some(at_work) => at_work.await.ok().must("a witness that lives"),
            None => Seen::default(),
        }
    }
}
