#pragma once

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sequence {

/// Where commands come from and what they print goes to: a terminal, or a pipe.
///
/// Belongs to the program and outlives the console, so that one that is restarted goes on where the
/// last one stopped: with the history, and with what had been read and not been used.
///
/// @par Thread safety
/// Only on the loop's thread.
class user_interface {
 public:
  /// Fills the screen while it lives; what was there before comes back after it.
  class page {
   public:
    page() = default;
    page(const page&) = delete;
    page& operator=(const page&) = delete;
    virtual ~page() = default;

    /// Replaces what the page shows.
    virtual void show(std::string_view lines) = 0;
  };

  user_interface() = default;
  user_interface(const user_interface&) = delete;
  user_interface& operator=(const user_interface&) = delete;
  virtual ~user_interface() = default;

  /// The next line, without its end; nothing at the end of the input.
  ///
  /// @par Cancellation
  /// `terminal`: what was typed of the line is lost, or, of a pipe, kept for the next call.
  [[nodiscard]] virtual boost::asio::awaitable<std::optional<std::string>> read_line() = 0;

  /// Waits for one key, or the end of the input. While a page is open.
  [[nodiscard]] virtual boost::asio::awaitable<void> read_key() = 0;

  /// Prints whole lines, at any time: a line that is being typed is moved down, and while a page is
  /// open they wait.
  virtual void print(std::string_view lines) = 0;

  /// Null if there is no screen to fill.
  [[nodiscard]] virtual std::unique_ptr<page> open_page() = 0;
};

/// Standard input and output: a terminal with line editing and history if both are one, else line
/// by line, with every command printed before what comes of it.
[[nodiscard]] std::unique_ptr<user_interface> make_user_interface(boost::asio::io_context& io);

}  // namespace sequence
