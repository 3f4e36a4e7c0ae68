/*
 * The ring's rules for one statement, checked by spin: one listener, one qf-route that may be slow or die,
 * one qf-dispatch that may die, a journal that survives it. The rules can be taken out one at a time with
 * -D; the runner (tests/model/run) wants no violation with all of them, and one with any of them missing.
 *
 *   NO_FENCE      RESOLVE answers "never" and remembers nothing
 *   NO_KEEP       RETIRE forgets the fence
 *   NO_EPOCH      a dispatch takes a ROUTED that does not name its epoch
 *   NO_JOURNAL    nothing is stored before the first byte goes to the engine
 *   NO_JOURNAL_END  the end of a write is not stored before it is sent
 *   NO_ONCE       a started read may be sent again without end
 *   NO_RESOLVE    a lost qf-route means: send again at once
 *
 * Lines that begin with "T:" in a comment are the rows of lib/ring's tables that a step here stands for;
 * test_ring compares them with what the code's tables say. What the model leaves out: the client's cancel and
 * disappearance, refusals, pins (one dispatch, no resend), and ACCEPTED, which changes nothing but a wait.
 */
#ifndef WRITE
#define WRITE 1
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#define READ (!WRITE)
#define MAX_ATTEMPT 4

mtype = { query, routed, result, resolved, bounced, accepted };
mtype = { v_never, v_alive, v_ended, v_started };
mtype = { none, fenced, queued, running, done, old_started, old_ended };
mtype = { waiting, sent, placed, resolving, over };
mtype = { free, jstarted, jended };

chan to_route = [3] of { byte, byte };			/* attempt, epoch that the listener knows */
chan to_disp = [3] of { mtype, byte, byte };		/* routed: attempt, known epoch */
chan ask = [3] of { mtype, byte };			/* listener → dispatch, in order: query = RESOLVE, result = RETIRE */
chan to_listen = [5] of { mtype, byte, byte, mtype };	/* what, attempt, sender's epoch, verdict */

byte epoch = 1;		/* of the dispatch that lives; 0 while none does */
byte last_epoch = 1;
byte crashes = 0;
byte route_epoch = 1;
byte route_crashes = 0;

/* the dispatch's memory */
mtype d = none;
byte d_attempt = 0;
byte d_fence = 0;
bool d_told = false;	/* the end has been sent */
bool d_effect = false;	/* the engine has done it, the end is not told yet */

/* what survives it */
mtype j = free;
byte j_attempt = 0;

/* the world */
byte effects = 0;
byte told = 0;	/* 1 ok, 2 certainly no effect, 3 unknown */
byte resubmits = 0;

#define TELL(x) assert(told == 0); told = x; assert(x != 1 || effects >= 1); assert(x != 2 || READ || effects == 0)

inline do_effect() {
	effects++;
	assert(READ || effects <= 1);
	assert(READ || told != 2);
	d_effect = true
}

/* A SIGKILL: its memory is gone, what was sent to it is gone; what it had sent may or may not arrive. */
inline crash_dispatch() {
	d = none; d_attempt = 0; d_fence = 0; d_effect = false; d_told = false;
	do :: to_disp ? _, _, _ :: empty(to_disp) -> break od;
	do :: ask ? _, _ :: empty(ask) -> break od;
	do :: to_listen ? _, _, _, _ :: break od;
	epoch = 0;
	crashes++
}

inline start_dispatch() {
	last_epoch++;
	epoch = last_epoch;
	if
	:: j == jstarted -> d = old_started; d_attempt = j_attempt
	:: j == jended -> d = old_ended; d_attempt = j_attempt
	:: else -> skip
	fi
}

inline raise_fence(a) {
#ifndef NO_FENCE
	if :: a > d_fence -> d_fence = a :: else fi
#else
	skip
#endif
}

proctype dispatch()
{
	mtype kind;
	byte a, k;

	do
	/* place */
	:: atomic { epoch > 0 && to_disp ? [routed, _, _] -> to_disp ? kind, a, k;
		if
#ifndef NO_EPOCH
		:: k != epoch -> /* T: NONE PLACE_FOREIGN -> NONE T: FENCED PLACE_FOREIGN -> FENCED */
			if :: nfull(to_listen) -> to_listen ! bounced, a, epoch, v_never :: full(to_listen) fi
#endif
#ifndef NO_EPOCH
		:: k == epoch && d == none -> d = queued; d_attempt = a /* T: NONE PLACE -> QUEUED */
		:: k == epoch && (d == fenced || d == old_started) && a > d_fence -> d = queued; d_attempt = a /* T: FENCED PLACE -> QUEUED T: OLD_STARTED PLACE -> QUEUED */
#else
		:: d == none -> d = queued; d_attempt = a
		:: (d == fenced || d == old_started) && a > d_fence -> d = queued; d_attempt = a
#endif
		:: else -> skip /* T: FENCED PLACE -> FENCED T: OLD_STARTED PLACE -> OLD_STARTED
			   T: OLD_STARTED PLACE_FOREIGN -> OLD_STARTED T: OLD_ENDED PLACE_FOREIGN -> OLD_ENDED
			   T: QUEUED PLACE_FOREIGN -> QUEUED T: RUNNING PLACE_FOREIGN -> RUNNING T: ENDED PLACE_FOREIGN -> ENDED
			   T: QUEUED PLACE -> QUEUED T: RUNNING PLACE -> RUNNING T: ENDED PLACE -> ENDED T: OLD_ENDED PLACE -> OLD_ENDED */
		fi }
	/* RESOLVE, and RETIRE behind it */
	:: atomic { epoch > 0 && nempty(ask) && nfull(to_listen) -> ask ? kind, a;
		if
		:: kind == result && d == done -> j = free; /* T: ENDED RETIRE -> FENCED T: ENDED RETIRE -> NONE */
#ifndef NO_KEEP
			if :: d_fence > 0 -> d = fenced :: else -> d = none fi
#else
			d = none; d_fence = 0
#endif
		:: kind == result && (d == old_started || d == old_ended) -> j = free; d = (d_fence > 0 -> fenced : none) /* T: OLD_STARTED RETIRE -> FENCED
			   T: OLD_STARTED RETIRE -> NONE T: OLD_ENDED RETIRE -> FENCED T: OLD_ENDED RETIRE -> NONE */
#ifdef NO_KEEP
		:: kind == result && d == fenced -> d = none; d_fence = 0
#endif
		:: kind == query && (d == none || d == fenced) -> d = fenced; raise_fence(a); /* T: NONE RESOLVE -> FENCED T: FENCED RESOLVE -> FENCED */
			to_listen ! resolved, a, epoch, v_never
		:: kind == query && (d == queued || d == running) -> to_listen ! resolved, a, epoch, v_alive /* T: QUEUED RESOLVE -> QUEUED T: RUNNING RESOLVE -> RUNNING */
		:: kind == query && d == done -> to_listen ! resolved, a, epoch, v_alive /* its end is on the way; T: ENDED RESOLVE -> ENDED */
		:: kind == query && d == old_started -> raise_fence(a); to_listen ! resolved, a, epoch, v_started /* T: OLD_STARTED RESOLVE -> OLD_STARTED */
		:: kind == query && d == old_ended -> raise_fence(a); to_listen ! resolved, a, epoch, v_ended /* T: OLD_ENDED RESOLVE -> OLD_ENDED */
		:: else -> skip /* T: FENCED RETIRE -> FENCED */
		fi }
	/* start: journal, then submit */
	:: atomic { epoch > 0 && d == queued -> d = running; /* T: QUEUED START -> RUNNING */
#ifndef NO_JOURNAL
		j = jstarted; j_attempt = d_attempt
#endif
		}
	:: atomic { epoch > 0 && d == running && !d_effect -> do_effect() }
	/* finish: the end of a write is stored, that of a read is forgotten; then it is told. T: RUNNING FINISH -> ENDED */
	:: atomic { epoch > 0 && d == running && d_effect ->
		d = done; d_effect = false; d_told = false;
#ifndef NO_JOURNAL
#ifndef NO_JOURNAL_END
		if :: WRITE -> j = jended :: else -> j = free fi
#else
		j = free
#endif
#endif
		}
	:: atomic { epoch > 0 && d == done && nfull(to_listen) && !d_told ->
		to_listen ! result, d_attempt, epoch, v_never; d_told = true }
	:: atomic { epoch > 0 && crashes < CRASHES -> crash_dispatch() }
	:: atomic { epoch == 0 -> start_dispatch() }
	:: told && empty(to_route) && empty(to_disp) && empty(ask) && d != queued && d != running && epoch > 0 -> break
	od
}

/* It may hold a query for as long as it likes, and die at any moment. */
proctype route()
{
	byte a, k;

	do
	:: atomic { nempty(to_route) && epoch > 0 && nfull(to_disp) -> to_route ? a, k; to_disp ! routed, a, k }
	:: atomic { route_crashes < 1 ->
		do :: to_route ? _, _ :: empty(to_route) -> break od;
		route_crashes++; route_epoch++ }
	:: told && empty(to_route) -> break
	od
}

proctype listener()
{
	mtype s = waiting, what, v;
	byte attempt = 1, known = 0, at_route = 0, a, e;
	bool asked = false;
	byte asked_epoch = 0;

	do
	:: atomic { s == waiting && epoch > 0 && nfull(to_route) && attempt <= MAX_ATTEMPT -> /* T: WAITING SENT -> SENT */
		known = epoch; at_route = route_epoch; to_route ! attempt, known; s = sent }
	:: atomic { s == waiting && attempt > MAX_ATTEMPT -> TELL(2); s = over } /* T: WAITING TIMEOUT -> ENDED */
	/* the qf-route that had it died */
	:: atomic { s == sent && at_route != route_epoch ->
#ifndef NO_RESOLVE
		s = resolving; asked = false /* T: SENT ROUTE_LOST -> RESOLVING */
#else
		attempt++; s = waiting
#endif
		}
	/* it is slow */
	:: atomic { s == sent && at_route == route_epoch -> s = resolving; asked = false } /* T: SENT TIMEOUT -> RESOLVING */
	/* the dispatch epoch that may have it died */
	:: atomic { (s == sent || s == placed) && epoch != known -> s = resolving; asked = false } /* T: SENT HOLDER_LOST -> RESOLVING T: PLACED HOLDER_LOST -> RESOLVING */
	:: atomic { s == resolving && epoch > 0 && (!asked || asked_epoch != epoch) && nfull(ask) ->
		ask ! query, attempt; asked = true; asked_epoch = epoch }
	:: atomic { nempty(to_listen) -> to_listen ? what, a, e, v;
		if
		:: s == over || a != attempt || e != epoch -> skip
		:: else ->
			if
			:: what == bounced && s == sent -> attempt++; s = waiting /* T: SENT BOUNCED -> WAITING */
			:: what == result -> TELL(1); s = over /* T: SENT END -> ENDED T: PLACED END -> ENDED T: RESOLVING END -> ENDED */
			:: what == resolved && s == resolving && v == v_alive -> s = placed; known = epoch /* T: RESOLVING ANY_ALIVE -> PLACED */
			:: what == resolved && s == resolving && v == v_never -> attempt++; s = waiting /* T: RESOLVING ALL_NEVER -> WAITING */
			:: what == resolved && s == resolving && v == v_ended -> TELL(1); s = over /* T: RESOLVING OLD_ENDED -> ENDED */
			:: what == resolved && s == resolving && v == v_started ->
				if
#ifdef NO_ONCE
				:: READ -> resubmits++; assert(resubmits <= 1); attempt++; s = waiting
#else
				:: READ && resubmits == 0 -> resubmits++; attempt++; s = waiting /* T: RESOLVING OLD_STARTED -> WAITING T: RESOLVING OLD_STARTED -> ENDED */
				:: READ && resubmits > 0 -> TELL(2); s = over
#endif
				:: WRITE -> TELL(3); s = over
				fi
			:: else -> skip
			fi
		fi }
	/* RETIRE, some time after the end */
	:: atomic { s == over && nfull(ask) && epoch > 0 -> ask ! result, attempt; break }
	od
}

init { atomic { run dispatch(); run route(); run listener() } }
