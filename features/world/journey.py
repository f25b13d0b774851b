"""The touchpoints of the made-up telecom company: names, owners, channels, how often, and what is measured there.

Rates are encounters per customer and year before a customer's own traits are applied; measures carry the unit in their
column name. Nothing here says what an encounter does to loyalty: that is `story`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

LANGUAGES: Final = ("en", "he", "ar", "ru")

# What a configuration says under data.tables.touchpoints.measures. A bill's charge is what it asks beyond the plan's fee,
# a notice's charge the monthly rise, an error's the amount wrongly taken. Promised are an answer in 15 minutes (stricter than the
# knee, as promises are made without knowing it) and a delivery on the day.
MEASURES: Final[dict[str, dict[str, Any]]] = {
    "wait": {"column": "wait_min", "unit": "minutes", "effort": "time", "better": "lower", "within": 15},
    "late": {"column": "late_days", "unit": "days", "effort": "time", "better": "lower", "within": 0},
    "downtime": {"column": "down_min", "unit": "minutes", "effort": "time", "better": "lower"},
    "charge": {"column": "charge_eur", "unit": "EUR", "effort": "money", "better": "lower"},
    "sentiment": {"column": "tone", "unit": "score", "effort": "emotion", "better": "higher"},
    "resolved": {"column": "is_resolved", "unit": "flag", "better": "higher"},
}

STAGES: Final = ("explore", "purchase", "onboarding", "use", "pay", "service", "renew", "leave")
"""Stages in the order of the journey, in which a configuration names them."""

COSTS: Final[dict[str, float]] = {
    "support_call": 6.0,
    "chat": 3.0,
    "store_visit": 5.0,
    "website_visit": 0.01,
    "app_login": 0.01,
    "technician_visit": 85.0,
    "delivery": 7.0,
    "bill": 0.5,
    "billing_error": 12.0,
    "complaint": 15.0,
    "newsletter": 0.02,
    "marketing_call": 4.0,
    "loyalty_offer": 10.0,
    "retention_call": 12.0,
    "callback_after_survey": 8.0,
    "price_change_notice": 0.6,
}
"""Euros that one encounter costs the company; the others cost it nothing."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """How one measure of a kind is drawn.

    `gamma`: shape `a`, scale `b` in the measure's unit, 0 with probability `zero`, at most `top`; `flag`: 1 with
    probability `a`; `tone`: normal with mean `a` and deviation `b`, kept in [-1, 1], better when the matter was resolved.
    `trait` names a customer trait that scales a gamma.
    """

    measure: str
    law: Literal["gamma", "flag", "tone"]
    a: float
    b: float = 0.0
    zero: float = 0.0
    top: float = float("inf")
    trait: str | None = None
    decimals: int = 1


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of encounter: `per_year` encounters on its own, more for customers with much of `trait`.

    `spell_extra` is the number of further encounters expected within one bad spell, `delay_hours` the mean time until the
    company has recorded it.
    """

    name: str
    stage: str
    department: str
    channels: tuple[str, ...]
    label: tuple[str, str, str, str]  # in the order of LANGUAGES
    per_year: float = 0.0
    trait: str | None = None
    spell_extra: float = 0.0
    delay_hours: float = 1.0
    gauges: tuple[Gauge, ...] = ()
    comment_share: float = 0.0

    @property
    def info(self) -> dict[str, Any]:
        """What a configuration says under journey.<name>."""
        cost = {"cost": COSTS[self.name]} if self.name in COSTS else {}
        return {"stage": self.stage, "department": self.department, **cost, "label": self.labels}

    @property
    def labels(self) -> dict[str, str]:
        """The name in every language of the product."""
        return dict(zip(LANGUAGES, self.label, strict=True))


def _wait(shape: float, scale: float, top: float) -> Gauge:
    return Gauge("wait", "gamma", shape, scale, top=top)


KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        "support_call", "service", "support", ("phone",),
        ("Support call", "שיחת שירות", "مكالمة دعم", "Звонок в поддержку"),
        per_year=2.4, trait="trouble", spell_extra=0.9, delay_hours=1.0, comment_share=0.10,
        gauges=(_wait(1.6, 9.0, 75.0), Gauge("resolved", "flag", 0.74), Gauge("sentiment", "tone", 0.1, 0.4, decimals=2)),
    ),
    Kind(
        "chat", "service", "support", ("app", "web"),
        ("Chat", "צ'אט", "محادثة نصية", "Чат"),
        per_year=0.5, trait="digital", delay_hours=0.5, comment_share=0.04,
        gauges=(_wait(1.5, 3.0, 30.0), Gauge("sentiment", "tone", 0.15, 0.4, decimals=2)),
    ),
    Kind(
        "store_visit", "purchase", "retail", ("store",),
        ("Store visit", "ביקור בחנות", "زيارة المتجر", "Визит в магазин"),
        per_year=1.6, delay_hours=3.0, comment_share=0.05, gauges=(_wait(2.0, 6.0, 45.0),),
    ),
    Kind(
        "website_visit", "explore", "digital", ("web",),
        ("Website visit", "ביקור באתר", "زيارة الموقع", "Посещение сайта"),
        per_year=6.0, trait="digital", delay_hours=0.2,
    ),
    Kind(
        "app_login", "use", "digital", ("app",),
        ("App login", "כניסה לאפליקציה", "تسجيل الدخول إلى التطبيق", "Вход в приложение"),
        per_year=8.0, trait="digital", delay_hours=0.2,
    ),
    Kind(
        "technician_visit", "service", "field_service", ("home",),
        ("Technician visit", "ביקור טכנאי", "زيارة الفني", "Визит техника"),
        per_year=0.40, delay_hours=12.0, comment_share=0.12,
        gauges=(Gauge("late", "gamma", 1.6, 1.6, zero=0.45, top=14.0), Gauge("resolved", "flag", 0.82)),
    ),
    Kind(
        "delivery", "onboarding", "logistics", ("courier",),
        ("Delivery", "משלוח", "توصيل", "Доставка"),
        per_year=0.7, delay_hours=18.0, comment_share=0.06,
        gauges=(Gauge("late", "gamma", 1.5, 2.0, zero=0.5, top=14.0),),
    ),
    Kind(
        "delivery_tracking", "onboarding", "logistics", ("web", "app", "sms"),
        ("Delivery tracking", "מעקב משלוח", "تتبع التوصيل", "Отслеживание доставки"),
        per_year=0.15, trait="digital", delay_hours=0.5,
    ),
    Kind(
        "bill", "pay", "billing", ("mail", "app"),
        ("Bill", "חשבונית", "فاتورة", "Счёт"),
        delay_hours=4.0, comment_share=0.004,
        gauges=(Gauge("charge", "gamma", 1.2, 4.0, zero=0.3, top=90.0, trait="usage", decimals=2),),
    ),
    Kind(
        "billing_error", "pay", "billing", ("back_office",),
        ("Billing error", "טעות בחיוב", "خطأ في الفوترة", "Ошибка в счёте"),
        per_year=0.22, trait="trouble", spell_extra=0.15, delay_hours=40.0, comment_share=0.10,
        gauges=(Gauge("charge", "gamma", 2.0, 14.0, top=150.0, decimals=2),),
    ),
    Kind(
        "outage", "use", "network", ("back_office",),
        ("Outage", "תקלת רשת", "انقطاع الخدمة", "Сбой связи"),
        per_year=0.27, delay_hours=8.0, comment_share=0.10,
        gauges=(Gauge("downtime", "gamma", 2.5, 110.0, top=1_440.0, decimals=0),),
    ),
    Kind(
        "status_message", "use", "network", ("sms", "mail"),
        ("Status message", "הודעת מצב שירות", "رسالة حالة الخدمة", "Сообщение о состоянии сети"),
        per_year=0.5, delay_hours=0.5,
    ),
    Kind(
        "network_maintenance", "use", "network", ("back_office",),
        ("Network maintenance", "תחזוקת רשת", "صيانة الشبكة", "Обслуживание сети"),
        per_year=1.2, delay_hours=24.0,
        gauges=(Gauge("downtime", "gamma", 2.0, 6.0, top=60.0, decimals=0),),
    ),
    Kind(
        "complaint", "service", "customer_care", ("phone", "mail", "web"),
        ("Complaint", "תלונה", "شكوى", "Жалоба"),
        per_year=0.08, trait="trouble", spell_extra=0.12, delay_hours=16.0, comment_share=0.45,
        gauges=(Gauge("resolved", "flag", 0.45), Gauge("sentiment", "tone", -0.45, 0.3, decimals=2)),
    ),
    Kind(
        "price_change_notice", "renew", "pricing", ("mail", "app"),
        ("Price change notice", "הודעה על שינוי מחיר", "إشعار بتغيير السعر", "Уведомление об изменении цены"),
        per_year=0.40, delay_hours=2.0,
        gauges=(Gauge("charge", "gamma", 3.0, 1.1, top=12.0, decimals=2),),
    ),
    Kind(
        "newsletter", "explore", "marketing", ("mail",),
        ("Newsletter", "ידיעון", "نشرة إخبارية", "Рассылка"),
        per_year=6.0, delay_hours=0.2,
    ),
    Kind(
        "marketing_call", "explore", "marketing", ("phone",),
        ("Marketing call", "שיחת שיווק", "مكالمة تسويقية", "Рекламный звонок"),
        per_year=0.9, delay_hours=1.0, gauges=(Gauge("sentiment", "tone", 0.0, 0.4, decimals=2),),
    ),
    Kind(
        "loyalty_offer", "renew", "marketing", ("app", "mail"),
        ("Loyalty offer", "הטבת נאמנות", "عرض الولاء", "Подарок за лояльность"),
        per_year=0.5, delay_hours=0.5, comment_share=0.02,
    ),
    Kind(
        "retention_call", "leave", "retention", ("phone",),
        ("Retention call", "שיחת שימור", "مكالمة استبقاء", "Звонок отдела удержания"),
        delay_hours=1.0, gauges=(Gauge("sentiment", "tone", -0.2, 0.4, decimals=2),),
    ),
    Kind(
        "callback_after_survey", "leave", "customer_care", ("phone",),
        ("Callback after survey", "שיחה חוזרת אחרי סקר", "معاودة الاتصال بعد الاستبيان", "Звонок после опроса"),
        delay_hours=1.0, gauges=(Gauge("sentiment", "tone", -0.1, 0.4, decimals=2),),
    ),
)  # fmt: skip

BY_NAME: Final = {kind.name: kind for kind in KINDS}
