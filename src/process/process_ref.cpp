#include <coppice/process_ref.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/current_process.hpp>

#include <stdexcept>
#include <utility>

namespace coppice {

using detail::access;
using detail::scheduler;

// A reference finds its process anew at each use, so it survives restarts. References outlive
// io_contexts: they keep the serial number of the scheduler, which is never used again, instead of
// a pointer. Names and functions lie in one shared constant object: copying a reference copies a
// pointer, and any thread may do it.

process_ref::process_ref(pid process) noexcept
    : serial_{access::home(process) != nullptr ? access::home(process)->serial() : 0},
      process_{process} {}

process_ref::process_ref(std::string_view name)
    : serial_{detail::here().serial()},
      lookup_{std::make_shared<const lookup>(lookup{std::string{name}, {}})} {}

process_ref::process_ref(boost::asio::io_context& io, std::string_view name)
    : serial_{scheduler::of(io).serial()},
      lookup_{std::make_shared<const lookup>(lookup{std::string{name}, {}})} {}

process_ref::process_ref(boost::asio::io_context& io, resolver find)
    : serial_{scheduler::of(io).serial()} {
  if (!find) {
    throw std::invalid_argument{"coppice: a process_ref needs a function that finds the process"};
  }
  lookup_ = std::make_shared<const lookup>(lookup{{}, std::move(find)});
}

scheduler* process_ref::home() const noexcept {
  return serial_ != 0 ? scheduler::find(serial_) : nullptr;
}

scheduler& process_ref::home_or_here() const {
  // An operation on an empty reference, or on one whose io_context is gone, still has to complete
  // somewhere: it fails on the loop of the caller.
  scheduler* const s = home();
  return s != nullptr ? *s : detail::here();
}

pid process_ref::whereis() const {
  const scheduler* const s = home();
  if (s == nullptr) return {};
  s->check_thread("whereis");
  detail::process* const found = get();
  return found != nullptr ? found->id() : pid{};
}

pid process_ref::get_pid() const { return lookup_ ? whereis() : process_; }

// The user's function may throw. Callers take that as the failure of what they do.
detail::process* process_ref::get() const {
  if (!lookup_) return access::slot(process_);
  const pid found = lookup_->find ? lookup_->find() : home()->whereis(lookup_->name);
  return access::slot(found);
}

}  // namespace coppice
