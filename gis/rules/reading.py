"""Rules about what was seen while the file was read: text of old code pages, damaged cells, labels of a drawing."""

from __future__ import annotations

from collections.abc import Iterator

from gis.model import Context, Finding, ParcelTable, Scope, Severity
from gis.rules.registry import Rule, rule


def _noted(to: Rule, ctx: Context) -> Iterator[Finding]:
    """The notes for a rule as its findings."""
    for note in ctx.notes:
        if note.rule == to.id:
            yield to.finding(
                note.record,
                severity=note.severity,
                related=note.related,
                location=note.location,
                measured=note.measured,
                threshold=note.threshold,
                **note.details,
            )


@rule(
    code="K10",
    severity=Severity.WARNING,
    scope=Scope.RECORD,
    basis="TCVN 6909:2001: Unicode is the code of Vietnamese text; stored in normal form C",
    since="0.1",
)
def text_not_unicode(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """Text must be written in Unicode.

    Text of the fonts of before 2001 (TCVN3, VNI) and in decomposed Unicode looks right on one screen only, and no search
    finds it. It was repaired, value by value; each finding tells one value before and after, and the records that have
    it. What was not certain was left alone. Usual causes: a table of an older program, a Shapefile without .cpg.
    Repair: store the file in UTF-8.
    """
    yield from _noted(text_not_unicode, ctx)


@rule(
    code="K12",
    severity=Severity.WARNING,
    scope=Scope.RECORD,
    basis="codes are text: a spreadsheet that takes them for numbers or dates changes them",
    since="0.1",
)
def cell_damaged(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """A cell of a spreadsheet must hold what was written.

    Spreadsheets drop leading zeros (06978 becomes 6978), turn parcel numbers into dates (25-1) and long numbers into
    powers of ten. A coordinate that is no number, or a formula without a stored result, is an ERROR: its corner is
    missing. Repair: give the columns of codes the format Text before the values are typed, then type them again.
    """
    yield from _noted(cell_damaged, ctx)


@rule(
    code="T08",
    severity=Severity.WARNING,
    scope=Scope.SHEET,
    basis="each parcel of the cadastral map carries its number (Thông tư 25/2014/TT-BTNMT, điều 5)",
    since="0.1",
)
def label_missing(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """Each closed boundary of a drawing must hold exactly one parcel number.

    Without it a parcel cannot be named; two numbers in one boundary, or a number outside all, show a boundary that is
    missing or left open. Usual causes: a boundary drawn on a wrong level, ends of lines that do not meet. Repair: close
    the boundary, or put the label inside its parcel. A drawing whose file ends before its end is told here too.
    """
    yield from _noted(label_missing, ctx)


@rule(
    code="A02",
    severity=Severity.ERROR,
    scope=Scope.PARCEL,
    unit="m2",
    basis="the label is rounded to its last digit; the project's own choice: half of that digit and 0.05 m2",
    since="0.1",
)
def area_label_differs(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """The area on the label of a drawing must be that of its boundary.

    The label was true when it was written: a difference shows that the boundary was changed later, or that the number
    was copied from another parcel. Repair: compare both with the survey, then correct the one that is wrong.
    """
    yield from _noted(area_label_differs, ctx)
