//! Bodies and headers: those that pass, are recorded, and are replayed.

use bytes::Bytes;
use idempotency_core::Policy;

use super::{api, patient, webhook};
use crate::http::{Operation, Reply, Served, Site, TestSender, handler, post};

async fn serving(site: &Site, reply: Reply) -> Served {
    site.serve(webhook(), handler(move |_| std::future::ready(reply.clone()))).await
}

/// The first answer streams. Its duplicate gets the status, and the headers that do not describe the body.
pub async fn an_answer_that_streams_is_recorded_without_its_body(site: &Site) {
    let reply = Reply::new(201, "").header("x-id", "7").header("content-type", "text/plain");
    let served = serving(site, reply.streaming(&["one ", "two"])).await;
    served.send(post("/hook").key("k")).await.is(201, "executed").says("one two");
    let again = served.send(post("/hook").key("k")).await.is(201, "replayed; body=?0").says("");
    assert_eq!(again.all("x-id"), ["7"]);
    assert_eq!(again.all("content-type"), [""; 0]);
    assert_eq!(served.executions(), 1);
}

/// It is treated like one that streams.
pub async fn an_answer_over_the_limit_is_recorded_without_its_body(site: &Site) {
    let sender = TestSender::new(patient(Policy::webhook()).with_recorded_limit(1000));
    let size = |key: &str| key.parse::<usize>().expect("the key is the size");
    let sized = handler(move |call| {
        let context = call.context.expect("a claimed delivery has a context");
        std::future::ready(Reply::new(200, vec![b'x'; size(context.key().as_str())]).header("x-id", "7"))
    });
    let served = site.serve(sender, sized).await;
    for (key, kept) in [("900", 900), ("1001", 0), ("2000000", 0)] {
        let first = served.send_unnoted(post("/hook").key(key)).await.is(200, "executed");
        assert_eq!(first.body.len(), size(key));
        let status = if kept > 0 { "replayed" } else { "replayed; body=?0" };
        let again = served.send(post("/hook").key(key)).await.is(200, status);
        assert_eq!(again.body.len(), kept);
        assert_eq!(again.all("x-id"), ["7"]);
    }
    assert_eq!(served.executions(), 3);
}

/// The body is dropped first, then the headers.
pub async fn headers_count_towards_the_recording_limit(site: &Site) {
    for (key, header, body, header_kept, body_kept, status) in [
        ("a", 500, 100, true, true, "replayed"),
        ("b", 800, 800, true, false, "replayed; body=?0"),
        ("c", 1001, 10, false, false, "replayed; body=?0; headers=?0"),
        ("d", 1001, 0, false, true, "replayed; headers=?0"),
    ] {
        let reply = Reply::new(201, vec![b'x'; body]).header("x-long", vec![b'y'; header]);
        let sender = TestSender::new(Policy::webhook().with_recorded_limit(1000));
        let served = site.serve(sender, handler(move |_| std::future::ready(reply.clone()))).await;
        let first = served.send(post("/hook").key(key)).await.is(201, "executed");
        assert_eq!((first.all("x-long")[0].len(), first.body.len()), (header, body));
        let again = served.send(post("/hook").key(key)).await.is(201, status);
        assert_eq!(again.all("x-long").len(), usize::from(header_kept));
        assert_eq!(again.body.len(), if body_kept { body } else { 0 });
        assert_eq!(served.executions(), 1);
    }
}

/// The body is not stored; headers such as `Location` are. The duplicate says that the body is missing.
pub async fn an_answer_with_no_store_is_recorded_without_its_body(site: &Site) {
    let reply = Reply::new(201, r#"{"id":1}"#).header("cache-control", "private, No-Store");
    let served =
        serving(site, reply.header("location", "/p/1").header("content-type", "application/json")).await;
    served.send(post("/hook").key("k")).await.is(201, "executed").says(r#"{"id":1}"#);
    let again = served.send(post("/hook").key("k")).await.is(201, "replayed; body=?0").says("");
    assert_eq!(again.all("location"), ["/p/1"]);
    assert_eq!(again.all("cache-control"), ["private, No-Store"]);
    assert_eq!(again.all("content-type"), [""; 0]);
    assert_eq!(served.executions(), 1);
}

/// It has no body that could be missing.
pub async fn an_empty_answer_with_no_store_is_complete(site: &Site) {
    let reply = Reply::new(204, "").header("cache-control", "no-store").header("x-id", "7");
    let served = serving(site, reply).await;
    served.send(post("/hook").key("k")).await.is(204, "executed").says("");
    let again = served.send(post("/hook").key("k")).await.is(204, "replayed").says("");
    assert_eq!(again.all("x-id"), ["7"]);
    assert_eq!(served.executions(), 1);
}

/// A cookie belongs to the first request alone.
pub async fn a_cookie_is_sent_once_and_not_replayed(site: &Site) {
    let reply = Reply::new(200, "in").header("set-cookie", "s=1").header("set-cookie", "t=2");
    let served = serving(site, reply.header("www-authenticate", "Basic").header("proxy-status", "a")).await;
    let first = served.send(post("/hook").key("k")).await.is(200, "executed");
    assert_eq!(first.all("set-cookie"), ["s=1", "t=2"]);
    let again = served.send(post("/hook").key("k")).await.is(200, "replayed").says("in");
    for name in ["set-cookie", "www-authenticate", "proxy-status"] {
        assert_eq!(again.all(name), [""; 0]);
    }
    assert_eq!(served.executions(), 1);
}

/// Values are bytes, and each line is kept.
pub async fn repeated_binary_and_comma_header_values_survive(site: &Site) {
    let lines = [&b"a, b"[..], b"caf\xe9", b"\"c,d\"", b"a, b"];
    let reply = lines.iter().fold(Reply::new(200, ""), |reply, line| reply.header("x-many", line));
    let served = serving(site, reply).await;
    for status in ["executed", "replayed"] {
        let answer = served.send(post("/hook").key("k")).await.is(200, status);
        assert_eq!(answer.bytes_of("x-many"), lines);
    }
}

/// Such a header belongs to one connection.
pub async fn a_header_named_by_connection_is_not_replayed(site: &Site) {
    let reply = Reply::new(200, "").header("connection", "X-Hop").header("x-hop", "1").header("x-end", "2");
    let served = serving(site, reply).await;
    let first = served.send_unnoted(post("/hook").key("k")).await.is(200, "executed");
    assert_eq!(first.all("x-hop"), ["1"]);
    let again = served.send(post("/hook").key("k")).await.is(200, "replayed");
    assert_eq!((again.all("x-hop"), again.all("x-end")), (vec![], vec!["2".to_owned()]));
}

/// An empty body stays empty.
pub async fn an_empty_204_replays_as_an_empty_204(site: &Site) {
    let served = serving(site, Reply::new(204, "")).await;
    served.send(post("/hook").key("k")).await.is(204, "executed").says("");
    served.send(post("/hook").key("k")).await.is(204, "replayed").says("");
    assert_eq!(served.executions(), 1);
}

/// Bodies are bytes.
pub async fn a_binary_body_replays_bit_for_bit(site: &Site) {
    let body: Vec<u8> = (0..=255).cycle().take(3000).collect();
    let served = serving(site, Reply::new(200, body.clone()).header("content-type", "image/x")).await;
    for status in ["executed", "replayed"] {
        let answer = served.send(post("/hook").key("k")).await.is(200, status);
        assert_eq!(answer.body, body);
        assert_eq!(answer.all("content-type"), ["image/x"]);
    }
}

fn limited() -> TestSender {
    TestSender::new(Policy::webhook().with_body_limit(1000))
}

/// The body is refused before a byte of it is read.
pub async fn a_body_over_the_limit_by_content_length_is_413_and_claims_nothing(site: &Site) {
    let served = site.serve(limited(), super::done()).await;
    let answer = served.send(post("/hook").key("k").body(vec![b'x'; 1001])).await;
    answer.is(413, "").is_problem("body-too-large");
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0));
    served.send(post("/hook").key("k").body("short")).await.is(200, "executed");
}

/// The body is refused once it is too long.
pub async fn a_chunked_body_over_the_limit_is_413_and_claims_nothing(site: &Site) {
    let served = site.serve(limited(), super::done()).await;
    let pieces = vec![Bytes::from(vec![b'x'; 500]), Bytes::from(vec![b'y'; 500]), Bytes::from_static(b"z")];
    served.send(post("/hook").key("k").chunks(pieces)).await.is(413, "");
    let pieces = vec![Bytes::from(vec![b'x'; 600]), Bytes::from(vec![b'y'; 401])];
    let answer = served.send(post("/hook").key("k").chunks(pieces)).await;
    answer.is(413, "").is_problem("body-too-large");
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0));
    served.send(post("/hook").key("k").body("short")).await.is(200, "executed");
}

/// It arrives unchanged, in one piece or in several.
pub async fn a_body_of_exactly_the_limit_reaches_the_handler_whole(site: &Site) {
    let echo = handler(async |call| Reply::new(200, call.body));
    let served = site.serve(limited(), echo).await;
    let body = Bytes::from(vec![b'x'; 1000]);
    served.send(post("/hook").key("k1").body(body.clone())).await.is(200, "executed").says(&"x".repeat(1000));
    let pieces = vec![body.slice(..1), body.slice(1..600), body.slice(600..)];
    served.send(post("/hook").key("k2").chunks(pieces)).await.is(200, "executed").says(&"x".repeat(1000));
    served.send(post("/hook").key("k3")).await.is(200, "executed").says("");
}

/// A body that the provider does not need is not buffered.
pub async fn a_passed_body_is_not_limited(site: &Site) {
    let echo = handler(async |call| Reply::new(200, call.body.len().to_string()));
    let served = site.serve(limited().optional(), echo).await;
    served.send(post("/hook").body(vec![b'x'; 5000])).await.is(200, "bypassed").says("5000");
    let served = site.serve(api().optional(), handler(async |call| Reply::new(200, call.body))).await;
    let pieces = vec![Bytes::from_static(b"one "), Bytes::from_static(b"two")];
    served.send(post("/hook").chunks(pieces)).await.is(200, "bypassed").says("one two");
}
