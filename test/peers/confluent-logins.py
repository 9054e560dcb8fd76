# Makes users over the wire with confluent-kafka and logs in as them, for longer than a login holds; prints JSON.
"""Usage: confluent-logins.py PLAIN_DOOR DOOR_WITH_LOGINS"""

import json
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

PLAIN, SAFE = sys.argv[1:3]
PATIENCE_S = 20
SCRAM = {
    "SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256,
    "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512,
}
ADMIN = AdminClient({"bootstrap.servers": PLAIN})


def outcome(future):
    try:
        return future.result(PATIENCE_S)
    except KafkaException as error:
        return error.args[0].name()


def described(user):
    found = outcome(ADMIN.describe_user_scram_credentials([user])[user])
    if isinstance(found, str):
        return found
    return {info.mechanism.name: info.iterations for info in found.scram_credential_infos}


def settings(mechanism, password):
    return {
        "bootstrap.servers": SAFE,
        "security.protocol": "sasl_plaintext",
        "sasl.mechanisms": mechanism,
        "sasl.username": "ann",
        "sasl.password": password,
    }


def sent_by(mechanism):
    """Sends for about as long as three logins hold; what was reported and what went wrong on the way."""
    errors = []
    reports = []
    producer = Producer(
        {**settings(mechanism, "secret"), "error_cb": lambda error: errors.append(error.name())}
    )
    for i in range(7):
        producer.produce(
            "logins",
            f"{mechanism} {i}",
            on_delivery=lambda error, _: reports.append(error.name() if error else "sent"),
        )
        producer.flush(PATIENCE_S)
        time.sleep(0.5)
    return {"reports": reports, "errors": errors}


def read(count):
    consumer = Consumer(
        {
            **settings("SCRAM-SHA-512", "secret"),
            "group.id": "logins",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["logins"])
    end = time.monotonic() + PATIENCE_S
    seen = 0
    while seen < count and time.monotonic() < end:
        message = consumer.poll(0.1)
        seen += 1 if message is not None and not message.error() else 0
    consumer.close()
    return seen


def refused(mechanism, password):
    errors = []
    client = Producer(
        {**settings(mechanism, password), "error_cb": lambda error: errors.append(error.name())}
    )
    end = time.monotonic() + PATIENCE_S
    while "_AUTHENTICATION" not in errors and time.monotonic() < end:
        client.poll(0.1)
    return "_AUTHENTICATION" in errors


def main():
    wishes = [
        UserScramCredentialUpsertion("ann", ScramCredentialInfo(mechanism, 8192), b"secret")
        for mechanism in SCRAM.values()
    ]
    made = outcome(ADMIN.alter_user_scram_credentials(wishes)["ann"])
    mechanisms = ["PLAIN", *SCRAM]
    seen = {
        "made": made,
        "described": described("ann"),
        "nobody": described("nobody"),
        "sent": {mechanism: sent_by(mechanism) for mechanism in mechanisms},
        "read": read(7 * len(mechanisms)),
        "refused": {mechanism: refused(mechanism, "a guess") for mechanism in mechanisms},
    }
    deletion = UserScramCredentialDeletion("ann", ScramMechanism.SCRAM_SHA_256)
    seen["deleted"] = outcome(ADMIN.alter_user_scram_credentials([deletion])["ann"])
    seen["again"] = outcome(ADMIN.alter_user_scram_credentials([deletion])["ann"])
    seen["left"] = described("ann")
    return seen


print(json.dumps(main()))
