-- Division, remainders, rounding and the types of numbers.
select 7/2, -7/2, 7/(-2), (-7)/(-2), 6/3, 1/3;
select 7%3, -7%3, 7%(-3), mod(7, 3), mod(-7, 3);
-- refused
select 7.0/2;
select 7/2.0::float8, 1::float8/3, 10::float8/4;
select 1/0;
select 1%0;
select 1::float8/0;
select 7/2*2, 7*2/2, (7+1)/2, 7-1/2;
select round(7.0/2, 1), round(10/3.0, 4), round(2/3.0, 0), round(-2/3.0, 2), round(1/8.0, 2), round(-1/8.0, 2);
select round(5/2), round(5/2, 1), round(2.5), round(-2.5), round(0.5), round(1.005, 2), round(1234.567, -2), round(99.995, 2);
select round(2.5::float8), round(3.5::float8), round(-0.5::float8), trunc(2.7::float8), ceil(2.1::float8), floor(-2.1::float8);
select ceil(2.1), ceil(-2.1), floor(2.9), floor(-2.9), trunc(2.79, 1), trunc(-2.7), ceiling(7), floor(7);
select 1 + 2, 1 - 2, 2 * 3, 1.5 + 2, 1.50 * 2, 1.5 - 0.25, 2.00 * 3.000, 0.1 + 0.2;
select 0.1::float8 + 0.2::float8, 1e3, 1e-7, 1.5e2, .5, 5.;
select 2147483647 + 1;
select 2147483648 + 1, 9223372036854775807 - 1, -2147483648, -9223372036854775808;
select 9223372036854775807 + 1;
select 12345678901234567890, 12345678901234567890 + 1, 12345678901234567890 * 2;
select 1::smallint + 1::smallint, 1::smallint + 1, 32767::smallint + 1;
select 32767::smallint + 1::smallint;
select 2 ^ 3, 2 ^ 0.5::float8, power(2, 10), 2 ^ 3 ^ 2, -2 ^ 2;
-- refused
select 2.0 ^ 3;
-- refused
select 2 ^ 0.5;
select sqrt(2), sqrt(16), cbrt(27), exp(1), ln(2), log(100), log(1000), pi();
-- refused
select sqrt(4.0);
-- refused
select ln(2.0);
-- refused
select log(2, 8);
select sqrt(-1);
select ln(0);
select abs(-5), abs(-2.50), abs(-1.5::float8), sign(-2.5), sign(3), sign(0);
select 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, -8 >> 1;
select 1 | 2 & 3, 1 + 2 << 1, 10 - 2 - 3, 2 + 3 * 4, (2 + 3) * 4;
select gcd(12, 18), lcm(4, 6), div(7, 2);
select greatest(1, 2, 3), least(3, 2, 1), greatest(1, null, 2), greatest(1.5, 2.5), least(null, null::int);
-- refused
select greatest(1, 2.5);
select sin(0), cos(0), tan(0), asin(1), acos(1), atan(1), atan2(1, 2), degrees(pi()), radians(180);
select sum(x) / 2, sum(x) / count(*) from (values (1), (2), (4)) v(x);
-- refused
select avg(x) from (values (1), (2)) v(x);
select round(avg(x), 2), round(avg(x), 0) from (values (1), (2), (2)) v(x);
select round(avg(x), 3) from (values (1.25), (2.50), (2.75)) v(x);
select sum(x), min(x), max(x), count(x) from (values (1.5), (2.5), (null)) v(x);
select sum(x::float8), avg(x::float8) from (values (1), (2), (4)) v(x);
select sum(x), sum(x) * 2 from (values (9223372036854775807), (1)) v(x);
-- refused
select sum(x::bigint) / 2 from (values (1), (2)) v(x);
-- refused
select 10 / 4 * 1.0, 10 * 1.0 / 4;
select round(10 * 1.0 / 4, 2);
select 5 / 2 = 2, 5 / 2.0::float8 > 2, 7 % 2 = 1;
select 100 * 3 / 7, 100 * (3 / 7);
select id / 0 from users;
select id, 100 / id, 100 % id from users where id < 8 order by id;
-- refused
select id, amount / 4 from orders where id = 1;
select id, round(amount / 4, 2), round(amount / 7, 3), round(amount / user_id, 2) from orders where id <= 20 order by id;
-- refused
select id from orders where amount / 2 > 499 order by id;
select user_id / 10, count(*) from orders group by user_id / 10 order by 1;
-- refused
select sum(amount) / 3 from orders;
select round(sum(amount) / count(*), 2), round(avg(amount), 2) from orders;
select status from orders group by status having avg(amount) > 495 order by avg(amount) desc;
