#include <coppice/detail/base/report_outlet.hpp>

#include <stdexcept>
#include <utility>

namespace coppice::detail {

namespace {

// A sink may do what is itself reported, for instance kill a process: it is then called from within
// its own call. Deeper than this, a report counts as lost. A sink that brings about a report for
// each report would otherwise use up the stack.
constexpr int max_depth = 8;

}  // namespace

void report_outlet::set(report_sink sink) {
  // Everything that allocates comes first, so that an exception changes nothing.
  std::unique_ptr<report_sink> before;
  if (sink) before = std::make_unique<report_sink>(std::move(sink));
  if (depth_ > 0) replaced_.reserve(replaced_.size() + 1);
  before.swap(sink_);
  // `before` has the old sink now. If it is running, it must live on until it returns.
  if (depth_ > 0 && before) replaced_.push_back(std::move(before));
}

inline bool report_outlet::try_to_hand(const report_sink& to, const report& r) noexcept {
  const int depth = depth_;
  try {
    if (depth == max_depth) {
      // It is thrown, and not just counted, so that `reports_lost` gives it as the reason.
      throw std::length_error{"coppice: told in the midst of too many others"};
    }
    depth_ = depth + 1;
    to(r);
  } catch (...) {
    why_ = std::current_exception();
    depth_ = depth;
    drop_replaced();
    return false;
  }
  depth_ = depth;
  if (!replaced_.empty()) drop_replaced();
  return true;
}

void report_outlet::tell(const report& r) noexcept {
  if (lost_ != 0) tell_lost();
  if (sink_ != nullptr && !try_to_hand(*sink_, r)) ++lost_;
}

void report_outlet::hand(const report_sink& to, const report& r) noexcept {
  if (!try_to_hand(to, r)) ++lost_;
}

// Destroys the sinks that were replaced while they ran, once none runs. The list is emptied first:
// the destructor of a sink may set a sink in turn.
void report_outlet::drop_replaced() noexcept {
  if (depth_ > 0) return;
  const auto gone = std::exchange(replaced_, {});
}

// Reports how many reports were lost, before the next report that can be told. The count is set to
// zero first, since the sink may lose more of them during this very call.
void report_outlet::tell_lost() noexcept {
  if (depth_ > 0 || sink_ == nullptr) return;
  const std::size_t count = std::exchange(lost_, 0);
  const exit_reason why = exit_reason::error(why_);
  why_ = nullptr;
  if (!try_to_hand(*sink_, reports_lost{count, why})) lost_ += count;
}

void report_outlet::close() noexcept {
  *closed_ = true;
  // The member is null before the sink is destroyed: its destructor may cause reports, which then
  // find no sink.
  const auto last = std::move(sink_);
  why_ = nullptr;
}

}  // namespace coppice::detail
