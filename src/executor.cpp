#include <coppice/executor.hpp>

#include <coppice/detail/runner.hpp>
#include <coppice/detail/scheduler.hpp>

#include <boost/asio/post.hpp>

#include <memory>

namespace coppice {

using detail::process;
using detail::run_item;
using detail::runner;
using detail::scheduler;

scheduler& executor::home() const noexcept {
  if (is_stage()) return stage()->home;
  if ((target_ & nobody_bit) != 0) return *reinterpret_cast<scheduler*>(target_ & ~bits);
  return block()->home;
}

pid executor::owner() const noexcept {
  const executor settled{*this};
  if (settled.is_stage() || (settled.target_ & nobody_bit) != 0) return {};
  return {settled.block(), settled.number_};
}

process* executor::get() const noexcept { return owner().get(); }

asio::execution_context& executor::query(asio::execution::context_t) const noexcept {
  return home().io();
}

void executor::settle() noexcept {
  runner& r = *stage();
  if (r.being_made) return;
  const std::uintptr_t never = target_ & never_bit;
  if (process* p = r.tenant.load(std::memory_order_relaxed); p != nullptr) {
    target_ = reinterpret_cast<std::uintptr_t>(p) | never;
    number_ = r.number.load(std::memory_order_relaxed);
  } else {
    target_ = reinterpret_cast<std::uintptr_t>(&r.home) | nobody_bit | never;
  }
}

executor::place executor::where() const noexcept {
  if (is_stage()) return place::here;
  if ((target_ & nobody_bit) != 0) return place::nowhere;
  process& p = *block();
  scheduler& s = p.home;
  if (!s.on_loop_thread()) return s.is_down() ? place::nowhere : place::other_thread;
  if (!p.is(number_) || s.is_down()) return place::nowhere;
  // The unwinding that Asio posts when a handler is destroyed: do it on the spot.
  if (s.dropping() == &p && p.now == process::state::dying) return place::nowhere;
  // A coroutine spawned within the process hears of a kill through this executor: that must run.
  if (!never_blocks() && s.current() == &p &&
      (p.now == process::state::live || s.relays_kill(p))) {
    return place::here;
  }
  return place::queue;
}

void executor::push(run_item& item) const noexcept {
  process& p = *block();
  item.owner = &p;
  item.number = number_;
  p.home.push(item);
  p.home.arrived(p);
}

namespace {

struct dropper {
  void operator()(run_item* item) const { item->act(item, run_item::how::drop); }
};

}  // namespace

void executor::send(run_item& item) const {
  std::unique_ptr<run_item, dropper> owned{&item};
  asio::post(home().io().get_executor(), [self = *this, owned = std::move(owned)]() mutable {
    if (self.where() == place::queue) self.push(*owned.release());
  });
}

}  // namespace coppice
