-- Casts, and literals that are read as a type.
select 2.5::int, 3.5::int, -2.5::int, 2.4::int, 0.5::int;
select 2.5::float8::int, 3.5::float8::int, -0.5::float8::int;
select '12'::int, ' 12 '::int, '-7'::bigint, '+3'::smallint;
-- refused
select '2.5'::int;
-- refused
select '1e3'::int;
-- refused
select 'abc'::int;
-- refused
select '99999999999'::int;
select '1.50'::numeric, '1.5'::numeric(10,3), '2.675'::numeric(10,2), 1.005::numeric(5,2), 1e3::numeric;
select 1::numeric, 1.10::numeric, 7::numeric(5,2), 12.345::numeric(5,1), 1.5::decimal(4,2);
select 1234.5::numeric(3,1);
select '0.1'::float8, '1e5'::float8, 0.1::float4, '1.5'::real, 'NaN'::float8, 'infinity'::float8, '-inf'::float8;
-- refused
select 0.1::float4::float8, 1.5::float8::float4, 16777217::float4;
select 1.5::float8::numeric(10,2), 2.675::float8::numeric(10,2), 0.285::float8::numeric(10,2);
select 123::text, 1.50::text, true::text, false::text, 'x'::text, null::text;
select 1.5::float8::text, 100::float8::text, 0.1::float8::text, 'NaN'::float8::text, 1e-5::float8::text;
select date '2024-01-31'::text, timestamp '2024-01-31 10:20:30.5'::text, time '01:02:03'::text;
select 'abc'::varchar(2), 'abcdef'::varchar, 12345::text::varchar(3);
-- refused
select 'abc'::char(2);
-- refused
select 'a'::char(3) || 'b';
select 1::bool, 0::bool, 't'::bool, 'yes'::bool, 'off'::bool, ' true '::bool, '1'::bool;
-- refused
select 'maybe'::bool;
select true::int, false::int;
select '2024-01-31'::date, '2024-1-5'::date, '2024-01-31 10:00'::date, '2024-01-31 10:00:00'::timestamp;
-- refused
select '2024-02-30'::date;
-- refused
select 'today'::date = current_date;
-- refused
select '20240131'::date;
select '10:20'::time, '10:20:30.25'::time, '1 day'::interval, '2 hours 30 minutes'::interval;
select '2024-01-31 10:00:00+02'::timestamptz, '2024-01-31 10:00:00Z'::timestamptz, timestamptz '2024-07-01 12:00+00';
select cast('7' as integer) + 1, cast(7 as text) || '!', cast(7.9 as int), cast('2024-01-01' as date) + 1;
select int '5', numeric '1.50', float8 '2.5', text 'x', bool 'f', date '2024-01-01', timestamp '2024-01-01 00:00';
select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid;
-- refused
select 'not-a-uuid'::uuid;
-- refused
select '{1,2,3}'::int[], '{a,b}'::text[], array[1,2,3]::text[];
select id::text || 'x', amount::int, amount::text, amount::float8, amount::numeric(12,3) from orders where id <= 5 order by id;
select right(name, 3)::int + 1 from users where id <= 3 order by id;
select name::int from users where id = 1;
select ('2024-01-' || right(name, 2))::date from users where id <= 3 order by id;
select E'a\tb', E'it\'s', 'a\b', U&'\0041\00e9', $$it's$$, $q$x$$y$q$, 'it''s';
-- refused
select 'a' 'b';
-- refused
select B'101';
-- refused
select 5::money;
-- refused
select '{"a": 1}'::json;
-- refused
select '{"a": 1}'::jsonb -> 'a';
select '5' + 3, '1.5' * 2.0, 3 > '2', '2024-01-01' < date '2024-01-02';
-- refused
select pg_typeof(1);
