-- How queries are put together: names, scopes, grouping, DISTINCT, set operations, WITH.
-- refused
select distinct role from users order by id;
select role from users group by role order by id;
select role, id from users group by role;
select role as r from users group by r order by r;
select role as name, count(*) from users group by name order by 1, 2 limit 3;
select id % 2 as role, count(*) from users group by role order by 1, 2;
select id + 1 as id from users where id = 5;
-- refused
select id + 1 as x from users where x = 5;
-- refused
select id + 1 as x from users group by x having x > 99 order by x;
select count(*) from users having count(*) > 1000;
select max(id) from users where id < 0;
select 1 from users where id < 0;
select u.id, o.id from users u full join orders o on o.user_id = u.id and o.id < 3 where u.id < 4 or u.id is null order by u.id, o.id;
select u.id, o.amount from users u right join orders o on o.user_id = u.id where o.id < 4 order by o.id;
select * from (select id, role from users where id < 3) s order by id;
select s.* from (select id as k, count(*) over () as n from users where id < 3) s order by k;
select id from users where (id, role) in ((1, 'admin'), (2, 'viewer'), (50, 'viewer')) order by id;
select id, (select name from users x where x.id = u.id + 1) as next from users u where id < 3 order by id;
select (select id from users);
select u.role, (select count(*) from orders o where o.user_id = u.id and o.amount > 500) as c from users u where u.id < 4 order by u.id;
with a as (select id from users where id < 3), b as (select id from a where id > 1) select * from b;
with users as (select 7 as id) select id from users;
with a(x, y) as (select id, role from users where id = 1) select y, x from a;
with a as (values (1, 'x'), (2, 'y')) select column2 from a order by column1 desc;
with recursive t(n, s) as (select 1, 'a' union all select n + 1, s || 'b' from t where n < 4) select * from t order by n;
with recursive f(a, b) as (select 0, 1 union all select b, a + b from f where b < 50) select a from f order by a;
select id from (select id from users order by id desc limit 3) s order by id;
(select id from users order by id limit 2) union all (select id from users order by id desc limit 2) order by 1;
-- refused
select 1 union select 1.5 order by 1;
select 'a' union all select 'b' order by 1;
select 1 as a union all select 2 as b order by a;
select null union all select 1 order by 1;
select id, role from users where id < 3 union select id, status from orders where id < 3 order by 1, 2;
select count(*) from users u, orders o where u.id = o.user_id and u.role = 'admin';
select count(*) from users join orders using (id);
select id, name from users join orders using (id) where id < 3 order by id;
select * from users join (select 1 as id, 'x' as extra) e using (id);
select users.id, orders.id from users, orders where users.id = orders.user_id and orders.id <= 2 order by 2;
-- refused
select users from users where id = 1;
select users.nope from users;
select nope from users;
select id from nope;
select role, sum(id) over (partition by role order by id rows between unbounded preceding and current row) from users where id in (1, 2, 6, 7) order by id;
-- refused
select id, sum(id) over w, avg(id) over w from users where id < 4 window w as (order by id) order by id;
select id, count(*) over w, max(name) over (w order by id) from users where id < 4 window w as (partition by role) order by id;
select id, dense_rank() over (order by role desc), percent_rank() over (order by id), cume_dist() over (order by id), ntile(2) over (order by id) from users where id < 5 order by id;
select id, lag(id, 1, 0) over (order by id), nth_value(id, 2) over (order by id rows between unbounded preceding and unbounded following) from users where id < 4 order by id;
select role, count(*) from users group by cube(role) order by 1 nulls first;
select role, id % 2 as odd, count(*) from users group by rollup(role, id % 2) order by 1, 2, 3;
-- refused
select grouping(role), role, count(*) from users group by rollup(role) order by 1, 2;
select id from users order by role, id desc limit 2;
select id from users order by case when role = 'viewer' then 0 else 1 end, id limit 2;
select id from users order by length(name), 1 desc limit 2;
select distinct on (role) role, id from users order by role, id desc;
select distinct on (role) id from users order by role desc, id;
select count(distinct role), count(distinct id % 3), count(all role) from users;
select array_agg(role order by id) from users where id in (5, 6);
select id from users limit 0;
select id from users order by id offset 98;
select id from users order by id limit all offset 99;
select id from users where role = any(array['admin', 'x']) and id <> all(array[1, 2]) order by id;
select id from users where id between symmetric 3 and 1 order by id;
select id from users where not id between 3 and 100 order by id;
-- refused
select id from users where role in (select 'admin') and exists (select) order by id limit 1;
select u.id from users u where u.id = (select min(id) from orders) or u.name is null;
-- refused
select id from users u where id < (select avg(id) from users) order by id desc limit 1;
select status, count(*) from orders group by status having count(*) > (select count(*) / 10 from orders) order by 2 desc, 1;
select coalesce(sum(amount), 0.00) from orders where id < 0;
-- refused
select coalesce(sum(amount), 0) from orders where id < 0;
select coalesce(max(id), 0) from orders where id < 0;
select lower(kind) as k, count(*) filter (where user_id < 50) as n from events group by lower(kind) order by k;
select 'x' from users group by 1;
select 1 as one, count(*) from users group by 1;
select sum(1), count(1), max('a'), min(1.50) from users;
select true, false, not true, 1 = 1 and 2 > 1, null::bool;
select id as "ID", name as "Name" from users where id = 1;
select "id", "users"."name" from "users" where "id" = 1;
-- refused
select "ID" from users;
select U.ID from USERS U where U.ID = 1;
-- refused
select pg_catalog.upper('a');
select * from public.users where id = 1;
-- refused
select 1 for update;
select id from users where id = $1;
