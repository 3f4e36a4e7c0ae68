-- Dates, times and their parts.
select date '2024-01-31' + 1, date '2024-01-31' - 31, date '2024-03-01' - date '2024-02-01', 7 + date '2024-02-28';
select date '2024-01-31' + interval '1 month', date '2024-03-31' - interval '1 month', date '2024-02-29' + interval '1 year';
select timestamp '2024-01-31 10:00' + interval '1 month 2 days 3 hours', timestamp '2024-01-31 10:00' - interval '36 hours';
select timestamp '2024-03-01 10:00' - timestamp '2024-01-31 12:30', timestamp '2024-03-01' - date '2024-02-01';
select date '2024-01-01' + time '10:30', time '10:30' + interval '90 minutes', time '10:30' - time '08:15';
select extract(year from date '2024-05-06'), extract(month from date '2024-05-06'), extract(day from date '2024-05-06');
select extract(hour from timestamp '2024-05-06 07:08:09.5'), extract(minute from timestamp '2024-05-06 07:08:09.5'), extract(second from timestamp '2024-05-06 07:08:09.5');
select extract(dow from date '2024-05-05'), extract(isodow from date '2024-05-05'), extract(doy from date '2024-12-31'), extract(week from date '2021-01-03'), extract(isoyear from date '2021-01-03');
select extract(quarter from date '2024-05-06'), extract(century from date '2000-12-31'), extract(decade from date '1999-12-31'), extract(millennium from date '2001-01-01');
select extract(epoch from timestamp '2024-05-06 07:08:09.25'), extract(epoch from date '2024-05-06'), extract(milliseconds from time '01:02:03.456'), extract(microseconds from time '01:02:03.456');
select date_part('year', date '2024-05-06'), date_part('dow', timestamp '2024-05-06 00:00'), date_part('epoch', timestamp '1970-01-02 00:00'), date_part('second', time '00:00:07.5');
-- refused
select extract(julian from date '2024-05-06');
-- refused
select extract(year from timestamp '2024-05-06 00:00') / 2;
select extract(year from timestamp '2024-05-06 00:00')::int / 2, extract(month from date '2024-05-06') + 1;
select date_trunc('month', timestamp '2024-05-06 07:08:09'), date_trunc('week', timestamp '2024-05-06 07:08:09'), date_trunc('hour', timestamp '2024-05-06 07:08:09'), date_trunc('quarter', timestamp '2024-05-06 07:08:09');
select date_trunc('year', date '2024-05-06'), date_trunc('day', timestamptz '2024-05-06 07:08:09+00');
-- refused
select date_trunc('century', timestamp '2024-05-06 00:00');
select (date_trunc('month', date '2024-02-10') + interval '1 month - 1 day')::date as last_day;
select age(timestamp '2024-05-06', timestamp '2023-01-31'), age(date '2024-03-01', date '2024-02-29'), age(timestamp '2024-01-01', timestamp '2024-05-06 10:00');
select to_char(timestamp '2024-05-06 07:08:09', 'YYYY-MM-DD HH24:MI:SS'), to_char(date '2024-05-06', 'DD/MM/YY'), to_char(date '2024-05-06', 'Mon DD, YYYY'), to_char(timestamp '2024-05-06 17:08:09', 'HH12:MI AM');
select to_char(date '2024-05-06', 'Day') || '|', to_char(date '2024-05-06', 'FMDay') || '|', to_char(date '2024-05-06', 'Month') || '|', to_char(date '2024-05-06', 'FMMonth YYYY'), to_char(date '2024-05-06', 'Dy'), to_char(date '2024-05-06', 'DDD IW Q');
-- refused
select to_char(1234.5, '9,999.99');
-- refused
select to_char(date '2024-05-06', 'J');
-- refused
select to_char(date '2024-05-06', 'DDth');
select to_date('06-05-2024', 'DD-MM-YYYY');
select to_timestamp(0), to_timestamp(1714979289.5);
select make_date(2024, 2, 29), make_time(7, 8, 9.5), make_timestamp(2024, 5, 6, 7, 8, 9.5);
select make_date(2024, 2, 30);
select timestamp '2024-07-01 12:00' at time zone 'UTC', timestamptz '2024-07-01 12:00+00' at time zone 'America/New_York', timestamp '2024-07-01 12:00' at time zone 'Europe/Berlin';
-- refused
select timestamp '2024-07-01 12:00' at time zone 'EST';
select date '2024-05-06' = timestamp '2024-05-06 00:00', date '2024-05-06' < timestamp '2024-05-06 00:01', timestamp '2024-05-06 00:00' between date '2024-05-01' and date '2024-05-31';
select (timestamp '2024-05-06 07:08:09.999')::date, (timestamp '2024-05-06 07:08:09.999')::time, (date '2024-05-06')::timestamp;
select timestamptz '2024-05-06 23:30+00'::date, timestamptz '2024-05-06 23:30-05';
select now() is null, current_date - current_date, now() - now(), current_timestamp = now(), localtimestamp is not null;
-- refused
select (date '2024-05-06', date '2024-05-10') overlaps (date '2024-05-08', date '2024-05-12');
-- refused
select date '2024-05-06' + '1 day';
select extract(day from timestamp '2024-05-06' - timestamp '2024-01-01'), date '2024-05-06' - date '2024-01-01' as days;
select ordered_at::date, count(*) from orders group by ordered_at::date order by 1 limit 3;
select extract(year from created_at)::text || '-' || extract(month from created_at)::text from users where id = 1;
select extract(hour from ordered_at) as h, count(*) from orders group by h order by h;
select to_char(ordered_at, 'IYYY-IW') as week, count(*) from orders group by week order by week;
select date_part('day', ordered_at - timestamp '2024-01-01 00:00:00') from orders where id <= 3 order by id;
select id from events where occurred_at::date = '2024-01-02' order by id limit 2;
select kind, max(occurred_at) - min(occurred_at) from events group by kind order by kind;
select date_trunc('hour', occurred_at), count(*) from events where id < 50 group by 1 order by 1;
select occurred_at + interval '1 month', occurred_at at time zone 'Asia/Tokyo' from events where id = 1;
-- refused
select generate_series(date '2024-01-01', date '2024-01-03', interval '1 day');
