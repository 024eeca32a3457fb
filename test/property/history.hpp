#pragma once

#include <coppice/detail/supervision/supervision.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// What may happen to a supervision, and a record of what did. Whatever the steps are, and whichever
// of them are left out, they are played as something that real processes could do: a step that has
// nobody to happen to is passed over. That is what lets a failing history be shrunk.

using coppice::exit_reason;
using coppice::detail::supervision;

using when = supervision::clock::time_point;
using span_of_time = supervision::clock::duration;

// What a child does when it is started.
enum class reaction : unsigned char {
  waits,  // Answers later, or never.
  is_up,
  ignores,
  fails,
};

struct child_plan {
  coppice::restart restarted = coppice::permanent;
  coppice::shutdown how = std::chrono::seconds{5};
  bool significant = false;  // where that is allowed
  std::optional<span_of_time> start_limit{};
  std::optional<coppice::restart_backoff> backoff{};  // without jitter
  std::optional<coppice::restart_limit> limit{};
  bool gated = false;  // by one gate, closed at first
  reaction at_first = reaction::waits;
  std::vector<reaction> later{};  // over and over again
  bool stubborn = false;          // In the end it has to be killed, if its supervisor does that.

  // It is not simply started and restarted as OTP does it.
  [[nodiscard]] bool has_policy() const { return backoff || limit || gated; }
};

struct setting {
  supervision::options options{};
  std::vector<child_plan> children{};  // Added by calls if `options.dynamic`.
};

enum class outcome : unsigned char { ok, ignored, failed };

struct step {
  enum class what_type : unsigned char {
    look,       // Carries out what is to be done, until something has to happen first.
    look_once,  // Carries out one action, and leaves the others for later.
    answer,     // A child that is being started answers.
    end,        // A process ends.
    pass,       // Time passes.
    reach,      // The deadline is reached.
    add,
    terminate,
    terminate_number,
    restart,
    erase,
    queue,
    stop,
    turn_gate,  // The gate of a child opens if it was closed, and closes if it was open.
  };

  what_type what = what_type::look;
  std::size_t whom = 0;  // counted over whoever it may happen to
  outcome how = outcome::ok;
  exit_reason reason{};
  span_of_time time{};
  child_plan child{};
};

inline constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

struct note {
  enum class what_type : unsigned char {
    // What was told to the supervision ...
    started,
    ignored,
    start_failed,
    ended,
    add,
    terminate,
    terminate_number,
    restart,
    erase,
    queue,
    stop,
    gate_opened,
    gate_closed,
    // ... what it answered ...
    look,  // It was asked for the first time since something was told, or time passed.
    action,
    rest,  // There was nothing to do.
    // ... and for good.
    finished_asking,  // From here on nothing may happen any more.
  };

  what_type what;
  std::size_t whom = nobody;  // the child that it is about, as a place in `history::cast`
  std::size_t call = nobody;  // counted from 0
  std::string id{};
  std::uint64_t number = 0;
  exit_reason reason{};
  when now{};

  supervision::action::kind_type kind{};  // of an action, as the next three
  supervision::result result{};
  supervision::action::next_type next{};
  span_of_time pause{};

  // Of a rest: what could be seen from outside.
  std::optional<when> deadline{};
  std::vector<std::pair<std::size_t, supervision::child_state>> children{};
};

struct role {
  std::string id;
  child_plan plan;
};

struct history {
  supervision::options options;
  std::size_t static_children = 0;
  std::vector<role> cast{};  // the static children, then the added ones
  std::vector<note> notes{};
  bool finished = false;
  // As the supervision says in the end.
  supervision::cause cause{};
  std::size_t stopped_at_end = 0;
  std::size_t killed_at_end = 0;

  [[nodiscard]] bool dynamic() const { return options.dynamic; }
  [[nodiscard]] bool with_policies() const {
    return std::any_of(cast.begin(), cast.end(),
                       [](const role& r) { return r.plan.has_policy(); });
  }
  [[nodiscard]] bool in_groups() const {
    return !dynamic() && options.strategy != coppice::one_for_one;
  }
};

// Plays the steps, and after them a stop, with processes that do what they are asked to.
history play(const setting& s, const std::vector<step>& steps);

std::ostream& operator<<(std::ostream& out, const child_plan& p);
std::ostream& operator<<(std::ostream& out, const setting& s);
std::ostream& operator<<(std::ostream& out, const step& s);
std::ostream& operator<<(std::ostream& out, const history& h);
std::string text_of(const history& h, const note& n);
