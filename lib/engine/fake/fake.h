/*
 * The `fake` engine: answers by a script instead of a database, so that tests can have delays, errors, huge
 * rows, crashes and hangs at will. It runs on timers of the loop, without threads, and honours window, more()
 * and cancel() exactly.
 *
 * The script (key `script` of a cluster) has one rule a line; the first whose pattern is found decides:
 *
 *	# a comment
 *	log /tmp/starts.log
 *	match PATTERN | ACTION | ACTION …
 *	default | ACTION …
 *
 * PATTERN is a text that the statement contains (ASCII case ignored), or a regular expression between slashes
 * (/^insert/). Without a matching rule the answer is `rows 1`. Parts are separated by " | ". Actions are done
 * in this order, whatever their order in the line:
 *
 *	delay D			wait before anything else; D is a number with ms or s
 *	notice TEXT		one notice
 *	rows N [bytes B]	N rows (n BIGINT = 1…N, text VARCHAR of B bytes; without `bytes` only n)
 *	batches N every D	the rows in N batches, one each D (1 row a batch when `rows` is missing)
 *	affected N		no result, N rows changed
 *	error STATE TEXT	ends as an error with that SQLSTATE, after the rows
 *	refuse TEXT		ends as not sent: another member may be tried
 *	lost TEXT		the connection dies: outcome unknown
 *	crash			the process ends as by kill -9
 *	hang			nothing ever comes; only cancel() ends it
 *
 * A description has the columns of the rule, and of each placeholder the declared type, else text. An error of SQLSTATE
 * class 42 without rows is one of Parse, of class 22 one of Bind. Portals are kept to the end of the transaction.
 *
 * BEGIN, START, COMMIT, END, ROLLBACK and ABORT keep a transaction unless a rule matches them; an error inside
 * fails it: 25P02 until ROLLBACK, ROLLBACK TO or COMMIT.
 *
 * With `log FILE` each statement appends two lines to FILE, in one write(2) with O_APPEND each, so that a test
 * sees after a kill what was started, ended and run twice:
 *
 *	start PID "statement"
 *	end PID ok|error|cancelled|unknown|not-sent "statement"
 */
#ifndef QF_ENGINE_FAKE_FAKE_H
#define QF_ENGINE_FAKE_FAKE_H

#include "qf/engine.h"

extern const struct qf_engine_ops qf_engine_fake;

#endif
