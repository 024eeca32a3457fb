#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace coppice {

/// The conditions under which sockets of a simulation work. Chances are from 0 (never) to 1.
struct network_conditions {
  /// A piece of data, or an attempt to connect, travels for a time between these, drawn for each.
  std::chrono::microseconds latency_min{20};
  std::chrono::microseconds latency_max{200};  ///< See `latency_min`.
  double short_read = 0;   ///< That what is written arrives in several pieces, for each of them.
  double short_write = 0;  ///< That a write takes only a part, and the socket is full for a while.
  double reset = 0;        ///< That a connection breaks after a write, for both ends.
  double refuse = 0;       ///< That an attempt to connect is refused.
  /// That a socket is not opened, or a connection not accepted: too many open files.
  double no_descriptor = 0;
};

/// The conditions of the sockets that the processes of one name have opened. A connection that is
/// accepted has those of the socket that listens: with an `acceptor`, of its child "listener".
struct process_network {
  /// The registered name of the process, or its label, as in `process_fault`; "*" is any process.
  std::string process{};
  network_conditions conditions{};  ///< Those of their sockets.
};

/// How the threads of a simulated program go on, but for the one that simulates.
struct thread_conditions {
  /// When what a thread has waited for is there (it has been created or notified, a mutex is free,
  /// its sleep is over), it goes on after a time between these, drawn for each. A sync of a file
  /// takes such a time, too.
  std::chrono::microseconds delay_min{0};
  std::chrono::microseconds delay_max{5'000};  ///< See `delay_min`.
  /// The chance, from 0 to 1, that it is interrupted for such a time where it locks a mutex. That is
  /// a part of the order in which things happen, and no fault: `end_faults` does not end it, and a
  /// failure is told with it, whether it was needed or not.
  double interruption = 0.01;
};

/// A fault happens to a process where it would go on after a wait.
enum class fault_kind : unsigned char {
  crash,      ///< It ends by an exception, `simulated_fault`, which its body has no time to catch.
  kill,       ///< Somebody kills it.
  hang,       ///< It never goes on. It can still be killed, and ends by its `progress_limit`.
  late,       ///< It goes on later.
  no_memory,  ///< One of the next allocations of this step throws `std::bad_alloc`.
};

/// Faults of one kind in the processes of one name.
struct process_fault {
  /// The registered name of the process, or its label, which is that of its child spec. It may end
  /// with "*", for all that begin so; "*" alone is any process that is no supervisor.
  std::string process = "*";
  fault_kind kind = fault_kind::crash;  ///< What happens to them.
  double chance = 0;  ///< At each of its steps.
  /// With `late`: at most that much.
  std::chrono::microseconds delay = std::chrono::seconds{1};
};

/// Decides which of the processes that are ready runs next.
enum class simulated_order : unsigned char {
  drawn,        ///< One of the following, drawn from the seed.
  first_come,   ///< As without a simulation.
  random,       ///< Any of them.
  /// The one with the highest priority. Priorities are drawn, and change a few times: this finds
  /// what needs few, but certain, switches (PCT).
  priorities,
};

/// @relates simulate
struct simulation_options {
  std::uint64_t first_seed = 1;  ///< The seeds are this one and those that follow.
  std::uint64_t seeds = 100;  ///< How many seeds are played.
  /// The most that can happen. Each seed draws which of the kinds of faults happen in its play, and
  /// how often.
  network_conditions network{};
  /// The first in which a process finds its name is that of its sockets, and `network` that of all
  /// others, and of sockets that no process has opened.
  std::vector<process_network> networks{};
  thread_conditions threads{};                     ///< How the threads of a play go on.
  std::vector<process_fault> faults{};             ///< What happens to processes.
  simulated_order order = simulated_order::drawn;  ///< In which order what is ready runs.
  /// A play that lasts longer, in its own time, has failed.
  std::chrono::nanoseconds time_limit = std::chrono::hours{24};
  /// So has a play in which so much happens without any time passing.
  std::uint64_t steps_at_one_time = 1'000'000;
  /// Each play whose seed can be divided by this is played twice, and must be the same; 0: none.
  std::uint64_t played_twice = 10;
  bool draw_faults = true;  ///< False: all faults have the chances given, with each seed.
};

}  // namespace coppice
