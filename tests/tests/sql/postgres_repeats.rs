//! An operation of `PostgresStore` whose first reply is lost, and whose later statement fails, may have taken effect.

use idempotency_core::StoreError;
use idempotency_core::store::{Lease, Owner, Release, Store as _};
use idempotency_sqlx::PostgresStore;
use idempotency_tests::postgres_server::{PostgresServer, psql};
use idempotency_tests::proxy::FaultProxy;

use crate::postgres::{HOUR, claim, completion, granted, store};

/// What the statements of a holder read. A look at the record reads more.
const READ_BY_HOLDERS: &str =
    "digest, state, owner, fence, attempts, deadline, retention, expires_at, resource, version, revision";

struct Case {
    proxy: FaultProxy,
    direct: String,
    role: String,
    /// A store that is granted what the role is.
    limited: PostgresStore,
    lease: Lease,
}

impl Case {
    /// A record in flight.
    async fn new() -> Self {
        let server = PostgresServer::shared().await;
        let direct = server.new_database().await;
        let owner = store(&direct);
        owner.migrate().await.unwrap();
        let lease = granted(&owner, &claim("k", 1)).await;
        let role = format!("app_{}", direct.rsplit('/').next().unwrap());
        let tables = "idempotency_records, idempotency_marks, idempotency_outbox";
        let create =
            format!("CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {role}");
        psql(&direct, &create).await.unwrap();
        let proxy = FaultProxy::start_postgres(server.port()).await;
        let limited =
            store(&proxy.route(&direct).replace("postgres@", &format!("{role}@"))).with_connections(1);
        Self { proxy, direct, role, limited, lease }
    }

    /// From now on, looks at the record fail.
    async fn refuse_looks(&self) {
        let role = &self.role;
        let limit = format!(
            "REVOKE SELECT ON idempotency_records FROM {role}; GRANT SELECT ({READ_BY_HOLDERS}) ON idempotency_records TO {role}"
        );
        psql(&self.direct, &limit).await.unwrap();
    }

    async fn column(&self, name: &str) -> String {
        psql(&self.direct, &format!("SELECT {name} FROM idempotency_records")).await.unwrap()
    }
}

/// Whether the operation changed the column, and the error that it returned.
async fn fails_to_look<T: std::fmt::Debug>(
    changes: &str,
    column: &str,
    operation: impl AsyncFnOnce(&PostgresStore, &Lease) -> Result<T, StoreError>,
) -> (bool, StoreError) {
    let case = Case::new().await;
    case.refuse_looks().await;
    let before = case.column(column).await;
    case.proxy.lose_reply_to(changes);
    let error = operation(&case.limited, &case.lease).await.unwrap_err();
    (case.column(column).await != before, error)
}

#[tokio::test]
async fn a_completion_whose_repeat_cannot_be_explained_may_have_executed() {
    let (changed, error) = fails_to_look("SET state = 3", "state", async |store, lease| {
        store.complete(&completion(lease)).await
    })
    .await;
    assert!(changed && error.may_have_executed(), "{error:?}");
}

#[tokio::test]
async fn a_release_whose_repeat_cannot_be_explained_may_have_executed() {
    let (changed, error) = fails_to_look("SET state = $4", "state", async |store, lease| {
        store.release(lease, Release::Failed).await
    })
    .await;
    assert!(changed && error.may_have_executed(), "{error:?}");
}

#[tokio::test]
async fn an_adoption_whose_repeat_cannot_be_explained_may_have_executed() {
    let (changed, error) = fails_to_look("SET owner = $4", "fence", async |store, lease| {
        store.adopt(lease, Owner::from_bytes([2; 16]), HOUR).await
    })
    .await;
    assert!(changed && error.may_have_executed(), "{error:?}");
}
