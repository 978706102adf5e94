//! What must be true of sagas that have ended, by the participants' own ledger.

use std::collections::BTreeMap;

use freehold_saga::{Definition, StepKind};
use freehold_testkit::Must as _;
use freehold_testkit::sagashop::login;

use super::definitions::Scene;
use super::world::World;

/// Holds the sagas of these keys to what a saga is. `what` tells the trial that they were in.
pub(super) async fn judge(world: &World, scene: &Scene, keys: &[String], what: &str) {
    let ended = judge_either(world, scene, keys, what).await;
    let wanted = if scene.completes { keys.len() } else { 0 };
    assert_eq!(ended, wanted, "{what}: so many completed");
}

/// The same where chance decides how each ends. Returns how many completed.
pub(super) async fn judge_either(
    world: &World,
    scene: &Scene,
    keys: &[String],
    what: &str,
) -> usize {
    let mut eyes = world.enter(&world.sidecar).await;
    let standing = world.standing(eyes.as_mut()).await;
    let definition = world.definition(scene);
    let ledger = ledger(world).await;
    let mut completed = 0;
    for key in keys {
        let (saga, status) = standing.get(key).must("its row");
        let whole = status == "completed";
        assert!(
            whole || status == "compensated",
            "{what}: {key} is {status}"
        );
        completed += usize::from(whole);
        let effects = ledger.get(saga).cloned().unwrap_or_default();
        one(&definition, &effects, whole, &format!("{what}: {key}"));
    }
    let orders = count(eyes.as_mut(), &world.own("saga_start")).await;
    let mut program = world.enter(&world.app).await;
    let sagas = count(program.as_mut(), "orders").await;
    assert_eq!(
        orders, sagas,
        "{what}: an order without a saga, or the reverse"
    );
    let locks = count(eyes.as_mut(), &world.own("saga_lock")).await;
    assert_eq!(locks, 0, "{what}: a lock was leaked");
    completed
}

/// Of sagas that may wait for an operator: what has ended is whole, and nothing counts twice.
pub(super) async fn judge_what_ended(world: &World, scene: &Scene, keys: &[String], what: &str) {
    let mut eyes = world.enter(&world.sidecar).await;
    let standing = world.standing(eyes.as_mut()).await;
    let definition = world.definition(scene);
    let ledger = ledger(world).await;
    for key in keys {
        let (saga, status) = standing.get(key).must("its row");
        let effects = ledger.get(saga).cloned().unwrap_or_default();
        let what = format!("{what}: {key} is {status}");
        match status.as_str() {
            "completed" | "compensated" => one(&definition, &effects, status == "completed", &what),
            _ => drop(net(&definition, &effects, &what)),
        }
    }
}

async fn count(eyes: &mut dyn freehold_engine::Connection, table: &str) -> i64 {
    let rows = eyes
        .query(&format!("SELECT count(*) FROM {table}"), &[])
        .await
        .must("a count");
    rows[0][0].whole().must("a number")
}

/// By saga: (step, delta) in the order of the participants' commits.
pub(super) async fn ledger(world: &World) -> BTreeMap<String, Vec<(String, i64)>> {
    let target = &world.shop.payment;
    let at = login(target, &target.want.identities.backup).await;
    let mut eyes = target.engine.connect(&at).await.must("the ledger");
    let rows = eyes
        .query("SELECT saga, step, delta FROM effects ORDER BY id", &[])
        .await;
    let mut ledger: BTreeMap<String, Vec<(String, i64)>> = BTreeMap::new();
    for row in rows.must("the ledger") {
        let text = |at: usize| row[at].text().unwrap_or_default().to_owned();
        let entry = (text(1), row[2].whole().unwrap_or(0));
        ledger.entry(text(0)).or_default().push(entry);
    }
    ledger
}

/// Each effect counts 0 or 1 at every moment; all count 1 or all 0 at the end; what came later is
/// taken back earlier.
fn one(definition: &Definition, effects: &[(String, i64)], completed: bool, what: &str) {
    let net = net(definition, effects, what);
    for step in &definition.steps {
        let calls = step.kind != StepKind::Approval;
        let wanted = i64::from(completed && calls);
        let found = net.get(step.name.as_str()).copied().unwrap_or(0);
        assert_eq!(found, wanted, "{what}: {} in {effects:?}", step.name);
    }
}

/// What each effect counts at the end, held to what is true at every moment.
fn net<'e>(
    definition: &Definition,
    effects: &'e [(String, i64)],
    what: &str,
) -> BTreeMap<&'e str, i64> {
    let mut net: BTreeMap<&str, i64> = BTreeMap::new();
    let mut taken_back: Vec<usize> = Vec::new();
    for (step, delta) in effects {
        let count = net.entry(step).or_default();
        *count += delta;
        assert!(
            (0..=1).contains(count),
            "{what}: {step} counts {count} in {effects:?}"
        );
        let number = definition.step(step).must("a step");
        if *delta < 0 {
            for before in &taken_back {
                let ancestors = definition.steps[number].ancestors;
                assert!(
                    !ancestors.contains(*before),
                    "{what}: taken back out of order in {effects:?}"
                );
            }
            taken_back.push(number);
        }
    }
    net
}
