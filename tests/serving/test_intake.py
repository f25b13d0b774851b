from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.customer import Journey
from serving.intake import Asked, Request, iso, microseconds, read
from serving.problems import Problem
from tests.serving.conftest import NOW, Served, rows_of


def refused(served: Served, body: bytes | str) -> Problem:
    """The problem of a body."""
    with pytest.raises(Problem) as caught:
        read(body.encode() if isinstance(body, str) else body, served.state.intake)
    return caught.value


def asked(served: Served, customer: str) -> Asked:
    """The one customer of a body."""
    return read(f'{{"customers": [{customer}]}}'.encode(), served.state.intake).customers[0]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"", 400, "malformed_json", None),
        (b"\xff\xfe", 400, "malformed_json", None),
        (b"{", 400, "malformed_json", None),
        (b"[" * 100_000, 400, "malformed_json", None),
        (b'{"customers": [{"customer_id": "a"}]} x', 400, "malformed_json", None),
        (
            b'{"customers": [{"customer_id": "a", "touchpoints": [{"wait": NaN}]}]}',
            400,
            "not_finite",
            "customers[0].touchpoints[0].wait",
        ),
        (b'{"customers": [{"customer_id": "a", "transactions": [{"amount": -Infinity}]}]}', 400, "not_finite",
         "customers[0].transactions[0].amount"),
        (b'{"customers": [{"customer_id": "a", "customer_id": "b"}]}', 400, "duplicate_key", "customers[0].customer_id"),
        (b'{"customers": [], "customers": []}', 400, "duplicate_key", "customers"),
        (b"[]", 422, "bad_value", None),
        (b"null", 422, "bad_value", None),
        (b"{}", 422, "missing_field", "customers"),
        (b'{"customers": []}', 422, "bad_value", "customers"),
        (b'{"customers": [{"customer_id": "a"}], "asof": 1}', 422, "unknown_field", "asof"),
        (b'{"customers": [{"customer_id": "a"}], "as_of": "tomorrow"}', 422, "bad_time", "as_of"),
        (b'{"customers": [{"customer_id": "a"}], "as_of": 20240101}', 422, "bad_value", "as_of"),
        (b'{"customers": [{"customer_id": "a"}], "as_of": "1066-10-14"}', 422, "bad_time", "as_of"),
        (b'{"customers": [{"customer_id": "a"}], "targets": ["love"]}', 422, "bad_value", "targets[0]"),
        (b'{"customers": [{"customer_id": "a"}], "targets": []}', 422, "bad_value", "targets"),
        (b'{"customers": [{"customer_id": "a"}], "reasons": 1.5}', 422, "bad_value", "reasons"),
        (b'{"customers": [{"customer_id": "a"}], "reasons": true}', 422, "bad_value", "reasons"),
        (b'{"customers": [{"customer_id": "a"}], "lang": "fr"}', 422, "bad_value", "lang"),
    ],
)  # fmt: skip
def test_a_bad_request_is_refused_by_name(served: Served, body: bytes, status: int, code: str, field: str) -> None:
    """What is wrong with the request as a whole is refused, and the field is named."""
    problem = refused(served, body)
    assert (problem.status, problem.code, problem.field) == (status, code, field)


@pytest.mark.parametrize(
    ("customer", "code", "field"),
    [
        ("7", "bad_value", "customers[0]"),
        ("{}", "missing_field", "customers[0].customer_id"),
        ('{"customer_id": 7}', "bad_value", "customers[0].customer_id"),
        ('{"customer_id": ""}', "bad_value", "customers[0].customer_id"),
        ('{"customer_id": "a", "touchpoint": []}', "unknown_field", "customers[0].touchpoint"),
        ('{"customer_id": "a", "touchpoints": null}', "bad_value", "customers[0].touchpoints"),
        ('{"customer_id": "a", "attributes": {"email": "x"}}', "unknown_field", "customers[0].attributes.email"),
        ('{"customer_id": "a", "attributes": {"income": "much"}}', "bad_value", "customers[0].attributes.income"),
        ('{"customer_id": "a", "attributes": {"created_at": "x"}}', "bad_time", "customers[0].attributes.created_at"),
        ('{"customer_id": "a", "touchpoints": [{"occurred_at": "2024-01-01"}]}', "missing_field",
         "customers[0].touchpoints[0].touchpoint"),
        ('{"customer_id": "a", "touchpoints": [{"occurred_at": "2024-01-01", "touchpoint": " "}]}', "missing_field",
         "customers[0].touchpoints[0].touchpoint"),
        ('{"customer_id": "a", "touchpoints": [{"occurred_at": "2024-13-01", "touchpoint": "call"}]}', "bad_time",
         "customers[0].touchpoints[0].occurred_at"),
        ('{"customer_id": "a", "touchpoints": [{"occurred_at": 1, "touchpoint": "call"}]}', "bad_value",
         "customers[0].touchpoints[0].occurred_at"),
        ('{"customer_id": "a", "touchpoints": [{"occurred_at": "2024-01-01", "touchpoint": "call", "wait": "9"}]}',
         "bad_value", "customers[0].touchpoints[0].wait"),
        ('{"customer_id": "a", "touchpoints": [{"occurred_at": "2024-01-01", "touchpoint": "call", "wiat": 9}]}',
         "unknown_field", "customers[0].touchpoints[0].wiat"),
        ('{"customer_id": "a", "transactions": [{"occurred_at": "2024-01-01", "amount": 1e999}]}', "not_finite",
         "customers[0].transactions[0].amount"),
        ('{"customer_id": "a", "transactions": [{"occurred_at": "2024-01-01", "amount": -1.1e12}]}', "bad_value",
         "customers[0].transactions[0].amount"),
        ('{"customer_id": "a", "surveys": [{"customer_id": "b", "answered_at": "2024-01-01", "metric": "nps", "score": 1}]}',
         "bad_value", "customers[0].surveys[0].customer_id"),
    ],
)  # fmt: skip
def test_a_bad_customer_fails_alone(served: Served, customer: str, code: str, field: str) -> None:
    """What is wrong inside a customer becomes that customer's fault, with the path of the field."""
    found = asked(served, customer)
    assert found.fault is not None
    assert (found.fault.code, found.fault.field) == (code, field)


def test_the_nearest_spelling(served: Served) -> None:
    """An unknown field is told with the nearest one that is known."""
    fault = asked(
        served, '{"customer_id": "a", "touchpoints": [{"occurred_at": "2024-01-01", "touchpoint": "c", "wiat": 9}]}'
    ).fault
    assert fault is not None
    assert "did you mean 'wait'?" in fault.message


def test_too_many_customers(served: Served) -> None:
    """A thousand customers are taken, one more is not."""
    customer = '{"customer_id": "a"}'
    assert (
        len(read(f'{{"customers": [{",".join([customer] * 1000)}]}}'.encode(), served.state.intake).customers) == 1000
    )
    assert refused(served, f'{{"customers": [{",".join([customer] * 1001)}]}}').field == "customers"


def test_an_id_alone_is_looked_up_and_anything_else_is_a_journey(served: Served) -> None:
    """An empty list is a journey too: a customer of whom nothing is known."""
    assert asked(served, '{"customer_id": "a"}') == Asked("a")
    assert asked(served, '{"customer_id": "a", "touchpoints": []}').journey is not None


def test_a_stored_journey_survives_the_request(served: Served) -> None:
    """All rows of a stored journey, sent as a request, come out as they are stored."""
    import json

    for stored in served.journeys.values():
        body = json.dumps({"customers": [rows_of(stored)]}).encode()
        (found,) = read(body, served.state.intake).customers
        assert found.fault is None
        assert found.journey is not None
        assert canonical(found.journey) == canonical(stored)


def test_text_is_trimmed_and_flags_become_numbers(served: Served) -> None:
    """Text is read as the tables' reader does it."""
    found = asked(served, '{"customer_id": "a", "attributes": {"region": " north ", "income": 1}}').journey
    assert found is not None
    assert found.tables["customers"]["region"] == ["north"]
    assert found.tables["customers"]["income"] == [1.0]


@given(st.datetimes())
def test_moments_survive_being_written(stamp: Any) -> None:
    """A moment written as ISO 8601 is read as the same moment."""
    from datetime import UTC, datetime

    moment = microseconds(stamp.replace(tzinfo=UTC))
    assert microseconds(datetime.fromisoformat(iso(moment))) == moment


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["customers", "customer_id", "touchpoints", "attributes", "as_of", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_nothing_else_ever_happens(served: Served, content: Any) -> None:
    """Whatever is sent, the answer is a request or a problem, never another error."""
    import json

    found: Request | Problem
    try:
        found = read(json.dumps(content).encode(), served.state.intake)
    except Problem as problem:
        found = problem
    assert isinstance(found, Request) or found.status in {400, 422}


def canonical(journey: Journey) -> dict[str, Any]:
    """A journey's filled cells, rows in a fixed order."""
    found = {}
    for table, columns in journey.tables.items():
        names = sorted(name for name in columns if name != "customer_id")
        found[table] = sorted(
            [{name: value for name, value in zip(names, row, strict=True) if value is not None}
             for row in zip(*(columns[name] for name in names), strict=True)],
            key=repr,
        )  # fmt: skip
    return found


def test_the_clock_of_the_tests_is_a_moment() -> None:
    """Moments are microseconds UTC."""
    assert iso(microseconds(NOW)) == "2024-12-20T10:30:00Z"
