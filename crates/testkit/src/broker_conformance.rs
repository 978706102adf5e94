//! What every broker promises, as one function per promise: see `contract.rs` of `freehold-broker`.
//!
//! A [`Ground`] is a running broker that may be killed. Each promise uses topics of its own, so all
//! of them can run on one ground. `tests/it/brokers.rs` runs them over every broker.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use freehold_broker::{
    AccountWant, Admin, Base, Body, BoxFuture, Broker, Change, Compression, ErrorKind, EventId,
    Heads, History, Incarnation, Lane, Login, Message, Partition, Partitions, Position, Rejection,
    Session, Settled, Start, Stop, Subscription, Timestamp, To, Topic, TopicWant,
};

use crate::must::Must as _;
use crate::random::Random;

/// A running broker.
pub trait Ground: Send + Sync {
    /// Its kind.
    fn broker(&self) -> &dyn Broker;

    /// Where it is.
    fn address(&self) -> String;

    /// Who may do everything with topics and accounts.
    fn admin(&self) -> Login;

    /// Does what the broker wants done by hand.
    fn by_hand(&self, change: &Change) -> BoxFuture<'_, ()>;

    /// SIGKILL, and started again on the same folder and address.
    fn kill_and_restart(&self) -> BoxFuture<'_, ()>;
}

/// Longer than any answer takes; reached only when a promise is broken.
const LONG: Duration = Duration::from_mins(2);

/// A service with its topics on a ground.
struct Stage<'a> {
    ground: &'a dyn Ground,
    admin: Box<dyn Admin>,
    login: Login,
    source: Source,
}

/// Makes messages with rising positions and true `prev`s.
struct Source {
    service: String,
    random: Random,
    incarnation: Incarnation,
    next: i64,
    last: BTreeMap<(Topic, Lane), Position>,
}

impl Source {
    fn message(&mut self, topic: &Topic, payload: usize) -> Message {
        let key = format!("kunde-ü {}", self.random.below(50));
        let lane = Lane::of(&key);
        let position = self.position();
        let prev = self.last.insert((topic.clone(), lane), position);
        Message {
            event: self.event(),
            topic: topic.clone(),
            to: To::Lane(lane),
            key,
            source: self.service.as_str().into(),
            position,
            prev,
            occurred_at: Timestamp::from_micros(1_790_000_000_123_456),
            headers: vec![
                (
                    "traceparent".to_owned(),
                    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
                ),
                ("x-who".to_owned(), "Zoë: 50 %".to_owned()),
            ],
            body: Body::Event {
                content_type: "application/json".into(),
                payload: vec![b'7'; payload].into(),
            },
        }
    }

    fn position(&mut self) -> Position {
        self.next += 1;
        Position {
            incarnation: self.incarnation,
            batch: u64::try_from(self.next / 10).unwrap_or(0),
            id: self.next,
        }
    }

    fn event(&mut self) -> EventId {
        EventId(std::array::from_fn(|_| {
            u8::try_from(self.random.below(256)).unwrap_or(0)
        }))
    }

    fn messages(&mut self, topic: &Topic, count: usize) -> Vec<Message> {
        (0..count).map(|_| self.message(topic, 100)).collect()
    }

    /// A void, and a heartbeat and an incarnation in each partition.
    fn the_rest(&mut self, topic: &Topic, partitions: Partitions) -> Vec<Message> {
        let mut void = self.message(topic, 0);
        void.body = Body::Void {
            code: "FH3811".to_owned(),
            why: "too large: 2 MB, \"quoted\"".to_owned(),
        };
        let mut heads = Heads::default();
        for ((topic, lane), position) in &self.last {
            let lanes = heads.0.entry(topic.clone()).or_default();
            lanes.insert(*lane, *position);
        }
        let base = Base {
            incarnation: self.incarnation,
            after: void.prev,
        };
        let mut all = vec![void.clone()];
        for body in [
            Body::Heartbeat(heads),
            Body::Incarnation(History(vec![base])),
        ] {
            let (event, position) = (self.event(), self.position());
            all.extend(partitions.each().map(|partition| Message {
                event,
                position,
                to: To::Partition(partition),
                key: String::new(),
                prev: None,
                body: body.clone(),
                ..void.clone()
            }));
        }
        all
    }
}

fn topic(name: &str) -> Topic {
    Topic::new(name).must("a topic's name")
}

fn want(topic: &Topic, partitions: u8) -> TopicWant {
    TopicWant {
        topic: topic.clone(),
        partitions: Partitions::new(partitions).must("partitions"),
        keep_for: None,
        keep_bytes: None,
        compression: Compression::None,
    }
}

impl<'a> Stage<'a> {
    /// A service of this name that may write and read these topics, which have four partitions.
    async fn new(ground: &'a dyn Ground, service: &str, topics: &[&Topic]) -> Self {
        let wants: Vec<TopicWant> = topics.iter().map(|topic| want(topic, 4)).collect();
        Self::with(ground, service, &wants).await
    }

    /// The same where the topics are wanted in another way.
    async fn with(ground: &'a dyn Ground, service: &str, wants: &[TopicWant]) -> Self {
        let login = ground.admin();
        let address = ground.address();
        let admin = ground.broker().administer(&address, &login);
        let admin = admin.await.must("the administrator connects");
        for want in wants {
            admin.ensure_topic(want).await.must("a topic");
        }
        let topics: Vec<&Topic> = wants.iter().map(|want| &want.topic).collect();
        let login = Login {
            name: service.to_owned(),
            secret: ground.broker().generate(),
        };
        let stage = Self {
            ground,
            admin,
            source: Source {
                service: service.to_owned(),
                random: Random::from(7),
                incarnation: Incarnation {
                    number: 3,
                    random: 0x00c0_ffee,
                },
                next: 0,
                last: BTreeMap::new(),
            },
            login,
        };
        stage.account(&stage.login, &topics, &topics).await;
        stage
    }

    async fn account(&self, login: &Login, writes: &[&Topic], reads: &[&Topic]) {
        let verifier = self.ground.broker().verifier(&login.secret);
        let own = |topics: &[&Topic]| topics.iter().copied().cloned().collect();
        let want = AccountWant {
            service: login.name.clone(),
            verifier: Some(verifier.must("a verifier")),
            writes: own(writes),
            reads: own(reads),
        };
        let change = self.admin.ensure_account(&want).await.must("an account");
        self.ground.by_hand(&change).await;
    }

    async fn session(&self) -> Box<dyn Session> {
        self.session_of(&self.login).await
    }

    async fn session_of(&self, login: &Login) -> Box<dyn Session> {
        let address = self.ground.address();
        let session = self.ground.broker().connect(&address, login);
        session.await.must("the service connects")
    }
}

fn all_settled(settled: &Settled, count: usize) {
    assert!(settled.stop.is_none(), "{settled:?}");
    assert_eq!(settled.acknowledged, count);
}

/// The messages of one partition, as they were sent.
fn of(messages: &[Message], partition: Partition) -> Vec<Message> {
    let four = Partitions::new(4).must("four");
    let here = |message: &&Message| message.to.partition(four) == partition;
    messages.iter().filter(here).cloned().collect()
}

async fn open(
    session: &dyn Session,
    group: &str,
    topic: &Topic,
    partition: Partition,
    start: Start,
) -> Box<dyn Subscription> {
    let opened = session.subscribe(group, topic, partition, start);
    opened.await.must("a subscription")
}

/// So many messages, without the offsets.
async fn read(subscription: &mut dyn Subscription, count: usize) -> Vec<Message> {
    let mut found = Vec::new();
    let mut offset = None;
    while found.len() < count {
        let next = tokio::time::timeout(LONG, subscription.next(64)).await;
        let delivered = next.must("in time").must("messages");
        assert!((1..=64).contains(&delivered.len()));
        for one in delivered {
            assert!(offset < Some(one.offset), "offsets rise");
            offset = Some(one.offset);
            found.push(one.message.must("freehold's own"));
        }
    }
    found
}

/// All of each partition, from the beginning, is what was sent.
async fn holds(session: &dyn Session, group: &str, topic: &Topic, sent: &[Message]) {
    for partition in Partitions::new(4).must("four").each() {
        let expected = of(sent, partition);
        let mut subscription = open(session, group, topic, partition, Start::Beginning).await;
        let found = read(subscription.as_mut(), expected.len()).await;
        assert_eq!(found, expected, "partition {}", partition.number());
    }
}

/// Every kind of message comes back as it was sent, in order, and outlives SIGKILL.
pub async fn order_and_durability(ground: &dyn Ground) {
    let topic = topic("order.placed.v1");
    let mut stage = Stage::new(ground, "durable", &[&topic]).await;
    let session = stage.session().await;
    let mut sent = Vec::new();
    for _ in 0..4 {
        let mut batch = stage.source.messages(&topic, 150);
        batch.extend(
            stage
                .source
                .the_rest(&topic, Partitions::new(4).must("four")),
        );
        all_settled(&session.publish(&batch).await, batch.len());
        sent.extend(batch);
    }
    holds(session.as_ref(), "durable", &topic, &sent).await;
    ground.kill_and_restart().await;
    let lost = session.publish(&sent[..1]).await;
    assert!(
        matches!(lost.stop, Some(Stop::Failed(_))) && session.broken(),
        "{lost:?}"
    );
    let session = stage.session().await;
    let tails = session.tails(&topic).await.must("tails");
    assert_eq!(tails.len(), 4);
    for tail in tails {
        let stored = of(&sent, tail.partition);
        let newest = stored
            .last()
            .map(|message| (message.position, message.event));
        assert_eq!(tail.last, newest);
    }
    holds(session.as_ref(), "durable", &topic, &sent).await;
}

/// Sending again does no harm: first occurrences stay in order, nothing is missing.
pub async fn sent_again(ground: &dyn Ground) {
    let topic = topic("order.paid.v1");
    let mut stage = Stage::new(ground, "again", &[&topic]).await;
    let session = stage.session().await;
    let mut sent = stage.source.messages(&topic, 100);
    all_settled(&session.publish(&sent[..60]).await, 60);
    all_settled(&session.publish(&sent).await, 100);
    let more = stage.source.messages(&topic, 20);
    all_settled(&session.publish(&more).await, 20);
    all_settled(&session.publish(&more[5..]).await, 15);
    sent.extend(more);
    for partition in Partitions::new(4).must("four").each() {
        let expected = of(&sent, partition);
        let mut subscription = open(
            session.as_ref(),
            "again",
            &topic,
            partition,
            Start::Beginning,
        )
        .await;
        let mut known = HashSet::new();
        let mut found = Vec::new();
        while found.len() < expected.len() {
            for message in read(subscription.as_mut(), 1).await {
                if known.insert(message.id()) {
                    found.push(message);
                }
            }
        }
        assert_eq!(found, expected);
    }
}

/// A subscription begins where it is told to.
pub async fn seek(ground: &dyn Ground) {
    let topic = topic("order.shipped.v1");
    let mut stage = Stage::new(ground, "seeker", &[&topic]).await;
    let session = stage.session().await;
    let mut sent = Vec::new();
    for _ in 0..5 {
        let batch = stage.source.messages(&topic, 100);
        all_settled(&session.publish(&batch).await, batch.len());
        sent.extend(batch);
    }
    let partition = Partition::new(1).must("a partition");
    let expected = of(&sent, partition);
    for at in [0, 1, expected.len() / 2, expected.len() - 2] {
        let start = Start::After(expected[at].position);
        let mut found = open(session.as_ref(), "seeker", &topic, partition, start).await;
        let rest = read(found.as_mut(), expected.len() - at - 1).await;
        assert_eq!(rest, expected[at + 1..], "behind message {at}");
    }
    let mut first = open(
        session.as_ref(),
        "seeker",
        &topic,
        partition,
        Start::Acknowledged,
    )
    .await;
    let delivered = first.next(10).await.must("messages");
    let last = delivered.last().must("one");
    first.acknowledge(last.offset).await.must("acknowledged");
    let so_far = delivered.len();
    let start = Start::Offset(last.offset);
    let mut from_offset = open(session.as_ref(), "seeker", &topic, partition, start).await;
    assert_eq!(read(from_offset.as_mut(), 1).await[0], expected[so_far - 1]);
    let mut on = open(
        session.as_ref(),
        "seeker",
        &topic,
        partition,
        Start::Acknowledged,
    )
    .await;
    assert_eq!(read(on.as_mut(), 1).await[0], expected[so_far]);
    // A position behind the end, and the tail: only what comes later.
    let end = expected.last().must("one").position;
    let mut after = open(
        session.as_ref(),
        "seeker.after",
        &topic,
        partition,
        Start::After(end),
    )
    .await;
    let mut tail = open(
        session.as_ref(),
        "seeker.tail",
        &topic,
        partition,
        Start::Tail,
    )
    .await;
    let waiting = tokio::time::timeout(Duration::from_millis(200), tail.next(10)).await;
    assert!(waiting.is_err(), "there is nothing yet");
    let more = stage.source.messages(&topic, 40);
    all_settled(&session.publish(&more).await, 40);
    let expected = of(&more, partition);
    assert_eq!(read(tail.as_mut(), expected.len()).await, expected);
    assert_eq!(read(after.as_mut(), expected.len()).await, expected);
}

/// Retention takes the oldest, and only those.
pub async fn retention(ground: &dyn Ground) {
    let topic = topic("order.seen.v1");
    let mut small = want(&topic, 4);
    small.keep_bytes = Some(60_000);
    let changes = ground.broker().info().changes_retention;
    let at_first = if changes {
        want(&topic, 4)
    } else {
        small.clone()
    };
    let mut stage = Stage::with(ground, "keeper", &[at_first]).await;
    let session = stage.session().await;
    let change = stage.admin.ensure_topic(&small).await.must("changed");
    assert_eq!(
        change,
        if changes {
            Change::Changed
        } else {
            Change::None
        }
    );
    let mut sent = Vec::new();
    for _ in 0..30 {
        let batch: Vec<Message> = (0..20).map(|_| stage.source.message(&topic, 500)).collect();
        all_settled(&session.publish(&batch).await, batch.len());
        sent.extend(batch);
    }
    shrinks(&stage, session.as_ref(), &small).await;
    for tail in session.tails(&topic).await.must("tails") {
        let all = of(&sent, tail.partition);
        assert_eq!(
            tail.last.map(|last| last.0),
            all.last().map(|message| message.position)
        );
        let mut rest = open(
            session.as_ref(),
            "keeper",
            &topic,
            tail.partition,
            Start::Beginning,
        )
        .await;
        let first = read(rest.as_mut(), 1).await.remove(0);
        let at = all
            .iter()
            .position(|message| message.position == first.position);
        let at = at.must("what was sent");
        assert!(at > 0, "the oldest are gone");
        let mut rest = open(
            session.as_ref(),
            "keeper",
            &topic,
            tail.partition,
            Start::Beginning,
        )
        .await;
        assert_eq!(read(rest.as_mut(), all.len() - at).await, all[at..]);
    }
}

/// Whatever removes does it in its own time; asking for the topic as it is does no harm.
async fn shrinks(stage: &Stage<'_>, session: &dyn Session, small: &TopicWant) {
    let deadline = tokio::time::Instant::now() + LONG;
    loop {
        if stage.ground.broker().info().changes_retention {
            let mut again = small.clone();
            again.keep_for = Some(Duration::from_hours(1));
            stage.admin.ensure_topic(&again).await.must("changed");
            stage.admin.ensure_topic(small).await.must("and back");
        }
        let live = stage.admin.topics().await.must("topics");
        let mut live = live.iter();
        let live = live.find(|live| live.want.topic == small.topic);
        let live = live.must("ours");
        // Who does not tell how much it holds tells where it begins.
        let gone = if let Some(bytes) = live.bytes {
            bytes <= 120_000
        } else {
            let tails = session.tails(&small.topic).await.must("tails");
            tails.iter().all(|tail| tail.first > 20)
        };
        if gone {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{live:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn denied<T>(result: Result<T, freehold_broker::Error>) {
    let kind = result.err().map(|error| error.kind);
    assert!(
        matches!(kind, Some(ErrorKind::Denied | ErrorKind::Missing)),
        "{kind:?}"
    );
}

/// Nobody writes or reads what it may not, and who lost its account is out.
pub async fn permissions(ground: &dyn Ground) {
    let (own, other) = (topic("stock.moved.v1"), topic("stock.counted.v1"));
    let mut stage = Stage::new(ground, "stock", &[&own, &other]).await;
    let guest = Login {
        name: "guest".to_owned(),
        secret: ground.broker().generate(),
    };
    stage.account(&guest, &[], &[&own]).await;
    let (session, visitor) = (stage.session().await, stage.session_of(&guest).await);
    let batch = stage.source.messages(&own, 10);
    all_settled(&session.publish(&batch).await, 10);
    let mut forged = batch[..1].to_vec();
    forged[0].source = "guest".into();
    forged[0].position = stage.source.position();
    forged[0].event = stage.source.event();
    let refused = visitor.publish(&forged).await;
    assert_eq!(refused.acknowledged, 0);
    assert!(
        matches!(refused.stop, Some(Stop::Failed(ref error)) if error.kind == ErrorKind::Denied),
        "{refused:?}"
    );
    let zero = Partition::new(0).must("a partition");
    denied(
        visitor
            .subscribe("guest", &other, zero, Start::Beginning)
            .await,
    );
    denied(
        visitor
            .subscribe("stock", &own, zero, Start::Beginning)
            .await,
    );
    denied(visitor.tails(&other).await);
    let nobody = Topic::new("no.such.v1").must("a name");
    denied(session.tails(&nobody).await);
    let expected = of(&batch, zero);
    let mut reading = open(visitor.as_ref(), "guest", &own, zero, Start::Beginning).await;
    assert_eq!(read(reading.as_mut(), expected.len()).await, expected);
    let wrong = Login {
        name: "stock".to_owned(),
        secret: ground.broker().generate(),
    };
    let refused = ground.broker().connect(&ground.address(), &wrong).await;
    assert_eq!(
        refused.err().map(|error| error.kind),
        Some(ErrorKind::LoginRefused)
    );
    let change = stage.admin.remove_account("guest").await.must("removed");
    ground.by_hand(&change).await;
    let ended = tokio::time::timeout(LONG, reading.next(10))
        .await
        .must("in time");
    assert!(ended.is_err(), "an open session has ended");
    let refused = ground.broker().connect(&ground.address(), &guest).await;
    assert_eq!(
        refused.err().map(|error| error.kind),
        Some(ErrorKind::LoginRefused)
    );
}

/// What is too large stops the call there: what is before it is stored, nothing behind it.
pub async fn oversize(ground: &dyn Ground) {
    let topic = topic("image.stored.v1");
    let mut stage = Stage::new(ground, "images", &[&topic]).await;
    let session = stage.session().await;
    let limit = session.limits().message_bytes;
    let mut batch = stage.source.messages(&topic, 5);
    batch.push(stage.source.message(&topic, limit + 1));
    batch.extend(stage.source.messages(&topic, 5));
    let settled = session.publish(&batch).await;
    assert_eq!(settled.acknowledged, 5);
    let rejected = matches!(
        settled.stop,
        Some(Stop::Rejected(Rejection::TooLarge { .. }))
    );
    assert!(rejected, "{settled:?}");
    // A void takes its place.
    batch[5].body = Body::Void {
        code: "FH3812".to_owned(),
        why: "too large".to_owned(),
    };
    all_settled(&session.publish(&batch[5..]).await, 6);
    holds(session.as_ref(), "images", &topic, &batch).await;
    let mut odd = stage.source.message(&topic, 1);
    odd.headers
        .push(("x-odd".to_owned(), "line\r\nbreak".to_owned()));
    let settled = session.publish(&[odd]).await;
    let rejected = matches!(settled.stop, Some(Stop::Rejected(Rejection::Invalid(_))));
    assert!(rejected, "{settled:?}");
}

/// A topic that is not there does not disturb another one.
pub async fn topics_settle_separately(ground: &dyn Ground) {
    let (there, gone) = (topic("user.joined.v1"), topic("user.left.v1"));
    let mut stage = Stage::new(ground, "users", &[&there, &gone]).await;
    let session = stage.session().await;
    let good = stage.source.messages(&there, 50);
    let bad = stage.source.messages(&gone, 50);
    stage.admin.remove_topic(&gone).await.must("removed");
    let (good, bad) = tokio::join!(session.publish(&good), session.publish(&bad));
    all_settled(&good, 50);
    assert_eq!(bad.acknowledged, 0);
    assert!(
        matches!(bad.stop, Some(Stop::Failed(ref error)) if error.kind == ErrorKind::Missing),
        "{bad:?}"
    );
    let more = stage.source.messages(&there, 5);
    all_settled(&session.publish(&more).await, 5);
}

/// Making what is there changes nothing; partitions are for ever.
pub async fn administration(ground: &dyn Ground) {
    let topic = topic("plan.made.v1");
    let stage = Stage::new(ground, "planner", &[&topic]).await;
    let admin = stage.admin.as_ref();
    assert_eq!(
        admin.ensure_topic(&want(&topic, 4)).await.must("there"),
        Change::None
    );
    let conflict = admin.ensure_topic(&want(&topic, 8)).await;
    assert_eq!(
        conflict.err().map(|error| error.kind),
        Some(ErrorKind::Conflict)
    );
    let mut aged = want(&topic, 4);
    aged.keep_for = Some(Duration::from_hours(24));
    let changed = admin.ensure_topic(&aged).await.must("changed");
    if ground.broker().info().changes_retention {
        assert_eq!(changed, Change::Changed);
    } else {
        ground.by_hand(&changed).await;
        aged.keep_for = None;
    }
    let live = admin.topics().await.must("topics");
    let live = live
        .iter()
        .find(|live| live.want.topic == topic)
        .must("ours");
    assert_eq!((&live.want, live.messages), (&aged, 0));
    assert_eq!(
        admin.remove_topic(&topic).await.must("removed"),
        Change::Removed
    );
    assert_eq!(admin.remove_topic(&topic).await.must("gone"), Change::None);
}

/// A future that is dropped loses nothing; a message that comes later wakes who waits.
pub async fn waiting(ground: &dyn Ground) {
    let topic = topic("clock.ticked.v1");
    let mut stage = Stage::new(ground, "clock", &[&topic]).await;
    let session = stage.session().await;
    let batch = stage.source.messages(&topic, 60);
    let partition = batch[0].to.partition(Partitions::new(4).must("four"));
    let expected = of(&batch, partition);
    let mut subscription = open(
        session.as_ref(),
        "clock",
        &topic,
        partition,
        Start::Beginning,
    )
    .await;
    for _ in 0..5 {
        let early = tokio::time::timeout(Duration::from_millis(20), subscription.next(64)).await;
        assert!(early.is_err(), "there is nothing yet");
    }
    let (settled, found) = tokio::join!(
        session.publish(&batch),
        read(subscription.as_mut(), expected.len())
    );
    all_settled(&settled, 60);
    assert_eq!(found, expected);
}

/// Where the broker says that it refuses what is behind the tail, it does; a resend is none.
pub async fn backwards(ground: &dyn Ground) {
    if ground.broker().info().refuses_backwards {
        backwards_alone(ground).await;
    }
}

/// Where nobody else publishes at the moment, what is behind the tail is refused everywhere.
pub async fn backwards_alone(ground: &dyn Ground) {
    let topic = topic("time.turned.v1");
    let mut stage = Stage::new(ground, "timely", &[&topic]).await;
    let session = stage.session().await;
    let batch = stage.source.messages(&topic, 40);
    all_settled(&session.publish(&batch).await, 40);
    let mut other = batch[10].clone();
    other.event = stage.source.event();
    let refused = session.publish(&[other]).await;
    assert!(
        matches!(refused.stop, Some(Stop::Failed(ref error)) if error.kind == ErrorKind::Backwards),
        "{refused:?}"
    );
    all_settled(&session.publish(&batch[10..11]).await, 1);
}
