//! The shapes of sagas that crash.

/// A saga, and what its participants do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    pub(super) name: &'static str,
    /// `SERVICE` is the participants'.
    pub(super) saga: &'static str,
    /// Steps that refuse.
    pub(super) refuse: &'static [&'static str],
    /// Steps whose first attempt is answered too late, and takes effect.
    pub(super) stall: &'static [&'static str],
    /// Steps that may take effect long after they were given up.
    pub(super) late: &'static [&'static str],
    /// How every saga ends.
    pub(super) completes: bool,
}

pub(super) const SCENES: [Scene; 4] = [
    Scene {
        name: "straight",
        saga: STRAIGHT,
        refuse: &[],
        stall: &[],
        late: &[],
        completes: true,
    },
    Scene {
        name: "refused at the pivot",
        saga: STRAIGHT,
        refuse: &["charge"],
        stall: &[],
        late: &[],
        completes: false,
    },
    Scene {
        name: "parallel, refused late",
        saga: DIAMOND,
        refuse: &["pack"],
        stall: &[],
        late: &[],
        completes: false,
    },
    Scene {
        name: "the pivot answers late",
        saga: STRAIGHT,
        refuse: &[],
        stall: &["charge"],
        late: &[],
        completes: true,
    },
];

/// Given up after two short attempts, which may take effect all the same, before or after the undo.
pub(super) const LATE: Scene = Scene {
    name: "late success",
    saga: "saga: place_order
input: { order_id: text }
steps:
  - step: reserve
    call: { http: \"POST ${SERVICE}/reserve\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/reserve/undo\", body: { order: input.order_id } }
    retry: { attempts: 3, first: 1ms, max: 5ms }
    timeout: 150ms
  - step: points
    call: { http: \"POST ${SERVICE}/points\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/points/undo\", body: { order: input.order_id } }
    retry: { attempts: 3, first: 1ms, max: 5ms }
    timeout: 150ms
",
    refuse: &[],
    stall: &[],
    late: &["reserve", "points"],
    completes: false,
};

const STRAIGHT: &str = "saga: place_order
input: { order_id: text }
locks: { on_conflict: wait }
steps:
  - step: reserve
    call: { http: \"POST ${SERVICE}/reserve\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/reserve/undo\", body: { order: input.order_id } }
    output: { step: text }
    retry: { attempts: 20, first: 20ms, max: 100ms }
    timeout: 2s
  - step: charge
    kind: pivot
    call: { http: \"POST ${SERVICE}/charge\", body: { order: input.order_id, of: reserve.step } }
    resolve: { http: \"POST ${SERVICE}/charge/resolve\", body: { order: input.order_id } }
    retry: { attempts: 20, first: 20ms, max: 100ms }
    timeout: 300ms
  - step: confirm
    kind: retriable
    call: { http: \"POST ${SERVICE}/confirm\", body: { order: input.order_id } }
    retry: { attempts: 50, first: 20ms, max: 100ms }
    timeout: 2s
";

const DIAMOND: &str = "saga: place_order
input: { order_id: text }
locks: { on_conflict: wait }
steps:
  - step: reserve
    call: { http: \"POST ${SERVICE}/reserve\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/reserve/undo\", body: { order: input.order_id } }
    retry: { attempts: 20, first: 20ms, max: 100ms }
    timeout: 2s
  - step: points
    after: [reserve]
    call: { http: \"POST ${SERVICE}/points\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/points/undo\", body: { order: input.order_id } }
    retry: { attempts: 20, first: 20ms, max: 100ms }
    timeout: 2s
  - step: stamp
    after: [reserve]
    call: { http: \"POST ${SERVICE}/stamp\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/stamp/undo\", body: { order: input.order_id } }
    retry: { attempts: 20, first: 20ms, max: 100ms }
    timeout: 2s
  - step: pack
    after: [points, stamp]
    call: { http: \"POST ${SERVICE}/pack\", body: { order: input.order_id } }
    undo: { http: \"POST ${SERVICE}/pack/undo\", body: { order: input.order_id } }
    retry: { attempts: 20, first: 20ms, max: 100ms }
    timeout: 2s
";
