//! The answers to one event that was delivered several times.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Response;
use serde_json::Value;

use super::refusals;
use crate::protocol::Status;

/// The answers to one event that was delivered several times, in the order of the deliveries.
///
/// One more delivery follows when all are answered. It is not among the answers: it finds what was recorded, for
/// [`assert_executed_once`](Self::assert_executed_once).
///
/// `idempotency_tower::testing` and `idempotency_actix::testing` deliver to an app of their framework. For
/// other frameworks, pass a function that makes one delivery:
///
/// ```
/// use bytes::Bytes;
/// use http::Response;
/// use idempotency_core::testing::Answers;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// async fn send() -> Response<Bytes> {
///     // Your app's answer.
/// #   static SENT: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
/// #   let is_sent = SENT.swap(true, std::sync::atomic::Ordering::Relaxed);
/// #   Response::builder()
/// #       .header("idempotency-status", if is_sent { "replayed" } else { "executed" })
/// #       .body(Bytes::new()).unwrap()
/// }
///
/// let answers = Answers::at_once(5, send).await;
/// answers.assert_executed_once();
/// assert_eq!(answers[0].status(), 200);
/// # });
/// ```
pub struct Answers {
    answers: Vec<Response<Bytes>>,
    afterwards: Response<Bytes>,
}

impl Answers {
    /// Makes all deliveries at the same time.
    ///
    /// # Cancel safety
    /// If the future is dropped, the deliveries are dropped, as if the sender hung up.
    pub async fn at_once<F>(count: usize, send: impl Fn() -> F) -> Self
    where
        F: Future<Output = Response<Bytes>>,
    {
        let answers = join_all((0..count).map(|_| send())).await;
        Self { answers, afterwards: send().await }
    }

    /// Makes each delivery after the previous one was answered.
    ///
    /// # Cancel safety
    /// If the future is dropped, the current delivery is dropped, as if the sender hung up.
    pub async fn in_turn<F>(count: usize, send: impl Fn() -> F) -> Self
    where
        F: Future<Output = Response<Bytes>>,
    {
        let mut answers = Vec::with_capacity(count);
        for _ in 0..count {
            answers.push(send().await);
        }
        Self { answers, afterwards: send().await }
    }

    /// Asserts that exactly one execution was recorded, and that nothing ran without a claim.
    ///
    /// The delivery that follows the others must be answered `replayed`. Of the answers:
    ///
    /// | Answer | Counts as |
    /// |---|---|
    /// | `executed`, with the status code that is replayed | the recorded execution: there must be one |
    /// | `executed`, with any other status code | an attempt that was not recorded: any number |
    /// | `replayed`, or `conflict` (409 or 503) | a duplicate: any number |
    /// | any other, or without `Idempotency-Status` | a failure of the test |
    ///
    /// So a handler may fail first and then succeed, and concurrent deliveries may be asked to come again. This
    /// counts records, not calls: to see that an effect happened once, count the effect itself.
    ///
    /// # Panics
    /// If the assertion fails, with the status of each answer. For a refusal it also says what is wrong, and, if the app runs in
    /// this process, the logged cause.
    #[track_caller]
    pub fn assert_executed_once(&self) {
        let is_expected = |answer| matches!(token(answer), Some("executed" | "replayed" | "conflict"));
        assert!(
            self.iter().all(is_expected),
            "expected each answer to be executed, replayed or conflict: {self:?}"
        );
        assert!(
            token(&self.afterwards) == Some("replayed"),
            "expected a recorded execution, which a further delivery replays: {self:?}"
        );
        let is_recorded = |answer: &&Response<Bytes>| {
            token(answer) == Some("executed") && answer.status() == self.afterwards.status()
        };
        let recorded = self.iter().filter(is_recorded).count();
        assert!(recorded == 1, "expected one recorded execution, found {recorded}: {self:?}");
    }
}

impl Deref for Answers {
    type Target = [Response<Bytes>];

    fn deref(&self) -> &[Response<Bytes>] {
        &self.answers
    }
}

/// Prints one line for each answer and for the delivery that followed: its status code, its `Idempotency-Status`, and the
/// cause of a refusal. Bodies of handlers are not shown.
impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, answer) in self.iter().enumerate() {
            write!(f, "\n  {}: {}", index + 1, summary(answer))?;
        }
        write!(f, "\n  afterwards: {}", summary(&self.afterwards))
    }
}

fn summary(answer: &Response<Bytes>) -> String {
    let value = value(answer).unwrap_or("without Idempotency-Status");
    let summary = format!("{} {value}", answer.status().as_u16());
    match refusal(answer) {
        Some(refusal) => format!("{summary}: {refusal}"),
        None => summary,
    }
}

/// The problem in an answer that no handler made, and its cause if it is known.
fn refusal(answer: &Response<Bytes>) -> Option<String> {
    if matches!(token(answer), Some("executed" | "replayed" | "bypassed")) {
        return None;
    }
    let problem: Value = serde_json::from_slice(answer.body()).ok()?;
    let member = |name: &str| problem.get(name)?.as_str();
    let is_ours = member("type").is_some_and(|kind| kind.starts_with("urn:idempotency:"));
    let title = member("title").filter(|_| is_ours)?;
    let cause = member("instance").and_then(refusals::cause);
    Some(cause.map_or_else(|| title.to_owned(), |cause| format!("{title} ({cause})")))
}

fn value(answer: &Response<Bytes>) -> Option<&str> {
    answer.headers().get(Status::HEADER)?.to_str().ok()
}

/// The `Idempotency-Status` without its parameters.
fn token(answer: &Response<Bytes>) -> Option<&str> {
    value(answer)?.split(';').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last one is the answer to the delivery that follows.
    fn answers<const N: usize>(answers: [(u16, &str); N]) -> Answers {
        let answer = |(code, status): (u16, &str)| {
            let answer = Response::builder().status(code);
            let answer = if status.is_empty() { answer } else { answer.header(Status::HEADER, status) };
            answer.body(Bytes::from_static(b"card=4242")).unwrap()
        };
        let mut answers: Vec<_> = answers.map(answer).into();
        let afterwards = answers.pop().unwrap();
        Answers { answers, afterwards }
    }

    #[test]
    fn one_success_among_failures_conflicts_and_replays_is_one_execution() {
        answers([(200, "executed"), (200, "replayed")]).assert_executed_once();
        answers([
            (500, "executed"),
            (200, "executed"),
            (503, "conflict"),
            (200, "replayed; body=?0"),
            (200, "replayed"),
        ])
        .assert_executed_once();
        answers([(200, "executed; stored=?0"), (409, "conflict"), (200, "replayed")]).assert_executed_once();
    }

    #[test]
    fn a_problem_that_a_handler_wrote_is_not_shown() {
        let mut answers = answers([(500, "executed"), (200, "replayed")]);
        for answer in &mut answers.answers {
            *answer.body_mut() =
                Bytes::from_static(br#"{"type":"urn:idempotency:mine","title":"card=4242"}"#);
        }
        assert_eq!(format!("{answers:?}"), "\n  1: 500 executed\n  afterwards: 200 replayed");
    }

    #[test]
    fn a_recorded_error_among_conflicts_is_one_execution() {
        answers([(402, "executed"), (409, "conflict"), (402, "replayed")]).assert_executed_once();
        answers([(303, "executed"), (303, "replayed")]).assert_executed_once();
    }

    #[test]
    #[should_panic(
        expected = "found 2: \n  1: 200 executed\n  2: 200 executed; stored=?0\n  afterwards: 200 replayed"
    )]
    fn two_successes_panic_with_each_status() {
        answers([(200, "executed"), (200, "executed; stored=?0"), (200, "replayed")]).assert_executed_once();
    }

    #[test]
    #[should_panic(
        expected = "a further delivery replays: \n  1: 500 executed\n  2: 503 conflict\n  afterwards: 500 executed"
    )]
    fn a_failed_execution_is_not_recorded() {
        answers([(500, "executed"), (503, "conflict"), (500, "executed")]).assert_executed_once();
    }

    #[test]
    #[should_panic(
        expected = "a further delivery replays: \n  1: 200 executed\n  2: 503 conflict\n  afterwards: 200 executed"
    )]
    fn a_success_that_was_not_recorded_panics() {
        answers([(200, "executed"), (503, "conflict"), (200, "executed")]).assert_executed_once();
    }

    #[test]
    #[should_panic(expected = "replayed or conflict: \n  1: 200 without Idempotency-Status")]
    fn an_app_that_is_not_idempotent_panics() {
        answers([(200, ""), (200, ""), (200, "")]).assert_executed_once();
    }

    #[test]
    #[should_panic(expected = "replayed or conflict: \n  1: 200 executed\n  2: 200 bypassed")]
    fn a_handler_that_ran_without_a_claim_panics() {
        answers([(200, "executed"), (200, "bypassed"), (200, "replayed")]).assert_executed_once();
    }

    #[test]
    #[should_panic(
        expected = "replayed or conflict: \n  1: 413 without Idempotency-Status: The body is too large\n"
    )]
    fn a_refusal_panics_with_its_problem() {
        let mut refused = answers([(413, ""), (413, "")]);
        let problem = r#"{"type":"urn:idempotency:body-too-large","title":"The body is too large","instance":"urn:uuid:0"}"#;
        *refused.answers[0].body_mut() = Bytes::from_static(problem.as_bytes());
        refused.assert_executed_once();
    }

    #[test]
    fn a_problem_of_the_handlers_own_is_not_shown() {
        let mut failed = answers([(402, "executed"), (402, "replayed")]);
        let problem = r#"{"type":"https://example.com/declined","title":"card=4242"}"#;
        *failed.answers[0].body_mut() = Bytes::from_static(problem.as_bytes());
        assert!(!format!("{failed:?}").contains("4242"));
    }

    #[test]
    fn debug_shows_no_body() {
        let shown = format!("{:?}", answers([(200, "executed"), (200, "replayed")]));
        assert!(!shown.contains("4242"), "{shown}");
    }
}
