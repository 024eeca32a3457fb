/* A request to stop against completions that are under way, at every moment.
 *
 * One process waits for one thing after another: an operation of Asio's, one of coppice's, a yield,
 * the two in a race, and all of them with a deadline as well (a part, see process_part). It is
 * asked to stop twice, the second time more urgently; its part's time may be over, and function
 * objects may be posted to its executor. `check` beside this file says how it is run. -DBUG=n makes
 * one of the mistakes at the end of this comment, each of which has to be found.
 *
 * What a function of the library does is an inline of the same name here; the file of the library
 * stands above each group of them. Whoever changes one of the two changes the other. An atomic
 * sequence is one handler of the io_context.
 *
 * Proved: whatever the process does, in the end it has heard of the strongest request, or has
 * ended; it has heard of each once (`hearings`), and once more at the most if somebody posts to its
 * executor between a cancellation and its fence, which is taken for a miss (`mistaken`), as is a
 * cancellation that may have missed like many before it; when the
 * fence says that it has heard, that is true, or bound to become so (`fence_passed`); a part whose
 * time is over hears of that.
 * -DENDLESS: the same of a process, and of a part that never ends by itself, which find ready
 * whatever they wait for.
 *
 *   1  no fence: a request counts as heard once it has been emitted
 *   2  the fence is posted behind what the cancellation brings about
 *   3  a request that has missed is not repeated
 *   4  a completion that comes after a wait was found does not count as a miss
 *   5  a completion runs at once although a request is on its way: it is not noted
 *   6  a turn that finds work queued emits all the same
 *   7  a request as strong as the one before is delivered again
 *   8  a stronger one that finds a weaker one under way is left to that
 *   9  a yield is in no list, and no bit stands for it
 *  10  a part that is asked while a request is under way is not asked again
 *  11  a request to parts is put off for ever (with -DENDLESS)
 *  12  a part that is told by a request to all of the process is told by its own once more
 *  13  a part whose time was over says so, although it was the process that was asked
 *  14  a request to all of the process is put off for ever (with -DENDLESS)
 *  15  a request that insists lets no waits fail (with -DENDLESS)
 *  16  who hears through its part is told once more, by its next wait
 */

#ifndef BUG
#define BUG 0
#endif
#ifndef STEPS
#define STEPS 3
#endif
#ifndef POSTS
#define POSTS 1
#endif

#ifdef ENDLESS
#define endless true
#else
#define endless false
#endif

/* The library's is 64. */
#define most_turns 4

/* stop_request::state, in this order */
#define idle 0
#define posted 1
#define deferred 2
#define emitting 3
#define emitted_ 4
#define hit 5

/* What the io_context has in its queue. */
mtype = { turn, fence, drain_turn, completed, aborted };
/* What the run queue has. */
mtype = { start, op_completed, op_aborted, post, woken, yielded };
/* For what the process waits. */
mtype = { nothing, operation, wait, race, yield };
/* Its life, as far as it matters. */
mtype = { spawned, live, ended };
/* waiter::stop */
mtype = { none, asked_, told };
/* Who has cancelled something. */
mtype = { nobody, process, part, other };

/* Of a process, and of a part, that never has to wait this says most. */
ltl hears {
  [] (time_was_over -> <> !in_part) && [] (asked > 0 -> <> (heard == asked || life == ended))
}

chan io = [8] of { mtype };
chan run_queue = [6] of { mtype };

/* ---- stop_request */
byte asked;
byte now_ = idle;
bool yields;              /* yield_ is not none */
bool yield_cancelled;
byte turns;
bool is_for_parts;
bool misses;
bool waits_fail;

/* ---- scheduler */
bool stops;               /* stops_ has the process */
bool unconfirmed;
bool drain_posted;
bool in_turn;

/* ---- process, and what it waits for */
bool is_task;             /* its body is a task that waits for coppice's own operations alone */
mtype life = spawned;
byte queued;
mtype waits_for = nothing;
bool op_pending;          /* Asio's operation has neither completed nor been cancelled */
bool op_under_way;        /* its completion has not arrived */
bool wait_armed;          /* coppice's is in the list of waits */
bool wait_woken;
mtype wait_aborted = nobody;
mtype op_cancelled = nobody;
bool won;                 /* of a race: one of the two has its result */
byte steps = STEPS;       /* waits that may still complete */

/* ---- its part */
bool in_part;
mtype part_stop = none;
mtype stopped_by = nobody;
bool fails_next_wait;
bool had_part;
bool lets_none_fail;      /* in its clean-up: throw_if_cancelled(false) */

/* ---- what is to be proved */
byte emitted_level;
byte heard;
byte hearings;
byte strengthened;
byte mistaken;
bool time_was_over;
bool part_heard;

/* ---- detail/runtime/stop_request.hpp */

#define insists (turns >= most_turns)
#define lets_run_inline ((BUG == 5 || now_ < emitting) && !yields)

inline fence_passed() {
  if
  :: now_ == emitted_ || now_ == hit ->
     now_ = idle;
     waits_fail = false;
     /* The process has heard, or what it waits for has been cancelled. */
     assert(is_for_parts || life == ended || heard == asked || wait_aborted == process ||
            op_cancelled == process || yield_cancelled)
  :: else -> skip
  fi
}

inline enqueued(by_loop) {
  if
  :: now_ == emitted_ || now_ == hit && !by_loop && BUG != 4 -> now_ = (BUG == 3 -> idle : deferred)
  :: else -> skip
  fi
}

/* ---- runtime/stop_request.cpp */

inline post_stop() {
  if
  :: stops -> skip
  :: else -> assert(len(io) < 8); io!turn
  fi;
  stops = true
}

inline ask_to_stop(level) {
  if
  :: life != ended && (level > asked || BUG == 7) ->
     if
     :: level > asked -> strengthened++
     :: else -> skip
     fi;
     asked = level;
     turns = 0;
     is_for_parts = false;
     waits_fail = false;
     if
     :: life == spawned || now_ == posted || now_ == deferred || BUG == 8 && now_ != idle -> skip
     :: else ->
        now_ = posted;
        if
        :: is_task && waits_for == wait && !in_part && !wait_woken ->
           abort(process);  /* waiter::abort_waiting */
           emitted_level = asked;
           now_ = idle;
           see_to_queue()
        :: else -> post_stop()
        fi
     fi
  :: else -> skip
  fi
}

inline ask_part_to_stop() {
  if
  :: now_ == idle -> now_ = posted; turns = 0; is_for_parts = true; post_stop()
  :: else -> skip
  fi
}

inline request_is_over() {
  if
  :: now_ == idle && part_stop == told -> part_stop = none  /* process_part::confirm_told */
  :: now_ == idle && part_stop == asked_ && BUG != 10 -> ask_part_to_stop()
  :: else -> skip
  fi
}

/* Up to the emission itself, which may run the process. `emits` says whether it comes to that. */
inline deliver_stops() {
  stops = false;
  emits = false;
  if
  :: life != live || now_ != posted -> skip
  :: life == live && now_ == posted && is_for_parts && (!in_part || part_stop == none) -> now_ = idle
  :: else ->
     if
     :: turns < (waits_fail -> 3 : 2) * most_turns &&
        !(BUG == (is_for_parts -> 11 : 14) && turns == most_turns - 1) -> turns++
     :: else ->
        if
        :: waits_fail -> waits_fail = false; now_ = idle; request_is_over()
        :: else -> skip
        fi
     fi;
     if
     :: now_ == idle || now_ == posted && stops -> skip
     :: (queued > 0 || wait_aborted != nobody) && (waits_fail || !insists) && BUG != 6 ->
        now_ = deferred
     :: waits_fail -> now_ = emitted_; unconfirmed = true; io!fence
     :: else ->
        now_ = emitting;
        emits = true;
        misses = insists && (queued > 0 || wait_aborted != nobody || turns == 2 * most_turns);
        if
        :: misses && (op_pending || yields || wait_armed && wait_aborted == nobody) ->
           mistaken = (mistaken < 4 -> mistaken + 1 : mistaken)
        :: else -> skip
        fi;
        if
        :: yields && !in_part && !is_for_parts && BUG != 9 -> yield_cancelled = true; now_ = hit
        :: else -> skip
        fi
     fi
  fi
}

inline emit_stop() {
  who = (is_for_parts -> part : process);
  if
  :: BUG == 2 -> skip
  :: else -> io!fence
  fi;
  if
  :: who == process -> emitted_level = asked
  :: else -> skip
  fi;
  if
  :: in_part ->  /* timed_part::cancelled_from_outside, timed_part::cancel */
     if
     :: stopped_by == nobody || who == process && BUG != 13 -> stopped_by = who
     :: else -> skip
     fi;
     if
     :: who == part || part_stop == asked_ && BUG != 12 -> part_stop = told
     :: else -> skip
     fi;
     if
     :: misses -> fails_next_wait = true  /* timed_part::emit */
     :: else -> skip
     fi
  :: else -> skip
  fi;
  at_once = false;
  if
  :: who == process || in_part ->
     if
     :: wait_armed && wait_aborted == nobody -> abort(who)
     :: else -> skip
     fi;
     if
     :: yields && in_part ->  /* yield_awaiter::abort, cancelled_wait */
        yield_cancelled = true;
        now_ = hit
     :: else -> skip
     fi;
     if
     :: op_pending ->
        op_pending = false;
        op_cancelled = who;
        if
        :: waits_for == operation -> at_once = true  /* it completes within the emission */
        :: io!aborted
        fi
     :: else -> skip
     fi
  :: else -> skip
  fi
}

inline emitted() {
  if
  :: BUG == 2 -> io!fence
  :: else -> skip
  fi;
  if
  :: life == live ->
     if
     :: now_ == emitting ->
        if
        :: misses && !is_for_parts && !(wait_aborted == process && waits_for == wait) &&
           BUG != 15 ->
           waits_fail = true;
           lets_none_fail = false
        :: else -> skip
        fi;
        now_ = (queued > 0 || wait_aborted != nobody -> hit : emitted_)
     :: else -> skip
     fi;
     if
     :: now_ == hit || now_ == emitted_ ->
        unconfirmed = true;
        if
        :: BUG == 1 -> now_ = idle
        :: else -> skip
        fi
     :: else -> skip
     fi;
     on_suspend()
  :: else -> skip
  fi
}

/* The handler of post_fence. */
inline fence_arrives() {
  if
  :: unconfirmed ->
     unconfirmed = false;
     fence_passed();
     request_is_over()
  :: else -> skip
  fi
}

/* ---- runtime/waiter.cpp */

inline abort(who_) {
  wait_aborted = who_;
  wake()
}

inline wake() {
  if
  :: wait_woken -> skip
  :: else -> wait_woken = true; run_queue!woken
  fi
}

/* timed_part::time_is_over */
inline time_is_over() {
  if
  :: in_part && stopped_by == nobody ->
     time_was_over = true;
     part_stop = asked_;
     ask_part_to_stop()
  :: else -> skip
  fi
}

/* ---- runtime/run_loop.cpp */

inline see_to_queue() {
  if
  :: in_turn || drain_posted -> skip
  :: else -> drain_posted = true; io!drain_turn
  fi
}

inline turn_over() {
  in_turn = false;
  if
  :: len(run_queue) > 0 && !stops && !drain_posted -> drain_posted = true; io!drain_turn
  :: else -> skip
  fi
}

#define may_run_inline \
  (life == live && lets_run_inline && !stops && queued == 0 && !wait_woken)

inline note_enqueued(by_loop) { queued++; enqueued(by_loop) }

/* deliver_pending, as far as it concerns the request */
inline on_suspend() {
  if
  :: life == live && now_ == deferred && queued == 0 -> now_ = posted; post_stop()
  :: else -> skip
  fi
}

/* ---- The body of the process. */

inline hear() {
  hearings++;
  heard = emitted_level;
  assert(hearings <= strengthened + mistaken);  /* its clean-up is left alone */
  assert(!in_part || stopped_by == process)  /* and it is not told of a time-out */
}

inline leave_part() {
  in_part = false;
  part_stop = none;
  stopped_by = nobody;
  fails_next_wait = false
}

/* So does the next wait of the body, and no part begins; its clean-up may wait. */
inline fail_wait_of_body() {
  if
  :: !in_part && waits_fail && !lets_none_fail && !is_task -> hear(); lets_none_fail = true
  :: else -> skip
  fi
}

/* timed_part::caller_has_heard, stop_request::wait_has_failed */
inline caller_has_heard() {
  if
  :: waits_fail && BUG != 16 -> waits_fail = false; now_ = idle
  :: else -> skip
  fi
}

/* It goes on, with the result of what it waited for. */
inline body(failed_by) {
  waits_for = nothing;
  wait_aborted = nobody;
  op_cancelled = nobody;
  won = false;
  if
  :: failed_by == process ->
     hear();
     if
     :: in_part -> caller_has_heard()
     :: else -> skip
     fi
  :: failed_by == part -> part_heard = true
  :: else -> skip
  fi;
  if
  :: asked == 0 -> ask_to_stop(1)  /* it asks itself */
  :: skip
  fi;
  if
  :: in_part && (failed_by != nobody || !endless) -> leave_part()
  :: in_part && !(endless && failed_by != nobody) -> skip
  :: else -> skip
  fi;
  fail_wait_of_body();
  if
  :: in_part -> skip
  :: !in_part && !had_part && !is_task -> in_part = true; had_part = true
  :: !in_part -> skip
  fi;
  if
  :: in_part && fails_next_wait ->
     /* The next wait fails where it begins, and the part with it. */
     if
     :: stopped_by == process -> hear(); caller_has_heard()
     :: else -> part_heard = true
     fi;
     leave_part();
     fail_wait_of_body()
  :: else -> skip
  fi;
  if
  :: steps > 0 || endless ->
     if
     :: endless -> skip
     :: else -> steps--
     fi;
     if
     :: !is_task -> waits_for = operation
     :: !endless || is_task -> waits_for = wait
     :: !endless && !is_task -> waits_for = race
     :: !endless || is_task -> waits_for = yield
     :: !endless && !in_part -> life = ended; now_ = idle  /* stop_request::exits */
     fi
  :: else -> waits_for = (is_task -> wait : operation)  /* for ever */
  fi;
  op_pending = waits_for == operation || waits_for == race;
  op_under_way = op_pending;
  wait_armed = waits_for == wait || waits_for == race;
  if
  :: waits_for == yield -> yields = true; run_queue!yielded
  :: else -> skip
  fi
}

/* One of the two of a race is over; the other is cancelled if this one has a result. `result` is
 * who has cancelled it. When both are over, `resumes` says so, and `result` is that of the race. */
inline race_over(result) {
  if
  :: result == nobody ->
     if
     :: op_pending -> op_pending = false; op_cancelled = other; io!aborted
     :: else -> skip
     fi;
     if
     :: wait_armed && wait_aborted == nobody -> abort(other)
     :: else -> skip
     fi;
     won = true
  :: else -> skip
  fi;
  resumes = !op_under_way && !wait_armed;
  result = (won -> nobody : result)
}

/* scheduler::perform: sets `resumes` if the body goes on, and `result`. */
inline perform(item) {
  resumes = false;
  result = nobody;
  if
  :: item == op_completed || item == op_aborted || item == post -> 
     if
     :: counted -> queued--
     :: else -> skip
     fi
  :: else -> skip
  fi;
  counted = true;
  if
  :: life == ended -> skip
  :: item == start && life == spawned ->
     if
     :: asked > 0 -> life = ended
     :: else -> life = live; resumes = true
     fi
  :: item == post -> skip
  :: (item == op_completed || item == op_aborted) && life == live ->
     op_under_way = false;
     result = (item == op_aborted -> op_cancelled : nobody);
     op_cancelled = nobody;
     if
     :: waits_for == race -> race_over(result)
     :: else -> resumes = true
     fi
  :: item == woken && life == live ->
     wait_woken = false;
     wait_armed = false;
     result = wait_aborted;
     wait_aborted = nobody;
     if
     :: waits_for == race -> race_over(result)
     :: else -> resumes = true
     fi
  :: item == yielded && life == live ->
     yields = false;
     result = (yield_cancelled -> (in_part && stopped_by == part -> part : process) : nobody);
     yield_cancelled = false;
     resumes = true
  fi
}

/* The thread that runs the io_context. */
proctype loop() {
  mtype handler, item, who, result;
  bool emits, at_once, resumes, drains, counted = true, another_comes;
  byte left;

end:
  do
  :: atomic {
       io?handler ->
       in_turn = true;
       drains = true;
       left = 3;  /* drain_budget, which matters to a task that always yields */
       item = nothing;
       another_comes = drain_posted;
       if
       :: handler == turn ->
          deliver_stops();
          if
          :: emits ->
             emit_stop();
             if
             :: at_once ->
                op_under_way = false;
                result = op_cancelled;
                body(result)
             :: else -> skip
             fi;
             emitted()
          :: else -> skip
          fi
       :: handler == fence -> drains = false; in_turn = false; fence_arrives()
       :: handler == drain_turn -> drain_posted = false; another_comes = false
       :: handler == completed || handler == aborted ->
          item = (handler == completed -> op_completed : op_aborted);
          if
          :: life == ended -> item = nothing; drains = false; in_turn = false
          :: life == live && may_run_inline -> counted = false
          :: else ->
             in_turn = false;
             drains = false;
             run_queue!item;
             note_enqueued(false);
             item = nothing;
             see_to_queue()
          fi
       fi;
       /* scheduler::drain */
       do
       :: drains && left > 0 && (item != nothing || !stops && !another_comes && len(run_queue) > 0) ->
          if
          :: item != nothing -> skip
          :: else -> run_queue?item
          fi;
          if
          :: endless -> left--
          :: else -> skip
          fi;
          perform(item);
          item = nothing;
          if
          :: resumes -> body(result)
          :: else -> skip
          fi;
          on_suspend()
       :: else -> break
       od;
       if
       :: drains -> turn_over()
       :: else -> skip
       fi;
       handler = nothing; item = nothing; who = nobody; result = nobody;
       emits = false; at_once = false; resumes = false; drains = false; another_comes = false; left = 0
     }
  :: atomic {
       timeout ->
       /* Nothing will happen any more: no request was lost. */
       assert(life == ended || life == live && waits_for != nothing);
       assert(life == ended || heard == asked);
       assert(!in_part || !time_was_over || part_heard || stopped_by == process);
       break
     }
  od
}

/* ---- The world: each of these at any moment, and if it needs a turn of the loop, between two. */

proctype asker() {
  if
  :: atomic { true -> ask_to_stop(1) }
  :: true
  fi;
  atomic { ask_to_stop(2) }
}

proctype completer() {
end:
  do
  :: atomic { op_pending && (steps > 0 || endless) -> op_pending = false; io!completed }
  :: atomic { wait_armed && !wait_woken && (steps > 0 || endless) -> wake(); see_to_queue() }
  od
}

proctype poster() {
  byte posts = POSTS;
end:
  do
  :: atomic {
       posts > 0 && life == live ->
       posts--;
       run_queue!post;
       if
       :: now_ == emitted_ || now_ == hit -> mistaken++
       :: else -> skip
       fi;
       if
       :: note_enqueued(false)
       :: note_enqueued(true)  /* by another process, in a turn */
       fi;
       see_to_queue()
     }
  od
}

proctype timer() {
end:
  atomic { in_part -> time_is_over() }
}

init {
  atomic {
    if
    :: is_task = true
    :: skip
    fi;
    run_queue!start;
    drain_posted = true;
    io!drain_turn;
    run loop();
    run asker();
    run completer();
    run poster();
    run timer()
  }
}
