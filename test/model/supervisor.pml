/* The protocol of a supervisor with three children: two crashes and one stop, each at any moment.
 *
 * `check` beside this file says how it is run. -DSTRATEGY= is one of one_for_one, one_for_all and
 * rest_for_one. -DBUG=n makes one of the mistakes at the end of this comment, each of which has to
 * be found.
 *
 * What a function of the library does is an inline of the same name here; the file of the library
 * stands above each group of them. Whoever changes one of the two changes the other. A step of the
 * model is what the loop's thread does in one go. Between two actions of the supervisor anything
 * may happen: its budget of actions may be used up there, a kill may end a child on the spot, and a
 * report sink may do what it likes.
 *
 * Proved, by assertions at the places where it could go wrong: nobody is left in the end, and no end
 * of a child is forgotten (`perform`, and `rest` whenever there is nothing to do); a child is started
 * when it has no process, a group in start order, and nothing once the stop has begun
 * (`spawn_child`); children are stopped in reverse order (`ask_stop`); the budget is kept
 * (`note_restart`); ends that are decided at once lead to what those lead to that wait for their
 * turn (`is_restarted_alone`). And the stop is always answered (`answered`).
 *
 * -DCRASHES=n and -DEVERY_WORLD make more of it.
 *
 * Left out: children that come and go, calls, pauses, gates, probation, significant children, and
 * time but for the question whether a deadline has passed. All restarts lie within one period.
 *
 *   1  an exit that comes once a stop is wanted is dropped
 *   2  an end is decided at once although something else is under way: a restart during the stop
 *   3  a stop wakes nobody
 *   4  the exit of a child that is being stopped waits for its turn
 *   5  a group is started while a child of it is still being stopped
 *   6  the retry of a start that has failed is not charged to the budget
 *   7  a start that hangs gets no time limit when a stop waits for it
 *   8  children are stopped in start order
 *   9  a start that has failed is not tried again
 *  10  an exit that waits in the inbox when its child is to be stopped is overlooked
 *  11  the alarm is not set when the supervisor begins to wait
 *  12  ends decided at once do not count
 */

#ifndef STRATEGY
#define STRATEGY one_for_one
#endif
#ifndef BUG
#define BUG 0
#endif
#ifndef CRASHES
#define CRASHES 2
#endif

#define one_for_one 1
#define one_for_all 2
#define rest_for_one 3

#define N 3
#define nobody 3

/* child_state */
mtype = { stopped, starting, running, stopping, restarting };
/* supervision::job_kind; finished is one of them */
mtype = { none, boot, restart_one, stop_group, start_group, shut_down, finished };
/* supervision_event::kind_type */
mtype = { exit, retry, stop, nothing };
/* supervision::action::kind_type */
mtype = { a_start, a_stop, a_kill, a_finished };
/* How a start ends, and whether a process is there. */
mtype = { ok, failed, dead, fresh, hanging, up };

/* ---- What the world is like; chosen at the beginning. */
byte intensity;          /* restarts that the budget allows */
bool acknowledges;       /* the children acknowledge their starts */
bool limited;            /* they have a start limit */
bool temporary[N];       /* never restarted; otherwise permanent */
bool brutal[N];          /* its shutdown is brutal_kill */

/* ---- The processes of the children. */
mtype proc[N] = dead;
bool told[N];            /* asked to stop */
bool deaf[N];            /* ignores that */
bool killed[N];
byte crashes = CRASHES;  /* that may still come */
byte hangs = 1;          /* children that may still be late, or hang: in their start or stop */

/* ---- The supervisor: supervision, and supervisor_process. */
mtype state[N] = stopped;
bool listed[N] = true;   /* in the child_table */
bool ended[N];
bool late[N];            /* had_to_be_killed */
chan inbox = [7] of { mtype, byte };
chan out = [4] of { mtype, byte };
mtype job = none;
byte subject = nobody;
byte cursor = nobody;
byte awaited = nobody;
bool until;              /* awaited_until_ is set */
bool due;                /* and has passed */
bool stop_wanted;
bool start_limited;
byte window;             /* the restarts in the restart_window */
bool news;
bool acting = true;
bool alarm;              /* the wake_timer is armed */
bool over;               /* finished_ */

/* ---- What is to be proved, beside what is asserted on the way. */
bool unjudged[N];        /* a child has ended by itself, and nothing has followed from that yet */
byte restarts;           /* of a child alone, or with its group */

/* The stop comes in every history, at some time, and is answered; nothing is forgotten then, as
 * is asserted there (`perform`). */
ltl answered { <> over }

/* ---- supervision/child_table.cpp */

#define children_first (listed[0] -> 0 : (listed[1] -> 1 : (listed[2] -> 2 : nobody)))
#define children_last (listed[2] -> 2 : (listed[1] -> 1 : (listed[0] -> 0 : nobody)))
#define children_after(c) ((c) == 0 -> (listed[1] -> 1 : (listed[2] -> 2 : nobody)) : \
                           ((c) == 1 && listed[2] -> 2 : nobody))
#define children_before(c) ((c) == 2 -> (listed[1] -> 1 : (listed[0] -> 0 : nobody)) : \
                            ((c) == 1 && listed[0] -> 0 : nobody))

/* ---- supervision/supervision.cpp */

/* Decided at once or in its turn, the restart of a child alone leads to the same. */
#define is_restarted_alone(c) \
  (window == restarts && \
   (acknowledges -> job == restart_one && subject == c && state[c] == starting && \
                    proc[c] == fresh && awaited == c && until == limited : \
                    job == none && subject == nobody && state[c] == running && proc[c] == up && \
                    awaited == nobody && !until))

#define is_idle (job == none && len(out) == 0 && len(inbox) == 0)
#define is_waiting (awaited != nobody)

inline finish_job() { job = none; subject = nobody; cursor = nobody }

inline enqueue(k, c) { assert(len(inbox) < 7); inbox!k(c) }

inline emit(k, c) { assert(len(out) < 4); out!k(c) }

/* The event stays in the inbox, and becomes `nothing`. */
inline drop_pending(c) {
  n = len(inbox);
  do
  :: n > 0 ->
     inbox?k(s);
     if
     :: s == c && (k == exit || k == retry) -> inbox!nothing(nobody)
     :: else -> inbox!k(s)
     fi;
     n--
  :: else -> break
  od
}

inline forget(c) {
  assert(proc[c] == dead);  /* no orphan */
  drop_pending(c);
  listed[c] = false
}

/* supervision::ended */
inline supervision_ended(c) {
  if
  :: BUG != 4 && state[c] == stopping -> on_down(c)
  :: BUG == 1 && stop_wanted && state[c] != stopping -> skip
  :: else -> ended[c] = true; enqueue(exit, c)
  fi
}

/* supervision::stop */
inline supervision_stop() {
  stop_wanted = true;
  enqueue(stop, nobody)
}

inline handle() {
  inbox?k(c);
  if
  :: k == exit -> handle_exit(c)
  :: k == retry -> handle_retry(c)
  :: k == stop -> begin_shut_down()
  :: k == nothing -> skip
  fi;
  k = nothing; c = 0
}

/* ---- supervision/restart_rules.cpp */

#define restarts_alone (STRATEGY == one_for_one)

inline record(fits) {
  fits = window < intensity;
  if
  :: fits -> window++
  :: else -> skip
  fi
}

/* supervision::follows_now, without the rule: what has to hold for an end to be decided at once. */
#define may_follow_now(c) ((BUG == 2 || is_idle) && restarts_alone && state[c] == running)

inline handle_exit(c) {
  ended[c] = false;
  unjudged[c] = false;
  if
  :: temporary[c] -> state[c] = stopped; forget(c)
  :: else ->
     record(fits);
     state[c] = stopped;
     if
     :: fits -> begin_restart(c)
     :: else -> begin_shut_down()  /* give_up */
     fi
  fi
}

inline handle_retry(c) {
  if
  :: BUG == 6 -> fits = true
  :: else -> record(fits)
  fi;
  if
  :: fits -> begin_restart(c)
  :: else -> state[c] = stopped; begin_shut_down()  /* give_up */
  fi
}

inline begin_restart(c) {
  note_restart();
  subject = c;
  if
  :: restarts_alone -> job = restart_one
  :: else -> begin_group(c)
  fi
}

inline note_restart() {
  assert(restarts < intensity);  /* the budget is kept */
  restarts++
}

inline begin_group(c) {
  state[c] = stopped;
  job = stop_group;
  cursor = children_last
}

#define first_of_group (STRATEGY == one_for_all -> children_first : subject)

/* ---- supervision/stopping.cpp */

inline begin_shut_down() {
  job = shut_down;
  cursor = (BUG == 8 -> children_first : children_last)
}

/* Gives whether the child has to be waited for. */
inline ask_stop(c, asks) {
  asks = false;
  if
  :: state[c] == restarting -> drop_pending(c); state[c] = stopped
  :: state[c] == running && ended[c] && BUG != 10 ->
     drop_pending(c);
     ended[c] = false;
     unjudged[c] = false
  :: state[c] == running && (!ended[c] || BUG == 10) ->
     /* Whoever was started after it is down. */
     assert(c >= 2 || proc[2] == dead);
     assert(c >= 1 || proc[1] == dead);
     asks = true;
     state[c] = stopping;
     late[c] = false;
     awaited = c;
     until = !brutal[c];
     due = false;
     if
     :: brutal[c] -> emit(a_kill, c)
     :: else -> emit(a_stop, c)
     fi
  :: else -> skip
  fi
}

/* What is not needed any more is forgotten here, which spares states. */
inline end_of_wait(c) {
  awaited = nobody;
  until = false;
  due = false;
  late[c] = false;
  start_limited = false
}

inline on_down(c) {
  unjudged[c] = false;
  assert(awaited == c);
  end_of_wait(c);
  on_stopped(c)
}

inline on_stopped(c) {
  state[c] = stopped;
  if
  :: temporary[c] || job == shut_down -> forget(c)
  :: else -> skip
  fi
}

inline check_deadline() {
  if
  :: stop_wanted && state[awaited] == starting && !late[awaited] && !start_limited && BUG != 7 ->
     start_limited = true;
     until = true
  :: else -> skip
  fi;
  if
  :: until && due ->
     until = false;
     due = false;
     late[awaited] = true;
     emit(a_kill, awaited)
  :: else -> skip
  fi
}

/* ---- supervision/jobs.cpp */

inline step() {
  if
  :: job == boot || job == start_group ->
     do
     :: cursor != nobody && state[cursor] != stopped -> cursor = children_after(cursor)
     :: else -> break
     od;
     if
     :: cursor != nobody -> ask_start(cursor)
     :: else -> finish_job()
     fi
  :: job == restart_one -> ask_start(subject)
  :: job == stop_group ->
     c = cursor;
     if
     :: c == nobody -> job = start_group; cursor = first_of_group
     :: else ->
        cursor = (c == first_of_group -> nobody : children_before(c));
        ask_stop(c, asks);
        if
        :: asks && BUG == 5 -> awaited = nobody
        :: asks && BUG != 5 -> skip
        :: else -> on_stopped(c)
        fi
     fi
  :: job == shut_down ->
     c = cursor;
     if
     :: c == nobody -> emit(a_finished, nobody); job = finished; subject = nobody
     :: else ->
        cursor = (BUG == 8 -> children_after(c) : children_before(c));
        ask_stop(c, asks);
        if
        :: asks -> skip
        :: else -> on_stopped(c)
        fi
     fi
  fi;
  c = 0; asks = false
}

inline ask_start(c) { begin_start(c); emit(a_start, c) }

inline begin_start(c) {
  state[c] = starting;
  late[c] = false;
  start_limited = false;
  awaited = c;
  until = limited;
  due = false
}

inline start_answered(c, how) {
  end_of_wait(c);
  if
  :: job == boot ->
     if
     :: how == failed -> begin_shut_down()
     :: else -> cursor = children_after(c)
     fi
  :: job == start_group ->
     if
     :: how == failed -> finish_job(); retry_later(c)
     :: else -> cursor = children_after(c)
     fi
  :: job == restart_one ->
     finish_job();
     if
     :: how == failed -> retry_later(c)
     :: else -> skip
     fi
  :: else -> assert(false)
  fi
}

inline retry_later(c) {
  assert(!temporary[c]);
  state[c] = restarting;
  if
  :: BUG == 9 -> skip
  :: else -> enqueue(retry, c)
  fi
}

/* ---- supervisor/supervisor_children.cpp */

/* supervisor_process::spawn_child */
inline spawn_child(c) {
  assert(proc[c] == dead);  /* it is started at most once at a time */
  assert(listed[c]);
  assert(job != shut_down && job != finished);  /* nothing is started once the stop has begun */
  /* A group is down from its first child on, and starts in order, one after another. */
  if
  :: job == boot || job == start_group ->
     assert(c >= 1 || proc[1] == dead || STRATEGY == rest_for_one && subject > 1);
     assert(c >= 2 || proc[2] == dead);
     assert(proc[0] != fresh && proc[1] != fresh && proc[2] != fresh);
     assert(proc[0] != hanging && proc[1] != hanging && proc[2] != hanging)
  :: else -> skip
  fi;
  told[c] = false;
  killed[c] = false;
  deaf[c] = false;
  proc[c] = (acknowledges -> fresh : up)
}

inline started(c) { state[c] = running; start_answered(c, ok) }

/* Called by the scheduler when everything of a child is gone. */
inline child_exited(c) {
  proc[c] = dead;
  told[c] = false;
  killed[c] = false;
  deaf[c] = false;
  at_once = false;
  if
  :: !acting && !news && !over && may_follow_now(c) ->  /* is_free, follows_now */
     if
     :: temporary[c] ->
        at_once = true;  /* leave_child, supervision::stays_down */
        unjudged[c] = false;
        state[c] = stopped;
        forget(c)
     :: else ->
        record(fits);
        if
        :: fits ->
           at_once = true;  /* restart_child */
           unjudged[c] = false;
           if
           :: BUG == 12 -> window--
           :: else -> skip
           fi;
           note_restart();
           spawn_child(c);
           if
           :: acknowledges ->
              job = restart_one;  /* supervision::restart_begun */
              subject = c;
              begin_start(c);
              if
              :: until -> wake()
              :: else -> skip
              fi
           :: else -> skip  /* supervision::restarted: its state stays what it was */
           fi;
           assert(is_restarted_alone(c))
        :: else -> skip  /* it gives up when the exit has its turn */
        fi
     fi
  :: else -> skip
  fi;
  if
  :: at_once -> skip
  :: else ->
     if
     :: state[c] != starting -> supervision_ended(c)
     :: else -> unjudged[c] = false; state[c] = stopped; start_answered(c, failed)
     fi;
     wake()
  fi;
  at_once = false
}

inline child_ready(c) {
  started(c);
  if
  :: !is_idle || limited -> wake()
  :: else -> skip
  fi
}

/* ---- supervisor/supervisor_process.cpp */

inline wake() { news = true }

inline perform(k, c) {
  if
  :: k == a_start ->
     at_once = job == restart_one;
     spawn_child(c);
     if
     :: acknowledges -> skip
     :: else -> started(c)
     fi;
     assert(!at_once || is_restarted_alone(c));
     at_once = false
  :: k == a_stop -> told[c] = proc[c] != dead
  :: k == a_kill -> killed[c] = proc[c] != dead
  :: k == a_finished ->
     /* Nobody is left, and nothing was forgotten. */
     assert(proc[0] == dead && proc[1] == dead && proc[2] == dead);
     assert(!listed[0] && !listed[1] && !listed[2]);
     assert(!unjudged[0] && !unjudged[1] && !unjudged[2]);
     over = true
  fi
}

/* The supervisor has nothing to do: whoever is to run, runs. */
#define is_well(c) (!listed[c] || state[c] == running && proc[c] == up && !unjudged[c])
inline rest() {
  if
  :: is_idle && !news && !over -> assert(is_well(0) && is_well(1) && is_well(2))
  :: else -> skip
  fi
}

/* supervision::next, up to the next action; `act` and `wait::poll` around it. */
proctype supervisor() {
  mtype k = nothing;
  byte c, s, n;
  bool fits, asks, at_once;

  d_step { job = boot; cursor = children_first }  /* begin, supervision::start */
turn:
  do
  :: d_step {
       !over && (len(out) > 0 || job != finished) ->
       do
       :: len(out) > 0 -> break
       :: len(out) == 0 && is_waiting ->
          check_deadline();
          if
          :: len(out) == 0 -> break
          :: else -> skip
          fi
       :: len(out) == 0 && !is_waiting && job == finished -> break
       :: len(out) == 0 && !is_waiting && job != none && job != finished -> step()
       :: len(out) == 0 && !is_waiting && job == none && len(inbox) > 0 -> handle()
       :: len(out) == 0 && !is_waiting && job == none && len(inbox) == 0 -> break
       od;
       k = nothing;
       if
       :: len(out) > 0 -> out?k(c); perform(k, c)
       :: else ->
          /* Nothing to do: what has come meanwhile has another turn, else the alarm is set. */
          if
          :: news -> news = false
          :: else -> acting = false; alarm = until && BUG != 11; rest()
          fi
       fi;
       k = nothing; c = 0; s = 0; n = 0; fits = false; asks = false
     }
     if
     :: over || !acting -> break
     :: else -> skip
     fi
  od;
  if
  :: over -> skip
  :: d_step { !over && (news || alarm && due) -> news = false; alarm = false; acting = true };
     goto turn
  fi
}

/* ---- The world. */

proctype child(byte me) {
  mtype k = nothing;
  byte s, n;
  bool fits, at_once;

end:
  do
  :: d_step { proc[me] == fresh -> child_ready(me); proc[me] = up }
  :: d_step { proc[me] == fresh && hangs > 0 -> hangs-- }
  :: d_step { proc[me] == fresh && hangs > 0 -> hangs--; proc[me] = hanging }
  :: d_step {
       proc[me] != dead && crashes > 0 ->
       crashes--;
       unjudged[me] = true;
       child_exited(me);
       k = nothing; s = 0; n = 0; fits = false
     }
  :: d_step { told[me] && hangs > 0 -> hangs-- }
  :: d_step { told[me] && hangs > 0 -> hangs--; deaf[me] = true }
  :: d_step {
       told[me] && !deaf[me] || killed[me] -> child_exited(me);
       k = nothing; s = 0; n = 0; fits = false
     }
  :: over -> break
  od
}

proctype clock() {
  do
  :: d_step { until && !due && hangs == 0 -> due = true }
  :: over -> break
  od
}

/* supervisor_process::stop */
proctype stopper() {
  d_step {
    if
    :: over -> skip
    :: else ->
       supervision_stop();
       if
       :: BUG == 3 -> skip
       :: else -> wake()
       fi
    fi
  }
}

#ifdef EVERY_WORLD
inline choose(b) {
  if
  :: b = false
  :: b = true
  fi
}
#endif

init {
  atomic {
#ifdef EVERY_WORLD
    choose(acknowledges);
    if
    :: acknowledges -> choose(limited)
    :: else -> skip
    fi;
    choose(temporary[1]);
    choose(brutal[2]);
    if
    :: intensity = 1
    :: intensity = 2
    fi;
#else
    if
    :: intensity = 1
    :: intensity = 2
    :: intensity = 2; acknowledges = true; temporary[1] = true
    :: intensity = 2; acknowledges = true; limited = true; brutal[2] = true
    fi;
#endif
    run supervisor();
    run child(0);
    run child(1);
    run child(2);
    run clock();
    run stopper()
  }
}
