//! The cases of the senders of payments, shops, blockchains, people, files and tracked events.

use idempotency_core::provider::senders;

use super::cases::{Case, ID, OTHER_ID, body, header};

pub(super) fn cases() -> Vec<Case> {
    vec![
        body(
            senders::AIRWALLEX,
            r#"{"id":"evt_1","name":"payment_intent.succeeded","account_id":"acct_1","data":{"object":{"id":"int_1","note":"Zoë"}}}"#,
            r#"{"id":"evt_1","name":"payment_intent.succeeded","account_id":"acct_1","data":{"object":{"id":"int_1","note":"Zoë"}}}"#,
            r#"{"id":"evt_2","name":"payment_intent.succeeded","account_id":"acct_1","data":{"object":{"id":"int_1","note":"Zoë"}}}"#,
        ),
        header(
            senders::BREX,
            r#"{"event_type":"TRANSFER_PROCESSED","transfer_id":"t1","company_id":"zoë"}"#,
            r#"{"event_type":"TRANSFER_PROCESSED","transfer_id":"t1","company_id":"zoë"}"#,
        ),
        body(
            senders::FINTOC,
            r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"id":"pi_1","note":"Zoë"}}"#,
            r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"id":"pi_1","note":"Zoë"}}"#,
            r#"{"id":"evt_2","object":"event","type":"payment_intent.succeeded","data":{"id":"pi_1","note":"Zoë"}}"#,
        ),
        // The header is signed. The key is in the body.
        Case {
            scheme: senders::INCREASE,
            event: (
                ID,
                r#"{"id":"event_1","category":"transaction.created","associated_object_id":"transaction_1","associated_object_type":"zoë","type":"event"}"#,
            ),
            retry: (
                OTHER_ID,
                r#"{"id":"event_1","category":"transaction.created","associated_object_id":"transaction_1","associated_object_type":"zoë","type":"event"}"#,
            ),
            second: (
                ID,
                r#"{"id":"event_2","category":"transaction.created","associated_object_id":"transaction_1","associated_object_type":"zoë","type":"event"}"#,
            ),
        },
        body(
            senders::REVOLUT,
            r#"{"data":{"id":"645a7696","new_state":"completed","old_state":"pending"},"event":"TransactionStateChanged","timestamp":"2023-05-09T16:36:38.028960Z"}"#,
            r#"{"data":{"id":"645a7696","new_state":"completed","old_state":"pending"},"event":"TransactionStateChanged","timestamp":"2023-05-09T16:36:38.028960Z"}"#,
            r#"{"data":{"id":"645a7696","new_state":"completed","old_state":"pending"},"event":"TransactionStateChanged","timestamp":"2023-05-09T16:37:38.028960Z"}"#,
        ),
        body(
            senders::CASHFREE,
            r#"{"data":{"order":{"order_id":"zoë-1"},"payment":{"cf_payment_id":1,"payment_amount":1}},"event_time":"2024-06-01T12:30:00+05:30","type":"PAYMENT_FAILED_WEBHOOK"}"#,
            r#"{"data":{"order":{"order_id":"zoë-1"},"payment":{"cf_payment_id":1,"payment_amount":1}},"event_time":"2024-06-01T12:30:00+05:30","type":"PAYMENT_FAILED_WEBHOOK"}"#,
            r#"{"data":{"order":{"order_id":"zoë-1"},"payment":{"cf_payment_id":2,"payment_amount":1}},"event_time":"2024-06-01T12:31:00+05:30","type":"PAYMENT_FAILED_WEBHOOK"}"#,
        ),
        body(
            senders::CREEM,
            r#"{"id":"evt_1","eventType":"subscription.paid","created_at":1717225199000,"object":{"id":"sub_1","note":"Zoë"}}"#,
            r#"{"id":"evt_1","eventType":"subscription.paid","created_at":1717225199000,"object":{"id":"sub_1","note":"Zoë"}}"#,
            r#"{"id":"evt_2","eventType":"subscription.paid","created_at":1717225259000,"object":{"id":"sub_1","note":"Zoë"}}"#,
        ),
        header(
            senders::LAGO,
            r#"{"webhook_type":"invoice.created","object_type":"invoice","invoice":{"lago_id":"i1","number":"Zoë-1"}}"#,
            r#"{"webhook_type":"invoice.created","object_type":"invoice","invoice":{"lago_id":"i1","number":"Zoë-1"}}"#,
        ),
        // The header is signed. The key is in the body.
        Case {
            scheme: senders::METRONOME,
            event: (
                ID,
                r#"{"id":"m1","type":"alerts.spend_threshold_reached","properties":{"customer":"Zoë"}}"#,
            ),
            retry: (
                OTHER_ID,
                r#"{"id":"m1","type":"alerts.spend_threshold_reached","properties":{"customer":"Zoë"}}"#,
            ),
            second: (
                ID,
                r#"{"id":"m2","type":"alerts.spend_threshold_reached","properties":{"customer":"Zoë"}}"#,
            ),
        },
        body(
            senders::PAYSTACK,
            r#"{"event":"charge.success","data":{"id":302961,"reference":"qTPrJoy9Bx","customer":"Zoë"}}"#,
            r#"{"event":"charge.success","data":{"id":302961,"reference":"qTPrJoy9Bx","customer":"Zoë"}}"#,
            r#"{"event":"charge.success","data":{"id":302963,"reference":"qTPrJoy9By","customer":"Zoë"}}"#,
        ),
        header(
            senders::BIGCOMMERCE,
            r#"{"producer":"stores/zoë","hash":"0f1b","created_at":1688588419,"store_id":"1001","scope":"store/order/updated","data":{"type":"order","id":272}}"#,
            r#"{"producer":"stores/zoë","hash":"0f1b","created_at":1688588419,"store_id":"1001","scope":"store/order/updated","data":{"type":"order","id":272}}"#,
        ),
        header(
            senders::WHOP,
            r#"{"type":"payment.succeeded","data":{"id":"pay_1","note":"Zoë"}}"#,
            r#"{"type":"payment.succeeded","data":{"id":"pay_1","note":"Zoë"}}"#,
        ),
        body(
            senders::ALCHEMY,
            r#"{"webhookId":"wh_yg0kkvlsnksbzvwz","id":"whevt_1","createdAt":"2023-02-02T23:11:24.585Z","type":"ADDRESS_ACTIVITY","event":{"network":"ETH_MAINNET"}}"#,
            r#"{"webhookId":"wh_yg0kkvlsnksbzvwz","id":"whevt_1","createdAt":"2023-02-02T23:11:24.585Z","type":"ADDRESS_ACTIVITY","event":{"network":"ETH_MAINNET"}}"#,
            r#"{"webhookId":"wh_yg0kkvlsnksbzvwz","id":"whevt_2","createdAt":"2023-02-02T23:12:24.585Z","type":"ADDRESS_ACTIVITY","event":{"network":"ETH_MAINNET"}}"#,
        ),
        body(
            senders::BLOCKFROST,
            r#"{"id":"47668401","webhook_id":"w1","created":1650013856,"api_version":1,"type":"block","payload":{"hash":"f96a","slot":61625527}}"#,
            r#"{"id":"47668401","webhook_id":"w1","created":1650013856,"api_version":1,"type":"block","payload":{"hash":"f96a","slot":61625527}}"#,
            r#"{"id":"47668402","webhook_id":"w1","created":1650013916,"api_version":1,"type":"block","payload":{"hash":"f96a","slot":61625527}}"#,
        ),
        body(
            senders::BTCPAY,
            r#"{"deliveryId":"d1","webhookId":"K1c7xQ5n4qzX9fJ2","originalDeliveryId":"d1","isRedelivery":false,"type":"InvoiceReceivedPayment","timestamp":1717225200,"storeId":"zoë","invoiceId":"i1","afterExpiration":false}"#,
            r#"{"deliveryId":"d9","webhookId":"K1c7xQ5n4qzX9fJ2","originalDeliveryId":"d1","isRedelivery":true,"type":"InvoiceReceivedPayment","timestamp":1717225200,"storeId":"zoë","invoiceId":"i1","afterExpiration":false}"#,
            r#"{"deliveryId":"d2","webhookId":"K1c7xQ5n4qzX9fJ2","originalDeliveryId":"d2","isRedelivery":false,"type":"InvoiceReceivedPayment","timestamp":1717225200,"storeId":"zoë","invoiceId":"i1","afterExpiration":false}"#,
        ),
        body(
            senders::BOLDSIGN,
            r#"{"event":{"id":"e1","created":1717225199,"eventType":"Signed","environment":"Live"},"data":{"documentId":"d1","title":"Zoë"}}"#,
            r#"{"event":{"id":"e1","created":1717225199,"eventType":"Signed","environment":"Live"},"data":{"documentId":"d1","title":"Zoë"}}"#,
            r#"{"event":{"id":"e2","created":1717225259,"eventType":"Signed","environment":"Live"},"data":{"documentId":"d1","title":"Zoë"}}"#,
        ),
        body(
            senders::CASTLE,
            r#"{"api_version":"v1","type":"$incident.confirmed","created_at":"2024-06-01T07:00:00.000Z","data":{"id":"i1","user":"Zoë"}}"#,
            r#"{"api_version":"v1","type":"$incident.confirmed","created_at":"2024-06-01T07:00:00.000Z","data":{"id":"i1","user":"Zoë"}}"#,
            r#"{"api_version":"v1","type":"$incident.confirmed","created_at":"2024-06-01T07:01:00.000Z","data":{"id":"i1","user":"Zoë"}}"#,
        ),
        header(
            senders::FINCH,
            r#"{"event_type":"individual.updated","company_id":"c1","account_id":"a1","connection_id":"zoë","data":{"individual_id":"i1"}}"#,
            r#"{"event_type":"individual.updated","company_id":"c1","account_id":"a1","connection_id":"zoë","data":{"individual_id":"i1"}}"#,
        ),
        header(
            senders::FORMBRICKS,
            r#"{"webhookId":"w1","event":"responseFinished","data":{"id":"r1","surveyId":"s1","data":{"q1":"Zoë"}}}"#,
            r#"{"webhookId":"w1","event":"responseFinished","data":{"id":"r1","surveyId":"s1","data":{"q1":"Zoë"}}}"#,
        ),
        header(
            senders::GREENHOUSE,
            r#"{"action":"candidate_stage_change","payload":{"application":{"id":46194062,"candidate":"Zoë"}}}"#,
            r#"{"action":"candidate_stage_change","payload":{"application":{"id":46194062,"candidate":"Zoë"}}}"#,
        ),
        body(
            senders::LOGTO,
            r#"{"hookId":"tp3","event":"PostSignIn","createdAt":"2024-06-01T07:00:00.000Z","userAgent":"Mozilla/5.0","user":{"id":"u1","name":"Zoë"}}"#,
            r#"{"hookId":"tp3","event":"PostSignIn","createdAt":"2024-06-01T07:00:00.000Z","userAgent":"Mozilla/5.0","user":{"id":"u1","name":"Zoë"}}"#,
            r#"{"hookId":"tp3","event":"PostSignIn","createdAt":"2024-06-01T07:01:00.000Z","userAgent":"Mozilla/5.0","user":{"id":"u1","name":"Zoë"}}"#,
        ),
        body(
            senders::PERSONA,
            r#"{"data":{"type":"event","id":"evt_1","attributes":{"name":"inquiry.completed","payload":{"data":{"id":"inq_1","note":"Zoë"}}}}}"#,
            r#"{"data":{"type":"event","id":"evt_1","attributes":{"name":"inquiry.completed","payload":{"data":{"id":"inq_1","note":"Zoë"}}}}}"#,
            r#"{"data":{"type":"event","id":"evt_2","attributes":{"name":"inquiry.completed","payload":{"data":{"id":"inq_1","note":"Zoë"}}}}}"#,
        ),
        body(
            senders::TERRA,
            r#"{"type":"activity","user":{"user_id":"u1","reference_id":"Zoë"},"data":[{"start":"2024-06-01T06:00:00Z"}]}"#,
            r#"{"type":"activity","user":{"user_id":"u1","reference_id":"Zoë"},"data":[{"start":"2024-06-01T06:00:00Z"}]}"#,
            r#"{"type":"activity","user":{"user_id":"u1","reference_id":"Zoë"},"data":[{"start":"2024-06-01T06:30:00Z"}]}"#,
        ),
        body(
            senders::CLOUDFLARE_STREAM,
            r#"{"uid":"6b9e68b07dfee8cc2d116e4c51d6a957","readyToStream":true,"status":{"state":"ready"},"meta":{"name":"Zoë"},"modified":"2022-06-30T17:53:21.774299Z"}"#,
            r#"{"uid":"6b9e68b07dfee8cc2d116e4c51d6a957","readyToStream":true,"status":{"state":"ready"},"meta":{"name":"Zoë"},"modified":"2022-06-30T17:53:21.774299Z"}"#,
            r#"{"uid":"6b9e68b07dfee8cc2d116e4c51d6a957","readyToStream":true,"status":{"state":"ready"},"meta":{"name":"Zoë"},"modified":"2022-06-30T17:54:21.774299Z"}"#,
        ),
        body(
            senders::FILESTACK,
            r#"{"id":1000,"action":"fp.upload","timestamp":1558367878,"text":{"url":"https://example.com/a","filename":"zoë.png"}}"#,
            r#"{"id":1000,"action":"fp.upload","timestamp":1558367878,"text":{"url":"https://example.com/a","filename":"zoë.png"}}"#,
            r#"{"id":1000,"action":"fp.upload","timestamp":1558367938,"text":{"url":"https://example.com/a","filename":"zoë.png"}}"#,
        ),
        body(
            senders::GHOST,
            r#"{"post":{"current":{"id":"p1","title":"Zoë","updated_at":"2024-06-01T07:00:00.000Z"},"previous":{}}}"#,
            r#"{"post":{"current":{"id":"p1","title":"Zoë","updated_at":"2024-06-01T07:00:00.000Z"},"previous":{}}}"#,
            r#"{"post":{"current":{"id":"p1","title":"Zoë","updated_at":"2024-06-01T07:01:00.000Z"},"previous":{}}}"#,
        ),
        header(
            senders::IMAGEKIT,
            r#"{"id":"e1","type":"file.created","created_at":"2024-06-01T07:00:00.000Z","data":{"id":"f1","name":"zoë.png"}}"#,
            r#"{"id":"e1","type":"file.created","created_at":"2024-06-01T07:00:00.000Z","data":{"id":"f1","name":"zoë.png"}}"#,
        ),
        Case {
            scheme: senders::APPWRITE,
            event: (
                "databases.d.collections.c.documents.x.update",
                r#"{"$id":"x","$updatedAt":"2024-06-01T07:00:00.000+00:00","name":"Zoë"}"#,
            ),
            retry: (
                "databases.d.collections.c.documents.x.update",
                r#"{"$id":"x","$updatedAt":"2024-06-01T07:00:00.000+00:00","name":"Zoë"}"#,
            ),
            second: (
                "databases.d.collections.c.documents.x.update",
                r#"{"$id":"x","$updatedAt":"2024-06-01T07:01:00.000+00:00","name":"Zoë"}"#,
            ),
        },
        body(
            senders::DUB,
            r#"{"id":"evt_1","event":"link.clicked","createdAt":"2024-06-01T07:00:00.000Z","data":{"click":{"id":"c1"}}}"#,
            r#"{"id":"evt_1","event":"link.clicked","createdAt":"2024-06-01T07:00:00.000Z","data":{"click":{"id":"c1"}}}"#,
            r#"{"id":"evt_2","event":"link.clicked","createdAt":"2024-06-01T07:01:00.000Z","data":{"click":{"id":"c1"}}}"#,
        ),
        body(
            senders::NANGO,
            r#"{"type":"sync","connectionId":"zoë","syncName":"contacts","modifiedAfter":"2024-06-01T07:00:00.000Z","success":true}"#,
            r#"{"type":"sync","connectionId":"zoë","syncName":"contacts","modifiedAfter":"2024-06-01T07:00:00.000Z","success":true}"#,
            r#"{"type":"sync","connectionId":"zoë","syncName":"contacts","modifiedAfter":"2024-06-01T07:01:00.000Z","success":true}"#,
        ),
        body(
            senders::SEGMENT,
            r#"{"messageId":"ajs-1","type":"track","userId":"zoë","timestamp":"2024-06-01T07:00:00.000Z","event":"Order Completed"}"#,
            r#"{"messageId":"ajs-1","type":"track","userId":"zoë","timestamp":"2024-06-01T07:00:00.000Z","event":"Order Completed"}"#,
            r#"{"messageId":"ajs-2","type":"track","userId":"zoë","timestamp":"2024-06-01T07:00:00.000Z","event":"Order Completed"}"#,
        ),
    ]
}
