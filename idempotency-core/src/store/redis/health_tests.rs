//! The findings in the `INFO` of servers.

use super::*;

fn of(info: &str) -> Vec<Finding> {
    findings(&InfoDict::new(info))
}

#[test]
fn a_well_configured_server_has_no_findings() {
    let info = "redis_version:7.0.15\r\nused_memory:100\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n\
                role:master\r\nevicted_keys:0\r\naof_enabled:1\r\nconnected_slaves:1\r\n\
                min_slaves_good_slaves:1\r\n";
    assert_eq!(of(info), []);
}

#[test]
fn each_weakness_is_found() {
    let info = "# Server\r\nredis_version:6.0.16\r\nused_memory:950\r\nmaxmemory:1000\r\n\
                maxmemory_policy:volatile-ttl\r\nrole:slave\r\nevicted_keys:7\r\naof_enabled:0\r\n\
                connected_slaves:2\r\n";
    let expected = [
        Finding::TooOld { version: "6.0.16".into() },
        Finding::Evicts { policy: "volatile-ttl".into() },
        Finding::Replica,
        Finding::HasEvicted { keys: 7 },
        Finding::NearlyFull { used: 950, limit: 1000 },
        Finding::NotPersistent,
        Finding::ReplicasNotAwaited { replicas: 2 },
    ];
    assert_eq!(of(info), expected);
}

#[test]
fn an_eviction_policy_without_a_memory_limit_evicts_nothing() {
    assert_eq!(
        of(
            "redis_version:7.2.0\r\nused_memory:100\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n"
        ),
        []
    );
}

#[test]
fn a_missing_field_is_no_finding() {
    assert_eq!(of(""), []);
}

#[test]
fn a_server_exactly_at_the_limits_has_no_findings() {
    assert_eq!(
        of("redis_version:6.2.0\r\nused_memory:900\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n"),
        []
    );
}

#[test]
fn an_unreachable_master_is_logged_each_time_and_other_findings_once() {
    let unreachable = || Finding::Unreachable { node: "10.0.0.1:6379".into() };
    let mut known = Vec::new();
    let mut logs = |findings: &[Finding]| {
        let before = known.len();
        log_new(findings, &mut known);
        known.len() > before
    };
    assert!(logs(&[Finding::NotPersistent]));
    assert!(!logs(&[Finding::NotPersistent]));
    assert!(logs(&[unreachable()]));
    assert!(!logs(&[unreachable()]));
    assert!(!logs(&[]));
    assert!(!logs(&[Finding::NotPersistent]));
    assert!(logs(&[unreachable()]));
}
