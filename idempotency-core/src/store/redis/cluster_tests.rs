//! What redirections and doubts do to the map, with no node that answers.

use redis::Client;

use super::super::server::Patience;
use super::*;

/// Nobody listens there.
const NOBODY: &str = "redis://127.0.0.1:1/";

fn cluster() -> Arc<Cluster> {
    let patience = Patience { connect: Duration::from_secs(1), response: Duration::from_secs(1) };
    Arc::new(Cluster::new(vec![Server::new(&Client::open(NOBODY).unwrap(), patience)]))
}

fn error(line: &str) -> RedisError {
    let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
    value.extract_error().unwrap_err()
}

/// The address that is redirected to, and whether it is this once only.
fn redirected(cluster: &Arc<Cluster>, line: &str) -> Option<(String, bool)> {
    let from = Arc::clone(&cluster.seeds[0].link);
    let redirect = cluster.redirect(&from, &error(line))?;
    Some((redirect.link.dial.address(), redirect.asking))
}

fn owner(cluster: &Cluster, slot: usize) -> Option<String> {
    cluster.map().owners[slot].as_ref().map(|node| node.link.dial.address())
}

/// Takes the map for one that has just been asked for.
fn settle(cluster: &Cluster) {
    let mut map = cluster.map();
    (map.doubted, map.asked) = (false, Some(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_has_moved_is_remembered_and_raises_doubts() {
    let cluster = cluster();
    settle(&cluster);
    assert_eq!(redirected(&cluster, "MOVED 7 127.0.0.1:2"), Some(("127.0.0.1:2".to_owned(), false)));
    assert_eq!(owner(&cluster, 7).as_deref(), Some("127.0.0.1:2"));
    assert!(cluster.map().doubted);
    assert!(cluster.map().refreshes.is_empty(), "it was asked for just now");
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_moving_is_asked_for_this_once_only() {
    let cluster = cluster();
    settle(&cluster);
    assert_eq!(redirected(&cluster, "ASK 7 127.0.0.1:2"), Some(("127.0.0.1:2".to_owned(), true)));
    assert_eq!(owner(&cluster, 7), None);
    assert!(!cluster.map().doubted);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_redirection_leads_nowhere() {
    let cluster = cluster();
    settle(&cluster);
    assert_eq!(redirected(&cluster, "LOADING"), None);
    assert!(!cluster.map().doubted);
    assert_eq!(redirected(&cluster, "CLUSTERDOWN The cluster is down"), None);
    assert!(cluster.map().doubted);
}

#[tokio::test(start_paused = true)]
async fn a_redirection_without_a_host_means_the_one_that_was_asked() {
    let cluster = cluster();
    settle(&cluster);
    redirected(&cluster, "MOVED 7 127.0.0.2:2").unwrap();
    let from = Arc::clone(&cluster.map().owners[7].as_ref().unwrap().link);
    let redirect = cluster.redirect(&from, &error("MOVED 8 :3")).unwrap();
    assert_eq!(redirect.link.dial.address(), "127.0.0.2:3");
}

#[tokio::test(start_paused = true)]
async fn the_map_is_asked_for_again_after_a_pause() {
    let cluster = cluster();
    assert!(cluster.map().is_due(), "it was never asked for");
    settle(&cluster);
    assert!(!cluster.map().is_due());
    tokio::time::advance(PAUSE).await;
    assert!(cluster.map().is_due());
}

#[tokio::test]
async fn where_nobody_answers_what_was_known_holds() {
    let cluster = cluster();
    assert!(cluster.masters().await.is_err());
    settle(&cluster);
    redirected(&cluster, "MOVED 7 127.0.0.1:2").unwrap();
    // Doubted and due.
    cluster.map().asked = None;
    assert_eq!(cluster.masters().await.unwrap().len(), 1);
    assert!(cluster.map().asked.is_some());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_without_doubts_or_too_soon() {
    let cluster = cluster();
    settle(&cluster);
    redirected(&cluster, "MOVED 7 127.0.0.1:2").unwrap();
    // Doubted, and not due.
    let asked = cluster.map().asked;
    cluster.masters().await.unwrap();
    assert_eq!(cluster.map().asked, asked);
    // Due, and not doubted.
    (cluster.map().doubted, cluster.map().asked) = (false, None);
    cluster.masters().await.unwrap();
    assert!(cluster.map().asked.is_none());
}

#[tokio::test(start_paused = true)]
async fn each_question_begins_at_another_node() {
    let cluster = cluster();
    settle(&cluster);
    redirected(&cluster, "MOVED 7 127.0.0.1:2").unwrap();
    settle(&cluster);
    let before = cluster.map().turn;
    for turn in before + 1..before + 4 {
        assert!(cluster.dial_pubsub().await.is_err());
        assert_eq!(cluster.map().turn, turn);
    }
    cluster.doubt();
    cluster.map().asked = None;
    cluster.masters().await.unwrap();
    assert_eq!(cluster.map().turn, before + 4);
}

#[test]
fn a_cluster_shows_where_it_was_told_to_begin() {
    assert_eq!(format!("{:?}", cluster()), r#"Cluster { seeds: [Server("127.0.0.1:1")], .. }"#);
}
