"""Comments in four languages, by what they are about and whether they are glad (`+`) or cross (`-`)."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from features.world.people import Ints

ANSWERS_WITH_COMMENT: Final = 0.06

# Theme and tone: sentences in the order of journey.LANGUAGES, two each.
SENTENCES: Final[dict[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    ("support_call", "-"): (
        ("I waited on the phone far too long.", "Half an hour in the queue before anyone answered."),
        ("חיכיתי בטלפון הרבה יותר מדי זמן.", "חצי שעה בתור עד שמישהו ענה."),
        ("انتظرت على الهاتف وقتا طويلا جدا.", "نصف ساعة في الانتظار قبل أن يرد أحد."),
        ("Слишком долго ждал ответа по телефону.", "Полчаса в очереди, пока кто-то ответил."),
    ),
    ("support_call", "+"): (
        ("They answered at once and were kind.", "Quick and friendly help on the phone."),
        ("ענו מיד והיו אדיבים.", "עזרה מהירה ונעימה בטלפון."),
        ("ردوا فورا وكانوا لطفاء.", "مساعدة سريعة وودية عبر الهاتف."),
        ("Ответили сразу и вежливо.", "Быстро и приветливо помогли по телефону."),
    ),
    ("outage", "-"): (
        ("The network was down for hours and nobody told us anything.", "No connection all evening, I could not work."),
        ("הרשת נפלה לשעות ואף אחד לא עדכן.", "לא היה חיבור כל הערב, לא יכולתי לעבוד."),
        ("انقطعت الشبكة لساعات ولم يخبرنا أحد.", "لا اتصال طوال المساء ولم أستطع العمل."),
        ("Связи не было несколько часов, и никто ничего не сказал.", "Весь вечер без интернета, не мог работать."),
    ),
    ("billing_error", "-"): (
        ("I was charged for something I never ordered.", "The bill is wrong again and I have to prove it."),
        ("חייבו אותי על משהו שלא הזמנתי.", "שוב טעות בחשבון ואני צריך להוכיח את זה."),
        ("خصموا مني مبلغا لشيء لم أطلبه.", "الفاتورة خاطئة مرة أخرى وعلي أن أثبت ذلك."),
        ("С меня сняли деньги за то, чего я не заказывал.", "В счёте снова ошибка, и доказывать должен я."),
    ),
    ("bill", "-"): (
        ("Too many extra charges on the bill.", "The bill is higher than I was promised."),
        ("יותר מדי חיובים נוספים בחשבון.", "החשבון גבוה ממה שהבטיחו לי."),
        ("رسوم إضافية كثيرة في الفاتورة.", "الفاتورة أعلى مما وعدت به."),
        ("Слишком много дополнительных начислений.", "Счёт больше, чем мне обещали."),
    ),
    ("complaint", "-"): (
        ("I complained and nothing was done.", "Nobody came back to me about my complaint."),
        ("התלוננתי ולא עשו כלום.", "אף אחד לא חזר אליי בעניין התלונה."),
        ("اشتكيت ولم يفعلوا شيئا.", "لم يعد إلي أحد بخصوص شكواي."),
        ("Я пожаловался, и ничего не сделали.", "По моей жалобе никто не перезвонил."),
    ),
    ("technician_visit", "+"): (
        ("The technician came on time and fixed it at once.", "Excellent technician, everything works."),
        ("הטכנאי הגיע בזמן ותיקן מיד.", "טכנאי מצוין, הכול עובד."),
        ("وصل الفني في الموعد وأصلح العطل فورا.", "فني ممتاز وكل شيء يعمل."),
        ("Техник пришёл вовремя и сразу всё починил.", "Отличный техник, всё работает."),
    ),
    ("technician_visit", "-"): (
        ("The technician came days later than agreed.", "I stayed home for nothing, nobody came."),
        ("הטכנאי הגיע ימים אחרי המועד.", "נשארתי בבית לחינם, אף אחד לא הגיע."),
        ("جاء الفني متأخرا أياما عن الموعد.", "بقيت في البيت بلا فائدة ولم يأت أحد."),
        ("Техник пришёл на несколько дней позже.", "Зря сидел дома, никто не пришёл."),
    ),
    ("delivery", "-"): (
        ("The parcel came days late.", "The delivery was late and nobody told me when it would come."),
        ("החבילה הגיעה באיחור של ימים.", "המשלוח איחר ולא אמרו לי מתי יגיע."),
        ("وصل الطرد متأخرا أياما.", "تأخر التوصيل ولم يخبروني متى يصل."),
        ("Посылка пришла с опозданием на несколько дней.", "Доставка опоздала, и срока мне не назвали."),
    ),
    ("delivery", "+"): (
        ("The parcel came on time.", "Fast delivery, thank you."),
        ("החבילה הגיעה בזמן.", "משלוח מהיר, תודה."),
        ("وصل الطرد في الموعد.", "توصيل سريع، شكرا."),
        ("Посылка пришла вовремя.", "Быстрая доставка, спасибо."),
    ),
    ("store_visit", "-"): (
        ("A long queue in the store.", "Only one clerk in the store, I gave up."),
        ("תור ארוך בחנות.", "רק מוכר אחד בחנות, ויתרתי."),
        ("طابور طويل في المتجر.", "موظف واحد فقط في المتجر فاستسلمت."),
        ("Длинная очередь в магазине.", "В магазине один продавец, я не дождался."),
    ),
    ("store_visit", "+"): (
        ("I was served at once in the store.", "The people in the store know their trade."),
        ("קיבלתי שירות מיד בחנות.", "האנשים בחנות מקצוענים."),
        ("خدموني فورا في المتجر.", "موظفو المتجر يعرفون عملهم."),
        ("В магазине обслужили сразу.", "В магазине знают своё дело."),
    ),
    ("loyalty_offer", "+"): (
        ("The present was a nice surprise.", "Good to see that loyal customers count."),
        ("המתנה הייתה הפתעה נעימה.", "נעים לראות שלקוחות נאמנים חשובים."),
        ("كانت الهدية مفاجأة جميلة.", "جميل أن العملاء الأوفياء لهم قيمة."),
        ("Подарок был приятным сюрпризом.", "Приятно, что постоянных клиентов ценят."),
    ),
    ("general", "-"): (
        ("Not worth the money.", "I expect more from a company of this size."),
        ("לא שווה את הכסף.", "אני מצפה ליותר מחברה בגודל כזה."),
        ("لا يستحق المال.", "أتوقع أكثر من شركة بهذا الحجم."),
        ("Не стоит этих денег.", "Жду большего от такой компании."),
    ),
    ("general", "+"): (
        ("All in all I am content.", "Everything works, I would recommend it."),
        ("בסך הכול אני מרוצה.", "הכול עובד, הייתי ממליץ."),
        ("أنا راض بشكل عام.", "كل شيء يعمل وأنصح به."),
        ("В целом доволен.", "Всё работает, рекомендую."),
    ),
}

_ROW: Final = {about: number for number, about in enumerate(SENTENCES)}
_TABLE: Final = np.array([[list(pair) for pair in texts] for texts in SENTENCES.values()], dtype=object)


def comments(
    rng: np.random.Generator, theme: npt.NDArray[np.str_], glad: npt.NDArray[np.bool_], language: Ints, share: float
) -> npt.NDArray[np.object_]:
    """A sentence for a share of the rows, None for the rest; a theme without that tone falls back to a general remark."""
    texts: npt.NDArray[np.object_] = np.full(len(theme), None, dtype=object)
    chosen = np.flatnonzero(rng.random(len(theme)) < share)
    themes, place = np.unique(theme[chosen], return_inverse=True)
    rows = np.array(
        [[_ROW.get((str(name), tone), _ROW["general", tone]) for tone in "-+"] for name in themes], dtype=np.int64
    ).reshape(len(themes), 2)
    row = rows[place, glad[chosen].astype(np.int64)]
    texts[chosen] = _TABLE[row, language[chosen], rng.integers(0, _TABLE.shape[2], len(chosen))]
    return texts
