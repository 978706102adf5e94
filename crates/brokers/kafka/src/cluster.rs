//! The servers of a cluster as one session sees them: who leads which partition, who keeps a group's
//! place, and connections to them. What a connection is used for never waits for another's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use freehold_broker::{Error, ErrorKind, Login, Lost, Partition, Partitions, Result, Topic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    BrokerId, FindCoordinatorRequest, MetadataRequest, MetadataResponse,
};

use crate::connect::{self, Place, Server};
use crate::errors::{answer, checked, code, unavailable};
use crate::link::Link;
use crate::patience::Patience;
use crate::wire::{self, version};

/// A cluster that was entered.
pub(crate) struct Cluster {
    place: Place,
    login: Login,
    pub(crate) lost: Lost,
    /// Asks where things are.
    front: Arc<Link>,
    coordinators: Mutex<HashMap<String, Arc<Link>>>,
}

/// Who leads each partition of a topic.
#[derive(Clone)]
pub(crate) struct Leaders {
    pub(crate) partitions: Partitions,
    nodes: HashMap<Partition, BrokerId>,
    servers: HashMap<BrokerId, Server>,
}

impl Cluster {
    pub(crate) async fn enter(place: Place, login: &Login) -> Result<Self> {
        let mut failed = unavailable("no server is named");
        for server in &place.servers {
            // A server that is away does not end a session that another one lets in.
            let lost = Lost::not_yet();
            match connect::enter(server, place.tls, login, &lost).await {
                Ok(front) => {
                    return Ok(Self {
                        front,
                        place,
                        login: login.clone(),
                        lost,
                        coordinators: Mutex::default(),
                    });
                }
                Err(error) if error.kind == ErrorKind::Unavailable => failed = error,
                Err(error) => return Err(error),
            }
        }
        Err(failed)
    }

    pub(crate) fn front(&self) -> &Arc<Link> {
        &self.front
    }

    async fn link(&self, server: &Server) -> Result<Arc<Link>> {
        connect::enter(server, self.place.tls, &self.login, &self.lost).await
    }

    /// What the cluster says of these topics; of all without any.
    pub(crate) async fn metadata(&self, topics: Option<&[Topic]>) -> Result<MetadataResponse> {
        let topics = topics.map(|topics| {
            let named = topics.iter();
            let named = named
                .map(|topic| MetadataRequestTopic::default().with_name(Some(wire::name(topic))));
            named.collect()
        });
        let question = MetadataRequest::default()
            .with_topics(topics)
            .with_allow_auto_topic_creation(false);
        self.front.ask(version::METADATA, &question).await
    }

    /// Who leads a topic, once each partition is led.
    pub(crate) async fn leaders(&self, topic: &Topic) -> Result<Leaders> {
        let patience = Patience::new();
        loop {
            let found = leaders(
                &self.metadata(Some(std::slice::from_ref(topic))).await?,
                topic,
            );
            match found {
                Err(error) if error.kind == ErrorKind::Unavailable && patience.any() => {
                    patience.moment("a leader").await?;
                }
                found => return found,
            }
        }
    }

    /// A connection to the leader of each partition: one per server.
    pub(crate) async fn led(&self, leaders: &Leaders) -> Result<HashMap<Partition, Arc<Link>>> {
        let mut links = HashMap::<BrokerId, Arc<Link>>::new();
        let mut led = HashMap::new();
        for (partition, node) in &leaders.nodes {
            let link = if let Some(link) = links.get(node) {
                link.clone()
            } else {
                let link = self.link(leaders.server(*node)?).await?;
                links.insert(*node, link.clone());
                link
            };
            led.insert(*partition, link);
        }
        Ok(led)
    }

    /// A connection of its own to the leader of one partition.
    pub(crate) async fn leader(
        &self,
        leaders: &Leaders,
        partition: Partition,
    ) -> Result<Arc<Link>> {
        let unknown = || {
            let what = format!("there is no partition {}", partition.number());
            Error::new(ErrorKind::Missing, what)
        };
        let node = leaders.nodes.get(&partition).ok_or_else(unknown)?;
        self.link(leaders.server(*node)?).await
    }

    /// A connection to who keeps this group's places.
    pub(crate) async fn coordinator(&self, group: &str) -> Result<Arc<Link>> {
        let known = |map: &HashMap<String, Arc<Link>>| map.get(group).cloned();
        if let Some(link) = known(
            &self
                .coordinators
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        ) {
            return Ok(link);
        }
        let question = FindCoordinatorRequest::default()
            .with_key_type(0)
            .with_coordinator_keys(vec![wire::text(group)]);
        let patience = Patience::new();
        let found = loop {
            let found = self.front.ask(version::FIND_COORDINATOR, &question).await?;
            checked(found.error_code, group)?;
            let found = found.coordinators.into_iter().next();
            let found = found.ok_or_else(|| answer(code::NO_COORDINATOR, group))?;
            match found.error_code {
                code::OK => break found,
                code::NO_COORDINATOR | code::LOADING if patience.any() => {
                    patience.moment("a coordinator").await?;
                }
                other => return Err(answer(other, group)),
            }
        };
        let server = server(&found.host, found.port)?;
        let link = self.link(&server).await?;
        let mut known = self
            .coordinators
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(known.entry(group.to_owned()).or_insert(link).clone())
    }
}

impl Leaders {
    fn server(&self, node: BrokerId) -> Result<&Server> {
        let unknown = || unavailable(format!("server {} is away", node.0));
        self.servers.get(&node).ok_or_else(unknown)
    }
}

fn server(host: &str, port: i32) -> Result<Server> {
    let odd = |_| unavailable(format!("{host} has no port"));
    Ok(Server {
        host: host.to_owned(),
        port: u16::try_from(port).map_err(odd)?,
    })
}

/// Pure.
fn leaders(metadata: &MetadataResponse, topic: &Topic) -> Result<Leaders> {
    let wanted = wire::name(topic);
    let mut topics = metadata.topics.iter();
    let found = topics.find(|one| one.name.as_ref() == Some(&wanted));
    let about = topic.as_str();
    let found = found.ok_or_else(|| answer(code::NO_TOPIC, about))?;
    checked(found.error_code, about)?;
    let count = u8::try_from(found.partitions.len())
        .ok()
        .and_then(Partitions::new);
    let many = || {
        Error::new(
            ErrorKind::Conflict,
            format!("{topic} has more than 64 partitions"),
        )
    };
    let partitions = count.ok_or_else(many)?;
    let mut nodes = HashMap::new();
    for partition in &found.partitions {
        if partition.leader_id.0 < 0 {
            return Err(answer(code::NO_LEADER, about));
        }
        checked(partition.error_code, about)?;
        let number = u8::try_from(partition.partition_index)
            .ok()
            .and_then(Partition::new);
        nodes.insert(number.ok_or_else(many)?, partition.leader_id);
    }
    let mut servers = HashMap::new();
    for one in &metadata.brokers {
        servers.insert(one.node_id, server(&one.host, one.port)?);
    }
    Ok(Leaders {
        partitions,
        nodes,
        servers,
    })
}
