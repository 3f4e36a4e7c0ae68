/*
 * The words that say what a statement is. Sorted; the unit test checks that.
 *
 * KW_STARTS: a statement may begin with it. KW_PLAIN: a ( behind it opens no call; it is reserved, or never the name
 * of a function. KW_TIME: a function without parentheses that tells the time.
 */
#ifndef QF_SQL_KEYWORDS_H
#define QF_SQL_KEYWORDS_H

#include "qf/sql.h"

enum { KW_STARTS = 1, KW_PLAIN = 2, KW_TIME = 4 };

/* X(keyword, flags) */
#define QF_KEYWORDS(X) \
	X(abort, KW_STARTS) \
	X(all, KW_PLAIN) \
	X(alter, KW_STARTS) \
	X(analyse, KW_STARTS) \
	X(analyze, KW_STARTS) \
	X(and, KW_PLAIN) \
	X(any, KW_PLAIN) \
	X(array, KW_PLAIN) \
	X(as, KW_PLAIN) \
	X(attach, KW_STARTS) \
	X(begin, KW_STARTS) \
	X(between, KW_PLAIN) \
	X(both, KW_PLAIN) \
	X(by, KW_PLAIN) \
	X(call, KW_STARTS) \
	X(case, KW_PLAIN) \
	X(characteristics, 0) \
	X(checkpoint, KW_STARTS) \
	X(close, KW_STARTS) \
	X(comment, KW_STARTS) \
	X(commit, KW_STARTS) \
	X(copy, KW_STARTS) \
	X(create, KW_STARTS) \
	X(cross, KW_PLAIN) \
	X(current_date, KW_TIME) \
	X(current_time, KW_TIME) \
	X(current_timestamp, KW_TIME) \
	X(deallocate, KW_STARTS) \
	X(declare, KW_STARTS) \
	X(delete, KW_STARTS) \
	X(deny, KW_STARTS) \
	X(desc, KW_STARTS) \
	X(describe, KW_STARTS) \
	X(detach, KW_STARTS) \
	X(discard, KW_STARTS) \
	X(distinct, KW_PLAIN) \
	X(div, KW_PLAIN) \
	X(do, KW_STARTS) \
	X(drop, KW_STARTS) \
	X(else, KW_PLAIN) \
	X(end, KW_STARTS) \
	X(except, KW_PLAIN) \
	X(exec, KW_STARTS) \
	X(execute, KW_STARTS) \
	X(exists, KW_PLAIN) \
	X(explain, KW_STARTS) \
	X(export, KW_STARTS) \
	X(fetch, KW_STARTS | KW_PLAIN) \
	X(filter, 0) \
	X(for, KW_PLAIN) \
	X(from, KW_STARTS | KW_PLAIN) \
	X(full, KW_PLAIN) \
	X(grant, KW_STARTS) \
	X(group, KW_PLAIN) \
	X(grouping, 0) \
	X(having, KW_PLAIN) \
	X(ilike, KW_PLAIN) \
	X(immediate, 0) \
	X(import, KW_STARTS) \
	X(in, KW_PLAIN) \
	X(inner, KW_PLAIN) \
	X(insert, KW_STARTS) \
	X(install, KW_STARTS) \
	X(intersect, KW_PLAIN) \
	X(into, KW_PLAIN) \
	X(is, KW_PLAIN) \
	X(join, KW_PLAIN) \
	X(key, 0) \
	X(lateral, KW_PLAIN) \
	X(leading, KW_PLAIN) \
	X(like, KW_PLAIN) \
	X(limit, KW_PLAIN) \
	X(listen, KW_STARTS) \
	X(load, KW_STARTS) \
	X(localtime, KW_TIME) \
	X(localtimestamp, KW_TIME) \
	X(lock, KW_STARTS) \
	X(materialized, 0) \
	X(merge, KW_STARTS) \
	X(move, KW_STARTS) \
	X(natural, KW_PLAIN) \
	X(next, 0) \
	X(nextval, 0) \
	X(no, 0) \
	X(not, KW_PLAIN) \
	X(notify, KW_STARTS) \
	X(nulls, 0) \
	X(offset, KW_PLAIN) \
	X(on, KW_PLAIN) \
	X(only, KW_PLAIN) \
	X(operator, KW_PLAIN) \
	X(or, KW_PLAIN) \
	X(order, KW_PLAIN) \
	X(ordinality, 0) \
	X(outer, KW_PLAIN) \
	X(over, 0) \
	X(overlaps, KW_PLAIN) \
	X(pivot, KW_STARTS) \
	X(pivot_longer, KW_STARTS) \
	X(pivot_wider, KW_STARTS) \
	X(pragma, KW_STARTS) \
	X(prepare, KW_STARTS) \
	X(prepared, 0) \
	X(qualify, KW_PLAIN) \
	X(recursive, 0) \
	X(regexp, KW_PLAIN) \
	X(release, KW_STARTS) \
	X(repeatable, 0) \
	X(replace, KW_STARTS) \
	X(reset, KW_STARTS) \
	X(returning, KW_PLAIN) \
	X(revoke, KW_STARTS) \
	X(rlike, KW_PLAIN) \
	X(rollback, KW_STARTS) \
	X(row, KW_PLAIN) \
	X(sample, 0) \
	X(savepoint, KW_STARTS) \
	X(select, KW_STARTS | KW_PLAIN) \
	X(set, KW_STARTS) \
	X(sets, 0) \
	X(share, 0) \
	X(show, KW_STARTS) \
	X(similar, KW_PLAIN) \
	X(some, KW_PLAIN) \
	X(start, KW_STARTS) \
	X(stdout, 0) \
	X(summarize, KW_STARTS) \
	X(symmetric, KW_PLAIN) \
	X(sysdate, KW_TIME) \
	X(systimestamp, KW_TIME) \
	X(table, KW_STARTS | KW_PLAIN) \
	X(tablesample, KW_PLAIN) \
	X(then, KW_PLAIN) \
	X(to, KW_PLAIN) \
	X(trailing, KW_PLAIN) \
	X(transaction, 0) \
	X(truncate, KW_STARTS) \
	X(union, KW_PLAIN) \
	X(unique, KW_PLAIN) \
	X(unlisten, KW_STARTS) \
	X(unlock, KW_STARTS) \
	X(unpivot, KW_STARTS) \
	X(update, KW_STARTS) \
	X(upsert, KW_STARTS) \
	X(use, KW_STARTS) \
	X(using, KW_PLAIN) \
	X(utc_date, KW_TIME) \
	X(utc_time, KW_TIME) \
	X(utc_timestamp, KW_TIME) \
	X(vacuum, KW_STARTS) \
	X(value, 0) \
	X(values, KW_STARTS | KW_PLAIN) \
	X(when, KW_PLAIN) \
	X(where, KW_PLAIN) \
	X(window, KW_PLAIN) \
	X(with, KW_STARTS | KW_PLAIN) \
	X(xor, KW_PLAIN) \
	X(zone, KW_PLAIN)

enum qf_keyword {
	KW_NONE,
#define QF_KEYWORD_ENUM(name, flags) KW_##name,
	QF_KEYWORDS(QF_KEYWORD_ENUM)
#undef QF_KEYWORD_ENUM
};

/* word is lower case. KW_NONE, and no flags, when it is no keyword. */
enum qf_keyword qf_keyword_find(const char *word, unsigned *ret_flags);

#endif
