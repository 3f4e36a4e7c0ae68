"""Values of PostgreSQL's types as it writes them: the edges of each, and more at random (from a seed)."""
import datetime
import json
import random
import uuid

SETUP = ["drop type if exists ty_mood, ty_pair cascade", "drop domain if exists ty_small cascade", "create type ty_mood as enum ('sad', 'ok', 'it''s \"ü\"')",
         "create type ty_pair as (a integer, b text)", "create domain ty_small as smallint check (value > -100)",
         "create extension if not exists hstore"]

INTEGERS = {"int2": 15, "int4": 31, "int8": 63}
DATES = ["2000-01-01", "1999-12-31", "1970-01-01", "2024-02-29", "0001-01-01", "4713-01-01 BC", "5874897-12-31", "infinity", "-infinity", "0044-03-15 BC"]
TIMES = ["00:00:00", "24:00:00", "23:59:59.999999", "12:34:56.000001", "01:02:03.1"]
STAMPS = ["2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999", "infinity", "-infinity",
          "2024-02-29 12:34:56.789012", "1970-01-01 00:00:00.000001", "0001-12-31 00:00:00 BC"]
WORDS = ["", " ", "a", "it's", "\\", "\"", "null", "NULL", "ü", "漢字", "\U0001f600", "a\nb\tc\r", "{}", "(,)", "x" * 3000, "\x01\x7f", "ﬀ", "e\u0301"]
FLOATS = ["0", "-0", "1", "-1.5", "0.1", "NaN", "Infinity", "-Infinity", "1e-5", "123456789", "1e15", "1e16"]
NUMERICS = ["0", "0.0", "-0.000", "1", "-1", "0.1", "1.10", "10000", "9999.9999", "NaN", "Infinity", "-Infinity", "1e-1000", "1e1000", "123456789012345678901234567890.123456789",
            "0." + "0" * 50 + "1", "9" * 200]
INTERVALS = ["0", "1 year", "-1 mon", "1 year 2 mons -3 days 04:05:06.789", "-00:00:00.000001", "178000000 years", "1 day -1 sec", "25:00:00", "100000 hours",
             "-178000000 years", "2147483647 days"]

FIXED = {
    "bool": ["t", "f"],
    "int2": [], "int4": [], "int8": [],
    "float4": [*FLOATS, "1e-45", "3.4028235e38", "1.1754944e-38", "16777216", "0.3"],
    "float8": [*FLOATS, "5e-324", "1.7976931348623157e308", "2.2250738585072014e-308", "0.30000000000000004", "9007199254740993"],
    "numeric": NUMERICS,
    "numeric(10,2)": ["0", "1.005", "-99999999.99", "12.3"],
    "numeric(3,-2)": ["12345", "-50"],
    "text": WORDS, "varchar": WORDS[:8], "varchar(5)": ["", "abc", "abcde", "ü"], "char(5)": ["", "a", "abcde", " a "], "\"char\"": ["a", "", "\\377"],
    "name": ["a", "x" * 63, "ü"],
    "bytea": ["\\x", "\\x00", "\\xdeadbeef", "\\x" + bytes(range(256)).hex(), "abc"],
    "date": DATES, "time": TIMES, "time(3)": ["01:02:03.4567"], "timetz": ["00:00:00+00", "24:00:00-15:59:59", "12:34:56.789+05:30", "23:59:59.999999-08"],
    "timestamp": STAMPS, "timestamp(0)": ["2024-01-01 00:00:00.6"], "timestamptz": [s.replace(" BC", "+02 BC") if "BC" in s else s for s in STAMPS],
    "interval": INTERVALS, "interval day to second": ["1 day 02:03:04.5"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "json": ["null", "1", "\"a\"", "[]", "{}", " { \"b\" : 1, \"a\" : [1.50, null, true], \"b\" : 2 } ", "\"\\u00fc\\n\"", "1e400"],
    "jsonb": ["null", "1", "\"a\"", "[]", "{}", "{\"b\": 1, \"a\": [1.50, null, true], \"b\": 2}", "\"ü\\n\"", "1e400"],
    "jsonpath": ["$.a[*] ? (@ > 1)"],
    "xml": ["<a b=\"c\">d</a>", "text"],
    "inet": ["127.0.0.1", "10.0.0.0/8", "::1", "fe80::1/64", "::ffff:1.2.3.4"], "cidr": ["10.0.0.0/8", "::/0"],
    "macaddr": ["08:00:2b:01:02:03"], "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bit(3)": ["101", "000"], "varbit": ["", "1", "10101010101"], "money": ["0", "-1234.56", "92233720368547758.07"],
    "point": ["(0,0)", "(-1.5,1e300)"], "line": ["{1,2,3}"], "lseg": ["[(0,0),(1,1)]"], "box": ["(1,1),(0,0)"], "path": ["[(0,0),(1,1)]", "((0,0),(1,1))"],
    "polygon": ["((0,0),(1,1),(2,0))"], "circle": ["<(0,0),1>"],
    "tsvector": ["", "'a':1A 'b':2,3"], "tsquery": ["'a' & ( 'b' | !'c' )", "'a' <-> 'b':*"],
    "int4range": ["empty", "[1,5)", "(,)", "[,3]"], "numrange": ["[1.5,2.5]", "empty"], "tstzrange": ["[2024-01-01 00:00+00,)"], "daterange": ["[2024-01-01,2024-02-01)"],
    "int4multirange": ["{}", "{[1,3),[5,7)}"], "datemultirange": ["{[2024-01-01,2024-02-01)}"],
    "oid": ["0", "4294967295"], "xid": ["7"], "xid8": ["9000000000"], "cid": ["7"], "tid": ["(1,2)"], "pg_lsn": ["16/B374D848"], "regclass": ["pg_class"],
    "regtype": ["integer", "numeric"], "regproc": ["now"], "pg_snapshot": ["10:20:10,14,15"],
    "ty_mood": ["sad", "ok", "it's \"ü\""], "ty_pair": ["(1,x)", "(,)", "(-5,\"a \"\"b\"\" ,\")"], "ty_small": ["0", "-99", "32767"], "hstore": ["", "\"a\"=>\"1\", \"b\"=>NULL"],
    "int4[]": ["{}", "{1,NULL,-3}", "{{1,2},{3,4}}", "[0:1]={1,2}"], "text[]": ["{}", "{a,\"\",\"b c\",NULL,\"NULL\",\"a\\\"b\\\\\"}"], "bool[]": ["{t,f,NULL}"],
    "numeric[]": ["{1.10,NaN,-0.001}"], "float8[]": ["{0.1,NaN,-Infinity}"], "timestamptz[]": ["{\"2024-01-01 00:00:00+00\",NULL}"], "bytea[]": ["{\"\\\\x00ff\"}"],
    "uuid[]": ["{00000000-0000-0000-0000-000000000001}"], "json[]": ["{\"{\\\"a\\\": 1}\"}"], "interval[]": ["{\"1 day\",NULL}"], "ty_mood[]": ["{sad,ok}"],
    "ty_pair[]": ["{\"(1,x)\",NULL}"], "ty_small[]": ["{1,2}"], "int4range[]": ["{\"[1,5)\"}"], "date[]": ["{2024-01-01,infinity}"],
}


def at_random(kind, r, n):
    """n values at random of a type that has them."""
    def day():
        return (datetime.date(1, 1, 1) + datetime.timedelta(days=r.randrange(3652058))).isoformat()

    def clock():
        return f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}.{r.randrange(1000000):06}"

    def word():
        return "".join(chr(r.choice([r.randrange(32, 127), r.randrange(0xa0, 0xd800), r.randrange(0x10000, 0x20000)])) for _ in range(r.randrange(20)))

    def decimal():
        digits = str(r.randrange(10 ** r.randrange(1, 40)))
        return r.choice(["", "-"]) + digits + ("." + "".join(r.choice("0123456789") for _ in range(r.randrange(1, 30))) if r.random() < 0.7 else "")

    def real(bits):
        import struct
        return repr(struct.unpack(">f" if bits == 32 else ">d", r.randbytes(bits // 8))[0])

    def interval():
        return f"{r.randrange(-5000, 5000)} mons {r.randrange(-100000, 100000)} days {r.randrange(-10**9, 10**9)}.{r.randrange(10**6):06} secs"

    makers = {
        "float4": lambda: real(32), "float8": lambda: real(64), "numeric": decimal, "text": word, "bytea": lambda: "\\x" + r.randbytes(r.randrange(40)).hex(),
        "date": day, "time": clock, "timetz": lambda: clock() + r.choice(["+00", "+05:30", "-11", "+14"]), "timestamp": lambda: f"{day()} {clock()}",
        "timestamptz": lambda: f"{day()} {clock()}{r.choice(['+00', '+05:45', '-08'])}", "interval": interval, "uuid": lambda: str(uuid.UUID(int=r.getrandbits(128))),
        "jsonb": lambda: json.dumps({word(): [r.random(), word(), None, r.randrange(100)]}), "inet": lambda: ".".join(str(r.randrange(256)) for _ in range(4)),
        "varbit": lambda: "".join(r.choice("01") for _ in range(r.randrange(50))), "money": lambda: str(r.randrange(-10**12, 10**12) / 100),
        "int4[]": lambda: "{" + ",".join(r.choice(["NULL", str(r.randrange(-2**31, 2**31))]) for _ in range(r.randrange(9))) + "}",
        **{k: (lambda bits=bits: str(r.randrange(-2**bits, 2**bits))) for k, bits in INTEGERS.items()},
    }
    return [makers[kind]() for _ in range(n)] if kind in makers else []


def values(kind, seed=5, n=50):
    """A list without SQL NULL, which every test adds."""
    edges = list(FIXED[kind])
    if kind in INTEGERS:
        edges = [str(v) for v in (0, 1, -1, 2 ** INTEGERS[kind] - 1, -2 ** INTEGERS[kind])]
    return edges + at_random(kind, random.Random(f"{seed} {kind}"), n)
