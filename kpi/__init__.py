"""Lead-generation KPIs on Polars: read files, measure once, evaluate any KPI by anything."""

from kpi.assumptions import Assumptions
from kpi.catalog import Aggregation, Kpi, Measure, Where, count, distinct, money, rows, spread, total
from kpi.change import change
from kpi.cube import Cube, measure
from kpi.dimensions import dimensions
from kpi.evaluation import evaluate
from kpi.periods import Period, preset
from kpi.profiles import Profile
from kpi.quality import check
from kpi.reading import read
from kpi.relevance import relevant, unlock, why_not
from kpi.show import show
from kpi.tables import Dataset, Issue
from kpi.workspace import Workspace

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
    "Profile",
    "Where",
    "Workspace",
    "change",
    "check",
    "count",
    "dimensions",
    "distinct",
    "evaluate",
    "measure",
    "money",
    "preset",
    "read",
    "relevant",
    "rows",
    "show",
    "spread",
    "total",
    "unlock",
    "why_not",
]
