#include <coppice/process_ref.hpp>

#include <coppice/detail/scheduler.hpp>
#include <coppice/detail/waiter.hpp>

#include <stdexcept>
#include <utility>

namespace coppice {

process_ref::process_ref(pid process) noexcept : home_{process.home()}, target_{process} {}

process_ref::process_ref(std::string_view name)
    : home_{&detail::here()}, target_{std::string{name}} {}

process_ref::process_ref(boost::asio::io_context& io, std::string_view name)
    : home_{&detail::scheduler::of(io)}, target_{std::string{name}} {}

process_ref::process_ref(boost::asio::io_context& io, resolver find)
    : home_{&detail::scheduler::of(io)}, target_{std::move(find)} {
  if (!std::get<resolver>(target_)) {
    throw std::invalid_argument{"coppice: a process_ref needs a function that finds the process"};
  }
}

pid process_ref::whereis() const {
  if (const auto* process = std::get_if<pid>(&target_)) return process->alive() ? *process : pid{};
  if (const auto* name = std::get_if<std::string>(&target_)) return home_->whereis(*name);
  const pid found = std::get<resolver>(target_)();
  return found.alive() ? found : pid{};
}

}  // namespace coppice
