//! Sender-specific behavior on the real routes: recorded deliveries, Twilio's URL, Slack's handshake.

use idempotency_tests::demo::{Delivery, Demo, Framework, Ledger, Setup};
use idempotency_tests::vectors::{self, Vector};

/// The recorded deliveries to play back, and the environment variable of their secret.
const RECORDED: [(&str, &str, &[&str]); 12] = [
    (
        "stripe",
        "STRIPE_WEBHOOK_SECRET",
        &["valid-1", "valid-2", "rotation-two-v1", "v0-ignored", "retry-resigned"],
    ),
    ("shopify", "SHOPIFY_API_SECRET", &["valid-1", "official-foo-bar", "lowercase-headers"]),
    ("twilio", "TWILIO_AUTH_TOKEN", &["valid-1", "port-443-explicit", "json-bodysha256"]),
    ("github", "GITHUB_WEBHOOK_SECRET", &["valid-1", "valid-2", "valid-3", "binary-body"]),
    ("slack", "SLACK_SIGNING_SECRET", &["valid-1", "valid-2", "retry-header"]),
    (
        "standard-webhooks",
        "STANDARD_WEBHOOKS_SECRET",
        &["valid-1", "rotation", "secret-without-prefix", "retry-resigned", "v1a-official-svix-server"],
    ),
    ("square", "SQUARE_WEBHOOK_SECRET", &["valid-1"]),
    ("trello", "TRELLO_WEBHOOK_SECRET", &["valid-1"]),
    ("paddle", "PADDLE_WEBHOOK_SECRET", &["valid-1", "rotation-good-first"]),
    ("linear", "LINEAR_WEBHOOK_SECRET", &["valid-1"]),
    ("twitch", "TWITCH_WEBHOOK_SECRET", &["valid-1", "retry"]),
    ("coinbase-commerce", "COINBASE_COMMERCE_WEBHOOK_SECRET", &["valid-1"]),
];

/// A server with the delivery's secret, whose clock shows the time of the delivery.
async fn server_for(framework: Framework, variable: &str, vector: &Vector, ledger: &Ledger) -> Demo {
    let now = vector.request().now.as_secs().to_string();
    let setup = Setup::new(framework, "memory", ledger)
        .with_variable(variable, &vector.secret)
        .with("--verify-at", &now);
    match &vector.url {
        // The provider ignores the query of this URL.
        Some(url) => setup.with_variable("PUBLIC_URL", url).start().await,
        None => setup.start().await,
    }
}

/// The recorded request to the route of the sender.
fn delivery(sender: &str, vector: &Vector) -> Delivery {
    let request = vector.request();
    let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Delivery::post(format!("/webhooks/{sender}{query}"), request.headers, request.body)
}

#[tokio::test]
async fn recorded_deliveries_are_executed_under_their_event_ids_and_then_replayed() {
    let mut played = 0;
    for (sender, variable, names) in RECORDED {
        let vectors = vectors::load(sender);
        for name in names {
            let vector = vectors.iter().find(|vector| vector.name == *name);
            let vector = vector.unwrap_or_else(|| panic!("{sender} has no {name}"));
            for framework in Framework::BOTH {
                let ledger = Ledger::new();
                let demo = server_for(framework, variable, vector, &ledger).await;
                let delivery = delivery(sender, vector);
                demo.deliver(&delivery).await.assert_is(200, "executed");
                demo.deliver(&delivery).await.assert_is(200, "replayed");
                let line = ledger.only_line();
                assert_eq!((line.provider.as_str(), Some(line.key)), (sender, vector.key()), "{name}");
                played += 1;
            }
        }
    }
    println!("{played} played back");
}

/// The recorded deliveries whose signature is a token or is checked with a public key, and the environment variables of the
/// vector's secret and of its public key.
const RECORDED_WITH_KEYS: [(&str, [&str; 2], &str, u16); 15] = [
    ("aws-sns", ["-", "AWS_SNS_WEBHOOK_SECRET"], "valid-notification", 200),
    ("aws-sns", ["-", "AWS_SNS_WEBHOOK_SECRET"], "message-tampered", 401),
    ("google-pubsub", ["-", "GOOGLE_PUBSUB_WEBHOOK_SECRET"], "valid-1", 200),
    ("livekit", ["LIVEKIT_WEBHOOK_SECRET", "-"], "valid", 200),
    ("monday", ["MONDAY_WEBHOOK_SECRET", "-"], "valid", 200),
    ("qstash", ["QSTASH_WEBHOOK_SECRET", "-"], "valid", 200),
    ("netlify", ["NETLIFY_WEBHOOK_SECRET", "-"], "valid-1", 200),
    ("paypal", ["PAYPAL_WEBHOOK_ID", "PAYPAL_WEBHOOK_SECRET"], "real-py-sdk", 200),
    ("paypal", ["PAYPAL_WEBHOOK_SECRET", "PAYPAL_WEBHOOK_PUBLIC_CERT"], "gen-utf8", 200),
    ("plaid", ["PLAID_WEBHOOK_SECRET", "-"], "valid-1", 200),
    ("wise", ["WISE_WEBHOOK_SECRET", "-"], "valid", 200),
    ("wise", ["-", "-"], "example-of-wise", 401),
    ("figma", ["FIGMA_WEBHOOK_SECRET", "-"], "valid", 200),
    ("mandrill", ["MANDRILL_WEBHOOK_SECRET", "-"], "valid", 200),
    ("mandrill", ["MANDRILL_WEBHOOK_SECRET", "-"], "url-other", 401),
];

#[tokio::test]
async fn recorded_deliveries_that_are_verified_with_a_fixed_public_key_are_executed_and_then_replayed() {
    for (sender, variables, name, status) in RECORDED_WITH_KEYS {
        let vector = vectors::load(sender).into_iter().find(|vector| vector.name == name).unwrap();
        for framework in Framework::BOTH {
            let ledger = Ledger::new();
            let now = vector.request().now.as_secs().to_string();
            let mut setup = Setup::new(framework, "memory", &ledger).with("--verify-at", &now);
            let values = [Some(vector.secret.as_str()), vector.public_key.as_deref()];
            for (variable, value) in
                variables.into_iter().zip(values).filter(|(variable, _)| *variable != "-")
            {
                setup = setup.with_variable(variable, value.unwrap());
            }
            if let Some(url) = &vector.url {
                setup = setup.with_variable("PUBLIC_URL", url);
            }
            let demo = setup.start().await;
            let delivery = delivery(sender, &vector);
            let answer = demo.deliver(&delivery).await;
            if status == 200 {
                answer.assert_is(200, "executed");
                demo.deliver(&delivery).await.assert_is(200, "replayed");
                assert_eq!(ledger.only_line().provider, sender);
            } else {
                assert_eq!(answer.status, status, "{sender}: {name}");
                assert_eq!(ledger.lines(), []);
            }
        }
    }
}

#[tokio::test]
async fn a_recorded_delivery_with_a_changed_body_is_refused() {
    for (sender, variable, _) in RECORDED {
        let vectors = vectors::load(sender);
        let tampered = vectors.iter().find(|vector| vector.name == "body-tampered").unwrap();
        for framework in Framework::BOTH {
            let ledger = Ledger::new();
            let demo = server_for(framework, variable, tampered, &ledger).await;
            let answer = demo.deliver(&delivery(sender, tampered)).await;
            assert_eq!((answer.status.as_u16(), answer.mark()), (401, ""), "{sender}");
            assert_eq!(ledger.lines(), []);
        }
    }
}

#[tokio::test]
async fn a_recorded_delivery_is_too_old_by_now() {
    for framework in Framework::BOTH {
        let vectors = vectors::load("stripe");
        let ledger = Ledger::new();
        let setup = Setup::new(framework, "memory", &ledger);
        let demo = setup.with_variable("STRIPE_WEBHOOK_SECRET", &vectors[0].secret).start().await;
        assert_eq!(demo.deliver(&delivery("stripe", &vectors[0])).await.status, 401);
        assert_eq!(ledger.lines(), []);
    }
}

#[tokio::test]
async fn twilio_signs_the_public_url_and_not_the_one_that_the_server_sees() {
    for framework in Framework::BOTH {
        let ledger = Ledger::new();
        let demo = Demo::start(framework, "memory", &ledger).await;
        let delivery = Delivery::twilio(7, "tenant=42&delay_ms=1");
        demo.deliver(&delivery).await.assert_is(200, "executed");
        demo.deliver(&delivery).await.assert_is(200, "replayed");
        let mut of_another_tenant = delivery;
        of_another_tenant.target = of_another_tenant.target.replace("42", "43");
        assert_eq!(demo.deliver(&of_another_tenant).await.status, 401);
        assert_eq!(ledger.only_line().key, format!("SM{:032x}:delivered", 7));
        let elsewhere = Setup::new(framework, "memory", &ledger);
        let elsewhere = elsewhere.with_variable("PUBLIC_URL", "https://other.example.com/webhooks/twilio");
        assert_eq!(elsewhere.start().await.deliver(&Delivery::twilio(8, "")).await.status, 401);
        assert_eq!(ledger.lines().len(), 1);
    }
}

#[tokio::test]
async fn slacks_challenge_is_answered_without_the_handler() {
    for framework in Framework::BOTH {
        let ledger = Ledger::new();
        let demo = Demo::start(framework, "memory", &ledger).await;
        let body = r#"{"type":"url_verification","token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#;
        let challenge = Delivery::slack_body(body);
        for _ in 0..2 {
            let answer = demo.deliver(&challenge).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");
        }
        let mut forged = challenge;
        forged.body = body.replace("3eZ", "4eZ").into();
        assert_eq!(demo.deliver(&forged).await.status, 401);
        assert_eq!(ledger.lines(), []);
    }
}
