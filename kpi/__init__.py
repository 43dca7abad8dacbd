"""Lead-generation KPIs on Polars: read files, measure once, evaluate any KPI by anything."""

from kpi.assumptions import Assumptions
from kpi.catalog import Aggregation, Kpi, Measure, Where, count, distinct, money, rows, spread, total
from kpi.change import change
from kpi.cube import Cube, measure
from kpi.evaluation import evaluate
from kpi.periods import Period, preset
from kpi.reading import read
from kpi.tables import Dataset, Issue

__version__ = "0.1.0"
__all__ = [
    "Aggregation",
    "Assumptions",
    "Cube",
    "Dataset",
    "Issue",
    "Kpi",
    "Measure",
    "Period",
    "Where",
    "change",
    "count",
    "distinct",
    "evaluate",
    "measure",
    "money",
    "preset",
    "read",
    "rows",
    "spread",
    "total",
]
