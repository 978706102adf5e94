//! Instances: requests made once, outputs held to their contract, the stored form.

use std::path::Path;
use std::sync::LazyLock;

use freehold_saga::{
    Action, At, Dispatch, Event, Illegal, Instance, Kind, Outcome, Parked, Phase, Prepared, Sound,
    Unreadable, decode_instance, encode_instance, read,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::definitions::PLACE_ORDER;

static PREPARED: LazyLock<Prepared> = LazyLock::new(|| {
    let loaded = read(PLACE_ORDER, Path::new("s.yaml")).expect("no fault");
    Prepared::new(loaded.definition)
});

fn started(input: Value) -> Instance {
    Instance::new(&PREPARED, "s-1".into(), "o-1".into(), input)
}

fn order() -> Value {
    json!({
        "order_id": "o-1", "customer_id": "c-1", "total": 1999, "currency": "EUR",
        "items": [{ "sku": "b", "quantity": 2 }],
    })
}

type Taken = Result<(Instance, Vec<Dispatch>), Illegal>;

fn advance(instance: &Instance, event: Event, payload: Option<Value>) -> Taken {
    instance.advance::<Sound>(&PREPARED, 1_000, &event, payload)
}

fn done(instance: &Instance, step: usize, payload: Value) -> (Instance, Vec<Dispatch>) {
    let event = Event::Reply {
        step,
        generation: 1,
        kind: Kind::Action,
        outcome: Outcome::Done,
    };
    advance(instance, event, Some(payload)).expect("it is awaited")
}

fn bodies(dispatches: &[Dispatch]) -> Vec<Value> {
    let requests = dispatches.iter().filter_map(|it| it.request.as_ref());
    requests.map(|it| it.request.body.clone()).collect()
}

/// Where everything before the pivot is done and the pivot is enabled.
fn at_the_pivot() -> Instance {
    let (it, _) = advance(&started(order()), Event::Begin, None).expect("it begins");
    let (it, _) = done(&it, 0, json!({}));
    let (it, _) = done(&it, 1, json!({ "reservation_id": "r-9" }));
    let (it, _) = done(&it, 2, json!({}));
    advance(
        &it,
        Event::Approve { step: 3 },
        Some(json!({ "by": "ann" })),
    )
    .expect("it waits")
    .0
}

#[test]
fn a_happy_path_is_a_commit_a_reply() {
    let (it, sent) = advance(&started(order()), Event::Begin, None).expect("it begins");
    assert_eq!(bodies(&sent), [json!({ "id": "o-1", "note": "" })]);
    let (it, sent) = done(&it, 0, json!({}));
    assert_eq!(sent.len(), 2, "both branches");
    let (it, sent) = done(&it, 2, json!({}));
    assert_eq!(sent, []);
    let (it, _) = done(&it, 1, json!({ "reservation_id": "r-9", "more": true }));
    let (it, sent) = advance(&it, Event::Approve { step: 3 }, None).expect("it waits");
    assert_eq!(
        bodies(&sent),
        [json!({ "reservation": "r-9", "amount": 1999 })]
    );
    let (it, sent) = done(&it, 4, json!({ "charge_id": "ch" }));
    assert_eq!(bodies(&sent), [json!({ "charge": "ch" })]);
    let (it, _) = done(&it, 5, json!({}));
    assert_eq!(it.state.phase, Phase::Completed);
    // Claim, five replies, one approval.
    assert_eq!(it.state.version, 7);
}

#[test]
fn a_request_is_made_once() {
    let it = at_the_pivot();
    let first = it.requests[&(4, Kind::Action)].clone();
    // What became known since would give another body.
    let mut later = it.clone();
    later
        .outputs
        .insert(1, json!({ "reservation_id": "other" }));
    let unanswered = Event::Unanswered {
        step: 4,
        generation: 1,
        kind: Kind::Action,
        attempt: 1,
        chance: 0,
    };
    let (later, sent) = advance(&later, unanswered, None).expect("it is awaited");
    assert_eq!(
        sent[0].request.as_ref().map(|it| it.request.to.as_str()),
        Some("/charges/s-1")
    );
    let not_found = Event::Reply {
        step: 4,
        generation: 1,
        kind: Kind::Resolve,
        outcome: Outcome::NotFound,
    };
    let (_, sent) = advance(&later, not_found, None).expect("it is awaited");
    assert_eq!(sent[0].request.as_ref(), Some(&first));
}

#[test]
fn a_payload_that_is_not_the_contract_is_no_reply() {
    let (it, _) = advance(&started(order()), Event::Begin, None).expect("it begins");
    let (it, _) = done(&it, 0, json!({}));
    let (it, sent) = done(&it, 1, json!({ "reservation_id": 7 }));
    assert_eq!(it.state.steps[1].at, At::Open);
    assert_eq!(sent.len(), 1, "sent again");
    assert_eq!(it.errors[&1], "the reply: `reservation_id` is not text");
}

#[test]
fn what_cannot_be_written_parks_with_the_reason_and_sends_nothing() {
    let (it, sent) =
        advance(&started(json!({ "order_id": 1 })), Event::Begin, None).expect("it begins");
    assert_eq!(it.state.steps[0].at, At::Unwritable);
    assert_eq!(it.state.steps[0].parked, Some(Parked::Unwritable));
    assert_eq!(it.errors[&0], "the input: `order_id` is not text");
    assert_eq!(bodies(&sent), [] as [Value; 0]);
    // Mended, it goes on in the same generation.
    let mut mended = it.clone();
    mended.input = order().into();
    let retry = Event::Operate {
        seen: Some(mended.state.version),
        action: Action::Retry { step: 0 },
    };
    let (mended, sent) = advance(&mended, retry, None).expect("it is parked");
    assert_eq!((mended.state.steps[0].generation, sent.len()), (1, 1));
}

#[test]
fn an_edit_undoes_and_then_sends_the_new_body() {
    let (it, _) = advance(&started(order()), Event::Begin, None).expect("it begins");
    let edit = Event::Operate {
        seen: Some(it.state.version),
        action: Action::Edit { step: 0 },
    };
    let body = json!({ "id": "o-2", "note": "by hand" });
    let (it, sent) = advance(&it, edit, Some(body.clone())).expect("it is open");
    let to = sent[0].request.as_ref().map(|it| it.request.to.as_str());
    assert_eq!(to, Some("/internal/orders/o-1/cancel"));
    let undone = Event::Reply {
        step: 0,
        generation: 1,
        kind: Kind::Undo,
        outcome: Outcome::Undone,
    };
    let (it, sent) = advance(&it, undone, None).expect("it is awaited");
    assert_eq!(
        (it.state.steps[0].generation, bodies(&sent)),
        (2, vec![body])
    );
}

/// The business has committed, so a start whose input does not fit is not lost: an operator gives
/// another input, and everything after that is made of it.
#[test]
fn an_invalid_start_parks_and_is_revived_by_an_edit() {
    let invalid = json!({ "order_id": 7 });
    let (it, sent) = advance(&started(invalid.clone()), Event::Begin, None).expect("it begins");
    assert_eq!(bodies(&sent), Vec::<Value>::new());
    assert!(it.errors[&0].contains("order_id"), "{:?}", it.errors);
    let edit = |it: &Instance| Event::Operate {
        seen: Some(it.state.version),
        action: Action::Edit { step: 0 },
    };
    let (it, sent) = advance(&it, edit(&it), Some(invalid)).expect("it is parked");
    assert_eq!(bodies(&sent), Vec::<Value>::new());
    assert!(it.errors[&0].contains("order_id"), "{:?}", it.errors);
    let (it, sent) = advance(&it, edit(&it), Some(order())).expect("it is parked");
    assert_eq!(*it.input, order());
    assert_eq!(bodies(&sent).len(), 1);
    assert!(
        it.edits.is_empty() && it.errors.is_empty(),
        "{:?}",
        it.errors
    );
}

#[test]
fn the_stored_form_comes_back_whole() {
    let it = at_the_pivot();
    let bytes = encode_instance(&it);
    assert_eq!(decode_instance(&bytes), Ok(it));
    let mut later = bytes.clone();
    later[0] = 2;
    assert_eq!(decode_instance(&later), Err(Unreadable::Format(2)));
    for end in 0..bytes.len() {
        assert!(decode_instance(&bytes[..end]).is_err());
    }
}

/// Rows that were written yesterday are read tomorrow: these bytes may never change for format 1.
#[test]
fn format_1_stays_what_it_is() {
    let (it, _) =
        advance(&started(json!({ "order_id": 1 })), Event::Begin, None).expect("it begins");
    let bytes = encode_instance(&it);
    let hex: String = bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat();
    assert_eq!(hex, GOLDEN);
}

const GOLDEN: &str = "\
    0103732d31036f2d310e7b226f726465725f6964223a317d01020000000001a8f66d0000060101010100e80701\
    020000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
    00000000000001002174686520696e7075743a20606f726465725f696460206973206e6f7420746578740000";

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut framed = vec![1];
        framed.extend(&bytes);
        let _ = decode_instance(&bytes);
        let _ = decode_instance(&framed);
    }

    #[test]
    fn no_flipped_bit_breaks_it(at in 0_usize..2000, bit in 0_u8..8) {
        let mut bytes = encode_instance(&at_the_pivot());
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let _ = decode_instance(&bytes);
    }
}
