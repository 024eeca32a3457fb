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

// Where reports go. A sink is somebody else's code: it may throw, set another sink while it runs,
// and do what is reported in turn.
class COPPICE_API report_outlet {
 public:
  void set(report_sink sink);
  [[nodiscard]] bool open() const noexcept { return sink_ != nullptr; }
  void tell(const report& r) noexcept;
  // Hands it to that sink, which stays where it is until it returns; and counts it, if that fails.
  void hand(const report_sink& to, const report& r) noexcept;
  void close() noexcept;
  // Whether it is closed, for those who may outlive it.
  [[nodiscard]] std::shared_ptr<const bool> closed() const noexcept { return closed_; }

 private:
  bool try_to_hand(const report_sink& to, const report& r) noexcept;
  void tell_lost() noexcept;
  void drop_replaced() noexcept;

  std::shared_ptr<bool> closed_ = std::make_shared<bool>(false);
  std::unique_ptr<report_sink> sink_;
  std::vector<std::unique_ptr<report_sink>> replaced_;  // one of them may be running
  int depth_ = 0;
  std::size_t lost_ = 0;
  std::exception_ptr why_;  // the last of them was lost
};

// The sink that an io_context has from the beginning. It is made above, where reports are summed up
// and printed: the one thing for which the runtime asks there.
report_sink default_sink(scheduler& home);

}  // namespace coppice::detail
