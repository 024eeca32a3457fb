#pragma once

#include <coppice/config.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/report.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <vector>

namespace coppice::detail {

class scheduler;

// Calls the sink of an io_context with reports. A sink is the user's code: it may throw, set
// another sink while it runs, and do something that is itself reported. None of this may disturb
// the process that a report is about, so nothing here throws: a report that cannot be told is
// counted, and the number is told later. It is used on the loop's thread only.
class COPPICE_API report_outlet {
 public:
  void set(report_sink sink);
  [[nodiscard]] bool open() const noexcept { return sink_ != nullptr; }
  void tell(const report& r) noexcept;
  // Calls a sink that is not the one set here, but whose failures are counted here. The sink must
  // not move or be destroyed until it returns.
  void hand(const report_sink& to, const report& r) noexcept;
  void close() noexcept;
  // A flag that says whether this is closed. It is shared with sinks that may outlive the
  // io_context.
  [[nodiscard]] std::shared_ptr<const bool> closed() const noexcept { return closed_; }

 private:
  bool try_to_hand(const report_sink& to, const report& r) noexcept;
  void tell_lost() noexcept;
  void drop_replaced() noexcept;

  std::shared_ptr<bool> closed_ = std::make_shared<bool>(false);
  std::unique_ptr<report_sink> sink_;
  std::vector<std::unique_ptr<report_sink>> replaced_;  // one of them may be running
  int depth_ = 0;           // how many calls of sinks are on the stack
  std::size_t lost_ = 0;    // reports that no sink has taken and that are not yet told as lost
  std::exception_ptr why_;  // the reason why the latest of them was lost
};

// Makes the sink that an io_context has from the beginning. It is defined in report_sink, which
// lies above the runtime: this is the one function of an upper layer that the runtime calls.
report_sink default_sink(scheduler& home);

}  // namespace coppice::detail
