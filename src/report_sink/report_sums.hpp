#pragma once

#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/report.hpp>
#include <coppice/sum_up.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace coppice::detail {

// Whether `print_report` prints it.
bool prints(const report& r, severity from) noexcept;

// What `sum_up` and the default sink consist of.
class report_sums final : public std::enable_shared_from_this<report_sums> {
 public:
  // What `to` writes to may be gone when the io_context goes, unless it says that it is `lasting`.
  report_sums(scheduler& home, report_sink to, const sum_up_options& options, bool lasting = false);
  report_sums(const report_sums&) = delete;
  report_sums& operator=(const report_sums&) = delete;
  ~report_sums();

  void take(const report& r);

 private:
  // Equal reports.
  struct row {
    std::string key;
    time_point since;         // when its period has begun
    time_point last;          // when the last of them came
    std::size_t at_once = 0;  // so many were handed on, which stays so while there are too many
    std::size_t kept = 0;     // so many were not, in this period
    std::string text = {};    // of the first that was not
    severity level = severity::debug;
    bool supervised = false;
  };
  struct alarm : loose_timer {
    explicit alarm(report_sums& s) noexcept : loose_timer{&expire, &give_up}, of{s} {}
    static void expire(timer_node& node);
    static void give_up(timer_node& node);
    report_sums& of;
  };

  row& row_of(const report& r, time_point now);
  void make_room(time_point now);
  void keep(row& x, const report& r, time_point now);
  // Tells what is kept since so long ago.
  template <class Tell>
  void tell_kept(time_point since, Tell tell);
  void tell_kept_until(time_point now);

  scheduler& home_;
  const report_sink to_;
  const std::shared_ptr<const bool> home_closed_;
  const sum_up_options options_;
  const bool lasting_;
  std::vector<row> rows_;  // in the order in which they came
  std::string key_;
  alarm alarm_{*this};
  time_point due_ = time_point::max();         // something is kept till then
  time_point next_early_ = time_point::min();  // before that is not told what is not due
};

}  // namespace coppice::detail
