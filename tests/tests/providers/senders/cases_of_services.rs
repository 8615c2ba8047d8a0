//! The cases of the senders of builds, images, alerts, repositories, calendars, tasks, forums and chats.

use idempotency_core::provider::senders;

use super::cases::{Case, body, header};

pub(super) fn cases() -> Vec<Case> {
    vec![
        body(
            senders::BUILDKITE,
            r#"{"event":"build.running","build":{"id":"b1","state":"running","started_at":"2021-04-22T06:08:20Z"},"sender":{"name":"Zoë"}}"#,
            r#"{"event":"build.running","build":{"id":"b1","state":"running","started_at":"2021-04-22T06:08:20Z"},"sender":{"name":"Zoë"}}"#,
            r#"{"event":"build.running","build":{"id":"b3","state":"running","started_at":"2021-04-22T06:09:20Z"},"sender":{"name":"Zoë"}}"#,
        ),
        header(
            senders::RENDER,
            r#"{"type":"deploy_ended","timestamp":"2024-06-01T07:00:00Z","data":{"id":"evt-1","serviceId":"srv-1","serviceName":"zoë"}}"#,
            r#"{"type":"deploy_ended","timestamp":"2024-06-01T07:00:00Z","data":{"id":"evt-1","serviceId":"srv-1","serviceName":"zoë"}}"#,
        ),
        header(
            senders::SNYK,
            r#"{"project":{"id":"p1","name":"Zoë"},"newIssues":[],"removedIssues":[]}"#,
            r#"{"project":{"id":"p1","name":"Zoë"},"newIssues":[],"removedIssues":[]}"#,
        ),
        header(
            senders::GITEA,
            r#"{"ref":"refs/heads/main","after":"28e1879d","repository":{"id":1,"full_name":"zoë/a"}}"#,
            r#"{"ref":"refs/heads/main","after":"28e1879d","repository":{"id":1,"full_name":"zoë/a"}}"#,
        ),
        header(
            senders::GOGS,
            r#"{"ref":"refs/heads/main","after":"28e1879d","repository":{"id":1,"full_name":"zoë/a"}}"#,
            r#"{"ref":"refs/heads/main","after":"28e1879d","repository":{"id":1,"full_name":"zoë/a"}}"#,
        ),
    ]
}
