// The line editor of the number server example, at a terminal of which both sides are here.

#include "../example/sequence/line_editor.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

using sequence::line_editor;

namespace {

// Whoever has the other side of a terminal reads what it shows.
class terminal {
 public:
  explicit terminal(unsigned short columns = 80) {
    setlocale(LC_CTYPE, "C.UTF-8");
    setenv("TERM", "xterm", 1);
    grantpt(other_side_);
    unlockpt(other_side_);
    file_ = fdopen(open(ptsname(other_side_), O_RDWR | O_NOCTTY), "r+");
    const winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ioctl(other_side_, TIOCSWINSZ, &size);
  }
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;
  ~terminal() {
    std::fclose(file_);
    close(other_side_);
  }

  [[nodiscard]] std::FILE* file() const noexcept { return file_; }

  // What has been shown since the last time, once it ends like that; or what there is after a
  // while.
  [[nodiscard]] std::string shown_up_to(std::string_view ending) const {
    std::fflush(file_);
    std::string text;
    pollfd readable{other_side_, POLLIN, 0};
    while (!text.ends_with(ending) && poll(&readable, 1, 10'000) > 0) {
      char chunk[1024];
      const auto n = read(other_side_, chunk, sizeof chunk);
      if (n <= 0) break;
      text.append(chunk, static_cast<std::size_t>(n));
    }
    return text;
  }

 private:
  int other_side_ = posix_openpt(O_RDWR | O_NOCTTY);
  std::FILE* file_;
};

std::vector<std::string_view> no_completions(std::string_view) { return {}; }

// The first line, or nothing if there is none.
std::string type(line_editor& editor, std::string typed) {
  while (!typed.empty()) {
    const std::size_t before = typed.size();
    if (editor.take_key(typed) == line_editor::event::line) return editor.line();
    if (typed.size() == before) break;
  }
  return "";
}

}  // namespace

TEST_CASE("what is printed while a line is typed appears above it, and the line can go on") {
  terminal t;
  line_editor editor{t.file(), t.file(), &no_completions};
  editor.begin();
  CHECK(type(editor, "half a l").empty());
  CHECK(t.shown_up_to("> half a l").ends_with("> half a l"));
  editor.print_above("a report\n");
  const std::string shown = t.shown_up_to("> half a l");
  CHECK(shown.starts_with("\r\033[Ja report\r\n"));
  CHECK(shown.ends_with("> half a l"));
  CHECK(type(editor, "ine\n") == "half a line");
  editor.end();
}

TEST_CASE("a line that takes up several rows is moved down as a whole") {
  terminal t{10};
  line_editor editor{t.file(), t.file(), &no_completions};
  editor.begin();
  const std::string line = std::string(20, 'x') + '.';
  CHECK(type(editor, line).empty());
  CHECK(t.shown_up_to(".").ends_with("."));
  editor.print_above("a report\n");
  CHECK(t.shown_up_to(".").starts_with("\r\033[A\033[A\033[Ja report\r\n"));
  CHECK(type(editor, "\n") == line);
  editor.end();
}

TEST_CASE("a line that was not finished is forgotten") {
  terminal t;
  line_editor editor{t.file(), t.file(), &no_completions};
  editor.begin();
  CHECK(type(editor, "some").empty());
  editor.end();
  editor.begin();
  CHECK(type(editor, "other\n") == "other");
  editor.end();
}
