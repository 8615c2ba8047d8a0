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
        body(
            senders::CLOUDFLARE,
            r#"{"text":"Passive origin monitoring for Zoë","ts":1717225199}"#,
            r#"{"text":"Passive origin monitoring for Zoë","ts":1717225199}"#,
            r#"{"text":"Passive origin monitoring for Zoë","ts":1717225259}"#,
        ),
        body(
            senders::FLUX,
            r#"{"involvedObject":{"kind":"Kustomization","namespace":"flux-system","name":"apps"},"severity":"info","timestamp":"2024-06-01T07:00:00Z","message":"applied for Zoë","reason":"ReconciliationSucceeded","reportingController":"kustomize-controller"}"#,
            r#"{"involvedObject":{"kind":"Kustomization","namespace":"flux-system","name":"apps"},"severity":"info","timestamp":"2024-06-01T07:00:00Z","message":"applied for Zoë","reason":"ReconciliationSucceeded","reportingController":"kustomize-controller"}"#,
            r#"{"involvedObject":{"kind":"Kustomization","namespace":"flux-system","name":"apps"},"severity":"info","timestamp":"2024-06-01T07:01:00Z","message":"applied for Zoë","reason":"ReconciliationSucceeded","reportingController":"kustomize-controller"}"#,
        ),
        body(
            senders::GRAFANA,
            r#"{"receiver":"hooks","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Zoë"},"startsAt":"2024-06-01T07:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"c6eadffa33fcdf37"}],"groupKey":"{}:{alertname=\"Zoë\"}","truncatedAlerts":0,"orgId":1}"#,
            r#"{"receiver":"hooks","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Zoë"},"startsAt":"2024-06-01T07:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"c6eadffa33fcdf37"}],"groupKey":"{}:{alertname=\"Zoë\"}","truncatedAlerts":0,"orgId":1}"#,
            r#"{"receiver":"hooks","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Zoë"},"startsAt":"2024-06-01T08:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"c6eadffa33fcdf37"}],"groupKey":"{}:{alertname=\"Zoë\"}","truncatedAlerts":0,"orgId":1}"#,
        ),
        body(
            senders::HARBOR,
            r#"{"type":"PUSH_ARTIFACT","occur_at":1717225199,"operator":"admin","event_data":{"repository":{"name":"zoë"}}}"#,
            r#"{"type":"PUSH_ARTIFACT","occur_at":1717225199,"operator":"admin","event_data":{"repository":{"name":"zoë"}}}"#,
            r#"{"type":"PUSH_ARTIFACT","occur_at":1717225259,"operator":"admin","event_data":{"repository":{"name":"zoë"}}}"#,
        ),
        body(
            senders::HCP_TERRAFORM,
            r#"{"payload_version":1,"notification_configuration_id":"nc-AeUQ2zfKZzW9TiGZ","run_id":"run-FwnENkvDnrpyFC7M","run_message":"Zoë","notifications":[{"message":"planning","trigger":"run:planning","run_status":"planning","run_updated_at":"2019-01-25T18:37:04.000Z","run_updated_by":"sample-user"}]}"#,
            r#"{"payload_version":1,"notification_configuration_id":"nc-AeUQ2zfKZzW9TiGZ","run_id":"run-FwnENkvDnrpyFC7M","run_message":"Zoë","notifications":[{"message":"planning","trigger":"run:planning","run_status":"planning","run_updated_at":"2019-01-25T18:37:04.000Z","run_updated_by":"sample-user"}]}"#,
            r#"{"payload_version":1,"notification_configuration_id":"nc-AeUQ2zfKZzW9TiGZ","run_id":"run-FwnENkvDnrpyFC7M","run_message":"Zoë","notifications":[{"message":"planning","trigger":"run:planning","run_status":"planning","run_updated_at":"2019-01-25T18:38:04.000Z","run_updated_by":"sample-user"}]}"#,
        ),
        body(
            senders::LANGFUSE,
            r#"{"id":"x1","timestamp":"2024-06-01T07:00:00.000Z","type":"prompt-version","apiVersion":"v1","action":"updated","prompt":{"name":"Zoë","version":2}}"#,
            r#"{"id":"x1","timestamp":"2024-06-01T07:30:00.000Z","type":"prompt-version","apiVersion":"v1","action":"updated","prompt":{"name":"Zoë","version":2}}"#,
            r#"{"id":"x2","timestamp":"2024-06-01T07:01:00.000Z","type":"prompt-version","apiVersion":"v1","action":"updated","prompt":{"name":"Zoë","version":2}}"#,
        ),
        body(
            senders::LAUNCHDARKLY,
            r#"{"_id":"57c0a8e29969090743529965","date":1472243938774,"accesses":[{"action":"updateName","resource":"proj/zoë:env/test"}],"name":"Testing"}"#,
            r#"{"_id":"57c0a8e29969090743529965","date":1472243938774,"accesses":[{"action":"updateName","resource":"proj/zoë:env/test"}],"name":"Testing"}"#,
            r#"{"_id":"57c0a8e29969090743529966","date":1472243998774,"accesses":[{"action":"updateName","resource":"proj/zoë:env/test"}],"name":"Testing"}"#,
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
        body(
            senders::SONARQUBE,
            r#"{"taskId":"AVh21JS2JepAEhwQ-b3u","status":"SUCCESS","analysedAt":"2024-06-01T07:00:00+0000","project":{"key":"zoë"},"qualityGate":{"name":"Sonar way","status":"OK"}}"#,
            r#"{"taskId":"AVh21JS2JepAEhwQ-b3u","status":"SUCCESS","analysedAt":"2024-06-01T07:00:00+0000","project":{"key":"zoë"},"qualityGate":{"name":"Sonar way","status":"OK"}}"#,
            r#"{"taskId":"AVh21JS2JepAEhwQ-b3v","status":"SUCCESS","analysedAt":"2024-06-01T07:01:00+0000","project":{"key":"zoë"},"qualityGate":{"name":"Sonar way","status":"OK"}}"#,
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
