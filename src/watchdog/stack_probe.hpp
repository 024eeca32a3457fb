#pragma once

#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/pid.hpp>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

namespace coppice::detail {

// What a loop's thread was doing when it was asked.
struct loop_sight {
  bool runs_loop;                  // it was inside run(), or the like, of the io_context
  pid process;                     // the current process, or none
  std::string label;               // of that process
  std::vector<std::string> stack;  // innermost first; empty where stacks are not to be had
};

// Asks a thread what it is doing, without its help: by a signal whose handler looks around. The
// handler is installed as long as there is a probe for that signal.
class stack_probe {
 public:
  // Throws std::invalid_argument if the signal is none that can be used, or somebody handles it.
  explicit stack_probe(int signal);
  stack_probe(const stack_probe&) = delete;
  stack_probe& operator=(const stack_probe&) = delete;
  ~stack_probe();

  // Asks the thread that runs the loop of `s`, or ran it last. Nothing if there is no such thread
  // or it does not answer within a second. Any other thread may call it, while `s` lives.
  [[nodiscard]] std::optional<loop_sight> ask(scheduler& s);

 private:
  const int signal_;
};

// Blocks signals on this thread, and so on threads that it starts, but for those that faults raise.
class signals_blocked {
 public:
  signals_blocked() noexcept;
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked();

 private:
  sigset_t before_;
};

}  // namespace coppice::detail
