#include <coppice/process_ref.hpp>

#include <coppice/detail/scheduler.hpp>
#include <coppice/detail/waiter.hpp>

#include <stdexcept>
#include <utility>

namespace coppice {

process_ref::process_ref(pid process) noexcept : home_{process.home()}, process_{process} {}

process_ref::process_ref(std::string_view name)
    : home_{&detail::here()},
      lookup_{std::make_shared<const lookup>(lookup{std::string{name}, {}})} {}

process_ref::process_ref(boost::asio::io_context& io, std::string_view name)
    : home_{&detail::scheduler::of(io)},
      lookup_{std::make_shared<const lookup>(lookup{std::string{name}, {}})} {}

process_ref::process_ref(boost::asio::io_context& io, resolver find)
    : home_{&detail::scheduler::of(io)} {
  if (!find) {
    throw std::invalid_argument{"coppice: a process_ref needs a function that finds the process"};
  }
  lookup_ = std::make_shared<const lookup>(lookup{{}, std::move(find)});
}

pid process_ref::whereis() const {
  detail::process* const found = get();
  return found != nullptr ? found->id() : pid{};
}

detail::process* process_ref::get() const {
  if (!lookup_) return process_.get();
  const pid found = lookup_->find ? lookup_->find() : home_->whereis(lookup_->name);
  return found.get();
}

}  // namespace coppice
