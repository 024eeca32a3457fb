#pragma once

#include "service_notifier.hpp"

#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/pid.hpp>
#include <coppice/run.hpp>
#include <coppice/run_options.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>

namespace coppice::detail {

// Throws std::invalid_argument if the options break a rule.
void check_run_options(const run_options& o);

// What goes on beside the tree of a program: signals, the phases of its stop, and what a service
// manager is told. Handlers share the ownership, since one that comes too late may still be in the
// io_context's queue when the tree has ended.
class attendant : public std::enable_shared_from_this<attendant> {
 public:
  attendant(boost::asio::io_context& io, pid root, const run_options& o);

  // The one of the program that runs on an io_context, or null.
  static std::shared_ptr<attendant> of(boost::asio::io_context& io);

  void begin();
  void ready();  // the root and its children are up
  void end();    // the tree has ended
  // Stops the program as a first signal does, unless it is being stopped.
  void stop(int exit_code);
  // A second signal has come.
  [[nodiscard]] bool hurried() const noexcept { return hurried_; }
  // What the program returns if it has stopped in order.
  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

 private:
  void await_stop();
  void await_dump();
  void tell(std::string message);
  void tell_rest();
  void show_life(std::chrono::microseconds every);
  void begin_stop();
  void close_intakes();
  void one_drained();
  void stop_tree();
  void tell_progress();
  [[nodiscard]] process* root() const noexcept;
  [[nodiscard]] duration needed_to_stop() const;
  [[nodiscard]] std::chrono::microseconds time_to_tell() const;

  boost::asio::io_context& io_;
  const run_options options_;
  const pid root_;
  boost::asio::signal_set stops_;
  boost::asio::signal_set dumps_;
  const service_notifier manager_;
  std::deque<std::string> untold_;  // what the manager has not taken yet
  boost::asio::steady_timer rest_timer_;
  boost::asio::steady_timer alive_timer_;
  boost::asio::steady_timer progress_timer_;
  boost::asio::steady_timer settle_timer_;
  time_point stop_by_ = end_of_time;   // when all has to be over
  time_point drain_by_ = end_of_time;  // when the last phase begins at the latest
  std::size_t draining_ = 0;           // the number of intakes that are waited for
  std::size_t left_ = 0;               // the number of processes that was told last
  int exit_code_ = exit_stopped;
  bool stopping_ = false;
  bool hurried_ = false;
  bool over_ = false;
};

}  // namespace coppice::detail
