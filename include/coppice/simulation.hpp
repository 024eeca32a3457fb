#pragma once

#include <coppice/config.hpp>
#include <coppice/report.hpp>
#include <coppice/simulation_options.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace coppice {

namespace detail {
class simulation_core;
struct access;
}  // namespace detail

/// The exception of a process that crashes by `fault_kind::crash`.
class simulated_fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// `simulate` throws this for a seed that fails. The text says what has failed, what the seed
/// stands for, with which faults at the least it still fails, and which command plays it again.
class simulation_failed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One play: an io_context in a time and a network of its own, see `simulate`.
///
/// @par Thread safety
/// Only on the thread that simulates.
class simulation {
 public:
  /// The clock that is simulated.
  using clock = std::chrono::steady_clock;
  /// Of that clock.
  using duration = clock::duration;

  simulation(const simulation&) = delete;
  simulation& operator=(const simulation&) = delete;

  /// The io_context of this play. It is destroyed after the body has returned.
  [[nodiscard]] asio::io_context& io() noexcept;

  /// From which this play is made.
  [[nodiscard]] std::uint64_t seed() const noexcept;
  /// A number below `n`, which is not 0, drawn from the seed: for what the test itself is to vary.
  std::uint64_t draw(std::uint64_t n);
  /// True with that chance, from 0 to 1.
  bool chance(double c);

  /// The time since the play began. `std::chrono::steady_clock` goes by the same time.
  [[nodiscard]] duration elapsed() const noexcept;

  /// Runs the io_context until nothing is left to do.
  ///
  /// Throws, which ends the play as failed, if work is left that nothing can ever bring to an end:
  /// the text has the processes and what they wait for.
  void run();
  /// Runs it for so long.
  void run_for(duration d);
  /// Runs it until `so` returns true, which is asked after each step: a handler of the io_context,
  /// or a turn of a process. Only in a play whose order is `first_come`, and without faults in
  /// processes, up to 128 turns are one step.
  ///
  /// Throws, as `run`, if it will never, or not within `limit`; `what` says what has been waited
  /// for.
  void run_until(const std::string& what, const std::function<bool()>& so,
                 duration limit = std::chrono::hours{1});

  /// From now on no fault happens, and the network is quick: what has suffered can recover.
  void end_faults();
  /// They happen again; as they do from the beginning of each play.
  void begin_faults();

  /// After each step, as `run_until` has them, that is checked. The play has failed where it
  /// returns false.
  void always(std::string what, std::function<bool()> so);

  /// Is called with each report of the play, as it arises; what it throws is lost.
  void on_report(report_sink f);

  /// The reports so far, as text, without those of starts that have only begun.
  [[nodiscard]] const std::vector<std::string>& reports() const noexcept;

  /// The play has failed, and the body is not continued. Here, and where `run` and the like throw
  /// (what comes out of the io_context, too), all processes are killed first, since they may refer
  /// to what the body has. An exception of the body's own does not do that: what processes refer to
  /// then has to outlive the io_context.
  [[noreturn]] void fail(const std::string& why);

 private:
  friend struct detail::access;
  explicit simulation(detail::simulation_core& core) noexcept : core_{&core} {}
  detail::simulation_core* core_;
};

/// Plays `body` once for each seed, in a time and a network that exist only in the test: every
/// `asio::steady_timer`, `steady_clock::now()`, TCP socket and coppice wait on this thread is part
/// of it, in code that knows nothing of it.
///
/// Time stands still while anything is ready, and then jumps to what happens next; so a day passes
/// in a moment, and a play takes the same course each time. The seed decides which of the ready
/// processes runs next, which completion comes first, how long data travels, and which faults
/// happen where.
///
/// A play fails if the body throws, if a test framework that has been told of simulations (see
/// simulation_doctest.hpp) has counted a failed assertion, if nothing can ever happen while
/// something is waited for, if the limits of `o` are passed, if an open socket or a thread is left
/// when the io_context is gone, or if the same seed takes another course when it is played a second
/// time. Then the faults that have happened are taken away as long as it fails without them, and
/// `simulation_failed` is thrown.
///
/// Environment variables choose what is played: `COPPICE_SEED=N` one seed, with its reports printed
/// as they come; `COPPICE_FAULTS=…` with these faults, as a failure has printed them;
/// `COPPICE_SEEDS=N` so many instead of `o.seeds`; `COPPICE_FIRST_SEED=N`.
///
/// Only programs that link coppice-testing have this: there the functions of the C library that
/// Asio uses for time and sockets look whether their thread simulates, and go on as ever if not.
/// Threads that are created in a play belong to it: one of them runs at any time, until it waits
/// for something, and the seed decides which goes on when. The simulation does not cover what is in
/// files and pipes (they are real), signals, what a resolver answers (addresses need none), datagram
/// and UNIX sockets, nor threads that were created elsewhere.
///
/// @throws simulation_failed
/// @throws std::invalid_argument for a chance outside 0 to 1, a latency or delay below zero, a
///   `process_network` without a name, or an environment variable that cannot be read.
/// @par Thread safety
/// Any thread, one simulation at a time on each.
void simulate(const simulation_options& o, const std::function<void(simulation&)>& body);

/// The same for one seed, without faults.
void simulate(std::uint64_t seed, const std::function<void(simulation&)>& body);

/// A test framework implements this, so that `simulate` works together with it.
class simulation_framework {
 public:
  /// Gives the number of assertions that have failed so far.
  [[nodiscard]] virtual std::uint64_t failures() const = 0;
  /// Gives the arguments with which the program runs the test that runs now, and no other.
  [[nodiscard]] virtual std::string arguments() const = 0;
  /// Tells it to print nothing, or to print again: a failed play is played again with fewer faults.
  virtual void silence(bool on) = 0;

 protected:
  ~simulation_framework() = default;
};

/// Null: none, which is the default. It has to live as long as it is used.
void set_simulation_framework(simulation_framework* f) noexcept;

}  // namespace coppice
