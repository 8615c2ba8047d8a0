//! The commands that wait for confirmations, and the replies that suffice.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn replicas(count: u32) -> Durability {
    Durability::Replicas { count, timeout: SECOND }
}

fn fsync(local: bool, replicas: u32) -> Durability {
    Durability::Fsync { local, replicas, timeout: SECOND }
}

fn files(local: i64, replicas: i64) -> Value {
    Value::Array(vec![Value::Int(local), Value::Int(replicas)])
}

#[test]
fn each_durability_has_its_command_and_timeout() {
    let command_of = |durability: Durability| {
        durability.command().map(|(command, time)| (command.get_packed_command(), time))
    };
    let packed = |words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.get_packed_command()
    };
    assert_eq!(command_of(Durability::Local), None);
    assert_eq!(command_of(replicas(2)), Some((packed(&["WAIT", "2", "1000"]), SECOND)));
    assert_eq!(command_of(fsync(true, 3)), Some((packed(&["WAITAOF", "1", "3", "1000"]), SECOND)));
    let for_ever = Durability::Replicas { count: 1, timeout: Duration::ZERO };
    assert_eq!(command_of(for_ever), Some((packed(&["WAIT", "1", "1"]), Duration::from_millis(1))));
}

#[test]
fn a_reply_suffices_with_at_least_the_required_confirmations() {
    let cases = [
        (Durability::Local, Value::Nil, true),
        (replicas(2), Value::Int(3), true),
        (replicas(2), Value::Int(2), true),
        (replicas(2), Value::Int(1), false),
        (fsync(true, 1), files(1, 1), true),
        (fsync(true, 1), files(0, 1), false),
        (fsync(true, 1), files(1, 0), false),
        (fsync(false, 1), files(0, 1), true),
        (fsync(false, 1), files(1, 0), false),
    ];
    for (durability, reply, enough) in cases {
        let judged = durability.judge(&reply).expect("the reply has the expected form");
        assert_eq!(judged.is_ok(), enough, "{durability:?} {reply:?}");
    }
}

#[test]
fn a_reply_of_another_form_is_not_judged() {
    for (durability, reply) in [
        (replicas(1), Value::Okay),
        (replicas(1), Value::Int(-1)),
        (fsync(true, 1), Value::Int(1)),
        (fsync(true, 1), Value::Array(vec![Value::Int(1)])),
        (fsync(true, 1), Value::Array(vec![Value::Nil, Value::Int(1)])),
    ] {
        assert_eq!(durability.judge(&reply), None, "{durability:?} {reply:?}");
    }
}

#[test]
fn an_unconfirmed_write_reports_the_required_and_the_received_confirmations() {
    let unconfirmed = fsync(true, 2).judge(&files(0, 1)).unwrap().unwrap_err();
    assert_eq!(unconfirmed.to_string(), "confirmed by 1 replicas, but the master and 2 replicas required");
}
