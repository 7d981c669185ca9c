"""SQLite, as the npm package sql.js compiles it, computes what it computes under PyPI wasmtime.

A module of 0.7 MB with an interpreter's dispatch loop, floats printed and parsed, sorting and much
pointer arithmetic. The export names are those that the package's glue code binds.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# sqlite3_* and malloc in sql.js 1.16.0, after Emscripten's minifier.
CONSTRUCTORS, MALLOC, OPEN, ERRMSG = "P", "Ia", "Ha", "$"
PREPARE, STEP, COLUMN_COUNT, COLUMN_TEXT, FINALIZE = "T", "U", "sa", "Z", "X"
ROW = 100

STATEMENTS = (
    "create table t (a integer primary key, b text, c real)",
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) "
    "insert into t select i, printf('%05x', i * 2654435761 % 1048576), i / 7.0 from n",
    "create index t_b on t (b)",
    "select count(*), sum(c), max(b), min(b), avg(a), total(a * c) from t",
    "select b, round(c, 3) from t order by b limit 5",
    "select x.a, y.a from t x join t y on x.b = y.b where x.a < 10",
    "select upper(group_concat(b, '-')) from t where a between 3 and 9",
    "select 9223372036854775807 + 0, -7 / 2, -7 % 3, 1e308 * 10, 0.1 + 0.2, 1 << 62, ~5",
    "select substr('wasm', -3), replace('aXbX', 'X', 'yy'), hex(zeroblob(3)), typeof(1.5)",
    "select a % 10 as k, count(*), sum(c) from t group by k having k > 6",
    "update t set c = c * 1.1 where a % 3 = 0",
    "delete from t where a > 1500",
    "select count(*), sum(c) from t",
    "pragma integrity_check",
    "select nope from t",
)


def _results(program: Any) -> list[object]:
    program.call(CONSTRUCTORS)
    cell = program.call(MALLOC, 4)
    assert program.call(OPEN, program.string(":memory:"), cell) == 0
    database = program.pointer(cell)
    results: list[object] = []
    for sql in STATEMENTS:
        if code := program.call(PREPARE, database, program.string(sql), -1, cell, 0):
            results.append((code, program.text(program.call(ERRMSG, database))))
            continue
        statement = program.pointer(cell)
        while program.call(STEP, statement) == ROW:
            columns = range(program.call(COLUMN_COUNT, statement))
            results.append([program.text(program.call(COLUMN_TEXT, statement, i)) for i in columns])
        results.append(program.call(FINALIZE, statement))
    return results


@pytest.mark.parametrize("strategy", ["baseline", "optimized"])
def test_sqlite_statements_give_the_oracles_rows(
    both: Callable[[str], Any],
    start_program: Callable[..., Any],
    module_path: Callable[[str], Path],
    strategy: str,
) -> None:
    wasm = module_path("sql-wasm.wasm").read_bytes()
    ours, oracle = (
        _results(start_program(package, engine, wasm, MALLOC)) for package, engine in both(strategy)
    )
    assert ours == oracle
    assert ["ok"] in oracle
