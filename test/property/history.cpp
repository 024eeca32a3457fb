#include "history.hpp"

#include <algorithm>
#include <list>
#include <map>
#include <memory>
#include <ostream>
#include <sstream>

namespace {

using kind = supervision::action::kind_type;
using what = note::what_type;

// No step leads to more than that: beyond it, a supervision runs in circles.
constexpr int many = 2000;

// Plays the supervisor's process and those of its children. It relies on nothing that the
// supervision ought to get right, so that it can write down what it gets wrong.
class stage {
 public:
  explicit stage(const setting& s) : told_{.options = s.options}, decide_{s.options} {
    if (s.options.strategy == coppice::simple_one_for_one) told_.options.dynamic = true;
    for (const child_plan& p : s.children) {
      if (told_.dynamic()) {
        take({.what = step::what_type::add, .child = p});
      } else {
        decide_.add_static(cast(p, name(told_.cast.size())));
      }
    }
    if (told_.dynamic()) return;
    told_.static_children = told_.cast.size();
  }

  void take(const step& s) {
    using type = step::what_type;
    switch (s.what) {
      case type::look: look(); break;
      case type::look_once: look_once(); break;
      case type::answer:
        if (actor* a = pick(life::starting, s.whom)) reply(*a, s.how, s.reason);
        break;
      case type::end:
        if (actor* a = pick(life::running, s.whom)) end(*a, s.reason);
        break;
      case type::pass: pass(s.time); break;
      case type::reach: reach(); break;
      case type::add: add(cast(s.child, told_.dynamic() ? "" : name(s.whom))); break;
      case type::terminate:
        tell({.what = what::terminate, .call = calls_.size(), .id = name(s.whom)});
        decide_.terminate(name(s.whom), next_call());
        break;
      case type::terminate_number: {
        const std::uint64_t number = s.whom % (numbers_ + 2);  // 0 and the last are nobody's
        tell({.what = what::terminate_number, .call = calls_.size(), .number = number});
        decide_.terminate(number, next_call());
        break;
      }
      case type::restart:
        tell({.what = what::restart, .call = calls_.size(), .id = name(s.whom)});
        decide_.restart_child(name(s.whom), next_call());
        break;
      case type::erase:
        tell({.what = what::erase, .call = calls_.size(), .id = name(s.whom)});
        decide_.erase(name(s.whom), next_call());
        break;
      case type::queue:
        tell({.what = what::queue, .call = calls_.size()});
        decide_.queue(next_call());
        break;
      case type::stop:
        tell({.what = what::stop, .reason = s.reason});
        decide_.stop(s.reason);
        break;
      case type::turn_gate: turn_gate(s.whom); break;
    }
  }

  // Everybody does in the end what he is asked to, some only when they are killed.
  history finish() {
    take({.what = step::what_type::stop, .reason = exit_reason::shutdown("at last")});
    take({.what = step::what_type::stop, .reason = exit_reason::shutdown("once more")});
    for (int left = many; left > 0; --left) {
      look();
      if (told_.finished) break;
      bool news = false;
      for (auto& [whom, a] : actors_) {
        if (a.now == life::starting) {
          const bool gives_in = a.killed || (a.asked && !a.plan.stubborn);
          reply(a, gives_in ? outcome::failed : outcome::ok, exit_reason::killed());
        } else if (a.now == life::running && a.killed) {
          end(a, exit_reason::killed());
        } else if (a.now == life::running && a.asked && !(a.plan.stubborn && a.how.is_timed())) {
          end(a, exit_reason::shutdown());
        } else {
          continue;
        }
        news = true;
      }
      if (!news && !decide_.deadline()) break;
      if (!news) reach();
    }
    told_.cause = decide_.why_finished();
    told_.stopped_at_end = decide_.stopped_at_end();
    told_.killed_at_end = decide_.killed_at_end();

    told_.notes.push_back({.what = what::finished_asking});
    take({.what = step::what_type::queue});
    take({.what = step::what_type::stop});
    pass(std::chrono::hours{1});
    look();
    return std::move(told_);
  }

 private:
  enum class life { none, starting, running };

  struct actor : supervision::child {
    child_plan plan;
    life now = life::none;
    bool asked = false;
    bool killed = false;
    bool open = false;  // its gate
    std::size_t starts = 0;
  };

  static std::string name(std::size_t n) { return std::string(1, static_cast<char>('a' + n % 6)); }

  actor& cast(child_plan p, std::string id) {
    const bool allowed = told_.options.automatic != coppice::auto_shutdown::never &&
                         !told_.dynamic() && p.restarted != coppice::permanent;
    p.significant = p.significant && allowed;
    actor& a = actors_[told_.cast.size()];
    a.plan = p;
    a.id = id;
    a.when = p.restarted;
    a.how = p.how;
    a.significant = p.significant;
    a.start_limit = p.start_limit ? coppice::time_limit{*p.start_limit} : coppice::infinity;
    if (p.has_policy()) {
      a.policy = std::make_unique<coppice::detail::restart_policy>(
          a, coppice::detail::restart_terms{p.backoff ? &*p.backoff : nullptr,
                                            p.limit ? &*p.limit : nullptr,
                                            p.gated ? std::size_t{1} : 0});
    }
    told_.cast.push_back({std::move(id), p});
    return a;
  }

  void* next_call() { return &calls_.emplace_back(calls_.size()); }

  actor* pick(life l, std::size_t n) {
    std::vector<actor*> fitting;
    for (auto& [whom, a] : actors_) {
      if (a.now == l) fitting.push_back(&a);
    }
    return fitting.empty() ? nullptr : fitting[n % fitting.size()];
  }

  // By its address only: it may not be there any more.
  std::size_t find(const supervision::child* c) const {
    const auto found = std::find_if(actors_.begin(), actors_.end(),
                                    [c](const auto& known) { return &known.second == c; });
    return found != actors_.end() ? found->first : nobody;
  }

  void turn_gate(std::size_t n) {
    std::vector<actor*> gated;
    for (auto& [whom, a] : actors_) {
      if (a.plan.gated) gated.push_back(&a);
    }
    if (gated.empty()) return;
    actor& a = *gated[n % gated.size()];
    a.open = !a.open;
    tell({.what = a.open ? what::gate_opened : what::gate_closed, .whom = find(&a)});
    if (a.open) {
      decide_.gate_opened(a);
    } else {
      decide_.gate_closed(a);
    }
  }

  void tell(note n) { told_.notes.push_back(std::move(n)); }

  void reply(actor& a, outcome how, const exit_reason& reason) {
    const std::size_t whom = find(&a);
    if (how == outcome::ok && !a.killed) {
      note_start(a);
      decide_.started(a, numbers_);
    } else if (how == outcome::ignored) {
      a.now = life::none;
      tell({.what = what::ignored, .whom = whom});
      decide_.ignored(a);
    } else {
      a.now = life::none;
      tell({.what = what::start_failed, .whom = whom, .reason = reason, .now = now_});
      decide_.start_failed(a, reason, now_);
    }
  }

  void note_start(actor& a) {
    a.now = life::running;
    a.asked = false;
    tell({.what = what::started, .whom = find(&a), .number = ++numbers_});
  }

  reaction begin_start(actor& a) {
    a.now = life::starting;
    a.asked = a.killed = false;
    const std::size_t n = a.starts++;
    if (n == 0) return a.plan.at_first;
    return a.plan.later.empty() ? reaction::waits : a.plan.later[(n - 1) % a.plan.later.size()];
  }

  void react(actor& a, reaction r) {
    switch (r) {
      case reaction::waits: break;
      case reaction::is_up: reply(a, outcome::ok, {}); break;
      case reaction::ignores: reply(a, outcome::ignored, {}); break;
      case reaction::fails: reply(a, outcome::failed, exit_reason::error("no")); break;
    }
  }

  void add(actor& a) {
    const std::size_t whom = find(&a);
    const std::size_t call = calls_.size();
    tell({.what = what::add, .whom = whom, .call = call});
    void* const to_answer = next_call();
    if (!begun_ || a.plan.at_first != reaction::is_up || a.plan.has_policy() ||
        !decide_.adds_now(a.id)) {
      return decide_.add(a, to_answer);
    }
    tell({.what = what::look, .now = now_});
    tell({.what = what::action, .whom = whom, .now = now_, .kind = kind::start});
    static_cast<void>(begin_start(a));
    note_start(a);
    decide_.added(a, numbers_);
    tell({.what = what::look, .now = now_});
    tell({.what = what::action, .whom = whom, .call = call, .now = now_, .kind = kind::reply});
  }

  void end(actor& a, const exit_reason& reason) {
    a.now = life::none;
    const std::size_t whom = find(&a);
    tell({.what = what::ended, .whom = whom, .reason = reason});
    const auto next = begun_ ? decide_.follows_now(a, reason, now_) : std::nullopt;
    if (!next) return decide_.ended(a, reason);
    tell({.what = what::look, .now = now_});
    tell({.what = what::action,
          .whom = whom,
          .reason = reason,
          .now = now_,
          .kind = kind::has_ended,
          .next = *next});
    if (*next == supervision::action::next_type::none) {
      if (!decide_.stays_down(a)) return;
      tell({.what = what::action, .whom = whom, .now = now_, .kind = kind::forget});
      actors_.erase(whom);
      return;
    }
    tell({.what = what::action, .whom = whom, .now = now_, .kind = kind::start});
    const reaction r = begin_start(a);
    if (r == reaction::is_up) {
      note_start(a);
      return decide_.restarted(a, numbers_);
    }
    decide_.restart_begun(a, now_);
    react(a, r);
  }

  void pass(span_of_time time) {
    now_ += time;
    changed_ = true;
  }

  void reach() {
    if (const auto d = decide_.deadline()) pass(std::max(*d - now_, span_of_time{0}));
  }

  void look() {
    for (int left = many; left > 0 && look_once(); --left) {
    }
  }

  bool look_once() {
    if (!begun_) decide_.start();
    begun_ = true;
    const std::vector<note>& notes = told_.notes;
    if (changed_ || notes.empty() || notes.back().what < what::look) {
      tell({.what = what::look, .now = now_});
    }
    changed_ = false;
    const auto a = decide_.next(now_);
    if (!a) {
      tell({.what = what::rest, .deadline = decide_.deadline(), .children = listing()});
      return false;
    }
    tell({.what = what::action,
          .whom = find(a->subject),
          .call = a->call != nullptr ? *static_cast<const std::size_t*>(a->call) : nobody,
          .reason = a->reason,
          .now = now_,
          .kind = a->kind,
          .result = a->answer,
          .next = a->next,
          .pause = a->pause});
    perform(a->kind, told_.notes.back().whom);
    return true;
  }

  void perform(kind k, std::size_t whom) {
    if (k == kind::finished) told_.finished = true;
    if (whom == nobody) return;
    actor& a = actors_.at(whom);
    if (k == kind::start) {
      react(a, begin_start(a));
    } else if (k == kind::stop) {
      a.asked = true;
    } else if (k == kind::kill) {
      a.killed = true;
    } else if (k == kind::forget) {
      actors_.erase(whom);
    }
  }

  std::vector<std::pair<std::size_t, supervision::child_state>> listing() {
    std::vector<std::pair<std::size_t, supervision::child_state>> all;
    for (supervision::child* c = decide_.children().first(); c != nullptr;
         c = decide_.children().after(*c)) {
      all.emplace_back(find(c), c->state);
    }
    return all;
  }

  history told_;
  std::list<std::size_t> calls_;
  std::map<std::size_t, actor> actors_;  // outlives what refers to it
  supervision decide_;
  when now_{};
  std::uint64_t numbers_ = 0;
  bool begun_ = false;
  bool changed_ = false;
};

std::string text_of(coppice::shutdown how) {
  if (how.is_brutal_kill()) return "brutal_kill";
  if (how.is_infinity()) return "infinity";
  return std::to_string(how.time().count()) + " ns";
}

const char* text_of(coppice::restart r) {
  constexpr const char* names[]{"permanent", "transient", "temporary"};
  return names[static_cast<std::size_t>(r)];
}

const char* text_of(kind k) {
  constexpr const char* names[]{
      "start", "stop",     "kill",            "forget",    "booted",        "reply",
      "serve", "finished", "failed_to_start", "has_ended", "stopped_badly", "exhausted",
      "held_back", "recovered"};
  return names[static_cast<std::size_t>(k)];
}

}  // namespace

history play(const setting& s, const std::vector<step>& steps) {
  stage play{s};
  for (const step& next : steps) play.take(next);
  return play.finish();
}

std::ostream& operator<<(std::ostream& out, const child_plan& p) {
  out << text_of(p.restarted) << ", shutdown " << text_of(p.how);
  if (p.significant) out << ", significant";
  if (p.start_limit) out << ", start limit " << p.start_limit->count() << " ns";
  if (p.backoff) {
    out << ", pauses from " << p.backoff->min.count() << " to " << p.backoff->max.count()
        << " ns, again after " << p.backoff->reset_after.value_or(p.backoff->max).count() << " ns";
    if (p.backoff->counts) out << ", counted";
  }
  if (p.limit) {
    constexpr const char* then[]{"escalates", "drops", "parks"};
    out << ", " << p.limit->intensity << " restarts of its own within " << p.limit->period.count()
        << " ns, then " << then[static_cast<std::size_t>(p.limit->then)] << " for "
        << p.limit->probe_after.time().count() << " ns";
    if (p.limit->counts) out << ", counted";
  }
  if (p.gated) out << ", gated";
  constexpr const char* reactions[]{"waits", "is up", "ignores", "fails"};
  out << ", " << reactions[static_cast<std::size_t>(p.at_first)];
  for (const reaction r : p.later) out << ", " << reactions[static_cast<std::size_t>(r)];
  if (p.stubborn) out << ", stubborn";
  return out;
}

std::ostream& operator<<(std::ostream& out, const setting& s) {
  constexpr const char* strategies[]{"one_for_one", "one_for_all", "rest_for_one",
                                     "simple_one_for_one"};
  constexpr const char* modes[]{"never", "any_significant", "all_significant"};
  const supervision::options& o = s.options;
  out << strategies[static_cast<std::size_t>(o.strategy)] << (o.dynamic ? ", dynamic" : "") << ", "
      << o.intensity << " restarts within " << o.period.count() << " ns, auto_shutdown "
      << modes[static_cast<std::size_t>(o.automatic)];
  if (o.max_children < 100) out << ", at most " << o.max_children << " children";
  for (const child_plan& p : s.children) out << "\n  child: " << p;
  return out;
}

std::ostream& operator<<(std::ostream& out, const step& s) {
  using type = step::what_type;
  switch (s.what) {
    case type::look: return out << "look";
    case type::look_once: return out << "look once";
    case type::answer:
      constexpr static const char* answers[]{"ok", "ignored", "failed"};
      return out << "answer " << answers[static_cast<std::size_t>(s.how)] << ", " << s.reason;
    case type::end: return out << "end " << s.whom << ": " << s.reason;
    case type::pass: return out << "pass " << s.time.count() << " ns";
    case type::reach: return out << "reach the deadline";
    case type::add: return out << "add " << s.whom << ": " << s.child;
    case type::terminate: return out << "terminate " << s.whom;
    case type::terminate_number: return out << "terminate number " << s.whom;
    case type::restart: return out << "restart " << s.whom;
    case type::erase: return out << "erase " << s.whom;
    case type::queue: return out << "queue";
    case type::stop: return out << "stop: " << s.reason;
    case type::turn_gate: return out << "turn the gate of " << s.whom;
  }
  return out;
}

std::string text_of(const history& h, const note& n) {
  constexpr const char* names[]{
      "started",          "ignored", "start failed",   "ended", "add",  "terminate",
      "terminate number", "restart", "erase",          "queue", "stop", "gate opened",
      "gate closed",      "look",    "action",         "rest",  "finished asking"};
  std::ostringstream out;
  if (n.what == what::action) {
    constexpr const char* next[]{"none", "restart", "give_up", "shut_down", "drop", "park"};
    constexpr const char* results[]{
        "ok",      "ignored",    "not_found",    "already_started", "already_present",
        "running", "restarting", "start_failed", "max_children"};
    out << "    " << text_of(n.kind);
    if (n.next != supervision::action::next_type::none) {
      out << ", then " << next[static_cast<std::size_t>(n.next)];
    }
    if (n.pause.count() > 0) out << " in " << n.pause.count() << " ns";
    if (n.kind == kind::reply) out << ' ' << results[static_cast<std::size_t>(n.result)];
  } else {
    out << names[static_cast<std::size_t>(n.what)];
    if (n.what == what::look) out << " at " << n.now.time_since_epoch().count();
    if (n.what == what::rest && n.deadline) {
      out << " until " << n.deadline->time_since_epoch().count();
    }
  }
  if (n.whom != nobody) out << " #" << n.whom << ' ' << h.cast.at(n.whom).id;
  if (!n.id.empty()) out << ' ' << n.id;
  if (n.number != 0) out << " number " << n.number;
  if (n.call != nobody) out << " (call " << n.call << ')';
  if (!n.reason.is_normal()) out << ": " << n.reason;
  return std::move(out).str();
}

std::ostream& operator<<(std::ostream& out, const history& h) {
  for (const note& n : h.notes) out << text_of(h, n) << '\n';
  return out;
}
