"""What the schemathesis suite knows beyond the OpenAPI document: when input that fits the schemas may be refused all the same.

The check of the same purpose that schemathesis brings tells by status only, so it would have to let every 400 pass. This one reads the fault.
"""

import schemathesis

# Faults about what happened before, which generated input cannot know.
OF_THE_PAST = {
    "bad_page_token",  # tokens are sealed, only those from an answer are good
    "bad_request_state",  # the same
    "precondition_failed",  # the ETag is one that the resource does not have
    "idempotency_key_reused",  # the same key with another input
}

# Rules for the input that a JSON schema does not say, by the place of the violation.
BEYOND_SCHEMAS = {
    "/to": "must be later than 'from'",
    "/group": "either a user or a group",
    "/userId": "either a user or a group",
    "/name": "for tool_read, a tool that only reads",
    "/input": "the schema of another tool, which 'name' names",
    "/domain": "one of the domains that there are",
    "/names": "one of the caches that there are",
    "/toolsets": "one of the toolsets that there are",
    "/permissions": "a resource and an action that there are",
    "/scopes": "a resource and an action that there are",
    "/expiresAt": "in the future, and not with expiresInDays",
    "/expiresInDays": "not with expiresAt",
    "/effectiveUntil": "in the future",
}


class RefusedValidInput(AssertionError):
    """Input that fits the document was refused for no reason that is known here."""


def is_known(pointer: str) -> bool:
    return any(pointer == place or pointer.startswith(f"{place}/") for place in BEYOND_SCHEMAS)


@schemathesis.check
def accepts_valid_input(_context, response, case) -> None:
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in {400, 406, 412, 413, 415, 422}:
        return
    fault = response.json()
    if fault["code"] in OF_THE_PAST:
        return
    places = [violation["pointer"] for violation in fault.get("violations", [])]
    if fault["code"] == "bad_input" and places and all(map(is_known, places)):
        return
    raise RefusedValidInput(f"Valid input was refused: {fault['code']} at {places}: {fault['detail']}")
