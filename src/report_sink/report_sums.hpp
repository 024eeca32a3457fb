#pragma once

#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/report.hpp>
#include <coppice/sum_up.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace coppice::detail {

// Tells whether print_report prints a report.
bool prints(const report& r, severity from) noexcept;

// Sums up equal reports before a sink; `sum_up` and the default sink use it. Time is divided into
// periods, for each kind of report by itself.
class report_sums final : public std::enable_shared_from_this<report_sums> {
 public:
  // `lasting` tells that `to` may be called after the io_context has been destroyed.
  report_sums(scheduler& home, report_sink to, const sum_up_options& options, bool lasting = false);
  report_sums(const report_sums&) = delete;
  report_sums& operator=(const report_sums&) = delete;
  ~report_sums();

  void take(const report& r);

 private:
  // The count of equal reports in one period.
  struct row {
    std::string key;
    time_point since;         // when its period began
    time_point last;          // when the latest of them came
    std::size_t at_once = 0;  // how many were told at once; starts anew after a quiet period
    std::size_t kept = 0;     // how many are held back
    std::string text = {};    // the text of the first one that is held back
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
  // Tells the sums of periods that began at `since` or before.
  template <class Tell>
  void tell_kept(time_point since, Tell tell);
  void tell_kept_until(time_point now);

  scheduler& home_;
  const report_sink to_;
  const std::shared_ptr<const bool> home_closed_;
  const sum_up_options options_;
  const bool lasting_;
  std::vector<row> rows_;  // in the order in which they came
  std::string key_;        // the key of the report at hand; its storage is used again
  alarm alarm_{*this};
  time_point due_ = time_point::max();         // when the next sum is due
  time_point next_early_ = time_point::min();  // before this time, sums are not told early
};

}  // namespace coppice::detail
