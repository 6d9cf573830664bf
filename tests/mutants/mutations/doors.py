"""The doors of a sitting: whose token, which message, whose signature."""

from __future__ import annotations

from tests.mutants.mutation import in_file

MUTATIONS = [
    *in_file(
        "elearn/tracking/routes.py",
        "service",
        ("a message is signed with a nonce of ours", "if message.nonce not in locked.nonces:", "if False:"),
        ("a message is about the sitting of its door", "if message.sid != str(sitting_id):", "if False:"),
        ("only the enrolled open a lesson", "if admission is None:", "if False:"),
    ),
    *in_file(
        "elearn/tracking/doorway.py",
        "service",
        ("a token is its learner's", "if token.learner_id != current_person_id():", "if False:"),
        ("a token is its sitting's", "if token.sitting_id != sitting_id:", "if False:"),
    ),
    *in_file(
        "elearn/tracking/tokens.py",
        "service",
        (
            "a token is signed by us",
            'self._serializer.loads(text or "")',
            'self._serializer.loads_unsafe(text or "")[1]',
        ),
        ("a token grows too old", "if now_ms > taken_until_ms:", "if False:"),
    ),
    *in_file(
        "elearn/people/signatures.py",
        "service",
        (
            "a false signature is no signature",
            "    except InvalidSignature:\n        return False\n",
            "    except InvalidSignature:\n        pass\n",
        ),
    ),
    *in_file(
        "elearn/tracking/messages.py",
        "service",
        ("64 reports a message", "Meta(max_length=MAX_REPORTS)", "Meta(max_length=10 * MAX_REPORTS)"),
        (
            "a report has a number from 1",
            "seq: Annotated[int, Meta(ge=1, le=2**31)]",
            "seq: Annotated[int, Meta(ge=0, le=2**31)]",
        ),
        ("numbers fit their column", "Meta(ge=-(2**53), le=2**53)", "Meta(ge=-(2**63), le=2**63 - 1)"),
        (
            "a statement's words are known",
            "class Message(Struct, forbid_unknown_fields=True):",
            "class Message(Struct):",
        ),
    ),
]
