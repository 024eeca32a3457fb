#include "terminal_interface.hpp"

#include "commands.hpp"
#include "keys.hpp"

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <utility>

namespace sequence {

namespace asio = boost::asio;

namespace {

termios settings() {
  termios now{};
  ::tcgetattr(STDIN_FILENO, &now);
  return now;
}

// Opened anew, so that those who share the terminal do not find it non-blocking: the shell that
// started this, and whatever prints.
int open_terminal() {
  const char* const name = ::ttyname(STDIN_FILENO);
  const int fd = ::open(name != nullptr ? name : "/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) {
    throw boost::system::system_error{errno, boost::system::system_category(), "the terminal"};
  }
  return fd;
}

void set(const termios& wanted) { ::tcsetattr(STDIN_FILENO, TCSADRAIN, &wanted); }

constexpr std::string_view other_screen = "\033[?1049h\033[?25l";
constexpr std::string_view usual_screen = "\033[?25h\033[?1049l";

void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

// However the reading of a line ends, what is printed next begins on a line of its own.
class terminal_interface::line_guard {
 public:
  explicit line_guard(terminal_interface& owner) : owner_{owner} {
    owner_.editor_.begin();
    owner_.wanted_ = settings();
  }
  line_guard(const line_guard&) = delete;
  line_guard& operator=(const line_guard&) = delete;
  ~line_guard() {
    owner_.editor_.end();
    owner_.wanted_ = settings();
    if (!complete_) put("\n");
  }
  void complete() noexcept { complete_ = true; }

 private:
  terminal_interface& owner_;
  bool complete_ = false;
};

// Uses the terminal's other screen, and takes keys as they are pressed; signals from the keyboard
// stay what they are.
class terminal_interface::screen_page final : public page {
 public:
  explicit screen_page(terminal_interface& owner) : owner_{owner}, before_{settings()} {
    owner_.page_open_ = true;
    owner_.wanted_ = before_;
    owner_.wanted_.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    owner_.wanted_.c_cc[VMIN] = 1;
    owner_.wanted_.c_cc[VTIME] = 0;
    set(owner_.wanted_);
    put(other_screen);
  }
  ~screen_page() override {
    put(usual_screen);
    set(before_);
    owner_.wanted_ = before_;
    owner_.page_open_ = false;
    put(std::exchange(owner_.held_, {}));
  }

  void show(std::string_view lines) override {
    std::string text = "\033[H";
    for (const char c : lines) {
      if (c == '\n') text += "\033[K";
      text += c;
    }
    put(text + "\033[J");
  }

 private:
  terminal_interface& owner_;
  termios before_;
};

terminal_interface::terminal_interface(asio::io_context& io)
    : before_{settings()},
      editor_{stdin, stdout, &completions},
      wanted_{settings()},
      keys_{io, open_terminal()},
      changes_{io, SIGWINCH, SIGCONT} {
  listen();
}

terminal_interface::~terminal_interface() {
  editor_.end();
  set(before_);
}

void terminal_interface::listen() {
  changes_.async_wait([this](boost::system::error_code ec, int signal) {
    if (ec) return;
    if (signal == SIGCONT) {
      // The shell has made the terminal its own meanwhile.
      set(wanted_);
      if (page_open_) put(other_screen);
    }
    if (editor_.active()) editor_.redraw();
    listen();
  });
}

asio::awaitable<std::optional<std::string>> terminal_interface::read_line() {
  line_guard guard{*this};
  for (;;) {
    while (first_key(keys_.waiting) > 0) {
      switch (editor_.take_key(keys_.waiting)) {
        case line_editor::event::none: break;
        case line_editor::event::line: guard.complete(); co_return editor_.line();
        case line_editor::event::end_of_input: co_return std::nullopt;
      }
    }
    auto reading = keys_.read();
    const bool has_read = co_await std::move(reading);
    if (!has_read) co_return std::nullopt;
  }
}

asio::awaitable<void> terminal_interface::read_key() {
  while (first_key(keys_.waiting) == 0) {
    auto reading = keys_.read();
    const bool has_read = co_await std::move(reading);
    if (!has_read) co_return;
    // Nobody can tell the escape key from the beginning of another one. Any key will do.
    if (keys_.waiting == "\033") break;
  }
  keys_.waiting.erase(0, std::max<std::size_t>(1, first_key(keys_.waiting)));
}

void terminal_interface::print(std::string_view lines) {
  if (page_open_) {
    held_ += lines;
  } else if (editor_.active()) {
    editor_.print_above(lines);
  } else {
    put(lines);
  }
}

std::unique_ptr<user_interface::page> terminal_interface::open_page() {
  return std::make_unique<screen_page>(*this);
}

}  // namespace sequence
