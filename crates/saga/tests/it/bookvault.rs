//! The sagas of the example are without fault.

use std::path::Path;

use freehold_saga::{StepKind, check_together, read};

#[test]
fn bookvaults_sagas_are_without_fault() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/bookvault");
    let folder = folder.join("services/orders/sagas");
    let mut all = Vec::new();
    for name in ["place_order", "place_large_order", "cancel_order"] {
        let file = folder.join(name).with_extension("yaml");
        let text = std::fs::read_to_string(&file).expect("the file");
        let loaded = read(&text, &file).expect("no fault");
        assert_eq!(loaded.definition.name, name);
        all.push(loaded);
    }
    let services = ["orders", "catalog", "customers", "payment"];
    assert!(check_together(&all, &services).is_empty());
    let charge = all[0].definition.step("charge").expect("the step");
    assert_eq!(all[0].definition.steps[charge].kind, StepKind::Pivot);
}
