-- Text: ||, functions, patterns.
select 'a' || 'b', 'a' || 1, 1 || 'a', 'a' || 1.50, 'a' || true, 'x' || null, 'd' || date '2024-01-01';
-- refused
select 1 || 2;
select 'a' || 'b' || 1 + 2, 'n' || -5;
select concat('a', null, 'b', 1, 2.50, true), concat_ws('-', 'a', null, 'b', 3), concat(null, null);
select length('héllo'), char_length('日本'), octet_length('é'), length(''), length(null);
-- refused
select upper('Hello é'), lower('ÀÉ X'), initcap('hello world');
select substring('hello' from 2 for 3), substring('hello', 2), substring('hello', 0), substring('hello', -1, 3), substring('hello', 2, 0), substr('hello', -2), substr('hello', 10), substring('hello' from 4 for 10);
-- refused
select substring('hello', 2, -1);
-- refused
select substring('hello' from 'l+');
select left('hello', 2), left('hello', -2), right('hello', 2), right('hello', -2), left('hello', 0), right('', 3);
select position('l' in 'hello'), strpos('hello', 'z'), strpos('hello', ''), position('é' in 'café');
select trim('  x  ') || '|', ltrim('  x  ') || '|', rtrim('  x  ') || '|', trim(both 'x' from 'xxaxx'), trim(leading 'x' from 'xxaxx'), btrim('xyaxy', 'xy'), rtrim('a' || chr(9)) || '|';
select lpad('7', 3, '0'), rpad('ab', 4) || '|', lpad('hello', 2), lpad('x', 5, 'ab'), rpad('hello', -1), lpad('x', 3, '');
select replace('banana', 'a', 'o'), replace('abc', '', 'x'), translate('12345', '143', 'ax'), repeat('ab', 3), repeat('x', -1), reverse('abc');
select split_part('a-b-c', '-', 2), split_part('a-b-c', '-', 9), split_part('a-b-c', '-', -1), split_part('abc', '-', 1);
-- refused
select split_part('a-b', '-', 0);
select ascii('A'), chr(65), chr(233), md5('a'), to_hex(255), to_hex(-1), starts_with('hello', 'he');
select 'hello' like 'h%', 'hello' like 'H%', 'hello' ilike 'H%', 'a%c' like 'a\%c', 'abc' like 'a\%c', 'a_c' like 'a!_c' escape '!', 'hello' not like '%z%', 'h' like '_';
select 'a\b' like 'a\\b', 'hello' like null, 'multi
line' like 'multi%line';
select 'hello' ~ '^h.*o$', 'hello' ~* 'HELLO', 'hello' !~ 'z', 'abc123' ~ '[a-z]+\d+$', 'a.c' ~ 'a\.c';
-- refused
select 'hello' ~ '\w+';
-- refused
select 'abc' similar to '%b%';
select regexp_replace('hello world', 'o', '0'), regexp_replace('hello world', 'o', '0', 'g'), regexp_replace('a1b22', '[0-9]+', '#', 'g'), regexp_replace('trail   ', ' +$', '');
-- refused
select regexp_replace('abc', '(a|ab)(c|bcd)*', 'x');
-- refused
select regexp_match('abc', 'b');
select 'a' < 'b', 'a' < 'B', 'Z' < 'a', 'abc' < 'abd', 'a' = 'a ', '' < 'a', 'é' > 'z';
select 'it''s', 'a"b', '', E'tab\there' like '%	%';
select nullif('a', 'a'), nullif('a', 'b'), coalesce(null, 'x'), coalesce(null, null, 'z');
-- refused
select format('%s is %s', 'a', 1);
-- refused
select quote_literal('it''s');
select string_to_array('a,b,c', ','), array_to_string(array['a','b',null], '-'), cardinality(string_to_array('a,b', ',')), (string_to_array('a,b', ','))[2];
select name || ' <' || lower(name) || '@example.org>' from users where id <= 2 order by id;
select upper(left(role, 1)) || lower(substr(role, 2)) as role, count(*) from users group by 1 order by 1;
select lpad(id::text, 5, '0') from users where id in (7, 77) order by id;
select length(name || role), position('0' in name), substring(name from 5 for id) from users where id <= 3 order by id;
select substring(name, id - 3, 4) from users where id <= 6 order by id;
select name from users where lower(name) like 'user00%' and length(name) = 7 order by name desc limit 3;
-- refused
select count(*) from users where name similar to 'user0(0|1)%';
select string_agg(role, ',' order by id) from users where id between 4 and 7;
-- refused
select string_agg(distinct role, ',') from users;
-- refused
select encode('a', 'hex');
