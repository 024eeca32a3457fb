#include <coppice/detail/report_outlet.hpp>

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

bool report_outlet::try_to_hand(const report_sink& to, const report& r) noexcept {
  bool handed = false;
  ++depth_;
  try {
    if (depth_ > max_depth) {
      throw std::length_error{"coppice: told in the midst of too many others"};
    }
    to(r);
    handed = true;
  } catch (...) {
    why_ = std::current_exception();
  }
  if (--depth_ == 0 && !replaced_.empty()) {
    // Their destructors may set another.
    const auto gone = std::exchange(replaced_, {});
  }
  return handed;
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
