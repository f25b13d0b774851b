"""Problem documents (RFC 9457): every answer that is not a success says what, where, what was available, what next.

`Problem` is raised anywhere on the request's way and rendered once, at the edge.
"""

from __future__ import annotations

import dataclasses
from http import HTTPStatus
from typing import Final

import msgspec

from configs.errors import MomentsError

MEDIA_TYPE: Final = "application/problem+json"

# Titles say the same thing every time (RFC 9457, section 3.1.4); `detail` says what happened this time.
TITLES: Final[dict[str, str]] = {
    "malformed_json": "The body is not JSON",
    "duplicate_key": "A key is given twice",
    "not_finite": "A number is not finite",
    "unknown_field": "A field is not known",
    "missing_field": "A field is missing",
    "bad_value": "A value is not of the right kind",
    "bad_time": "A time cannot be read",
    "no_key": "A key is needed",
    "wrong_scope": "The key may not do this",
    "unknown_customer": "The customer is not known",
    "not_found": "There is nothing here",
    "method_not_allowed": "The method is not allowed here",
    "too_large": "The body is too large",
    "not_json": "Only application/json is taken",
    "too_many": "Too many requests at once",
    "timeout": "The answer took too long",
    "not_ready": "A step has to run first",
    "cannot_score": "The customer cannot be scored",
    "internal": "A fault of ours",
}


class Document(msgspec.Struct, omit_defaults=True):
    """A problem document; `field` is the path of the offending value, `next` the caller's next move."""

    type: str
    title: str
    status: int
    detail: str
    next: str
    field: str | None = None
    available: str | None = None


@dataclasses.dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """A request that cannot be answered as asked.

    Parameters
    ----------
    status
        HTTP status.
    code
        A key of `TITLES`; the last part of the document's ``type``.
    detail
        What is wrong this time, as a sentence without a full stop.
    next_move
        What the caller should do now.
    field
        Path of the offending value, e.g. ``customers[3].touchpoints[0].occurred_at``.
    available
        What could have stood there.
    headers
        Further headers of the answer.
    """

    status: int
    code: str
    detail: str
    next_move: str
    field: str | None = None
    available: str | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.detail)

    def document(self) -> Document:
        """The problem as the struct that is sent."""
        return Document(
            type=f"urn:moments:problem:{self.code.replace('_', '-')}",
            title=TITLES.get(self.code) or HTTPStatus(self.status).phrase,
            status=self.status,
            detail=f"{self.detail}.",
            next=self.next_move,
            field=self.field,
            available=self.available,
        )

    def body(self) -> bytes:
        """The document as JSON."""
        return msgspec.json.encode(self.document())


def not_ready(error: MomentsError) -> Problem:
    """A file of an earlier step is missing or damaged: the caller cannot mend it, the operator can."""
    return Problem(503, "not_ready", error.what, error.next_move, available=error.available or None)
