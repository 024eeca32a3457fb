#pragma once

#include <coppice/call_result.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/call/reply_slot.hpp>
#include <coppice/detail/call/response_wait.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/error.hpp>
#include <coppice/response.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

namespace coppice::detail {

// The calls of one request_set, each under a label. Slots that are done gather in `arrivals`, so
// that taking the next answer takes constant time however many calls are open.
template <class R, class Label>
struct request_pool {
  struct member {
    Label label;
    slot_ptr<R> slot;
  };

  // Calls that are still open go on without the set; nobody hears of their answers.
  ~request_pool() {
    for (auto& [slot, m] : members) {
      slot->collector = nullptr;
      if (!slot->done()) forget_request(*slot);
    }
  }

  void add(Label label, slot_ptr<R> slot) {
    reply_slot& s = *slot.get();
    members.emplace(&s, member{std::move(label), std::move(slot)});
    s.collector = &arrivals;
    if (s.done()) arrivals.done.push_back(s);
  }
  response<R, Label> take() {
    auto& first = static_cast<reply_slot&>(*arrivals.done.front());
    first.unlink();
    first.collector = nullptr;
    auto found = members.extract(&first);
    member& m = found.mapped();
    m.slot->taken = true;
    return {std::move(m.label), result_of(*m.slot.get()), m.slot->reason};
  }

  scheduler* home = nullptr;
  reply_collector arrivals;
  std::unordered_map<reply_slot*, member> members;
};

// Waits for the next answer of a set. A set without calls completes at once, with nothing.
template <class R, class Label>
struct collection_wait {
  using signature = void(boost::system::error_code, std::optional<response<R, Label>>);

  std::shared_ptr<request_pool<R, Label>> pool;
  time_limit limit;
  wake_timer timer{};
  waiter* self = nullptr;

  [[nodiscard]] scheduler& home() const noexcept { return *pool->home; }
  [[nodiscard]] bool arrived() const noexcept { return !pool->arrivals.done.empty(); }
  void arm(waiter& w) {
    // There is at most one waiter. A second one replaces the first, which is aborted.
    if (pool->arrivals.waiting != nullptr) pool->arrivals.waiting->abort();
    pool->arrivals.waiting = self = &w;
    if (poll()) {
      w.wake();
    } else {
      timer.arm(w, limit);
    }
  }
  [[nodiscard]] bool poll() const noexcept {
    return timer.has_expired() || arrived() || pool->members.empty();
  }
  void disarm() noexcept {
    if (!pool) return;
    if (pool->arrivals.waiting == self) pool->arrivals.waiting = nullptr;
    timer.disarm();
  }
  template <class Handler>
  void complete(Handler&& h) {
    std::optional<response<R, Label>> found;
    boost::system::error_code why;
    if (arrived()) {
      found.emplace(pool->take());
    } else if (!pool->members.empty()) {
      why = errc::timeout;
    }
    std::forward<Handler>(h)(why, std::move(found));
  }
};

}  // namespace coppice::detail
