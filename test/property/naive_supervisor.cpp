#include "naive_supervisor.hpp"

#include <algorithm>
#include <deque>
#include <list>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using kind = supervision::action::kind_type;
using next_step = supervision::action::next_type;
using state = supervision::child_state;
using result = supervision::result;
using what = note::what_type;

struct difference {
  std::string text;
};

// Lives through a history again: where it is in the notes is where it is in its own code. It acts
// when the supervision was asked what to do; that is what the notes must say next. While it waits,
// all it is told goes to its inbox.
class naive_supervisor {
 public:
  explicit naive_supervisor(const history& h) : h_{h}, static_{!h.dynamic()} {}

  void live() {
    boot();
    while (!finished_) handle(receive());
    while (!owed_.empty()) hear();
    for (; at_ < h_.notes.size(); ++at_) {
      if (h_.notes[at_].what == what::action) refuse("something follows the end");
    }
    if (cause_ != h_.cause) refuse("another cause");
    if (ran_at_end_ != h_.stopped_at_end) refuse("another number of children ran at the end");
    if (killed_at_end_ != h_.killed_at_end) refuse("another number of children had to be killed");
  }

 private:
  struct member {
    std::size_t whom;
    state now = state::stopped;
    std::optional<exit_reason> died{};  // and nobody has looked at it yet
    std::uint64_t number = 0;
    // What only a child with a policy needs.
    int failures = 0;  // since it ran for long
    span_of_time pause{};
    when since{};
    std::vector<when> tries{};        // that its own limit knows
    bool parked = false;              // and not started since
    bool probing = false;             // was parked, and has not recovered yet
    bool held = false;                // by its gate
    bool over = false;                // what it waits for, but it has not been started yet
    std::optional<when> until{};      // while it waits
    std::optional<when> recovers{};   // while it is on probation
    std::size_t turn = 0;             // among those that wait until the same time
  };

  // What follows from a failure by its own limit, and what the tries of a restart came to.
  enum class verdict { restart, escalate, drop, park };
  enum class after_try { waits, goes_on, ends };

  struct message {
    std::size_t exit_of = nobody;
    std::size_t retry_of = nobody;
    const note* told = nullptr;  // anything else
  };

  using place = std::list<member>::iterator;

  // ---- Its children

  [[nodiscard]] const child_plan& plan(const member& m) const { return h_.cast[m.whom].plan; }
  [[nodiscard]] bool shut_out(const member& m) const {
    return plan(m).gated && !open_.contains(m.whom);
  }

  place find(std::size_t whom) {
    return std::find_if(members_.begin(), members_.end(),
                        [&](const member& m) { return m.whom == whom; });
  }

  place find(const std::string& id) {
    return std::find_if(members_.begin(), members_.end(),
                        [&](const member& m) { return static_ && h_.cast[m.whom].id == id; });
  }

  // OTP's static supervisors know their children by their ids only.
  place find_number(std::uint64_t number) {
    return std::find_if(members_.begin(), members_.end(), [&](const member& m) {
      return !static_ && number != 0 && m.number == number;
    });
  }

  void drop(place m) {
    forget_news_of(m->whom);
    does({.what = what::action, .whom = m->whom, .kind = kind::forget});
    members_.erase(m);
  }

  void forget_news_of(std::size_t whom) {
    if (const place m = find(whom); m != members_.end()) {
      m->until.reset();
      m->recovers.reset();
      m->over = m->held = false;
    }
    std::erase_if(inbox_,
                  [&](const message& m) { return m.exit_of == whom || m.retry_of == whom; });
  }

  // ---- Its life

  void boot() {
    for (std::size_t whom = 0; whom < h_.static_children; ++whom) members_.push_back({whom});
    for (auto next = members_.begin(); next != members_.end();) {
      const auto m = next++;
      look();
      if (shut_out(*m)) {
        hold(*m);
        continue;
      }
      const note& came = start(*m);
      if (came.what == what::start_failed) {
        does({.what = what::action,
              .whom = m->whom,
              .reason = came.reason,
              .kind = kind::failed_to_start,
              .next = next_step::shut_down});
        if (stop_wanted_) {
          shut_down(*stop_wanted_, supervision::cause::asked);
        } else {
          shut_down(exit_reason::shutdown("failed to start child " + h_.cast[m->whom].id + " (" +
                                          came.reason.to_string() + ")"),
                    supervision::cause::start_failed);
        }
        return;
      }
      if (came.what == what::ignored && plan(*m).restarted == coppice::temporary) drop(m);
    }
    look();
    does({.what = what::action, .kind = kind::booted});
  }

  void handle(const message& m) {
    if (m.exit_of != nobody) return handle_exit(find(m.exit_of));
    if (m.retry_of != nobody) return restart(find(m.retry_of), nullptr);
    const note& call = *m.told;
    switch (call.what) {
      case what::queue: does({.what = what::action, .call = call.call, .kind = kind::serve}); break;
      case what::stop: shut_down(call.reason, supervision::cause::asked); break;
      case what::add: handle_add(call); break;
      case what::terminate: handle_terminate(call, find(call.id)); break;
      case what::terminate_number: handle_terminate(call, find_number(call.number)); break;
      case what::restart: handle_restart(call, find(call.id)); break;
      case what::erase: handle_erase(call, find(call.id)); break;
      default: refuse("no such message");
    }
  }

  void handle_exit(place m) {
    const exit_reason why = *m->died;
    const child_plan& p = plan(*m);
    m->died.reset();
    m->now = state::stopped;
    if (p.restarted == coppice::permanent ||
        (p.restarted == coppice::transient && why.is_abnormal())) {
      return restart(m, &why);
    }
    m->recovers.reset();
    stays_down(m, why, next_step::none);
  }

  void stays_down(place m, const exit_reason& why, next_step next) {
    const bool enough = is_last_that_matters(*m);
    does({.what = what::action,
          .whom = m->whom,
          .reason = why,
          .kind = kind::has_ended,
          .next = enough ? next_step::shut_down : next});
    if (plan(*m).restarted == coppice::temporary || !static_) drop(m);
    if (enough) shut_down(exit_reason::shutdown(), supervision::cause::automatic);
  }

  bool is_last_that_matters(const member& m) {
    const bool others = std::any_of(members_.begin(), members_.end(), [&](const member& other) {
      return plan(other).significant && other.now != state::stopped;
    });
    const bool last = h_.options.automatic == coppice::auto_shutdown::any_significant ||
                      (h_.options.automatic == coppice::auto_shutdown::all_significant && !others);
    return plan(m).significant && last;
  }

  // What its own terms say of a failure, after a run or of a start.
  verdict judge(member& m, when now, bool has_run) {
    const child_plan& p = plan(m);
    m.pause = {};
    if (p.limit) {
      if (m.probing && has_run && now - m.since >= p.limit->period) recover(m);
      const auto recent = std::count_if(m.tries.begin(), m.tries.end(), [&](when t) {
        return now - t <= p.limit->period;
      });
      if (m.probing || static_cast<std::size_t>(recent) >= p.limit->intensity) {
        if (p.limit->then == coppice::escalate) return verdict::escalate;
        if (p.limit->then == coppice::drop) return verdict::drop;
        m.parked = true;
        m.probing = false;
        m.pause = p.limit->probe_after.time();
        return verdict::park;
      }
      m.tries.push_back(now);
    }
    if (p.backoff) {
      if (has_run && now - m.since >= p.backoff->reset_after.value_or(p.backoff->max)) {
        m.failures = 0;
      }
      choose_pause(m);
    }
    return verdict::restart;
  }

  static void recover(member& m) {
    m.probing = false;
    m.tries.clear();
  }

  [[nodiscard]] bool counts(const member& m) const {
    const child_plan& p = plan(m);
    return (!p.backoff && !p.limit) || (p.backoff && p.backoff->counts) ||
           (p.limit && p.limit->counts);
  }

  void hold(member& m) {
    m.held = true;
    m.now = state::restarting;
    does({.what = what::action, .whom = m.whom, .kind = kind::held_back});
  }

  bool is_one_too_many() {
    const auto recent = std::count_if(tries_.begin(), tries_.end(),
                                      [this](when t) { return now_ - t <= h_.options.period; });
    tries_.push_back(now_);
    return static_cast<std::size_t>(recent) + 1 > h_.options.intensity;
  }

  void choose_pause(member& m) {
    const coppice::restart_backoff& b = *plan(m).backoff;
    m.pause = b.min;
    for (int i = 0; i < m.failures; ++i) {
      const double longer = static_cast<double>(m.pause.count()) * b.factor;
      m.pause = std::min(b.max, span_of_time{static_cast<span_of_time::rep>(longer)});
    }
    ++m.failures;
  }

  // After its end, or, without a reason, once more after a restart that failed, or after a pause.
  void restart(place m, const exit_reason* why) {
    if (m->over) {
      const bool alone = m->held;
      m->over = m->held = false;
      return alone ? start_alone(m) : start_again(m);
    }
    m->recovers.reset();
    verdict own = verdict::restart;
    if (why != nullptr) own = judge(*m, now_, true);
    if (own == verdict::drop) return stays_down(m, *why, next_step::drop);
    const bool too_often = own == verdict::escalate ||
                           (own == verdict::restart && counts(*m) && is_one_too_many());
    if (why != nullptr) {
      does({.what = what::action,
            .whom = m->whom,
            .reason = *why,
            .kind = kind::has_ended,
            .next = too_often              ? next_step::give_up
                    : own == verdict::park ? next_step::park
                                           : next_step::restart,
            .pause = too_often ? span_of_time{} : told_pause(*m)});
    }
    if (too_often) return give_up(m);
    if (m->pause == span_of_time{}) return start_again(m);
    if (why != nullptr && h_.in_groups()) {
      m->now = state::stopped;
      bring_group_down(m);
      look();
    }
    wait(*m, now_);
  }

  static span_of_time told_pause(const member& m) {
    return m.pause == span_of_time::max() ? span_of_time{} : m.pause;
  }

  void wait(member& m, when now) {
    m.now = state::restarting;
    if (m.pause == span_of_time::max()) return;
    m.until = now + m.pause;
    m.turn = ++pauses_;
  }

  void give_up(place m) {
    does({.what = what::action, .whom = m->whom, .kind = kind::exhausted});
    m->now = state::stopped;
    shut_down(exit_reason::shutdown(), supervision::cause::gave_up);
  }

  void bring_group_down(place m) {
    std::vector<place> others;
    for (place x = first_of_group(m); x != members_.end(); ++x) others.insert(others.begin(), x);
    std::erase(others, m);
    for (const place x : others) bring_down(x);
  }

  place first_of_group(place m) {
    return h_.options.strategy == coppice::one_for_all ? members_.begin() : m;
  }

  void start_again(place m) {
    if (!h_.in_groups()) return start_alone(m);
    m->now = state::stopped;
    bring_group_down(m);
    start_group(m, nullptr);
  }

  void start_alone(place m) {
    look();
    if (shut_out(*m)) return hold(*m);
    const note& came = start(*m);
    if (came.what == what::start_failed) {
      if (try_again(m, came) == after_try::ends) end();
    } else if (came.what == what::ignored) {
      if (!static_ || plan(*m).restarted == coppice::temporary) drop(m);
    }
  }

  // Whoever has asked for it gets the answer of that child, or of the one that fails before it.
  void start_group(place m, const note* call) {
    for (place next = first_of_group(m); next != members_.end();) {
      const place x = next++;
      look();
      if (x->now != state::stopped) continue;
      const std::size_t whom = x->whom;
      const bool asked = call != nullptr && x == m;
      if (shut_out(*x) && !asked) {
        hold(*x);
        continue;
      }
      const note& came = start(*x, asked);
      const bool failed = came.what == what::start_failed;
      const after_try then = failed ? try_again(x, came) : after_try::goes_on;
      if (call != nullptr && (failed || asked)) {
        answers(*call, result_of(came), whom, came.reason);
        call = nullptr;
      }
      if (then == after_try::ends) return end();
      if (then == after_try::waits) return;
    }
  }

  // Ends as it has decided on the way.
  void end() { shut_down(exit_reason::shutdown(), cause_); }

  static result result_of(const note& came) {
    return came.what == what::started   ? result::ok
           : came.what == what::ignored ? result::ignored
                                        : result::start_failed;
  }

  after_try try_again(place m, const note& came) {
    if (plan(*m).restarted == coppice::temporary) {
      does({.what = what::action,
            .whom = m->whom,
            .reason = came.reason,
            .kind = kind::failed_to_start});
      drop(m);
      return after_try::goes_on;
    }
    const verdict own = judge(*m, came.now, false);
    const bool enough = own == verdict::drop && is_last_that_matters(*m);
    constexpr next_step names[]{next_step::restart, next_step::give_up, next_step::drop,
                                next_step::park};
    does({.what = what::action,
          .whom = m->whom,
          .reason = came.reason,
          .kind = kind::failed_to_start,
          .next = enough ? next_step::shut_down : names[static_cast<std::size_t>(own)],
          .pause = told_pause(*m)});
    switch (own) {
      case verdict::restart:
        m->now = state::restarting;
        inbox_.push_back({.retry_of = m->whom});
        break;
      case verdict::park: wait(*m, came.now); break;
      case verdict::drop:
        if (!static_ || plan(*m).restarted == coppice::temporary) drop(m);
        if (!enough) return after_try::goes_on;
        cause_ = supervision::cause::automatic;
        return after_try::ends;
      case verdict::escalate:
        does({.what = what::action, .whom = m->whom, .kind = kind::exhausted});
        cause_ = supervision::cause::gave_up;
        return after_try::ends;
    }
    return after_try::waits;
  }

  void answers(const note& call, result r, std::size_t whom = nobody, exit_reason why = {}) {
    does({.what = what::action,
          .whom = whom,
          .call = call.call,
          .reason = std::move(why),
          .kind = kind::reply,
          .result = r});
  }

  // What comes of a start that was asked for.
  result start_for(const note& call, member& m) {
    const note& came = start(m, call.what == what::restart);
    const result r = result_of(came);
    if (r == result::start_failed) {
      does({.what = what::action,
            .whom = m.whom,
            .reason = came.reason,
            .kind = kind::failed_to_start});
    }
    answers(call, r, m.whom, came.reason);
    return r;
  }

  void handle_add(const note& call) {
    const role& added = h_.cast[call.whom];
    if (const place known = find(added.id); known != members_.end()) {
      answers(call,
              known->now == state::running ? result::already_started : result::already_present,
              known->whom);
    } else if (!static_ && members_.size() >= h_.options.max_children) {
      answers(call, result::max_children);
    } else {
      std::list<member> newcomer{{call.whom}};
      if (shut_out(newcomer.front())) {
        hold(newcomer.front());
        answers(call, result::ignored, call.whom);
        return members_.splice(members_.end(), newcomer);
      }
      const result r = start_for(call, newcomer.front());
      const bool kept = r == result::ok || (r == result::ignored && static_ &&
                                            added.plan.restarted != coppice::temporary);
      if (kept) return members_.splice(members_.end(), newcomer);
    }
    does({.what = what::action, .whom = call.whom, .kind = kind::forget});
  }

  void handle_terminate(const note& call, place m) {
    if (m == members_.end()) return answers(call, result::not_found);
    bring_down(m);
    answers(call, result::ok);
  }

  // Whether a call that needs a child without process is refused.
  bool refused(const note& call, place m) {
    if (m == members_.end()) {
      answers(call, result::not_found);
    } else if (m->now == state::restarting && !plan(*m).has_policy()) {
      answers(call, result::restarting);
    } else if (m->now != state::stopped && m->now != state::restarting) {
      answers(call, result::running);
    } else {
      return false;
    }
    return true;
  }

  void handle_restart(const note& call, place m) {
    if (refused(call, m)) return;
    const bool with_group = m->now == state::restarting && h_.in_groups() && !m->held;
    forget_news_of(m->whom);
    m->now = state::stopped;
    if (with_group) {
      start_group(m, &call);
    } else {
      const result r = start_for(call, *m);
      if (r == result::ignored && plan(*m).restarted == coppice::temporary) drop(m);
    }
  }

  void handle_erase(const note& call, place m) {
    if (refused(call, m)) return;
    answers(call, result::ok);
    drop(m);
  }

  void shut_down(const exit_reason& reason, supervision::cause why) {
    cause_ = why;
    stopping_ = true;
    ran_at_end_ = static_cast<std::size_t>(
        std::count_if(members_.begin(), members_.end(),
                      [](const member& m) { return m.now == state::running && !m.died; }));
    if (static_) {
      while (!members_.empty()) bring_down(std::prev(members_.end()));
    } else {
      bring_down_all();
    }
    does({.what = what::action, .reason = reason, .kind = kind::finished});
    finished_ = true;
  }

  // ---- Starting and stopping one

  // Gives back what was told of it.
  const note& start(member& m, bool asked = false) {
    look();
    const child_plan& p = plan(m);
    m.now = state::starting;
    m.since = now_;
    m.probing = !asked && (m.probing || m.parked);
    m.parked = m.held = m.over = false;
    if (asked) m.tries.clear();
    if (m.probing) {
      m.recovers = now_ + p.limit->period;
      m.turn = ++pauses_;
    }
    does({.what = what::action, .whom = m.whom, .kind = kind::start});
    if (p.start_limit) deadline_ = now_ + *p.start_limit;
    bool limited = false;
    bool killed = false;
    do {
      if (!acts() || killed) continue;
      killed = deadline_ && *deadline_ <= now_;
      if (stop_wanted_ && !limited && !killed) {
        // Whoever stops the supervisor does not wait for a slow start longer than for a slow stop.
        limited = true;
        const when until = p.how.is_brutal_kill() ? now_ + std::chrono::seconds{5}
                           : p.how.is_timed()     ? now_ + time_to_stop(m)
                                                  : when::max();
        if (!deadline_ || until < *deadline_) deadline_ = until;
        if (deadline_ == when::max()) deadline_.reset();
      }
      if (killed) {
        does({.what = what::action, .whom = m.whom, .kind = kind::kill});
        deadline_.reset();
      }
    } while (!hear());
    deadline_.reset();
    const note& came = h_.notes[at_ - 1];
    if (came.whom != m.whom) refuse("the answer of another child");
    m.now = came.what == what::started ? state::running : state::stopped;
    if (came.what == what::started) {
      m.number = came.number;
    } else {
      m.recovers.reset();
    }
    return came;
  }

  [[nodiscard]] span_of_time time_to_stop(const member& m) const {
    return std::max(plan(m).how.time(), span_of_time{1});  // the clock has to move
  }

  void bring_down(place m) {
    look();
    if (ask_to_end(*m)) {
      if (plan(*m).how.is_timed()) deadline_ = now_ + time_to_stop(*m);
      bool late = false;
      do {
        if (!acts() || !deadline_ || *deadline_ > now_) continue;
        does({.what = what::action, .whom = m->whom, .kind = kind::kill});
        deadline_.reset();
        late = true;
      } while (!hear());
      deadline_.reset();
      if (h_.notes[at_ - 1].whom != m->whom) refuse("the end of another child");
      judge_end(*m, late);
    }
    down(m);
  }

  // All at once. A time that nobody needs any more still passes: looking once too often does no
  // harm.
  void bring_down_all() {
    look();
    struct limit {
      span_of_time time;
      when until;
      std::size_t whom;
    };
    std::vector<limit> limits;
    std::vector<std::size_t> late;
    for (place next = members_.begin(); next != members_.end();) {
      const place m = next++;
      if (!ask_to_end(*m)) {
        down(m);
      } else if (const coppice::shutdown how = plan(*m).how; how.is_timed()) {
        limits.push_back({how.time(), now_ + time_to_stop(*m), m->whom});
      }
    }
    std::stable_sort(limits.begin(), limits.end(),
                     [](const limit& a, const limit& b) { return a.time < b.time; });
    while (!members_.empty()) {
      if (acts()) {
        for (; !limits.empty() && limits.front().until <= now_; limits.erase(limits.begin())) {
          const std::size_t whom = limits.front().whom;
          if (find(whom) == members_.end()) continue;
          does({.what = what::action, .whom = whom, .kind = kind::kill});
          late.push_back(whom);
        }
      }
      deadline_.reset();
      if (!limits.empty()) deadline_ = limits.front().until;
      if (!hear()) continue;
      const place m = find(h_.notes[at_ - 1].whom);
      if (m == members_.end()) refuse("of somebody unknown");
      judge_end(*m, std::count(late.begin(), late.end(), m->whom) > 0);
      down(m);
    }
    deadline_.reset();
  }

  // Whether there is an end to wait for.
  bool ask_to_end(member& m) {
    forget_news_of(m.whom);
    if (m.now == state::running && m.died) judge_end(m, false);
    if (m.now != state::running) return false;
    m.now = state::stopping;
    does({.what = what::action,
          .whom = m.whom,
          .kind = plan(m).how.is_brutal_kill() ? kind::kill : kind::stop});
    return true;
  }

  void judge_end(member& m, bool late) {
    const exit_reason why = *m.died;
    m.died.reset();
    m.now = state::stopped;
    if (late && stopping_) ++killed_at_end_;
    const exit_reason expected =
        plan(m).how.is_brutal_kill() ? exit_reason::killed() : exit_reason::shutdown();
    const bool lenient = plan(m).restarted != coppice::permanent && !why.is_abnormal();
    if (!late && (why == expected || lenient)) return;
    does({.what = what::action, .whom = m.whom, .reason = why, .kind = kind::stopped_badly});
  }

  void down(place m) {
    m->now = state::stopped;
    if (plan(*m).restarted == coppice::temporary || !static_ || stopping_) drop(m);
  }

  // ---- Reading the notes

  [[noreturn]] void refuse(const std::string& why) const {
    const std::string where = at_ < h_.notes.size() ? text_of(h_, h_.notes[at_]) : "the last one";
    throw difference{"at note " + std::to_string(at_) + " (" + where + "): " + why};
  }

  // Sooner or later the notes have to say so, before anything else is decided.
  void does(note n) { owed_.push_back(std::move(n)); }

  // Whether it was asked what to do and has nothing left to carry out: this is where it decides.
  [[nodiscard]] bool acts() const {
    if (!owed_.empty() || at_ == h_.notes.size()) return false;
    const what n = h_.notes[at_].what;
    return n == what::action || n == what::rest;
  }

  void look() {
    while (!acts()) {
      if (hear()) refuse("nobody was asked");
    }
  }

  message receive() {
    look();
    while (inbox_.empty()) {
      if (hear()) refuse("nobody was asked");
      look();
    }
    const message m = inbox_.front();
    inbox_.pop_front();
    return m;
  }

  void end_pauses() {
    std::vector<place> over;
    const auto due = [](place m) { return m->until ? m->until : m->recovers; };
    for (place m = members_.begin(); m != members_.end(); ++m) {
      if (due(m) && *due(m) <= now_) over.push_back(m);
    }
    std::sort(over.begin(), over.end(), [&](place a, place b) {
      return std::pair{*due(a), a->turn} < std::pair{*due(b), b->turn};
    });
    for (const place m : over) {
      if (!m->until) {
        m->recovers.reset();
        if (m->now != state::running || m->died) continue;
        recover(*m);
        does({.what = what::action, .whom = m->whom, .kind = kind::recovered});
        continue;
      }
      m->until.reset();
      m->over = true;
      inbox_.push_back({.retry_of = m->whom});
    }
  }

  void turn_gate(std::size_t whom, bool open) {
    if (!open) {
      open_.erase(whom);
      return;
    }
    open_.insert(whom);
    const place m = find(whom);
    if (m == members_.end() || !m->held || m->over) return;
    m->over = true;
    inbox_.push_back({.retry_of = whom});
  }

  // Takes one note; true if it is how a start or a stop came out.
  bool hear() {
    if (at_ == h_.notes.size()) refuse("there is more to be done");
    const note& n = h_.notes[at_];
    bool awaited = false;
    switch (n.what) {
      case what::look:
        now_ = n.now;
        end_pauses();
        break;
      case what::action: check_action(n); break;
      case what::rest: check_rest(n); break;
      case what::finished_asking: refuse("it has not finished");
      case what::started:
      case what::ignored:
      case what::start_failed: awaited = true; break;
      case what::ended: {
        const place m = find(n.whom);
        if (m == members_.end()) refuse("of somebody unknown");
        m->died = n.reason;
        awaited = m->now == state::stopping;
        if (!awaited) inbox_.push_back({.exit_of = n.whom});
        break;
      }
      case what::gate_opened:
      case what::gate_closed: turn_gate(n.whom, n.what == what::gate_opened); break;
      case what::stop:
        if (!stop_wanted_) stop_wanted_ = n.reason;
        [[fallthrough]];
      default: inbox_.push_back({.told = &n}); break;
    }
    ++at_;
    return awaited;
  }

  void check_action(const note& n) {
    if (owed_.empty()) refuse("there is nothing to be done");
    const note& mine = owed_.front();
    const auto essence = [](const note& x) {
      return std::tie(x.kind, x.whom, x.call, x.result, x.next, x.pause);
    };
    if (essence(n) != essence(mine) || !(n.reason == mine.reason)) {
      refuse("expected" + text_of(h_, mine));
    }
    owed_.pop_front();
  }

  void check_rest(const note& n) {
    if (!owed_.empty()) refuse("expected" + text_of(h_, owed_.front()));
    std::optional<when> deadline = deadline_;
    for (const member& m : members_) {
      for (const auto& due : {m.until, m.recovers}) {
        if (due && (!deadline || *due < *deadline)) deadline = due;
      }
    }
    if (n.deadline != deadline) refuse("expected another deadline");
    const bool same = std::equal(members_.begin(), members_.end(), n.children.begin(),
                                 n.children.end(), [](const member& m, const auto& listed) {
                                   return m.whom == listed.first && m.now == listed.second;
                                 });
    if (!same) refuse("expected other children, or in other states");
  }

  const history& h_;
  const bool static_;
  std::size_t at_ = 0;
  when now_{};
  std::optional<when> deadline_{};
  std::deque<note> owed_{};
  std::deque<message> inbox_{};
  std::list<member> members_{};
  std::vector<when> tries_{};
  std::size_t pauses_ = 0;
  std::set<std::size_t> open_{};  // those whose gates are open
  std::optional<exit_reason> stop_wanted_{};
  bool stopping_ = false;
  bool finished_ = false;
  supervision::cause cause_{};
  std::size_t ran_at_end_ = 0;
  std::size_t killed_at_end_ = 0;
};

}  // namespace

std::string differs_from_naive(const history& h) {
  try {
    naive_supervisor{h}.live();
    return {};
  } catch (const difference& d) {
    return d.text;
  }
}
