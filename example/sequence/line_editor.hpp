#pragma once

#include <histedit.h>

#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sequence {

/// A line that is typed at a terminal: editing, history and completion by libedit.
///
/// It does no waiting of its own: it is given the keys as they arrive. For that it is libedit's own
/// interface that is used here, and not the one that it shares with readline, whose
/// `rl_callback_read_char` waits for the rest of an escape sequence once it has seen the beginning.
class line_editor {
 public:
  /// What a word at the beginning of a line can become.
  using completer = std::vector<std::string_view> (*)(std::string_view beginning);

  enum class event : unsigned char { none, line, end_of_input };

  /// @param in, out The terminal. Not closed by this.
  line_editor(std::FILE* in, std::FILE* out, completer complete);
  line_editor(const line_editor&) = delete;
  line_editor& operator=(const line_editor&) = delete;
  /// The terminal is then as it was before.
  ~line_editor();

  /// Shows the prompt.
  void begin();

  /// Takes the first key out of `typed`, if it is there in full, and acts on it.
  event take_key(std::string& typed);

  /// The line, after `event::line`. It is in the history by then.
  [[nodiscard]] const std::string& line() const noexcept { return line_; }

  /// No line is being typed any more. What was typed of one that is not complete is forgotten, and
  /// stays on the screen.
  void end();

  [[nodiscard]] bool active() const noexcept { return active_; }

  /// Prints whole lines above the one that is being typed.
  void print_above(std::string_view lines);

  /// The terminal has another size, or may show something else.
  void redraw();

 private:
  struct closer {
    void operator()(EditLine* e) const noexcept { el_end(e); }
    void operator()(History* h) const noexcept { history_end(h); }
  };

  static line_editor& of(EditLine* e);
  static char* prompt(EditLine* e);
  static int next_character(EditLine* e, wchar_t* c);
  static unsigned char complete(EditLine* e, int);
  static unsigned char delete_or_end(EditLine* e, int);

  void bind(const char* key, const char* function);
  void erase();
  void draw();
  [[nodiscard]] int columns() const;

  std::FILE* out_;
  completer complete_;
  std::unique_ptr<History, closer> history_;
  std::unique_ptr<EditLine, closer> edit_;
  std::string key_;  // what libedit reads next
  std::string line_;
  bool active_ = false;
  bool at_end_ = false;
};

}  // namespace sequence
