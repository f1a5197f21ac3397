"""Levels, first arcs and pricing: the restricted problems that the interior point solves, and the bracket
over all arcs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from armor.exact.bracket import dual_value
from armor.exact.costs import TIE
from armor.exact.geometry import Geometry, Violations
from armor.exact.interior import ArcResult, solve_arcs
from armor.exact.linear import ArcGraph, dense
from armor.exact.members import Member
from armor.exact.primal import Primal, best_primal
from armor.exact.program import solve_program
from armor.exact.solution import Method

__all__ = ["Bracket", "Level", "Progress", "solve_level"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_DIRECT = 150 * 150  # arcs up to which a problem is solved on all of them
_FIRST = 7  # first arcs of every row and of every column
_SHARE = 1e-3  # least share of a coarse column that makes an arc worth inheriting
_PARENTS = 3  # most arcs of a coarse column that are inherited
_SHRINK = 3  # arcs kept per point at the one reduction, at least
_KEPT = 1e-2  # share of its row's and of its column's mass that keeps an arc in the reduction
_EASE = 1e-3  # accuracy of a restricted problem against the gap over all arcs
_KEEP = 2  # violated arcs added for every row and every column


@dataclass(frozen=True)
class Progress:
    """What a running solve reports after every round."""

    rows: int
    columns: int
    round: int
    arcs: int
    lower: float
    upper: float


@dataclass(frozen=True)
class Level:
    """One finite problem: positive weights, a cost, a divergence and the support mode."""

    member: Member
    p: Array
    q: Array
    geometry: Geometry
    space: bool

    @property
    def arcs(self) -> tuple[Index, Index] | None:
        """All finite arcs, where they are few enough to do without levels."""
        n, m = self.geometry.n, self.geometry.m
        if n * m <= _DIRECT:
            rows, columns = np.divmod(np.arange(n * m), m)
            finite = np.isfinite(self.geometry.arcs(rows, columns))
            return rows[finite], columns[finite]
        return self.geometry.finite_arcs(16 * (n + m))


@dataclass
class Bracket:
    """The best witnesses so far, over all arcs of the level."""

    lower: float = -np.inf
    upper: float = np.inf
    g: Array = field(default_factory=lambda: np.empty(0))
    h: Array = field(default_factory=lambda: np.empty(0))
    primal: Primal | None = None
    rounds: int = 0
    iterations: int = 0
    method: Method = Method.MULTILEVEL
    interrupted: bool = False
    stalled: bool = False

    def within(self, relative: float, absolute: float) -> bool:
        """Whether the gap is small against the value, or absolutely."""
        return self.upper - self.lower <= max(relative * abs(self.upper), absolute)


def solve_level(
    level: Level,
    *,
    relative: float,
    absolute: float,
    rng: np.random.Generator,
    rounds: int = 60,
    report: Callable[[Progress], None] | None = None,
) -> Bracket:
    """Solve one level to a relative gap over all arcs; coarse levels give the first potentials."""
    bracket = Bracket()
    try:
        arcs = level.arcs
        if arcs is not None:
            _solve_fixed(level, arcs, bracket, relative, absolute)
        else:
            if level.geometry.flat:
                g, h, keys = _ease(level, bracket, rng, report)
            else:
                g, h, keys = _lift(level, bracket, rng, report)
            _raise_lower(level, bracket, g, h)  # a bound to return if the first round is interrupted
            _solve_priced(level, keys, bracket, relative, absolute, rounds, report)
    except KeyboardInterrupt:
        bracket.interrupted = True
    return bracket


def _solve_fixed(
    level: Level, arcs: tuple[Index, Index], bracket: Bracket, relative: float, absolute: float
) -> None:
    """All finite arcs at once: no pricing."""
    graph = ArcGraph(level.geometry.n, level.geometry.m, *arcs)
    bracket.method = Method.DENSE if dense(graph) else Method.SPARSE
    cost = level.geometry.arcs(*arcs)
    result = _arc_solve(level, graph, cost, 0.2 * relative, 0.2 * absolute)
    bracket.rounds, bracket.iterations = 1, result.iterations
    h = graph.row_max(result.g[graph.columns] - cost)
    _raise_lower(level, bracket, result.g, h)
    _drop_upper(level, bracket, graph, cost, result)
    bracket.stalled = not bracket.within(relative, absolute)


def _arc_solve(level: Level, graph: ArcGraph, cost: Array, relative: float, absolute: float) -> ArcResult:
    """The interior point, or the simplex method where that fails on rows made of segments; where capped rows
    may leave the arcs without a plan, at an elastic price that is raised.
    """
    member = level.member
    capped = bool(member.segments) and not np.isfinite(member.recession)
    price = 4 * float(np.max(cost)) + 1e-3 if capped and graph.count < graph.n * graph.m else np.inf
    for _ in range(4):
        result = solve_arcs(
            member,
            level.p,
            level.q,
            graph,
            cost,
            space=level.space,
            relative=relative,
            absolute=absolute,
            elastic=price,
        )
        if member.segments and not result.reached:
            outside = member.recession if level.space and np.isfinite(member.recession) else price
            vertex = solve_program(member, level.p, level.q, graph, cost, outside)
            result = result if vertex is None else vertex
        if not np.isfinite(price) or float(result.g.max()) < 0.5 * price:
            break
        price *= 30
    return result


def _raise_lower(level: Level, bracket: Bracket, g: Array, h: Array) -> None:
    value, rho = dual_value(level.member, level.p, level.q, g, h, space=level.space)
    if value > bracket.lower or len(bracket.g) == 0:
        bracket.lower, bracket.g, bracket.h = max(value, bracket.lower), g - rho, h - rho


def _drop_upper(level: Level, bracket: Bracket, graph: ArcGraph, cost: Array, result: ArcResult) -> None:
    primal = best_primal(level.member, level.p, level.q, level.geometry, graph, cost, result, level.space)
    if primal.value < bracket.upper:
        bracket.upper, bracket.primal = primal.value, primal


def _lift(
    level: Level,
    bracket: Bracket,
    rng: np.random.Generator,
    report: Callable[[Progress], None] | None,
) -> tuple[Array, Array, Index]:
    """Potentials from the solved problem of the landmarks, `g_j = min_I (y_I + c_Ij)`, `h_i = max_j (g_j -
    c_ij)`, and the keys of the first arcs.
    """
    soft = level.geometry.soft()
    rows, row_of, columns, column_of = soft.landmarks(rng)
    coarse = Level(
        level.member,
        np.asarray(np.bincount(row_of, weights=level.p, minlength=len(rows)), dtype=np.float64),
        np.asarray(np.bincount(column_of, weights=level.q, minlength=len(columns)), dtype=np.float64),
        soft.restrict(rows, columns),
        level.space,
    )
    solved = solve_level(coarse, relative=1e-4, absolute=1e-7, rng=rng, rounds=20, report=report)
    bracket.iterations += solved.iterations
    if solved.interrupted:
        raise KeyboardInterrupt
    everything = np.arange(soft.m)
    g = _row_minimum(soft.restrict(rows, everything).transpose(), -solved.h)
    if level.space and np.isfinite(level.member.recession) and level.member.alpha is None:
        g = np.minimum(g, level.member.recession)
    h = -_row_minimum(soft, g)
    keys = np.union1d(_tight(level.geometry, g, h, _FIRST), _children(solved, row_of, column_of, soft.m))
    return g, h, _finite(level.geometry, keys)


def _ease(
    level: Level,
    bracket: Bracket,
    rng: np.random.Generator,
    report: Callable[[Progress], None] | None,
) -> tuple[Array, Array, Index]:
    """Potentials and the keys of the first arcs from the same problem with softened costs.

    Ties between arcs of cost 0 would be broken at random: the arcs would connect everything with
    everything, and a sparse factor would fill in. The softened cost prefers near points, whose arcs hardly
    cross in the plane.
    """
    geometry = level.geometry
    soft = geometry.soft()
    eased = solve_level(
        Level(level.member, level.p, level.q, soft, level.space),
        relative=1e-3,
        absolute=1e-6,
        rng=rng,
        rounds=20,
        report=report,
    )
    bracket.iterations += eased.iterations
    if eased.interrupted:
        raise KeyboardInterrupt
    keys = _tight(soft, eased.g, eased.h, _FIRST)
    if eased.primal is not None:
        plan = eased.primal
        used = plan.x > _SHARE * np.bincount(plan.columns, weights=plan.x)[plan.columns]
        keys = np.union1d(keys, plan.rows[used] * geometry.m + plan.columns[used])
    keys = _finite(geometry, keys)
    rows, columns = np.divmod(keys, geometry.m)
    lone_rows = np.setdiff1d(np.arange(geometry.n), rows)
    lone_columns = np.setdiff1d(np.arange(geometry.m), columns)
    if len(lone_rows):
        a, b, _ = geometry.restrict(lone_rows, np.arange(geometry.m)).row_best(eased.g, 1)
        keys = np.union1d(keys, lone_rows[a] * geometry.m + b)
    if len(lone_columns):
        part = geometry.restrict(np.arange(geometry.n), lone_columns).transpose()
        a, b, _ = part.row_best(-eased.h, 1)
        keys = np.union1d(keys, b * geometry.m + lone_columns[a])
    return eased.g, eased.h + 2 * TIE, keys  # twice what a ball's softened cost is above 0


def _tight(geometry: Geometry, g: Array, h: Array, k: int) -> Index:
    """Keys of the `k` smallest `h_i + c_ij - g_j` of every row and of every column."""
    a, b, _ = geometry.row_best(g, k)
    d, c, _ = geometry.transpose().row_best(-h, k)
    return np.unique(np.concatenate([a * geometry.m + b, c * geometry.m + d]))


def _finite(geometry: Geometry, keys: Index) -> Index:
    """Those of finite cost."""
    return keys[np.isfinite(geometry.arcs(*np.divmod(keys, geometry.m)))]


def _children(solved: Bracket, row_of: Index, column_of: Index, m: int) -> Index:
    """Keys of the arcs between the members of two landmarks that the coarse plan connects."""
    primal = solved.primal
    if primal is None:
        return np.empty(0, dtype=np.int64)
    used = primal.x > _SHARE * np.bincount(primal.columns, weights=primal.x)[primal.columns]
    used &= _rank(primal.columns, -primal.x, int(column_of.max()) + 1) < _PARENTS
    coarse_rows, coarse_columns = primal.rows[used], primal.columns[used]
    row_order, column_order = np.argsort(row_of, kind="stable"), np.argsort(column_of, kind="stable")
    row_count = np.bincount(row_of)
    column_count = np.bincount(column_of)
    row_start = np.cumsum(row_count) - row_count
    column_start = np.cumsum(column_count) - column_count
    pairs = row_count[coarse_rows] * column_count[coarse_columns]
    arc = np.repeat(np.arange(len(pairs)), pairs)
    within = np.arange(len(arc)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    width = column_count[coarse_columns][arc]
    rows = row_order[row_start[coarse_rows[arc]] + within // width]
    columns = column_order[column_start[coarse_columns[arc]] + within % width]
    return np.asarray(rows * m + columns)


def _row_minimum(geometry: Geometry, g: Array) -> Array:
    """`min_j c_ij - g_j` of every row."""
    rows, _, values = geometry.row_best(g, 1)
    out = np.full(geometry.n, np.inf)
    np.minimum.at(out, rows, values)
    return out


def _solve_priced(
    level: Level,
    keys: Index,
    bracket: Bracket,
    relative: float,
    absolute: float,
    rounds: int,
    report: Callable[[Progress], None] | None,
) -> None:
    geometry = level.geometry
    n, m = geometry.n, geometry.m
    cost = geometry.arcs(*np.divmod(keys, m))
    shrunk = exhausted = False
    previous = np.inf
    keep = _KEEP
    dropped = np.empty(0, dtype=np.int64)
    for _ in range(rounds):
        graph = ArcGraph(n, m, *np.divmod(keys, m))
        gap = np.inf
        if np.isfinite(bracket.upper):
            gap = (bracket.upper - bracket.lower) / max(abs(bracket.upper), absolute)
        accuracy = 0.2 * relative
        if not exhausted:
            # Before the reduction the plan must have told its arcs apart, which takes a barrier of the
            # order of the spacing of the points.
            first = min(1e-3, 4.0 / (n + m))
            accuracy = max(accuracy, min(_EASE * gap, 1e-4) if gap <= 0.1 else first)
        result = _arc_solve(level, graph, cost, accuracy, 0.2 * absolute)
        bracket.rounds += 1
        bracket.iterations += result.iterations
        best = graph.row_max(result.g[graph.columns] - cost)
        i, j, value = geometry.violations(best, result.g, keep)
        _repair(level, bracket, result.g, best, (i, j, value))
        _drop_upper(level, bracket, graph, cost, result)
        if report is not None:
            report(Progress(n, m, bracket.rounds, len(keys), bracket.lower, bracket.upper))
        if bracket.within(relative, absolute):
            return
        gap = (bracket.upper - bracket.lower) / max(abs(bracket.upper), absolute)
        new = _worst(i, j, value, n, m, keep)
        fresh = np.setdiff1d(new, keys, assume_unique=True)
        if len(fresh) == 0 and accuracy <= 0.2 * relative and not gap < 0.5 * previous:
            bracket.stalled = True
            return
        exhausted = len(fresh) == 0
        # Badly connected parts of the arc graph shift as a whole: then more arcs have to enter at once.
        keep = _KEEP if gap < 0.5 * previous else min(4 * keep, 64)
        if shrunk and len(dropped) and gap >= 0.5 * previous:
            # The reduction cut too much: put back what it dropped.
            fresh = np.union1d(fresh, np.setdiff1d(dropped, keys, assume_unique=True))
            dropped = dropped[:0]
        previous = gap
        if not shrunk and gap < 0.2:
            shrunk = True
            kept = _shrink(graph, result)
            dropped = keys[~kept]
            keys, cost = keys[kept], cost[kept]
            fresh = np.setdiff1d(new, keys, assume_unique=True)
        merged = np.concatenate([keys, fresh])
        order = np.argsort(merged, kind="stable")
        cost = np.concatenate([cost, geometry.arcs(*np.divmod(fresh, m))])[order]
        keys = merged[order]


def _repair(level: Level, bracket: Bracket, g: Array, h: Array, found: Violations) -> None:
    """Lower bounds from prices that some arcs contradict: `h` raised, `g` lowered, or at every arc the
    lighter end (which decides when weights range over many orders of magnitude), then `h` anew.
    """
    i, j, value = found
    raised, low, mixed = h.copy(), g.copy(), g.copy()
    np.maximum.at(raised, i, h[i] - value)
    np.minimum.at(low, j, g[j] + value)
    _raise_lower(level, bracket, g, raised)
    _raise_lower(level, bracket, low, h)
    light = level.q[j] < level.p[i]
    if light.any() and not light.all():
        np.minimum.at(mixed, j[light], g[j[light]] + value[light])
        _raise_lower(level, bracket, mixed, -_row_minimum(level.geometry, mixed))


def _rank(line: Index, value: Array, count: int) -> Index:
    """The place of every entry among those of its line, by ascending value."""
    order = np.lexsort((value, line))
    sorted_line = line[order]
    start = np.searchsorted(sorted_line, np.arange(count))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - start[sorted_line]
    return rank


def _worst(i: Index, j: Index, value: Array, n: int, m: int, keep: int) -> Index:
    """Keys `i m + j` of the `keep` most negative arcs of every row and of every column."""
    chosen = (_rank(i, value, n) < keep) | (_rank(j, value, m) < keep)
    return np.unique(i[chosen] * m + j[chosen])


def _shrink(graph: ArcGraph, result: ArcResult) -> NDArray[np.bool_]:
    """Arcs worth keeping: the `3(n+m)` smallest slacks, every arc that carries a share of both its row and
    its column (duplicated points share their mass between many), the two best of each line, and the largest
    mass of each column.
    """
    slack, x = result.s, result.x
    most = min(graph.count, _SHRINK * (graph.n + graph.m))
    larger = np.maximum(graph.row_sum(x)[graph.rows], graph.column_sum(x)[graph.columns])
    kept = np.asarray(x > _KEPT * larger)
    kept[np.argpartition(slack, most - 1)[:most]] = True
    kept |= _rank(graph.rows, slack, graph.n) < 2
    kept |= _rank(graph.columns, slack, graph.m) < 2
    kept |= _rank(graph.columns, -x, graph.m) < 1
    return kept
