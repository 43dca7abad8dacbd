"""Tables of figures as text."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Table:
    """A title, a header, rows of text, and notes below them."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """One more row."""
        self.rows.append(cells)

    def __str__(self) -> str:
        """As Markdown: the first column to the left, numbers to the right."""
        every = [self.header, *self.rows]
        widths = [max(len(row[column]) for row in every) for column in range(len(self.header))]
        lines = [" | ".join(_aligned(row, widths)) for row in every]
        rule = "|".join("-" * (width + 1) + (":" if at else "-") for at, width in enumerate(widths))
        body = [f"| {lines[0]} |", f"|{rule}|", *(f"| {line} |" for line in lines[1:])]
        return "\n".join([f"### {self.title}", "", *body, *(["", *self.notes] if self.notes else [])])


def _aligned(row: tuple[str, ...], widths: list[int]) -> list[str]:
    first, *others = zip(row, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
