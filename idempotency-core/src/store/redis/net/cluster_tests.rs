//! How redirections and refreshes change the map, with no node that replies.

use redis::Client;

use super::super::server::Timeouts;
use super::*;

/// No server listens on this port.
const CLOSED_PORT: &str = "redis://127.0.0.1:1/";

fn cluster() -> Arc<Cluster> {
    let timeouts = Timeouts { connect: Duration::from_secs(1), response: Duration::from_secs(1) };
    Arc::new(Cluster::new(vec![Server::new(&Client::open(CLOSED_PORT).unwrap(), timeouts)]))
}

fn error(line: &str) -> RedisError {
    let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
    value.extract_error().unwrap_err()
}

/// The address of the redirection, and whether it needs `ASKING`.
fn redirected(cluster: &Arc<Cluster>, line: &str) -> Option<(String, bool)> {
    let from = Arc::clone(&cluster.seeds[0].link);
    let redirect = cluster.redirect(&from, &error(line))?;
    Some((redirect.link.dial.address(), redirect.asking))
}

fn owner(cluster: &Cluster, slot: usize) -> Option<String> {
    cluster.map().owners[slot].as_ref().map(|node| node.link.dial.address())
}

/// Marks the map as just read.
fn mark_fresh(cluster: &Cluster) {
    let mut map = cluster.map();
    (map.needs_refresh, map.queried_at) = (false, Some(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn a_moved_redirection_updates_the_map_and_requests_a_refresh() {
    let cluster = cluster();
    mark_fresh(&cluster);
    assert_eq!(redirected(&cluster, "MOVED 7 127.0.0.1:2"), Some(("127.0.0.1:2".to_owned(), false)));
    assert_eq!(owner(&cluster, 7).as_deref(), Some("127.0.0.1:2"));
    assert!(cluster.map().needs_refresh);
    assert!(cluster.map().refreshes.is_empty(), "it was read just now");
}

#[tokio::test(start_paused = true)]
async fn an_ask_redirection_does_not_change_the_map() {
    let cluster = cluster();
    mark_fresh(&cluster);
    assert_eq!(redirected(&cluster, "ASK 7 127.0.0.1:2"), Some(("127.0.0.1:2".to_owned(), true)));
    assert_eq!(owner(&cluster, 7), None);
    assert!(!cluster.map().needs_refresh);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_no_redirection_is_not_followed() {
    let cluster = cluster();
    mark_fresh(&cluster);
    assert_eq!(redirected(&cluster, "LOADING"), None);
    assert!(!cluster.map().needs_refresh);
    assert_eq!(redirected(&cluster, "CLUSTERDOWN The cluster is down"), None);
    assert!(cluster.map().needs_refresh);
}

#[tokio::test(start_paused = true)]
async fn a_redirection_without_a_host_goes_to_the_host_that_sent_it() {
    let cluster = cluster();
    mark_fresh(&cluster);
    redirected(&cluster, "MOVED 7 127.0.0.2:2").unwrap();
    let from = Arc::clone(&cluster.map().owners[7].as_ref().unwrap().link);
    let redirect = cluster.redirect(&from, &error("MOVED 8 :3")).unwrap();
    assert_eq!(redirect.link.dial.address(), "127.0.0.2:3");
}

#[tokio::test(start_paused = true)]
async fn the_map_is_read_again_after_the_minimum_interval() {
    let cluster = cluster();
    assert!(cluster.map().is_due(), "it was never read");
    mark_fresh(&cluster);
    assert!(!cluster.map().is_due());
    tokio::time::advance(MIN_REFRESH_INTERVAL).await;
    assert!(cluster.map().is_due());
}

#[tokio::test]
async fn the_known_map_stays_in_use_if_no_node_replies() {
    let cluster = cluster();
    assert!(cluster.masters().await.is_err());
    mark_fresh(&cluster);
    redirected(&cluster, "MOVED 7 127.0.0.1:2").unwrap();
    // Requested and due.
    cluster.map().queried_at = None;
    assert_eq!(cluster.masters().await.unwrap().len(), 1);
    assert!(cluster.map().queried_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_map_is_read_only_if_requested_and_due() {
    let cluster = cluster();
    mark_fresh(&cluster);
    redirected(&cluster, "MOVED 7 127.0.0.1:2").unwrap();
    // Requested, but not due.
    let queried_at = cluster.map().queried_at;
    cluster.masters().await.unwrap();
    assert_eq!(cluster.map().queried_at, queried_at);
    // Due, but not requested.
    (cluster.map().needs_refresh, cluster.map().queried_at) = (false, None);
    cluster.masters().await.unwrap();
    assert!(cluster.map().queried_at.is_none());
}

#[tokio::test(start_paused = true)]
async fn each_query_starts_at_another_node() {
    let cluster = cluster();
    mark_fresh(&cluster);
    redirected(&cluster, "MOVED 7 127.0.0.1:2").unwrap();
    mark_fresh(&cluster);
    let before = cluster.map().rotation;
    for rotation in before + 1..before + 4 {
        assert!(cluster.dial_pubsub().await.is_err());
        assert_eq!(cluster.map().rotation, rotation);
    }
    cluster.request_refresh();
    cluster.map().queried_at = None;
    cluster.masters().await.unwrap();
    assert_eq!(cluster.map().rotation, before + 4);
}

#[test]
fn debug_shows_the_seed_addresses() {
    assert_eq!(format!("{:?}", cluster()), r#"Cluster { seeds: [Server("127.0.0.1:1")], .. }"#);
}
