//! The deployment: where the servers are, and every setting of a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use redis::Client;

#[cfg(feature = "redis-tls")]
use super::certificates::Certificates;
#[cfg(feature = "redis-cluster")]
use super::cluster::Cluster;
use super::durability::Durability;
use super::fault;
use super::keys::Keys;
use super::link::{DialPubSub, Link};
use super::route::Route;
#[cfg(feature = "redis-sentinel")]
use super::sentinel::Sentinel;
use super::server::{Patience, Server, with_info};
use super::waiters::Waiters;
use super::{RedisStore, Shared};
use crate::{Namespace, StoreError, StoreErrorKind};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Where the servers are.
#[derive(Clone)]
enum Deployment {
    One(Client),
    #[cfg(feature = "redis-sentinel")]
    Sentinel {
        sentinels: Vec<Client>,
        name: String,
        /// Credentials and TLS of the master, at no address.
        pattern: Client,
    },
    #[cfg(feature = "redis-cluster")]
    Cluster(Vec<Client>),
}

/// Everything that can be set.
#[derive(Clone)]
pub(super) struct Settings {
    deployment: Deployment,
    #[cfg(feature = "redis-tls")]
    certificates: Certificates,
    namespace: Namespace,
    patience: Patience,
    durability: Durability,
    health_interval: Option<Duration>,
}

impl RedisStore {
    /// A store at this address, such as `redis://user:password@host:6379/0`, for one service in one environment. Nothing
    /// connects yet.
    ///
    /// **Give each service and each environment a namespace of its own.** Two that have the same provider at the same path
    /// and share a namespace share their records: one answers with the other's outcome, and its own handler never runs.
    ///
    /// ```
    /// use idempotency_core::store::redis::RedisStore;
    /// let store = RedisStore::new("redis://redis.internal/", "billing-production")?;
    /// assert!(RedisStore::new("redis://redis.internal/", "{billing}").is_err());
    /// # Ok::<(), idempotency_core::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the address or the namespace is not one; of a namespace the source is a
    /// [`NamespaceError`](crate::NamespaceError).
    pub fn new(
        url: impl AsRef<str>,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        Self::from_client(open(url.as_ref())?, namespace)
    }

    /// A store at a client's address, with the client's credentials and TLS. Nothing connects yet.
    ///
    /// Certificates that the client has are replaced as a whole by those that are set here.
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the namespace is not one.
    pub fn from_client(
        client: Client,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        Self::deployed(Deployment::One(client), namespace)
    }

    /// A store on the master that these sentinels call `name`. Nothing connects yet.
    ///
    /// The master is looked up for each connection: after a failover, a `READONLY` answer, a broken connection or three
    /// timeouts in a row. The addresses carry the sentinels' own credentials; those of the master are set with
    /// [`with_user`](Self::with_user). With `rediss://` the master is reached over TLS too.
    ///
    /// ```
    /// use idempotency_core::store::redis::RedisStore;
    /// let sentinels = ["redis://10.0.0.1:26379", "redis://10.0.0.2:26379", "redis://10.0.0.3:26379"];
    /// let store = RedisStore::sentinel(sentinels, "mymaster", "billing-production")?.with_user("app", "password");
    /// # Ok::<(), idempotency_core::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when an address or the namespace is not one, or there are no addresses.
    #[cfg(feature = "redis-sentinel")]
    pub fn sentinel<U: AsRef<str>>(
        urls: impl IntoIterator<Item = U>,
        name: impl Into<String>,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        // Each has one vote, however often it is named.
        let mut named = std::collections::HashSet::new();
        let sentinels = open_all(urls.into_iter().filter(|url| named.insert(url.as_ref().to_owned())))?;
        let pattern = with_info(&sentinels[0], |info| info.set_redis_settings(Default::default()));
        Self::deployed(Deployment::Sentinel { sentinels, name: name.into(), pattern }, namespace)
    }

    /// A store in the cluster that these nodes belong to. Nothing connects yet.
    ///
    /// One node that can be reached is enough; the others are learned from it, and are reached with the credentials and
    /// the TLS of the first address.
    ///
    /// ```
    /// use idempotency_core::store::redis::RedisStore;
    /// let nodes = ["redis://app:password@10.0.0.1:6379", "redis://app:password@10.0.0.2:6379"];
    /// let store = RedisStore::cluster(nodes, "billing-production")?;
    /// # Ok::<(), idempotency_core::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when an address or the namespace is not one, or there are no addresses.
    #[cfg(feature = "redis-cluster")]
    pub fn cluster<U: AsRef<str>>(
        urls: impl IntoIterator<Item = U>,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        Self::deployed(Deployment::Cluster(open_all(urls)?), namespace)
    }

    fn deployed(
        deployment: Deployment,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        let refused = |cause: BoxError| fault::error(StoreErrorKind::Refused).with_source(cause);
        let namespace = namespace.try_into().map_err(|cause| refused(cause.into()))?;
        Ok(Self::assemble(Settings {
            deployment,
            #[cfg(feature = "redis-tls")]
            certificates: Certificates::default(),
            namespace,
            patience: Patience { connect: Duration::from_secs(1), response: Duration::from_millis(500) },
            durability: Durability::Local,
            health_interval: Some(Duration::from_secs(60)),
        }))
    }

    /// Logs in as this user at the servers that keep records, not at sentinels. Default: what the address says, or the
    /// user `default` without a password.
    #[must_use]
    pub fn with_user(self, name: &str, password: &str) -> Self {
        let deployment = self.settings.deployment.changed(false, |client| {
            with_info(client, |info| {
                let settings = info.redis_settings().clone().set_username(name).set_password(password);
                info.set_redis_settings(settings)
            })
        });
        Self::assemble(Settings { deployment, ..self.settings })
    }

    /// Trusts this authority, or several if the text holds several, and no others; at the sentinels as well. A certificate in
    /// PEM, for `rediss://` addresses. Default: the machine's trusted authorities.
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when it is no certificate in PEM, or an address is not `rediss://`.
    #[cfg(feature = "redis-tls")]
    pub fn with_root_certificate(self, pem: impl Into<Vec<u8>>) -> Result<Self, StoreError> {
        let certificates = self.settings.certificates.clone().with_root(pem.into())?;
        self.with_certificates(certificates)
    }

    /// Presents this client certificate, with its private key and any intermediate certificates in the text; at the sentinels as
    /// well. Both in PEM, for `rediss://` addresses. Default: none.
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when they are no certificate and no key in PEM, or an address is not
    /// `rediss://`.
    #[cfg(feature = "redis-tls")]
    pub fn with_client_certificate(
        self,
        pem: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Result<Self, StoreError> {
        let certificates = self.settings.certificates.clone().with_client(pem.into(), key.into())?;
        self.with_certificates(certificates)
    }

    #[cfg(feature = "redis-tls")]
    fn with_certificates(self, certificates: Certificates) -> Result<Self, StoreError> {
        let mut failure = None;
        let deployment = self.settings.deployment.changed(true, |client| {
            certificates.given_to(client).unwrap_or_else(|cause| {
                failure = Some(cause);
                client.clone()
            })
        });
        match failure {
            Some(cause) => Err(fault::error(StoreErrorKind::Refused).with_source(cause)),
            None => Ok(Self::assemble(Settings { deployment, certificates, ..self.settings })),
        }
    }

    /// Sets the reply timeout. Default: 500 ms, long for a server nearby and short for a sender that waits.
    #[must_use]
    pub fn with_response_timeout(self, timeout: Duration) -> Self {
        let patience = Patience { response: timeout, ..self.settings.patience };
        Self::assemble(Settings { patience, ..self.settings })
    }

    /// Sets the connect timeout. Default: 1 s, which is one lost packet and its repeat.
    #[must_use]
    pub fn with_connect_timeout(self, timeout: Duration) -> Self {
        let patience = Patience { connect: timeout, ..self.settings.patience };
        Self::assemble(Settings { patience, ..self.settings })
    }

    /// Sets how many servers must have a grant or a completion before it counts. Default: [`Durability::Local`], since every
    /// other choice costs a round trip between the servers and fails when they cannot reach each other.
    #[must_use]
    pub fn with_durability(self, durability: Durability) -> Self {
        Self::assemble(Settings { durability, ..self.settings })
    }

    /// Sets how often the servers' health is checked. Default: every minute; one `INFO` costs less than a claim a second.
    #[must_use]
    pub fn with_health_interval(self, interval: Duration) -> Self {
        Self::assemble(Settings { health_interval: Some(interval), ..self.settings })
    }

    /// Checks the servers' health on the first connection only.
    #[must_use]
    pub fn without_health_interval(self) -> Self {
        Self::assemble(Settings { health_interval: None, ..self.settings })
    }

    fn assemble(settings: Settings) -> Self {
        let (route, pubsub) = settings.deployment.connected(settings.patience);
        let response_timeout = settings.patience.response;
        let shared = Shared {
            keys: Keys::new(settings.namespace.clone()),
            route,
            waiters: Waiters::new(pubsub, response_timeout),
            durability: settings.durability,
            response_timeout,
            health_interval: settings.health_interval,
            set_nx_get: AtomicBool::new(true),
            probed: AtomicBool::new(false),
            shortfalls: AtomicU64::new(0),
        };
        Self { settings, shared: Arc::new(shared) }
    }
}

impl Deployment {
    /// The same servers that keep records, and `everywhere` the sentinels, reached differently.
    #[cfg_attr(not(feature = "redis-sentinel"), expect(unused_variables, reason = "there are no sentinels"))]
    fn changed(self, everywhere: bool, mut change: impl FnMut(&Client) -> Client) -> Self {
        match self {
            Self::One(client) => Self::One(change(&client)),
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel { sentinels, name, pattern } => Self::Sentinel {
                sentinels: match everywhere {
                    true => sentinels.iter().map(&mut change).collect(),
                    false => sentinels,
                },
                name,
                pattern: change(&pattern),
            },
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(seeds) => Self::Cluster(seeds.iter().map(change).collect()),
        }
    }

    /// The way to the masters, and the way to wake-ups.
    fn connected(&self, patience: Patience) -> (Route, Arc<dyn DialPubSub>) {
        match self {
            Self::One(client) => {
                let server = Arc::new(Server::new(client, patience));
                (Route::One(Arc::new(Link::new(Arc::clone(&server) as _))), server)
            }
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel { sentinels, name, pattern } => {
                let sentinels = sentinels.iter().map(|client| Server::new(client, patience)).collect();
                let pattern = Server::new(pattern, patience);
                let sentinel = Arc::new(Sentinel::new(sentinels, name.clone(), pattern));
                (Route::One(Arc::new(Link::new(Arc::clone(&sentinel) as _))), sentinel)
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(seeds) => {
                let seeds = seeds.iter().map(|client| Server::new(client, patience)).collect();
                let cluster = Arc::new(Cluster::new(seeds));
                (Route::Cluster(Arc::clone(&cluster)), Arc::new(cluster))
            }
        }
    }
}

fn open(url: &str) -> Result<Client, StoreError> {
    Client::open(url).map_err(|cause| fault::error(StoreErrorKind::Refused).with_source(cause))
}

#[cfg(any(feature = "redis-sentinel", feature = "redis-cluster"))]
fn open_all<U: AsRef<str>>(urls: impl IntoIterator<Item = U>) -> Result<Vec<Client>, StoreError> {
    let clients = urls.into_iter().map(|url| open(url.as_ref())).collect::<Result<Vec<_>, _>>()?;
    match clients.is_empty() {
        true => Err(fault::error(StoreErrorKind::Refused).with_source("there must be an address")),
        false => Ok(clients),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_changes_itself_alone() {
        let store = || RedisStore::new("redis://127.0.0.1:1/", "shop").unwrap();
        let said = |store: RedisStore| {
            let Settings { patience, durability, health_interval, .. } = store.settings;
            assert_eq!(store.shared.response_timeout, patience.response);
            assert_eq!(
                (store.shared.durability, store.shared.health_interval),
                (durability, health_interval)
            );
            (patience.connect, patience.response, durability, health_interval)
        };
        let [half, second, seven, minute] = [500, 1000, 7000, 60_000].map(Duration::from_millis);
        let (local, two) = (Durability::Local, Durability::Replicas { count: 2, timeout: second });
        assert_eq!(said(store()), (second, half, local, Some(minute)));
        assert_eq!(said(store().with_connect_timeout(seven)), (seven, half, local, Some(minute)));
        assert_eq!(said(store().with_response_timeout(seven)), (second, seven, local, Some(minute)));
        assert_eq!(said(store().with_durability(two)), (second, half, two, Some(minute)));
        assert_eq!(said(store().with_health_interval(seven)), (second, half, local, Some(seven)));
        assert_eq!(said(store().without_health_interval()), (second, half, local, None));
    }
}
