#pragma once

#include <coppice/config.hpp>
#include <coppice/pid.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace coppice {

namespace detail {
struct access;
}  // namespace detail

/// A reference to a process: by its pid, by a name, or by a function that finds it. Names and
/// functions are asked anew each time, so that a restarted process is found again.
///
/// @par Thread safety
/// Copies: safe. Looking up: only on the loop's thread. A reference may outlive its io_context, and
/// leads nowhere then.
/// @par Origin
/// OTP's server references: pid, registered name, `{via, Module, Name}`.
class COPPICE_API process_ref {
 public:
  /// Finds a process for each use; an empty pid says that there is none.
  using resolver = std::function<pid()>;

  /// A reference to no process.
  process_ref() noexcept = default;
  process_ref(pid process) noexcept;
  /// A name on the io_context of the calling process.
  ///
  /// @throws std::logic_error outside of processes.
  process_ref(std::string_view name);
  process_ref(const char* name) : process_ref{std::string_view{name}} {}
  process_ref(const std::string& name) : process_ref{std::string_view{name}} {}
  process_ref(boost::asio::io_context& io, std::string_view name);
  process_ref(boost::asio::io_context& io, resolver find);

  /// The living process, or an empty pid; that too if its io_context is gone.
  ///
  /// @throws std::logic_error if another thread runs the io_context. Passes on what the function
  ///   throws.
  [[nodiscard]] pid whereis() const;
  /// The same; but the process that this was made with, if it was, also when that has ended.
  [[nodiscard]] pid get_pid() const;

  /// The name that it was made with, or an empty one.
  [[nodiscard]] std::string_view name() const noexcept {
    return lookup_ ? std::string_view{lookup_->name} : std::string_view{};
  }

 private:
  friend struct detail::access;

  struct lookup {
    std::string name;
    resolver find;  // if there is no name
  };

  // The slot of the living process, or null. Only while its io_context is there.
  [[nodiscard]] detail::process* get() const;
  // Null for an empty pid, or if the io_context is gone.
  [[nodiscard]] detail::scheduler* home() const noexcept;
  // The same, or else that of the calling process; throws std::logic_error if there is neither.
  [[nodiscard]] detail::scheduler& home_or_here() const;
  [[nodiscard]] std::uint64_t serial() const noexcept { return serial_; }

  std::uint64_t serial_ = 0;  // of the scheduler
  pid process_;
  std::shared_ptr<const lookup> lookup_;  // null: it is that process
};

}  // namespace coppice
