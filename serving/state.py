"""What a worker answers from: settings, scorer, journey store, keys; opened once, before the first request.

The scorer is one attribute on purpose: replacing it swaps all models between two requests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from configs.settings import Settings
from features.customer import Journey
from serving import messages
from serving.answers import Subject, answer
from serving.intake import Asked, Request, iso, microseconds
from serving.keys import Keys
from serving.messages import Intake
from serving.moment import STALE_DATA, default_as_of, is_stale
from serving.scorer import Scorer
from serving.served import ServedLog
from serving.store import Loaded, Store

UNKNOWN_CUSTOMER: Final = "unknown_customer"


@dataclass
class State:
    """Everything that requests need. `clock` tells the time in UTC; nothing else here does."""

    settings: Settings
    scorer: Scorer
    store: Store
    loaded: Loaded | None
    intake: Intake
    keys: Keys
    clock: Callable[[], datetime]
    log: ServedLog | None = None

    @classmethod
    def open(cls, settings: Settings, keys: Keys, clock: Callable[[], datetime]) -> State:
        """The state of a configuration's output folder.

        Raises
        ------
        NotReadyError, BundleError
            When there is no model, or a damaged one.
        """
        scorer = Scorer.open(settings)
        return cls.of(settings, scorer, Store.at(settings.output, settings.serving.store), keys, clock)

    @classmethod
    def of(cls, settings: Settings, scorer: Scorer, store: Store, keys: Keys, clock: Callable[[], datetime]) -> State:
        """The state around an open scorer and store; what the store knows of the company comes before the models' own."""
        touchpoints = settings.data.tables.get("touchpoints")
        measures = {name: item.unit for name, item in touchpoints.measures.items()} if touchpoints else {}
        intake = Intake(
            [model.bundle.catalog.vocabulary for model in scorer.models.values()],
            measures,
            settings.serving.max_customers,
        )
        known = scorer.knowing(store.calendars())
        return cls(settings, known, store, store.loaded(), intake, keys, clock, ServedLog.of(settings))

    def score(self, request: Request) -> list[messages.Scored | messages.Failed]:
        """Results in request order, one each."""
        now = microseconds(self.clock())
        looked_up = [item.customer_id for item in request.customers if item.journey is None and item.fault is None]
        known = self.store.get_many([name for name in looked_up if name is not None]) if self.loaded else {}
        slots: list[messages.Failed | int] = []
        subjects: list[Subject] = []
        for item in request.customers:
            if item.fault is not None:
                slots.append(messages.Failed(item.customer_id, item.fault))
            elif item.journey is not None:
                slots.append(len(subjects))
                as_of = now if request.as_of is None else request.as_of
                subjects.append(Subject(item.journey, as_of, _repeats(item), "request"))
            elif item.customer_id in known:
                slots.append(len(subjects))
                as_of, warnings = self._moment(request.as_of, now)
                subjects.append(Subject(known[item.customer_id], as_of, warnings))
            else:
                slots.append(messages.Failed(item.customer_id, self._unknown()))
        results = answer(
            self.scorer,
            subjects,
            scored_at=now,
            targets=request.targets,
            reasons=request.reasons,
            lang=request.lang,
            seen=self.log.add if self.log is not None else None,
        )
        return [results[slot] if isinstance(slot, int) else slot for slot in slots]

    def warm_up(self) -> None:
        """Compile and touch everything that the first request would otherwise wait for."""
        moment = microseconds(self.clock())
        answer(self.scorer, [Subject(Journey(""), moment)], scored_at=moment)

    def close(self) -> None:
        """Write what is still to be written."""
        if self.log is not None:
            self.log.close()

    def is_ready(self) -> bool:
        """Whether the store answers; a service whose database is away should get no traffic."""
        try:
            return self.loaded is None or self.store.loaded() is not None
        except Exception:
            return False

    def _moment(self, as_of: int | None, now: int) -> tuple[int, tuple[messages.Warning, ...]]:
        data_end = self.loaded.data_end if self.loaded else None
        chosen = default_as_of(now, data_end) if as_of is None else as_of
        if data_end is None or not is_stale(now if as_of is None else as_of, data_end):
            return chosen, ()
        message = f"the data end at {iso(data_end)}; scored as of {iso(chosen)}"
        return chosen, (messages.Warning(STALE_DATA, message),)

    def _unknown(self) -> messages.Fault:
        reason = "the customer is not in the journey store" if self.loaded else "no journey store is loaded"
        return messages.Fault(UNKNOWN_CUSTOMER, "customer_id", f"{reason}; send the journey with the request")


def _repeats(item: Asked) -> tuple[messages.Warning, ...]:
    if not item.duplicates:
        return ()
    return (messages.Warning("duplicate_event", f"{item.duplicates} rows repeat an event_id and were dropped"),)
