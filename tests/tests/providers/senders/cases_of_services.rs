//! The cases of the senders of builds, images, alerts, repositories, calendars, tasks, forums and chats.

use idempotency_core::provider::senders;

use super::cases::{Case, ID, OTHER_ID, body, header};

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
        body(
            senders::CAL_COM,
            r#"{"triggerEvent":"BOOKING_RESCHEDULED","createdAt":"2024-06-01T07:00:00.000Z","payload":{"uid":"bk1","title":"Zoë"}}"#,
            r#"{"triggerEvent":"BOOKING_RESCHEDULED","createdAt":"2024-06-01T07:00:00.000Z","payload":{"uid":"bk1","title":"Zoë"}}"#,
            r#"{"triggerEvent":"BOOKING_RESCHEDULED","createdAt":"2024-06-01T07:01:00.000Z","payload":{"uid":"bk1","title":"Zoë"}}"#,
        ),
        body(
            senders::CLICKUP,
            r#"{"event":"taskUpdated","history_items":[{"id":"2800763136717140857","date":"1642734631523","field":"status"}],"task_id":"1vj37mc","webhook_id":"7fa3ec74"}"#,
            r#"{"event":"taskUpdated","history_items":[{"id":"2800763136717140857","date":"1642734631523","field":"status"}],"task_id":"1vj37mc","webhook_id":"7fa3ec74"}"#,
            r#"{"event":"taskUpdated","history_items":[{"id":"2800763136717140858","date":"1642734691523","field":"status"}],"task_id":"1vj37mc","webhook_id":"7fa3ec74"}"#,
        ),
        body(
            senders::CRONOFY,
            r#"{"notification":{"type":"change","changes_since":"2024-06-01T07:00:00Z"},"channel":{"channel_id":"chn_1","note":"Zoë"}}"#,
            r#"{"notification":{"type":"change","changes_since":"2024-06-01T07:00:00Z"},"channel":{"channel_id":"chn_1","note":"Zoë"}}"#,
            r#"{"notification":{"type":"change","changes_since":"2024-06-01T07:01:00Z"},"channel":{"channel_id":"chn_1","note":"Zoë"}}"#,
        ),
        body(
            senders::OUTLINE,
            r#"{"id":"w1","actorId":"a1","webhookSubscriptionId":"s1","createdAt":"2024-06-01T07:00:00.000Z","event":"documents.update","payload":{"id":"d1","model":{"title":"Zoë"}}}"#,
            r#"{"id":"w1","actorId":"a1","webhookSubscriptionId":"s1","createdAt":"2024-06-01T07:00:00.000Z","event":"documents.update","payload":{"id":"d1","model":{"title":"Zoë"}}}"#,
            r#"{"id":"w2","actorId":"a1","webhookSubscriptionId":"s1","createdAt":"2024-06-01T07:01:00.000Z","event":"documents.update","payload":{"id":"d1","model":{"title":"Zoë"}}}"#,
        ),
        body(
            senders::PLANE,
            r#"{"event":"issue","action":"update","webhook_id":"f1a2","workspace_id":"c467e125","data":{"id":"5a1b","name":"Zoë","updated_at":"2024-06-01T07:00:00Z"},"activity":{"field":"state","new_value":"Done"}}"#,
            r#"{"event":"issue","action":"update","webhook_id":"f1a2","workspace_id":"c467e125","data":{"id":"5a1b","name":"Zoë","updated_at":"2024-06-01T07:00:00Z"},"activity":{"field":"state","new_value":"Done"}}"#,
            r#"{"event":"issue","action":"update","webhook_id":"f1a2","workspace_id":"c467e125","data":{"id":"5a1b","name":"Zoë","updated_at":"2024-06-01T07:01:00Z"},"activity":{"field":"state","new_value":"Done"}}"#,
        ),
        body(
            senders::TAIGA,
            r#"{"action":"change","type":"issue","by":{"id":6},"date":"2024-06-01T07:00:00Z","data":{"id":7,"subject":"Zoë"}}"#,
            r#"{"action":"change","type":"issue","by":{"id":6},"date":"2024-06-01T07:00:00Z","data":{"id":7,"subject":"Zoë"}}"#,
            r#"{"action":"change","type":"issue","by":{"id":6},"date":"2024-06-01T07:01:00Z","data":{"id":7,"subject":"Zoë"}}"#,
        ),
        body(
            senders::CRISP,
            r#"{"event":"message:send","data":{"fingerprint":163408807661342,"content":"Zoë","session_id":"session_1"}}"#,
            r#"{"event":"message:send","data":{"fingerprint":163408807661342,"content":"Zoë","session_id":"session_1"}}"#,
            r#"{"event":"message:send","data":{"fingerprint":163408807661343,"content":"Zoë","session_id":"session_1"}}"#,
        ),
        Case {
            scheme: senders::DISCOURSE,
            event: ("topic_edited", r#"{"topic":{"id":5,"title":"Zoë","bumped_at":"2024-06-01T07:00:00Z"}}"#),
            retry: ("topic_edited", r#"{"topic":{"id":5,"title":"Zoë","bumped_at":"2024-06-01T07:00:00Z"}}"#),
            second: (
                "topic_edited",
                r#"{"topic":{"id":5,"title":"Zoë","bumped_at":"2024-06-01T07:01:00Z"}}"#,
            ),
        },
        body(
            senders::HELP_SCOUT,
            r#"{"id":131938,"number":349,"status":"active","subject":"Zoë","userUpdatedAt":"2024-06-01T07:00:00Z"}"#,
            r#"{"id":131938,"number":349,"status":"active","subject":"Zoë","userUpdatedAt":"2024-06-01T07:00:00Z"}"#,
            r#"{"id":131938,"number":349,"status":"active","subject":"Zoë","userUpdatedAt":"2024-06-01T07:01:00Z"}"#,
        ),
        body(
            senders::KNOCK,
            r#"{"__typename":"Event","type":"message.sent","created_at":"2026-01-31T17:12:59.958652Z","data":{"id":"m1","recipient":"zoë"},"event_data":null}"#,
            r#"{"__typename":"Event","type":"message.sent","created_at":"2026-01-31T17:12:59.958652Z","data":{"id":"m1","recipient":"zoë"},"event_data":null}"#,
            r#"{"__typename":"Event","type":"message.sent","created_at":"2026-01-31T17:13:59.958652Z","data":{"id":"m1","recipient":"zoë"},"event_data":null}"#,
        ),
        body(
            senders::MASTODON,
            r#"{"event":"account.updated","created_at":"2024-06-01T07:00:00.000Z","object":{"id":"108","username":"zoë"}}"#,
            r#"{"event":"account.updated","created_at":"2024-06-01T07:00:00.000Z","object":{"id":"108","username":"zoë"}}"#,
            r#"{"event":"account.updated","created_at":"2024-06-01T07:01:00.000Z","object":{"id":"108","username":"zoë"}}"#,
        ),
        body(
            senders::MICROSOFT_TEAMS,
            r#"{"type":"message","id":"1717225199001","timestamp":"2024-06-01T07:00:00.000Z","text":"<at>Bot</at> hi","from":{"name":"Zoë"}}"#,
            r#"{"type":"message","id":"1717225199001","timestamp":"2024-06-01T07:00:00.000Z","text":"<at>Bot</at> hi","from":{"name":"Zoë"}}"#,
            r#"{"type":"message","id":"1717225259001","timestamp":"2024-06-01T07:00:00.000Z","text":"<at>Bot</at> hi","from":{"name":"Zoë"}}"#,
        ),
        // The header is signed. The key is in the body.
        Case {
            scheme: senders::SINCH,
            event: (
                ID,
                r#"{"app_id":"01E","project_id":"p1","accepted_time":"2024-06-01T07:00:00Z","event_time":"2024-06-01T07:00:00Z","message_delivery_report":{"message_id":"m1","status":"DELIVERED","metadata":"Zoë"}}"#,
            ),
            retry: (
                OTHER_ID,
                r#"{"app_id":"01E","project_id":"p1","accepted_time":"2024-06-01T07:00:00Z","event_time":"2024-06-01T07:00:00Z","message_delivery_report":{"message_id":"m1","status":"DELIVERED","metadata":"Zoë"}}"#,
            ),
            second: (
                ID,
                r#"{"app_id":"01E","project_id":"p1","accepted_time":"2024-06-01T07:01:00Z","event_time":"2024-06-01T07:01:00Z","message_delivery_report":{"message_id":"m1","status":"DELIVERED","metadata":"Zoë"}}"#,
            ),
        },
    ]
}
