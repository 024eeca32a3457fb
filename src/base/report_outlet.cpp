#include <coppice/detail/base/report_outlet.hpp>

#include <stdexcept>
#include <utility>

namespace coppice::detail {

namespace {

// So many reports deep a sink may be in the telling of what it has brought about itself.
constexpr int max_depth = 8;

}  // namespace

void report_outlet::set(report_sink sink) {
  std::unique_ptr<report_sink> before;
  if (sink) before = std::make_unique<report_sink>(std::move(sink));
  if (depth_ > 0) replaced_.reserve(replaced_.size() + 1);
  before.swap(sink_);
  if (depth_ > 0 && before) replaced_.push_back(std::move(before));
}

inline bool report_outlet::try_to_hand(const report_sink& to, const report& r) noexcept {
  const int depth = depth_;
  try {
    if (depth == max_depth) {
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

// Not while one of them may be running. Their destructors may set another.
void report_outlet::drop_replaced() noexcept {
  if (depth_ > 0) return;
  const auto gone = std::exchange(replaced_, {});
}

// Once they are being told, more may be lost.
void report_outlet::tell_lost() noexcept {
  if (depth_ > 0 || sink_ == nullptr) return;
  const std::size_t count = std::exchange(lost_, 0);
  const exit_reason why = exit_reason::error(why_);
  why_ = nullptr;
  if (!try_to_hand(*sink_, reports_lost{count, why})) lost_ += count;
}

void report_outlet::close() noexcept {
  *closed_ = true;
  const auto last = std::move(sink_);
  why_ = nullptr;
}

}  // namespace coppice::detail
