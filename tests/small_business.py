"""Small literal tables of one made-up business, in which every KPI has a value that can be worked out by hand.

The year is 2025, the data was exported at the end of 31 December, days begin in UTC, `-` is a missing value.
"""

import datetime as dt
from typing import Any

import polars as pl

from kpi.assumptions import Assumptions
from kpi.periods import Period
from kpi.reading import read
from kpi.tables import TABLES, Dataset

AS_OF = dt.date(2025, 12, 31)
YEAR = Period(dt.date(2025, 1, 1), AS_OF)
ASSUMPTIONS = Assumptions(hourly_rate=50.0, lifetime_months=24.0, target_revenue=10_000.0)
CASTS = {
    "text": lambda cell: cell,
    "instant": lambda cell: cell.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", time_zone="UTC"),
    "day": lambda cell: cell.str.to_date("%Y-%m-%d"),
    "flag": lambda cell: cell == "yes",
    "money": lambda cell: cell.cast(pl.Float64),
    "number": lambda cell: cell.cast(pl.Float64),
    "count": lambda cell: cell.cast(pl.Int64),
}


def table(name: str, text: str) -> pl.DataFrame:
    """Rows written as words under the names of their columns, in the types of the canonical table."""
    types = TABLES[name].columns
    header, *lines = (line.split() for line in text.strip().splitlines())
    rows = [[_cell(word, types[column]) for word, column in zip(line, header, strict=True)] for line in lines]
    words = pl.DataFrame(rows, dict.fromkeys(header, pl.String), orient="row")
    return words.select(CASTS[types[column]](pl.col(column)) for column in header)


def _cell(word: str, dtype: str) -> str | None:
    """A word as it is read; an instant may be written as a day, or to the minute."""
    if word == "-":
        return None
    return word + "T00:00:00"[len(word) - 10 :] if dtype == "instant" else word


# L4 was won without passing the stages, L7 is no real lead, L8 is still inside the hour that an answer may take.
LEADS = table(
    "leads",
    """
    lead_id created_at       channel     placement captured_by valid score first_response_at   mql_at           sal_at           sql_at           opportunity_at   won_at           amount
    L1      2025-01-02T09:00 paid_search google    form        -     90    2025-01-02T09:10    2025-01-04T09:00 2025-01-06T09:00 2025-01-10T09:00 2025-01-20T09:00 2025-02-01T09:00 1000
    L2      2025-01-10T10:00 paid_search google    form        yes   70    2025-01-10T10:30    2025-01-15T10:00 -                2025-02-01T10:00 -                -                -
    L3      2025-02-05T10:00 organic     -         chat        yes   71    2025-02-05T11:00    2025-02-10T10:00 2025-02-14T10:00 -                -                -                -
    L4      2025-03-01T12:00 social      facebook  form        yes   40    -                   -                -                -                -                2025-03-21T12:00 500
    L5      2025-03-03T12:00 paid_social facebook  form        yes   -     -                   -                -                -                -                -                -
    L6      2025-04-01T12:00 print       magazine  phone       yes   -     2025-04-01T12:01    -                -                -                -                -                -
    L7      2025-05-01T12:00 paid_search google    form        no    95    2025-05-01T12:00:05 2025-05-02T12:00 -                -                -                -                -
    L8      2025-12-31T23:30 organic     -         form        yes   10    -                   -                -                -                -                -                -
    L9      2025-06-01T12:00 events      fair      event       yes   80    2025-06-01T12:00:30 -                -                2025-06-20T12:00 2025-07-10T12:00 -                -
    L10     2025-07-01T12:00 referral    -         chat        yes   -     2025-07-01T12:01:30 2025-07-05T12:00 -                -                -                -                -
    """,  # noqa: E501
)
TRAFFIC = table(
    "traffic",
    """
    date       channel     sessions engaged_sessions pageviews
    2025-01-01 paid_search 400      200              800
    2025-06-01 organic     350      210              1050
    2025-12-01 social      250      90               350
    """,
)
# Media 2,300 (a cost without a type is media); marketing 3,750 (10 hours at 50 among them); all 4,500.
SPEND = table(
    "spend",
    """
    date       channel     cost_type        cost hours impressions clicks
    2025-01-01 paid_search media            1000 -     20000       500
    2025-03-01 paid_social media            600  -     30000       100
    2025-04-01 print       media            400  -     -           -
    2025-06-01 events      -                300  -     -           160
    2025-07-01 organic     tools            200  -     -           -
    2025-07-01 organic     agency           250  -     -           -
    2025-08-01 organic     people           500  -     -           -
    2025-09-01 -           sales            750  -     -           -
    2025-12-01 organic     marketing_people -    10    -           -
    """,
)
# D2 is a second deal of C1, D3 has no amount, D5 is expected to close next year, D7 was won nobody knows when.
DEALS = table(
    "deals",
    """
    deal_id created_at status closed_at  amount customer_id lead_id
    D1      2025-01-20 won    2025-02-01 1200   C1          L1
    D2      2025-02-01 won    2025-10-15 800    C1          -
    D3      2025-10-31 won    2025-11-20 -      C2          L4
    D4      2025-05-01 lost   2025-06-01 900    -           -
    D5      2025-11-01 open   2026-02-01 700    -           L9
    D6      2025-12-01 open   -          300    -           -
    D7      2025-06-01 won    -          999    C5          -
    D8      2025-11-10 lost   2025-12-10 50     -           -
    """,
)
# O5 was paid back whole, O6 cancelled, O7 belongs to the lead that is none, of O4 nobody knows the cost.
ORDERS = table(
    "orders",
    """
    order_id customer_id ordered_at       amount refunded cost_of_goods status    lead_id
    O1       C1          2025-01-01T12:00 100    -        40            paid      -
    O2       C1          2025-02-05T12:00 200    50       80            paid      L1
    O3       C2          2025-03-21T12:00 300    -        150           paid      L4
    O4       C2          2025-09-01T12:00 100    0        -             paid      -
    O5       C3          2025-04-01T12:00 400    400      100           paid      -
    O6       C3          2025-05-01T12:00 500    -        200           cancelled -
    O7       C4          2025-06-01T12:00 250    -        50            -         L7
    O8       C1          2025-12-30T12:00 60     -        12            paid      -
    """,
)
# K1 moved to a yearly plan, K4 bought once, K5 paid after the trial (a quarter less at first), K6 did not,
# K7 is trying, K8 paid too late.
SUBSCRIPTIONS = table(
    "subscriptions",
    """
    subscription_id customer_id started_at ended_at   amount interval quantity discount_pct discount_to tax_rate_pct kind      status trial_started_at trial_ended_at lead_id
    B9              K9          2024-06-01 2025-03-01 80     month    -        -            -           -            -         -      -                -              -
    B10             K10         2024-07-01 -          10     week     -        -            -           -            -         -      -                -              -
    B1              K1          2025-01-01 2025-07-01 100    month    -        -            -           -            -         -      -                -              -
    B1              K1          2025-07-01 -          2400   year     -        -            -           -            -         -      -                -              -
    B2              K2          2025-02-01 2025-10-01 50     month    2        -            -           -            recurring active -                -              -
    B3              K3          2025-03-01 -          300    quarter  -        10           -           20           recurring active -                -              L2
    B4              K4          2025-04-15 -          30     month    -        -            -           -            one_off   active -                -              -
    B5              K5          2025-05-01 2025-05-15 0      month    -        -            -           -            -         trial  2025-05-01       2025-05-15     -
    B5              K5          2025-05-15 -          40     month    -        25           2025-08-01  -            -         active 2025-05-01       2025-05-15     -
    B6              K6          2025-06-01 2025-06-15 0      month    -        -            -           -            -         trial  2025-06-01       2025-06-15     -
    B7              K7          2025-12-20 -          25     month    -        -            -           -            -         trial  2025-12-20       2026-01-03     -
    B8              K8          2025-08-01 2025-08-15 0      month    -        -            -           -            -         trial  2025-08-01       2025-08-15     L10
    B8              K8          2025-09-10 -          60     month    -        -            -           -            -         active 2025-08-01       2025-08-15     L10
    """,  # noqa: E501
)
# H2 came after L1 had bought, nobody answered H4, a bot dealt with H5, H6 does not say what it asks.
CHATS = table(
    "chats",
    """
    chat_id started_at       first_reply_at      lead_id intent  bot_handled missed rating
    H1      2025-01-02T09:00 2025-01-02T09:00:20 L1      sales   no          no     1
    H2      2025-02-20T09:00 2025-02-20T09:00:40 L1      sales   no          no     0.5
    H3      2025-02-05T09:00 2025-02-05T09:10    L3      support no          no     0.25
    H4      2025-03-01T09:00 -                   L4      sales   no          yes    -
    H5      2025-04-01T09:00 -                   -       sales   yes         no     -
    H6      2025-05-01T09:00 2025-05-01T09:01:40 -       -       no          -      -
    """,
)
CHAT_INVITES = table(
    "chat_invites",
    """
    date       shown accepted
    2025-01-01 80    8
    2025-12-01 120   22
    """,
)
EMAIL = table(
    "email",
    """
    date       delivered opens clicks
    2025-01-01 1000      300   40
    2025-12-01 3000      700   60
    """,
)
SOCIAL = table(
    "social",
    """
    date       channel impressions engagements
    2025-01-01 social  10000       450
    2025-12-01 social  5000        150
    """,
)
FRAMES = {
    "leads": LEADS,
    "traffic": TRAFFIC,
    "spend": SPEND,
    "deals": DEALS,
    "orders": ORDERS,
    "subscriptions": SUBSCRIPTIONS,
    "chats": CHATS,
    "chat_invites": CHAT_INVITES,
    "email": EMAIL,
    "social": SOCIAL,
}


def business(*names: str, assumptions: Assumptions = ASSUMPTIONS, **changed: Any) -> Dataset:
    """The small business with all its tables or these, some of them changed."""
    frames = {name: FRAMES[name] for name in names or FRAMES}
    return read({**frames, **changed}, as_of=AS_OF, assumptions=assumptions)
