#pragma once

#include <coppice.hpp>
#include <coppice/simulation.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

// Keeps what is known of a play of a random tree, and checks what must hold of it. It is told by
// the bodies of the processes themselves, and by reports.
class ledger {
 public:
  explicit ledger(coppice::simulation& s) : play_{s} {
    s.on_report([this](const coppice::report& r) { take(r); });
  }

  // A body runs as long as it has one of these. Two of one role at a time are one too many.
  class life {
   public:
    life(ledger& of, std::string role);
    life(life&& other) noexcept
        : of_{std::exchange(other.of_, nullptr)}, role_{std::move(other.role_)} {}
    life& operator=(life&&) = delete;
    ~life();

   private:
    ledger* of_;
    std::string role_;
  };

  void expect_budget(const std::string& supervisor, std::size_t intensity,
                     std::chrono::nanoseconds period) {
    budgets_[supervisor] = {intensity, period};
  }
  // The children of a static supervisor, in their order.
  void expect_order(const std::string& supervisor, coppice::strategy strategy,
                    std::vector<std::string> roles) {
    groups_[supervisor] = {strategy, std::move(roles)};
  }
  // A dynamic supervisor has so many children at most.
  void expect_at_most(const std::string& supervisor, std::size_t children) {
    most_[supervisor] = children;
  }
  // A supervisor whose child ends for good ends with it, if that child is significant.
  void expect_end_with_significant(const std::string& supervisor) {
    ends_with_significant_.insert(supervisor);
  }
  // A child waits for so long before a restart, after a run that is longer than `reset_after`.
  void expect_pause(const std::string& role, std::chrono::nanoseconds most,
                    std::chrono::nanoseconds reset_after) {
    pauses_[role] = {most, reset_after};
  }
  // A child has a budget of its own, and is parked when that is spent.
  void expect_limit(const std::string& role, std::size_t intensity,
                    std::chrono::nanoseconds period) {
    limits_[role] = {intensity, period};
  }
  // A child is started only while somebody has that name.
  void expect_gate(const std::string& role, const std::string& name) { gates_[role] = name; }
  void expect_alive(const std::string& role) { expected_.push_back(role); }
  // Clients terminate that child, and start it again.
  void expect_management(const std::string& role) { managed_.insert(role); }

  // A call whose time is over must have been answered.
  struct limited_call {
    std::chrono::nanoseconds began;
    std::chrono::nanoseconds limit;
  };
  [[nodiscard]] limited_call begin_call(std::chrono::nanoseconds limit) const {
    return {play_.elapsed(), limit};
  }
  void end_call(const limited_call& c);
  // The highest number that a counter has answered since its state was lost, if it was. It never
  // goes back behind one that was known when it was asked, but by such a loss.
  struct known_count {
    int highest = 0;
    std::size_t losses = 0;
  };
  [[nodiscard]] known_count count_of(const std::string& counter) { return counters_[counter]; }
  void counted(const std::string& counter, const known_count& before, int value);
  [[nodiscard]] bool lives_now(const std::string& role) { return alive_[role] > 0; }
  void fault(const std::string& what) { faults_.insert(what); }

  // All that is expected lives.
  void check_whole();
  void begin_stop() { stopping_ = true; }
  // Nothing lives, and what lived has ended in order.
  void check_end();
  [[nodiscard]] bool is_good() const noexcept { return faults_.empty(); }
  // Fails the play if anything was wrong.
  void conclude();

  std::size_t lives = 0;  // so far

 private:
  struct budget {
    std::size_t intensity = 0;
    std::chrono::nanoseconds period{};
  };
  using child_key = std::pair<std::uint64_t, std::string>;  // number of its supervisor, its id
  static child_key key_of(const coppice::child_info& c) {
    return {c.supervisor_id.number(), std::string{c.id}};
  }
  using times = std::deque<std::chrono::nanoseconds>;
  struct group {
    coppice::strategy strategy;
    std::vector<std::string> roles;  // in the order of their starts
  };
  struct pause {
    std::chrono::nanoseconds most{};
    std::chrono::nanoseconds reset_after{};
  };
  struct run {
    std::chrono::nanoseconds began{};
    int ends_heard = 0;
  };
  // When something was decided. It may be reported later than that.
  struct moment {
    std::chrono::nanoseconds earliest{};
    std::chrono::nanoseconds latest{};
  };
  // A child that has a budget of its own.
  struct own_history {
    std::vector<moment> restarts;
    bool is_parked = false;  // and has not recovered since
  };
  struct history {
    times failures;
    // Children whose starts have failed at that time, to be tried again.
    std::map<std::string, std::chrono::nanoseconds> tries;
    // Those of starts among them only if the child is restarted alone: otherwise its start may be
    // tried again with those of others.
    times restarts;
  };

  void take(const coppice::report& r);
  void note_loss(const coppice::state_lost& what);
  void note_start(const coppice::child_info& c);
  void note_end(const coppice::child_ended& e);
  void check_restart_type(const coppice::child_info& c, const coppice::exit_reason& why,
                          coppice::next_step next);
  void check_pause(const coppice::child_ended& e);
  void check_limit(const coppice::child_info& c, coppice::next_step next, moment decided,
                   std::chrono::nanoseconds ran_for);
  void check_gate(const coppice::child_info& c);
  // Those that are restarted with a child have to be down before it is started again.
  void note_siblings(const coppice::child_info& c);
  void check_siblings(const coppice::child_info& c);
  void check_children(const coppice::child_info& c);
  void note_failure(const coppice::child_info& c, coppice::next_step next);
  void note_failed_start(const coppice::child_info& c, coppice::next_step next);
  void note_try(const coppice::child_info& c);
  void note_restart(const coppice::child_info& c, std::chrono::nanoseconds at);
  [[nodiscard]] std::size_t most_failures(const coppice::child_info& c);
  std::size_t in_window(const coppice::child_info& c, times history::*which);

  coppice::simulation& play_;
  std::map<std::string, budget> budgets_;
  std::map<std::uint64_t, history> histories_;
  std::map<std::uint64_t, run> runs_;  // of all that have started
  std::set<std::uint64_t> ended_;      // as reports say
  std::map<std::string, std::size_t> alive_;
  std::vector<std::string> expected_;
  std::set<std::string> managed_;
  std::map<std::string, group> groups_;
  std::map<std::string, std::size_t> most_;
  std::map<std::string, pause> pauses_;
  std::map<std::string, budget> limits_;
  std::map<std::string, std::string> gates_;
  std::set<std::string> ends_with_significant_;
  std::map<child_key, coppice::pid> latest_;
  std::map<child_key, std::chrono::nanoseconds> starting_;  // when it was last
  std::map<child_key, std::vector<coppice::pid>> to_go_;
  std::map<child_key, own_history> own_;
  std::map<std::uint64_t, std::vector<coppice::pid>> children_;  // of dynamic supervisors
  std::vector<std::string> ends_;  // since the stop began
  std::map<std::string, known_count> counters_;
  std::set<std::string> faults_;
  bool stopping_ = false;
};
