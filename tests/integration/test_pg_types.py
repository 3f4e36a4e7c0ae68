"""Every type of PostgreSQL, text and binary: through a toolkit each message is the server's own, byte for byte.

Values come from pgtypes.py: the edges of each type and random ones; QF_TYPES_SEED takes others.
"""
import os
import re
import struct

import pytest

import pgkit
import pgtypes
from pgwire import Wire, bind, describe, errors, execute, line, parse, query, raw_values, run, sync

pytestmark = [pgkit.needs_postgres, pytest.mark.timeout(120)]
SEED = os.environ.get("QF_TYPES_SEED", "5")


@pytest.fixture(scope="module")
def server(pg):
    for sql in pgtypes.SETUP:
        pg.sql(sql)
    return pg


@pytest.fixture(scope="module")
def front(pg, tmp_path_factory):
    with pgkit.ending(pgkit.before(pg, tmp_path_factory.mktemp("front") / "kit")) as kit:
        yield kit


@pytest.fixture(params=["direct", "toolkit"])
def pair(request, server):
    """A conversation with the server, and one with what is compared with it: itself, or the toolkit."""
    other = server if request.param == "direct" else request.getfixturevalue("front")
    with Wire(server.target()).begin() as a, Wire(other.target()).begin() as b:
        yield a, b


def both(pair, *messages, n=1):
    """What the server says, once it is clear that the other says the same."""
    want, got = (w.talk(*messages, n=n) for w in pair)
    if want != got:
        at = next((i for i, (x, y) in enumerate(zip(want, got)) if x != y), min(len(want), len(got)))
        pytest.fail(f"message {at} of {len(want)}: {got[at:at + 1]} is not {want[at:at + 1]}; {line(got)[:300]}")
    return want


def array(values):
    """A text[] literal."""
    return "{" + ",".join("NULL" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values) + "}"


@pytest.mark.parametrize("kind", pgtypes.FIXED)
def test_type(pair, kind):
    values = [*pgtypes.values(kind, SEED), None]
    rows = f"select x::{kind} as v, o from unnest($1::text[]) with ordinality u(x, o) order by o"
    texts, binaries = (raw_values(both(pair, run(rows, [array(values)], wanted=[code]))) for code in (0, 1))
    assert len(texts) == len(values), "the server refuses a value of the table"
    simple = both(pair, query(rows.replace("$1", "'" + array(values).replace("'", "''") + "'")))
    assert raw_values(simple) == texts
    # Each value as a parameter, in the form that the server gave, and all of them in one conversation.
    conversation = [parse(f"select $1::{kind} as v, $1::{kind} as w", "s"), describe("S", "s")]
    for code, forms in ((0, texts), (1, binaries)):
        if code == 1 and len(binaries) != len(values):
            continue  # a type without a binary form: that both say so was compared above
        for form in forms:
            conversation += [bind([form[0]], statement="s", given=[code], wanted=[0, 1]), execute()]
    got = both(pair, *conversation, sync())
    if len(binaries) == len(values) and not errors(got):
        rounds = [r for r in raw_values(got)]
        assert [r[0] for r in rounds] == [t[0] for t in texts] * 2


@pytest.mark.parametrize("kind", ["int4", "text", "numeric", "timestamptz", "ty_mood", "ty_pair", "jsonb", "int4[]", "char(5)", "numeric(10,2)"])
def test_a_column(pair, kind):
    """RowDescription names table, column, length and modifier."""
    values = [*pgtypes.values(kind, SEED), None]
    table = "ty_" + re.sub(r"\W", "_", kind)
    pair[0].ask(f"drop table if exists {table}")
    pair[0].ask(f"create table {table} (o bigint, v {kind})")
    insert = [bind([str(i), v], statement="i") + execute() for i, v in enumerate(values)]
    for w in pair:
        assert not errors(w.talk(parse(f"insert into {table} values ($1, $2)", "i"), *insert, sync()))
    for wanted in ([], [1], [1, 0]):
        both(pair, run(f"select o, v, v as again from {table} order by o", wanted=wanted if len(wanted) < 2 else [1, 0, 1]))
    both(pair, query(f"select * from {table} order by o"))
    both(pair, run(f"insert into {table} values (-1, null) returning *", wanted=[1]))


SETTINGS = [("datestyle", "'German, DMY'"), ("datestyle", "'SQL'"), ("intervalstyle", "iso_8601"), ("bytea_output", "escape"), ("extra_float_digits", "-15"),
            ("extra_float_digits", "0"), ("timezone", "'Australia/Lord_Howe'"), ("timezone", "'-03:30'"), ("xmlbinary", "hex"), ("lc_monetary", "'C'"),
            ("search_path", "pg_catalog"), ("client_encoding", "'LATIN1'")]
ONE_FORM = "a session's text has one form, whatever engine the rows come from: ISO dates, postgres intervals, UTF8"
# What a session cannot be set to.
REFUSED = {("datestyle", "'German, DMY'"): ONE_FORM, ("datestyle", "'SQL'"): ONE_FORM, ("intervalstyle", "iso_8601"): ONE_FORM,
           ("client_encoding", "'LATIN1'"): ONE_FORM}


@pytest.mark.parametrize("name, value", SETTINGS)
def test_settings_that_change_text(pair, name, value):
    """A setting is the session's, however many connections serve it; and it is gone with it."""
    show = ("select '2024-02-29'::date, '2024-07-01 12:00+00'::timestamptz, '1 year -2 days 03:00'::interval, '\\x00ff'::bytea, 0.1::float8, 1.5::money,"
            " 'pg_class'::regclass, 'é'::text")
    if (name, value) in REFUSED and pair[1].target.kit:
        assert line(pair[1].ask(f"set {name} = {value}")) == "E/22023 Z/I", "it can be set now: take it off REFUSED"
        return
    both(pair, query(f"set {name} = {value}"))
    for _ in range(3):
        both(pair, query(show))
        both(pair, run(show))
    both(pair, run(show, wanted=[1]))
    both(pair, query(f"show {name}"))
    both(pair, query(f"begin; set local {name} to default; {show}; rollback; {show}"))
    both(pair, query(f"reset {name}"))
    both(pair, run(show))


def test_errors_and_notices_have_all_fields(pair):
    for kind in ("int4", "date", "json", "ty_mood", "ty_small", "uuid", "int4[]", "bytea", "inet"):
        both(pair, query(f"select 'x)'::{kind}"))
        both(pair, parse(f"select $1::{kind}"), bind(["{x"]), execute(), sync())
        both(pair, parse(f"select $1::{kind}"), bind([b"\1\2\3"], given=[1]), execute(), sync())
    both(pair, query("do $$ begin raise warning 'w' using detail = 'd', hint = 'h', errcode = '01999', table = 't'; end $$"))
    both(pair, query("create temporary table if not exists ty_t (a int); create temporary table if not exists ty_t (a int)"))


def test_long_results(pair):
    """Many rows of many types, a row of a megabyte, and many columns."""
    wide = ("select i, i::text || repeat('x', i % 50), i * 1.5, now()::date - i, array[i, null, i], case when i % 3 = 0 then null else i end,"
            " decode(md5(i::text), 'hex') from generate_series(1, 20000) i")
    for messages in (query(wide), run(wide), run(wide, wanted=[1])):
        assert len(raw_values(both(pair, messages))) == 20000
    both(pair, run("select repeat('0123456789abcdef', 70000) as big, $1::bytea", [struct.pack(">Q", 5) * 100000], given=[1], wanted=[1]))
    both(pair, query("select " + ", ".join(f"{i} as column_{i}" for i in range(1600))))
    both(pair, query("select " + ", ".join(f"{i}" for i in range(1700))))
    both(pair, query("select from generate_series(1, 5)"))
