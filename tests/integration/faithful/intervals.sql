-- Intervals.
select interval '1 day', interval '1 month 2 days', interval '90 minutes', interval '36 hours', interval '1 week', interval '2 decades';
select interval '1 year 2 months 3 days 04:05:06', interval '-1 day', interval '-1 day +2:03', interval '1 day -1 hour', interval '1 day ago', interval '1.5 hours', interval '0.5 days';
-- refused
select interval '1' day, interval '3' month, interval '2' hour, interval '1.5' hour;
-- refused
select interval '1-2' year to month;
-- refused
select interval 'P1Y2M3D';
-- refused
select interval '1 fortnight';
select interval '1 month' * 2, 3 * interval '1 day', interval '1 day' * 1.5, interval '1 month' * 0.5, interval '1 hour' / 2, interval '1 month' / 3;
select interval '1 day' / 0;
select interval '1 day' + interval '2 hours', interval '1 month' - interval '1 day', -interval '1 day 2 hours';
select interval '1 day' = interval '24 hours', interval '1 month' > interval '29 days', interval '1 month' = interval '30 days', interval '1 year' > interval '364 days';
select extract(epoch from interval '1 day 2 hours'), extract(day from interval '40 days'), extract(hour from interval '50 hours'), extract(month from interval '14 months'), extract(year from interval '14 months');
select extract(epoch from interval '1 year 1 month');
select date_trunc('hour', interval '1 day 02:30:00'), date_trunc('month', interval '14 months 3 days');
select date '2024-01-31' + interval '1 month' + interval '1 month', date '2024-01-31' + interval '2 months', date '2024-01-31' + (interval '1 month' + interval '1 month');
select timestamp '2024-01-01 00:00' + 5 * interval '1 hour', timestamp '2024-01-01 00:00' - interval '1 day' * 30;
select (timestamp '2024-03-01' - timestamp '2024-02-01') * 2, (timestamp '2024-03-01' - timestamp '2024-02-01') / 2;
-- refused
select (timestamp '2024-03-01' - timestamp '2024-02-01')::text;
-- refused
select justify_days(interval '35 days'), justify_hours(interval '27 hours');
-- refused
select make_interval(days => 10);
-- refused
select sum(x) from (values (interval '1 day'), (interval '2 hours')) v(x);
select max(x), min(x), count(x) from (values (interval '1 day'), (interval '25 hours')) v(x);
select x from (values (interval '1 day'), (interval '23 hours'), (interval '1 month'), (null)) v(x) order by x desc;
select timestamptz '2024-03-10 00:00+00' + interval '1 day', timestamptz '2024-03-10 00:00+00' - interval '1 month';
-- refused
select interval '1 day' || '';
select age(timestamp '2024-03-31', timestamp '2024-02-29') > interval '1 month', age(timestamp '2024-03-31', timestamp '2024-02-29');
select ordered_at + interval '1 day' * user_id from orders where id <= 3 order by id;
select ordered_at - lag(ordered_at) over (order by id) as gap from orders where id <= 4 order by id;
select created_at + interval '1 month', created_at - interval '1 year 6 months' from users where id <= 2 order by id;
select max(ordered_at - interval '1 week') from orders;
select count(*) from orders where ordered_at > timestamp '2024-04-01 00:00' - interval '1 month';
select extract(epoch from max(ordered_at) - min(ordered_at)) from orders;
