#include "report_sums.hpp"

#include "base/exception_chain.hpp"

#include <coppice/report_sink.hpp>
#include <coppice/report_text.hpp>
#include <coppice/severity.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace coppice {

namespace detail {

namespace {

// A child that crashes in a loop brings thousands of equal reports a second. The first few of a
// period are told at once, the others are counted, and their number is told when the period is
// over. Everything here is used on the loop's thread. A sink is user code: while it is told
// something it may bring about more reports, which come in here again. So no reference to a row is
// kept across a call of a sink.

// Different reports are few, and the table is searched from front to back. When it is full,
// something is told early instead of remembered.
constexpr std::size_t max_rows = 64;

// Writes the key of a report. Reports with equal keys look equal to a reader, apart from numbers
// that differ each time: pids, counts of restarts. Supervisors and children go in by their names.
class key_writer {
 public:
  explicit key_writer(std::string& key) noexcept : key_{key} {}

  template <class R>
  requires requires(const R& x) { x.next; }
  void operator()(const R& x) const {
    add(x.child.supervisor);
    add(x.child.id);
    add(static_cast<char>('0' + static_cast<int>(x.next)));
    append_key(key_, x.reason);
  }
  template <class R>
  requires requires(const R& x) { x.had_to_be_killed; }
  void operator()(const R& x) const {
    add(x.child.supervisor);
    add(x.child.id);
    add(x.had_to_be_killed ? '1' : '0');
    append_key(key_, x.reason);
  }
  void operator()(const child_starting& x) const {
    add(x.child.supervisor);
    add(x.child.id);
  }
  void operator()(const child_held_back& x) const {
    add(x.child.supervisor);
    add(x.child.id);
    add(x.awaited);
  }
  void operator()(const child_recovered& x) const {
    add(x.child.supervisor);
    add(x.child.id);
  }
  void operator()(const child_started& x) const {
    add(x.child.supervisor);
    add(x.child.id);
    add(x.by_request ? '1' : '0');
  }
  void operator()(const child_refused& x) const {
    add(x.child.supervisor);
    add(x.child.id);
    add(static_cast<char>('0' + x.error.value()));
    append_key(key_, x.reason);
  }
  void operator()(const supervisor_stopped& x) const {
    add(x.supervisor);
    add(x.killed > 0 ? '1' : '0');
    append_key(key_, x.reason);
  }
  void operator()(const spec_warning& x) const {
    add(x.supervisor);
    add(x.text);
  }
  void operator()(const process_crashed& x) const {
    add(x.name.empty() ? x.label : x.name);
    add(x.supervised ? '1' : '0');
    append_key(key_, x.reason);
  }
  void operator()(const server_terminated& x) const {
    add(x.name);
    append_key(key_, x.reason);
  }
  void operator()(const task_terminated& x) const {
    add(x.label);
    append_key(key_, x.reason);
  }
  void operator()(const state_discarded& x) const { add(x.name); }
  void operator()(const state_lost& x) const {
    add(x.name);
    append_key(key_, x.reason);
  }
  void operator()(const process_abandoned& x) const { add(x.label); }
  void operator()(const process_hung& x) const { add(x.label); }
  void operator()(const deadlock_refused& x) const {
    for (const pid& p : x.circle) add(p.to_string());
  }
  template <class R>
  requires requires(const R& x) { x.connections; }
  void operator()(const R& x) const {
    add(x.name);
    key_ += std::to_string(x.error.value());
  }
  void operator()(const loop_blocked& x) const {
    add(x.label);
    add(x.process ? '1' : '0');
  }
  // These are never summed up, so they need no key.
  void operator()(const budget_exhausted&) const {}
  void operator()(const application_started&) const {}
  void operator()(const application_stopped&) const {}
  void operator()(const program_started&) const {}
  void operator()(const program_stopped&) const {}
  void operator()(const reports_lost&) const {}
  void operator()(const reports_summed_up&) const {}

 private:
  void add(std::string_view part) const { (key_ += part) += '\0'; }
  void add(char c) const { key_ += c; }

  std::string& key_;
};

bool ends_supervisor(next_step next) {
  return next == next_step::give_up || next == next_step::shut_down;
}

// Tells whether a report marks a turning point: a supervisor gives up, the program starts or ends.
// Such a report is told at once, and after all sums, so that the log shows what has led to it.
bool is_turning_point(const report& r) {
  if (const auto* x = std::get_if<child_ended>(&r)) return ends_supervisor(x->next);
  if (const auto* x = std::get_if<child_start_failed>(&r)) return ends_supervisor(x->next);
  return std::holds_alternative<budget_exhausted>(r) ||
         std::holds_alternative<application_started>(r) ||
         std::holds_alternative<application_stopped>(r) ||
         std::holds_alternative<program_started>(r) ||
         std::holds_alternative<program_stopped>(r);
}

bool is_of_reports(const report& r) {
  return std::holds_alternative<reports_lost>(r) || std::holds_alternative<reports_summed_up>(r);
}

// Milliseconds are enough in a text; more digits would make equal sums look different.
duration in_milliseconds(duration d) { return std::chrono::round<std::chrono::milliseconds>(d); }

}  // namespace

report_sums::report_sums(scheduler& home, report_sink to, const sum_up_options& options,
                         bool lasting)
    : home_{home},
      to_{std::move(to)},
      home_closed_{home.reports().closed()},
      options_{options},
      lasting_{lasting} {}

report_sums::~report_sums() {
  if (alarm_.armed()) home_.cancel_timer(alarm_);
  // After the io_context is gone, the user's sink may refer to objects that are gone too.
  if (*home_closed_ && !lasting_) return;
  tell_kept(time_point::max(), [this](const report& sum) {
    try {
      to_(sum);
    } catch (...) {
      // The sink has failed, and there will be no later report with which that could be told.
    }
  });
}

void report_sums::take(const report& r) {
  const time_point now = home_.now();
  if (due_ <= now) tell_kept_until(now);
  if (is_of_reports(r)) return to_(r);
  if (is_turning_point(r)) {
    if (due_ != time_point::max()) tell_kept_until(time_point::max());
    return to_(r);
  }
  row& x = row_of(r, now);
  if (now - x.since >= options_.period) {
    x.since = now;
    x.at_once = 0;
  }
  if (x.at_once >= options_.at_once) return keep(x, r, now);
  ++x.at_once;
  to_(r);
}

report_sums::row& report_sums::row_of(const report& r, time_point now) {
  key_.assign(1, static_cast<char>('a' + static_cast<int>(r.index())));
  std::visit(key_writer{key_}, r);
  if (const auto found = std::ranges::find(rows_, key_, &row::key); found != rows_.end()) {
    return *found;
  }
  // A copy is made, since make_room may call the sink: if that brings about reports, key_ changes.
  std::string key = key_;
  if (rows_.size() >= max_rows) make_room(now);
  return rows_.emplace_back(row{.key = std::move(key), .since = now, .last = now});
}

// First rows go that are of no use any more. If there are none, all sums are told, and the oldest
// row goes.
void report_sums::make_room(time_point now) {
  std::erase_if(
      rows_, [this, now](const row& x) { return x.kept == 0 && now - x.since >= options_.period; });
  if (rows_.size() < max_rows) return;
  tell_kept_until(time_point::max());
  const auto oldest = std::ranges::find(rows_, std::size_t{0}, &row::kept);
  if (oldest != rows_.end()) rows_.erase(oldest);
}

void report_sums::keep(row& x, const report& r, time_point now) {
  // The text of the first report that is held back stands for all of them: texts are made once per
  // period and not once per report.
  if (x.kept == 0) {
    x.text = to_string(r, {.details = false});
    x.level = severity_of(r);
    const auto* crash = std::get_if<process_crashed>(&r);
    x.supervised = crash != nullptr && crash->supervised;
  }
  ++x.kept;
  x.last = now;
  if (x.since + options_.period < due_ || !alarm_.armed()) {
    due_ = std::min(due_, x.since + options_.period);
    home_.set_loose_timer(alarm_, due_);
  }
}

// Tells the sums of all rows whose period began at `since` or before. The loop is bounded by the
// rows that were there when it began: a sink that brings about more reports does not make it
// endless.
template <class Tell>
void report_sums::tell_kept(time_point since, Tell tell) {
  for (std::size_t left = rows_.size(); left > 0; --left) {
    const auto x = std::ranges::find_if(
        rows_, [since](const row& y) { return y.kept > 0 && y.since <= since; });
    if (x == rows_.end()) break;
    const std::string text = std::exchange(x->text, {});
    const reports_summed_up sum{.level = x->level,
                                .text = text,
                                .count = std::exchange(x->kept, 0),
                                .period = in_milliseconds(x->last - x->since),
                                .supervised = x->supervised};
    // If the period is over, the next one begins where it ended, and not when the sum happens to be
    // told.
    x->since = since == time_point::max() ? x->last : x->since + options_.period;
    tell(sum);
  }
}

void report_sums::tell_kept_until(time_point now) {
  const time_point since = now == time_point::max() ? now : now - options_.period;
  tell_kept(since, [this](const report& sum) { home_.reports().hand(to_, sum); });
  due_ = time_point::max();
  for (const row& x : rows_) {
    if (x.kept > 0) due_ = std::min(due_, x.since + options_.period);
  }
  if (due_ != time_point::max()) home_.set_loose_timer(alarm_, due_);
}

// The sink may set another sink, which drops the last reference to this: so one is held here.
void report_sums::alarm::expire(timer_node& node) {
  auto& self = static_cast<alarm&>(node);
  self.unlink();
  const auto sums = self.of.shared_from_this();
  sums->tell_kept_until(sums->home_.now());
}

// The last process has ended, and the timer must not keep the io_context from running out of work.
// This may be the end of the program, so the sums are told now. But it may also be a program that
// spawns one process after another, each of which crashes: so it is done at most once in a period.
void report_sums::alarm::give_up(timer_node& node) {
  const auto sums = static_cast<alarm&>(node).of.shared_from_this();
  const time_point now = sums->home_.now();
  if (now < sums->next_early_) return;
  sums->next_early_ = now + sums->options_.period;
  sums->tell_kept_until(time_point::max());
}

report_sink default_sink(scheduler& home) {
  // It is `lasting`: stderr is there after the io_context is gone, and the last sums are worth
  // telling.
  const auto sums = std::make_shared<report_sums>(
      home, [](const report& r) { print_report(r); }, sum_up_options{}, true);
  return [sums](const report& r) {
    if (prints(r, severity::warning)) sums->take(r);
  };
}

}  // namespace detail

constexpr std::chrono::hours century{24 * 365 * 100};

report_sink sum_up(boost::asio::io_context& io, report_sink sink, const sum_up_options& options) {
  if (!sink) throw std::invalid_argument{"coppice: sum_up needs a sink"};
  if (options.at_once == 0) {
    throw std::invalid_argument{"coppice: sum_up: at least one of equal reports is told at once"};
  }
  if (options.period <= options.period.zero()) {
    throw std::invalid_argument{"coppice: sum_up: a period is longer than none"};
  }
  // The clock must be able to show the end of a period.
  const sum_up_options o{options.at_once, std::min<detail::duration>(options.period, century)};
  const auto sums =
      std::make_shared<detail::report_sums>(detail::scheduler::of(io), std::move(sink), o);
  return [sums](const report& r) { sums->take(r); };
}

}  // namespace coppice
