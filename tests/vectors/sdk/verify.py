"""Has the SDK of a sender judge vectors. Reads them as JSON, and writes the SDK's name and its answers."""

import json
import sys
from importlib.metadata import version

import time_machine


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


def openai():
    from openai import OpenAI

    client = OpenAI(api_key="unused")
    return "openai", "webhooks.verify_signature", lambda v: client.webhooks.verify_signature(
        v["body"], v["headers"], secret=v["secret"]
    )


def supabase():
    from standardwebhooks import Webhook

    return "standardwebhooks", "Webhook.verify", lambda v: Webhook(v["secret"].removeprefix("v1,")).verify(
        v["body"], v["headers"]
    )


def lithic():
    from lithic import Lithic

    client = Lithic(api_key="unused")
    return "lithic", "webhooks.verify_signature", lambda v: client.webhooks.verify_signature(
        v["body"], v["headers"], secret=v["secret"]
    )


def orb():
    from orb import Orb

    client = Orb(api_key="unused")
    return "orb-billing", "webhooks.verify_signature", lambda v: client.webhooks.verify_signature(
        v["body"], v["headers"], secret=v["secret"]
    )


def telnyx():
    from telnyx import Telnyx

    client = Telnyx(api_key="unused", public_key="unused")
    return "telnyx", "webhooks.unwrap", lambda v: client.webhooks.unwrap(v["body"], headers=v["headers"], key=v["secret"])


def gocardless():
    from gocardless_pro import webhooks

    return "gocardless-pro", "webhooks.parse", lambda v: webhooks.parse(
        v["body"].encode(), v["secret"], lower(v["headers"]).get("webhook-signature", "")
    )


def onfido():
    from onfido import WebhookEventVerifier

    return "onfido-python", "WebhookEventVerifier.read_payload", lambda v: WebhookEventVerifier(v["secret"]).read_payload(
        v["body"], lower(v["headers"]).get("x-sha2-signature", "")
    )


def replicate():
    from replicate.webhook import Webhooks, WebhookSigningSecret

    return "replicate", "Webhooks.validate", lambda v: Webhooks.validate(
        headers=v["headers"], body=v["body"], secret=WebhookSigningSecret(key=v["secret"])
    )


def incident_io():
    from svix import Webhook

    return "svix", "Webhook.verify", lambda v: Webhook(v["secret"]).verify(v["body"], v["headers"])


def anthropic():
    from anthropic import Anthropic

    client = Anthropic(api_key="unused")
    return "anthropic", "beta.webhooks.unwrap", lambda v: client.beta.webhooks.unwrap(
        v["body"], headers=v["headers"], key=v["secret"]
    )


def dodo_payments():
    from dodopayments import DodoPayments

    client = DodoPayments(bearer_token="unused")
    return "dodopayments", "webhooks.unwrap", lambda v: client.webhooks.unwrap(
        v["body"], headers=v["headers"], key=v["secret"]
    )


def modern_treasury():
    from modern_treasury import ModernTreasury

    client = ModernTreasury(api_key="unused", organization_id="unused")
    return "modern-treasury", "webhooks.validate_signature", lambda v: client.webhooks.validate_signature(
        v["body"], v["headers"], key=v["secret"]
    )


def livekit():
    from livekit.api import TokenVerifier, WebhookReceiver

    return "livekit-api", "WebhookReceiver.receive", lambda v: WebhookReceiver(
        TokenVerifier(v["issuer"], v["secret"])
    ).receive(v["body"], v["headers"].get("Authorization", ""))


def polar():
    from polar.v2026_10.webhooks import validate_event
    from polar.webhooks import PolarWebhookError, PolarWebhookVerificationError

    def verify(v):
        try:
            validate_event(v["body"], v["headers"], v["secret"])
        except PolarWebhookVerificationError:
            return False
        except PolarWebhookError:
            pass  # Verified, but the SDK lacks a type for the body.
        return True

    return "polar-sdk", "webhooks.validate_event", verify


def elevenlabs():
    from elevenlabs import ElevenLabs

    client = ElevenLabs(api_key="unused")
    return "elevenlabs", "webhooks.construct_event", lambda v: client.webhooks.construct_event(
        v["body"], v["headers"].get("ElevenLabs-Signature", ""), v["secret"]
    )


def cloudinary():
    import cloudinary
    from cloudinary.utils import verify_notification_signature

    def verify(v):
        cloudinary.config(api_secret=v["secret"])
        headers = v["headers"]
        return verify_notification_signature(
            v["body"],
            headers["X-Cld-Timestamp"],
            headers["X-Cld-Signature"],
            algorithm=v.get("signature_algorithm", "sha1"),
        )

    return "cloudinary", "utils.verify_notification_signature", verify


def pusher():
    from pusher import Pusher

    return "pusher", "validate_webhook", lambda v: Pusher(
        app_id="1", key=v["key_id"], secret=v["secret"]
    ).validate_webhook(v["headers"]["X-Pusher-Key"], v["headers"]["X-Pusher-Signature"], v["body"]) is not None


def stream():
    from stream_chat import StreamChat

    return "stream-chat", "verify_webhook", lambda v: StreamChat(
        api_key=v["headers"]["X-Api-Key"], api_secret=v["secret"]
    ).verify_webhook(v["body"].encode(), v["headers"].get("X-Signature", ""))


def qstash():
    from qstash import Receiver

    return "qstash", "Receiver.verify", lambda v: Receiver(v["secret"], v["secret2"]).verify(
        signature=v["headers"].get("Upstash-Signature", ""), body=v["body"], url=v["url"]
    )


def retell():
    from retell.lib.webhook_auth import verify

    return "retell-sdk", "verify", lambda v: verify(v["body"], v["secret"], v["headers"].get("x-retell-signature", ""))


def boldsign():
    from boldsign.webhook_utility import WebhookUtility

    return "boldsign", "WebhookUtility.validate_signature", lambda v: WebhookUtility.validate_signature(
        v["body"], v["headers"].get("X-BoldSign-Signature", ""), v["secret"]
    )


def castle():
    from types import SimpleNamespace

    from castle.webhooks.verify import WebhooksVerify

    return "castle", "WebhooksVerify.call", lambda v: WebhooksVerify.call(
        SimpleNamespace(headers=v["headers"], data=v["body"].encode()), SimpleNamespace(api_secret=v["secret"])
    )


def filestack():
    from filestack.helpers import verify_webhook_signature

    return "filestack-python", "helpers.verify_webhook_signature", lambda v: verify_webhook_signature(
        v["secret"], v["body"].encode(), v["headers"]
    )[0]


def increase():
    from increase import Increase

    client = Increase(api_key="unused", webhook_secret="unused")
    return "increase", "events.unwrap", lambda v: client.events.unwrap(
        v["body"], headers=v["headers"], key=v["secret"].encode()
    )


def whop():
    from whop_sdk.lib.verify_webhook import unwrap

    return "whop-sdk", "lib.verify_webhook.unwrap", lambda v: unwrap(v["body"], headers=v["headers"], key=v["secret"])


SDKS = {
    make.__name__.replace("_", "-"): make
    for make in (
        anthropic,
        boldsign,
        castle,
        cloudinary,
        dodo_payments,
        elevenlabs,
        filestack,
        gocardless,
        incident_io,
        increase,
        lithic,
        livekit,
        modern_treasury,
        onfido,
        openai,
        orb,
        polar,
        pusher,
        qstash,
        replicate,
        retell,
        stream,
        supabase,
        telnyx,
        whop,
    )
}


def accepts(verify, vector):
    """An SDK says no by raising, or by returning False."""
    with time_machine.travel(vector["now"], tick=False):
        try:
            return verify(vector) is not False
        except (TypeError, NameError, ImportError):  # A mistake here must not pass for a refusal.
            if vector["valid"]:
                raise
            return False
        except Exception:  # Each SDK has errors of its own.
            return False


def main():
    vectors = json.load(sys.stdin)
    make = SDKS.get(sys.argv[1])
    if make is None:
        print("null")
        return
    package, call, verify = make()
    results = [accepts(verify, vector) for vector in vectors]
    print(json.dumps({"sdk": f"{package} (PyPI) {version(package)} {call}", "results": results}))


main()
