# SPDX-License-Identifier: Apache-2.0
"""From the figures of all rounds to the rows of the table: a ratio a round, its median, its spread, its budget."""

from statistics import median, quantiles

#: (what is measured, figure, of whom, against whom, "at least" or "at most", budget). No budget: shown for comparison.
ROWS = [
    ("connections a second", "rate", "serverd", "fair", "at least", 0.95),
    ("connections a second", "rate", "serverd", "bare", "at least", 0.85),
    ("connections a second", "rate", "serverd", "tcpserver", "at least", 1.0),
    ("connections a second", "rate", "serverd", "xinetd", "at least", 1.6),
    ("connect to first byte, one client, p50", "first_byte_us", "serverd", "bare", "at most", 1.2),
    ("rate with connections open / with none", "rate_held", "serverd", "serverd", "at least", 0.9),
    ("connections a second", "rate", "fair", "bare", None, None),
    ("connections a second", "rate", "tcpserver", "bare", None, None),
    ("connections a second", "rate", "xinetd", "bare", None, None),
    ("connect to first byte, one client, p50", "first_byte_us", "fair", "bare", None, None),
    ("rate with connections open / with none", "rate_held", "fair", "fair", None, None),
]

#: The figure below the line of a ratio, where it is not the same figure of the other server.
DENOMINATORS = {"rate_held": "rate_none"}


def ratios(rounds, figure, whom, against):
    """One ratio a round in which both were measured: neighbours in time, so that the machine's mood cancels out."""
    below = DENOMINATORS.get(figure, figure)
    pairs = ((one.get(whom, {}).get(figure), one.get(against, {}).get(below)) for one in rounds)
    return [a / b for a, b in pairs if a and b]


def rows(rounds, judged=True):
    """The table's rows, as dictionaries; a row whose servers were not measured is left out.

    Whether a budget is met is said only where there were rounds enough to tell.
    """
    table = []
    for what, figure, whom, against, sense, budget in ROWS:
        values = ratios(rounds, figure, whom, against)
        if not values:
            continue
        middle = median(values)
        met = None
        if budget is not None and judged:
            met = middle >= budget if sense == "at least" else middle <= budget
        low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (middle, middle, middle)
        row = {"what": what, "of": whom, "against": against, "median": middle, "low": low, "high": high}
        table.append(row | {"rounds": len(values), "sense": sense, "budget": budget, "met": met})
    return table


def figures(rounds):
    """The median of each figure of each server, for readers who want numbers beside the ratios."""
    result = {}
    for one in rounds:
        for name, values in one.items():
            for figure, value in values.items():
                result.setdefault(name, {}).setdefault(figure, []).append(value)
    return {name: {f: median(v) for f, v in values.items()} for name, values in result.items()}


def ratio_table(results):
    """The ratios as a Markdown table."""
    lines = ["| what | of | against | median | quartiles | budget | |", "|---|---|---|---|---|---|---|"]
    for row in results["rows"]:
        budget = {"at least": "≥", "at most": "≤", None: ""}[row["sense"]]
        budget += "" if row["budget"] is None else f" {row['budget']:.2f}"
        unjudged = "" if row["budget"] is None else "too short to tell"
        met = {True: "met", False: "**not met**", None: unjudged}[row["met"]]
        spread = f"{row['low']:.2f} – {row['high']:.2f}"
        against = "itself, none open" if row["of"] == row["against"] else row["against"]
        lines.append(f"| {row['what']} | {row['of']} | {against} | {row['median']:.2f} | {spread} | {budget} | {met} |")
    return "\n".join(lines)


def figure_table(results):
    """The medians behind the ratios as a Markdown table."""
    columns = ["rate", "first_byte_us", "rate_none", "rate_held", "failures"]
    held = f"{results['held']:,} open"
    heads = ["connections a second", "first byte, one client, µs", "rate before", f"rate with {held}", "failures"]
    lines = ["| server | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, values in results["figures"].items():
        cells = ["–" if values.get(c) is None else f"{values[c]:,.0f}" for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
