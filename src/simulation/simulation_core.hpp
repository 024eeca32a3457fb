#pragma once

#include "chance/fault_plan.hpp"
#include "chance/random_stream.hpp"
#include "chance/trace.hpp"
#include "drawn_order.hpp"
#include "process_faults.hpp"
#include "simulated_network/network.hpp"
#include "simulated_system/simulated_system.hpp"
#include "simulated_threads/simulated_threads.hpp"

#include <coppice/simulation.hpp>

#include <boost/asio/io_context.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coppice::detail {

// The circumstances of a play, drawn from its seed.
struct seed_plan {
  std::uint64_t seed;
  simulated_order order;
  std::uint64_t priority_changes;
  network_conditions network;
  std::vector<process_network> networks;
  thread_conditions threads;
  std::vector<process_fault> faults;
};
[[nodiscard]] seed_plan plan_of(std::uint64_t seed, const simulation_options& o);
// As a failure tells it, a thing a line.
[[nodiscard]] std::string to_text(const seed_plan& p, bool with_threads);

// One play of one seed.
class simulation_core {
 public:
  struct terms {
    // Only these faults happen; without it they are drawn.
    std::optional<std::vector<fault_occurrence>> faults{};
    bool keeps_trace = false;
    std::size_t told_event = std::size_t(-1);
    bool prints = false;
  };

  simulation_core(const seed_plan& p, const simulation_options& o, terms t);
  ~simulation_core();

  // Runs the body and takes the io_context down. Gives what has failed; empty if nothing has.
  std::string play(const std::function<void(simulation&)>& body);

  // A `simulation` offers these.
  [[nodiscard]] asio::io_context& io() noexcept { return *io_; }
  [[nodiscard]] std::uint64_t seed() const noexcept { return plan_.seed; }
  [[nodiscard]] random_stream& draws() noexcept { return draws_; }
  [[nodiscard]] duration elapsed() const noexcept {
    return system_.now() - simulated_system::first;
  }
  // When it is looked whether something holds: after each handler and each step of a process, or
  // when the io_context has stopped. With invariants it is always the former.
  enum class look { each_step, at_stops };
  // Returns whether `so` is; or false because nothing is left to do.
  bool loop(const std::function<bool()>& so, look at);
  void pass(duration d);
  void run_until(const std::string& what, const std::function<bool()>& so, duration limit);
  void end_faults() noexcept { faults_.end(); }
  void begin_faults() noexcept { faults_.begin(); }
  void always(std::string what, std::function<bool()> so) {
    invariants_.emplace_back(std::move(what), std::move(so));
    if (runs_unwatched_) io_->stop();  // from here on each step is looked at
  }
  void on_report(report_sink f) { listener_ = std::move(f); }
  [[nodiscard]] const std::vector<std::string>& reports() const noexcept { return reports_; }

  [[noreturn]] void fail(const std::string& why) {
    end_processes();
    throw std::runtime_error{why};
  }

  [[nodiscard]] trace& told() noexcept { return trace_; }
  [[nodiscard]] const fault_plan& faults() const noexcept { return faults_; }
  // Whether the play has created any.
  [[nodiscard]] bool has_threads() const noexcept { return threads_ && threads_->have_been(); }

 private:
  class alarm;

  void listen_to_reports();
  // Whether something is to be seen after this step of a process: what `loop` runs for, or that an
  // invariant is broken. Then `loop` looks before anything else runs.
  bool has_to_look() noexcept;
  void check_limits();
  void run_guarded(const std::function<void()>& f);
  void end_processes();
  [[noreturn]] void fail_with_processes(const std::string& why);

  const seed_plan& plan_;
  const simulation_options& options_;
  const terms terms_;
  trace trace_;
  fault_plan faults_;
  simulated_system system_;
  network network_;
  std::optional<simulated_threads> threads_;  // while there is an io_context
  process_faults process_faults_;
  random_stream draws_;
  std::optional<asio::io_context> io_;
  std::optional<drawn_order> order_;
  std::vector<std::pair<std::string, std::function<bool()>>> invariants_;
  const std::function<bool()>* awaited_ = nullptr;  // while `loop` runs
  std::exception_ptr thrown_;                       // by such a function
  report_sink listener_;
  std::vector<std::string> reports_;
  bool runs_unwatched_ = false;
  bool stuck_ = false;
};

}  // namespace coppice::detail
