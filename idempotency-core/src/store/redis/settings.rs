//! The settings of a store, and the addresses of its servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use redis::Client;

use super::RedisStore;
use super::Shared;
use super::durable::Durability;
use super::first_grants::FirstGrants;
#[cfg(feature = "redis-tls")]
use super::net::certificates::Certificates;
#[cfg(feature = "redis-cluster")]
use super::net::cluster::Cluster;
use super::net::dial::DialPubSub;
use super::net::fault;
use super::net::link::Link;
use super::net::route::Route;
#[cfg(feature = "redis-sentinel")]
use super::net::sentinel::Sentinel;
use super::net::server::{Server, Timeouts, with_info};
use super::net::subscriptions::Subscriptions;
use super::record::keys::Keys;
use crate::{Namespace, StoreError, StoreErrorKind};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The kind of deployment, with a client for each address.
#[derive(Clone)]
enum Deployment {
    One(Client),
    #[cfg(feature = "redis-sentinel")]
    Sentinel {
        sentinels: Vec<Client>,
        name: String,
        /// The master's credentials and TLS settings. Its address is not used.
        template: Client,
    },
    #[cfg(feature = "redis-cluster")]
    Cluster(Vec<Client>),
}

/// All settings of a store.
#[derive(Clone)]
pub(super) struct Settings {
    deployment: Deployment,
    #[cfg(feature = "redis-tls")]
    certificates: Certificates,
    namespace: Namespace,
    timeouts: Timeouts,
    durability: Durability,
    health_interval: Option<Duration>,
}

impl RedisStore {
    /// Creates a store at this address, such as `redis://user:password@host:6379/0`, for one service in one
    /// environment. Does not connect yet.
    ///
    /// **Give each service and each environment its own namespace.** Two services that share a namespace, and have the
    /// same provider at the same path, share their records: one answers with the other's outcome, and its own handler
    /// never runs.
    ///
    /// ```
    /// use idempotency_core::store::redis::RedisStore;
    /// let store = RedisStore::new("redis://redis.internal/", "billing-production")?;
    /// assert!(RedisStore::new("redis://redis.internal/", "{billing}").is_err());
    /// # Ok::<(), idempotency_core::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the address or the namespace is invalid. For a namespace, the error's
    /// source is a [`NamespaceError`](crate::NamespaceError).
    pub fn new(
        url: impl AsRef<str>,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        Self::from_client(open(url.as_ref())?, namespace)
    }

    /// Creates a store at a client's address, with the client's credentials and TLS settings. Does not connect yet.
    ///
    /// Setting a certificate on the store replaces all certificates of the client.
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the namespace is invalid.
    pub fn from_client(
        client: Client,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        Self::deployed(Deployment::One(client), namespace)
    }

    /// Creates a store on the master that these sentinels call `name`. Does not connect yet.
    ///
    /// The master is looked up for each new connection: after a failover, a `READONLY` reply, a broken connection or
    /// three timeouts in a row. The addresses carry the credentials for the sentinels; set those for the master with
    /// [`with_user`](Self::with_user). With `rediss://` the connection to the master uses TLS too.
    ///
    /// ```
    /// use idempotency_core::store::redis::RedisStore;
    /// let sentinels = ["redis://10.0.0.1:26379", "redis://10.0.0.2:26379", "redis://10.0.0.3:26379"];
    /// let store = RedisStore::sentinel(sentinels, "mymaster", "billing-production")?.with_user("app", "password");
    /// # Ok::<(), idempotency_core::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when an address or the namespace is invalid, or there are no addresses.
    #[cfg(feature = "redis-sentinel")]
    pub fn sentinel<U: AsRef<str>>(
        urls: impl IntoIterator<Item = U>,
        name: impl Into<String>,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        // A sentinel has one vote, even if its address is given twice.
        let mut named = std::collections::HashSet::new();
        let sentinels = open_all(urls.into_iter().filter(|url| named.insert(url.as_ref().to_owned())))?;
        let template = with_info(&sentinels[0], |info| info.set_redis_settings(Default::default()));
        Self::deployed(Deployment::Sentinel { sentinels, name: name.into(), template }, namespace)
    }

    /// Creates a store in the cluster that these nodes belong to. Does not connect yet.
    ///
    /// One reachable node is enough to discover the others. Those are reached with the credentials and TLS settings of
    /// the first address.
    ///
    /// ```
    /// use idempotency_core::store::redis::RedisStore;
    /// let nodes = ["redis://app:password@10.0.0.1:6379", "redis://app:password@10.0.0.2:6379"];
    /// let store = RedisStore::cluster(nodes, "billing-production")?;
    /// # Ok::<(), idempotency_core::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when an address or the namespace is invalid, or there are no addresses.
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
            timeouts: Timeouts { connect: Duration::from_secs(1), response: Duration::from_millis(500) },
            durability: Durability::Local,
            health_interval: Some(Duration::from_secs(60)),
        }))
    }

    /// Logs in as this user at the servers that keep records, not at sentinels. Default: the user in the address, or
    /// else the user `default` without a password.
    #[must_use]
    pub fn with_user(self, name: &str, password: &str) -> Self {
        let deployment = self.settings.deployment.with_clients(false, |client| {
            with_info(client, |info| {
                let settings = info.redis_settings().clone().set_username(name).set_password(password);
                info.set_redis_settings(settings)
            })
        });
        Self::assemble(Settings { deployment, ..self.settings })
    }

    /// Trusts the certificate authorities in this PEM text, and no others. Applies to sentinels too, and needs
    /// `rediss://` addresses. Default: the machine's trusted authorities.
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the text has no certificate in PEM, or an address is not `rediss://`.
    #[cfg(feature = "redis-tls")]
    pub fn with_root_certificate(self, pem: impl Into<Vec<u8>>) -> Result<Self, StoreError> {
        let certificates = self.settings.certificates.clone().with_root(pem.into())?;
        self.with_certificates(certificates)
    }

    /// Presents this client certificate, with any intermediate certificates that follow it, and uses this private key.
    /// Both are PEM. Applies to sentinels too, and needs `rediss://` addresses. Default: none.
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the certificate or the key is not valid PEM, or an address is not
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
        let deployment = self.settings.deployment.with_clients(true, |client| {
            certificates.apply_to(client).unwrap_or_else(|cause| {
                failure = Some(cause);
                client.clone()
            })
        });
        match failure {
            Some(cause) => Err(fault::error(StoreErrorKind::Refused).with_source(cause)),
            None => Ok(Self::assemble(Settings { deployment, certificates, ..self.settings })),
        }
    }

    /// Sets the reply timeout. Default: 500 ms, which is long for a nearby server and short for a waiting sender.
    #[must_use]
    pub fn with_response_timeout(self, timeout: Duration) -> Self {
        let timeouts = Timeouts { response: timeout, ..self.settings.timeouts };
        Self::assemble(Settings { timeouts, ..self.settings })
    }

    /// Sets the connect timeout. Default: 1 s, which leaves time for one lost packet to be sent again.
    #[must_use]
    pub fn with_connect_timeout(self, timeout: Duration) -> Self {
        let timeouts = Timeouts { connect: timeout, ..self.settings.timeouts };
        Self::assemble(Settings { timeouts, ..self.settings })
    }

    /// Sets how many servers must have a grant or a completion before it counts. Default: [`Durability::Local`],
    /// because every other choice costs a round trip between the servers, and fails when they cannot reach each other.
    #[must_use]
    pub fn with_durability(self, durability: Durability) -> Self {
        Self::assemble(Settings { durability, ..self.settings })
    }

    /// Sets how often the servers' health is checked. Default: every minute, which costs less than one claim a second.
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
        let (route, pubsub) = settings.deployment.route(settings.timeouts);
        let response_timeout = settings.timeouts.response;
        let shared = Shared {
            keys: Keys::new(settings.namespace.clone()),
            route,
            subscriptions: Subscriptions::new(pubsub, response_timeout),
            durability: settings.durability,
            response_timeout,
            health_interval: settings.health_interval,
            set_nx_get: AtomicBool::new(true),
            set_ifeq: AtomicBool::new(true),
            first_grants: FirstGrants::default(),
            probed: AtomicBool::new(false),
            unconfirmed_writes: AtomicU64::new(0),
        };
        Self { settings, shared: Arc::new(shared) }
    }
}

impl Deployment {
    /// Changes the clients for the servers that keep records, and with `include_sentinels` those for the sentinels too.
    #[cfg_attr(not(feature = "redis-sentinel"), expect(unused_variables, reason = "there are no sentinels"))]
    fn with_clients(self, include_sentinels: bool, mut change: impl FnMut(&Client) -> Client) -> Self {
        match self {
            Self::One(client) => Self::One(change(&client)),
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel { sentinels, name, template } => Self::Sentinel {
                sentinels: match include_sentinels {
                    true => sentinels.iter().map(&mut change).collect(),
                    false => sentinels,
                },
                name,
                template: change(&template),
            },
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(seeds) => Self::Cluster(seeds.iter().map(change).collect()),
        }
    }

    /// The route to the masters, and the dialer for subscriptions.
    fn route(&self, timeouts: Timeouts) -> (Route, Arc<dyn DialPubSub>) {
        match self {
            Self::One(client) => {
                let server = Arc::new(Server::new(client, timeouts));
                (Route::One(Arc::new(Link::new(Arc::clone(&server) as _))), server)
            }
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel { sentinels, name, template } => {
                let sentinels = sentinels.iter().map(|client| Server::new(client, timeouts)).collect();
                let template = Server::new(template, timeouts);
                let sentinel = Arc::new(Sentinel::new(sentinels, name.clone(), template));
                (Route::One(Arc::new(Link::new(Arc::clone(&sentinel) as _))), sentinel)
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(seeds) => {
                let seeds = seeds.iter().map(|client| Server::new(client, timeouts)).collect();
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
        true => Err(fault::error(StoreErrorKind::Refused).with_source("at least one address is required")),
        false => Ok(clients),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_changes_itself_alone() {
        let store = || RedisStore::new("redis://127.0.0.1:1/", "shop").unwrap();
        let settings_of = |store: RedisStore| {
            let Settings { timeouts, durability, health_interval, .. } = store.settings;
            assert_eq!(store.shared.response_timeout, timeouts.response);
            assert_eq!(
                (store.shared.durability, store.shared.health_interval),
                (durability, health_interval)
            );
            (timeouts.connect, timeouts.response, durability, health_interval)
        };
        let [half, second, seven, minute] = [500, 1000, 7000, 60_000].map(Duration::from_millis);
        let (local, two) = (Durability::Local, Durability::Replicas { count: 2, timeout: second });
        assert_eq!(settings_of(store()), (second, half, local, Some(minute)));
        assert_eq!(settings_of(store().with_connect_timeout(seven)), (seven, half, local, Some(minute)));
        assert_eq!(settings_of(store().with_response_timeout(seven)), (second, seven, local, Some(minute)));
        assert_eq!(settings_of(store().with_durability(two)), (second, half, two, Some(minute)));
        assert_eq!(settings_of(store().with_health_interval(seven)), (second, half, local, Some(seven)));
        assert_eq!(settings_of(store().without_health_interval()), (second, half, local, None));
    }
}
