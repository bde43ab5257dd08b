"""Opens signed messages of nemo-mqtt. Python 3.8 or newer, standard library only.

    from nemo_mqtt_verify import open_envelope, Refused

    def on_message(client, userdata, message):
        try:
            event = json.loads(open_envelope(message.payload, SECRET))
        except Refused as why:
            return log.warning("%s: %s", message.topic, why)
"""

import hashlib
import hmac
import json
import re

_FIELDS = {"payload", "hmac", "algo"}
_DIGITS = re.compile(r"[0-9a-f]{64}")


class Refused(ValueError):
    """The message must not be believed; the text says why."""


def open_envelope(message, secret):
    """Returns the payload, a text, of a message that was signed with this secret; raises Refused otherwise.

    The signature covers the payload as it stands in the envelope: verify first, parse afterwards, and never write the
    payload anew to check it.
    """
    try:
        text = message.decode("utf-8") if isinstance(message, (bytes, bytearray)) else message
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        raise Refused("not JSON") from None
    if not isinstance(pairs, _Pairs) or len(pairs) != 3 or {name for name, _ in pairs} != _FIELDS:
        raise Refused("not an envelope of payload, hmac and algo")
    envelope = dict(pairs)
    payload, given, algo = envelope["payload"], envelope["hmac"], envelope["algo"]
    if algo != "sha256":  # the message never chooses the algorithm
        raise Refused("algo is not sha256")
    if not isinstance(payload, str) or not isinstance(given, str) or not _DIGITS.fullmatch(given):
        raise Refused("payload or hmac is malformed")
    try:
        signed = payload.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("the payload is no valid text") from None
    expected = hmac.new(secret.encode("utf-8"), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, given):
        raise Refused("the signature does not fit")
    return payload


class _Pairs(list):
    """An object with its keys as they were written, so that none can hide behind another of the same name."""
