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


SDKS = {
    name.replace("_", "-"): make
    for name, make in globals().copy().items()
    if callable(make) and name in ("openai", "supabase", "lithic", "orb", "telnyx", "gocardless", "onfido")
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
