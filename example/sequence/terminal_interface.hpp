#pragma once

#include "input.hpp"
#include "line_editor.hpp"
#include "user_interface.hpp"

#include <boost/asio/signal_set.hpp>

#include <termios.h>

namespace sequence {

/// The terminal that is standard input and output. When this goes, its settings are what they were.
class terminal_interface final : public user_interface {
 public:
  explicit terminal_interface(boost::asio::io_context& io);
  ~terminal_interface() override;

  boost::asio::awaitable<std::optional<std::string>> read_line() override;
  boost::asio::awaitable<void> read_key() override;
  void print(std::string_view lines) override;
  std::unique_ptr<page> open_page() override;

 private:
  class screen_page;
  class line_guard;

  void listen();

  termios before_;
  line_editor editor_;
  termios wanted_;  // right now
  input keys_;
  boost::asio::signal_set changes_;  // another size, or back from the background
  bool page_open_ = false;
  std::string held_;  // to be printed when the page is closed
};

}  // namespace sequence
