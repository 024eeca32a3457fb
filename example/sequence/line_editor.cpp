#include "line_editor.hpp"

#include "keys.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <cwchar>
#include <stdexcept>

namespace sequence {

namespace {

constexpr std::string_view prompt_text = "> ";

// Cells on the screen, as long as all characters take up one.
std::size_t width(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

std::string_view before_cursor(EditLine* e) {
  const LineInfo* const now = el_line(e);
  return {now->buffer, static_cast<std::size_t>(now->cursor - now->buffer)};
}

std::string_view common_beginning(const std::vector<std::string_view>& words) {
  std::string_view common = words.front();
  for (const std::string_view w : words) {
    const auto differ = std::mismatch(common.begin(), common.end(), w.begin(), w.end());
    common = common.substr(0, static_cast<std::size_t>(differ.first - common.begin()));
  }
  return common;
}

}  // namespace

line_editor::line_editor(std::FILE* in, std::FILE* out, completer complete)
    : out_{out},
      complete_{complete},
      history_{history_init()},
      edit_{el_init("sequence", in, out, stderr)} {
  if (!history_ || !edit_) throw std::runtime_error{"cannot edit lines at this terminal"};
  HistEvent e{};
  history(history_.get(), &e, H_SETSIZE, 1000);
  history(history_.get(), &e, H_SETUNIQUE, 1);
  el_set(edit_.get(), EL_CLIENTDATA, this);
  el_set(edit_.get(), EL_PROMPT, &prompt);
  el_set(edit_.get(), EL_EDITOR, "emacs");
  el_set(edit_.get(), EL_HIST, &::history, history_.get());
  el_set(edit_.get(), EL_GETCFN, &next_character);
  // What is typed between two lines waits for the next prompt, and is not shown before it. Ctrl-S
  // is a key like any other: it stops no output, and thereby the loop.
  constexpr const char* last = nullptr;
  el_set(edit_.get(), EL_SETTY, "-x", "-echo", "-icanon", "-ixon", last);
  el_set(edit_.get(), EL_SETTY, "-d", "-ixon", last);
  // Wide, as libedit keeps them: of others it makes copies, which it never frees.
  el_wset(edit_.get(), EL_ADDFN, L"complete", L"complete a command", &line_editor::complete);
  el_wset(edit_.get(), EL_ADDFN, L"delete-or-end", L"delete a character, or end", &delete_or_end);
  bind("\t", "complete");
  bind("^D", "delete-or-end");
  bind("\\e[3~", "ed-delete-next-char");
  for (const char* key : {"\\e[H", "\\eOH", "\\e[1~"}) bind(key, "ed-move-to-beg");
  for (const char* key : {"\\e[F", "\\eOF", "\\e[4~"}) bind(key, "ed-move-to-end");
  // What would read more keys on its own.
  bind("^R", "ed-search-prev-history");
  bind("^S", "ed-search-next-history");
  for (const char* key : {"^V", "^Q", "\\ex", "\\eX"}) bind(key, "ed-unassigned");
}

line_editor::~line_editor() { end(); }

void line_editor::bind(const char* key, const char* function) {
  el_set(edit_.get(), EL_BIND, key, function, static_cast<const char*>(nullptr));
}

void line_editor::begin() {
  active_ = true;
  at_end_ = false;
  el_set(edit_.get(), EL_UNBUFFERED, 1);
}

void line_editor::end() {
  if (!active_) return;
  active_ = false;
  el_set(edit_.get(), EL_UNBUFFERED, 0);
  std::fflush(out_);
}

line_editor::event line_editor::take_key(std::string& typed) {
  const std::size_t length = first_key(typed);
  if (length == 0) return event::none;
  key_ = typed.substr(0, length);
  typed.erase(0, length);
  bool complete = false;
  while (!key_.empty()) {
    int size = 0;
    const std::size_t before = key_.size();
    const char* const now = el_gets(edit_.get(), &size);
    if (at_end_) return event::end_of_input;
    complete = now != nullptr && size > 0 && now[size - 1] == '\n';
    if (complete) line_.assign(now, static_cast<std::size_t>(size - 1));
    if (key_.size() == before) key_.clear();  // libedit does not want it
  }
  if (!complete) return event::none;
  if (line_.find_first_not_of(" \t") != std::string::npos) {
    HistEvent e{};
    history(history_.get(), &e, H_ENTER, line_.c_str());
  }
  return event::line;
}

void line_editor::print_above(std::string_view lines) {
  erase();
  std::fwrite(lines.data(), 1, lines.size(), out_);
  draw();
}

void line_editor::redraw() {
  erase();
  draw();
}

void line_editor::erase() {
  const std::size_t cursor = prompt_text.size() + width(before_cursor(edit_.get()));
  std::fputs("\r", out_);
  for (std::size_t rows = cursor / static_cast<std::size_t>(columns()); rows > 0; --rows) {
    std::fputs("\033[A", out_);
  }
  std::fputs("\033[J", out_);
}

void line_editor::draw() {
  el_resize(edit_.get());
  el_set(edit_.get(), EL_REFRESH);
  std::fflush(out_);
}

int line_editor::columns() const {
  winsize size{};
  if (::ioctl(::fileno(out_), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// ---- What libedit calls

line_editor& line_editor::of(EditLine* e) {
  void* self = nullptr;
  el_get(e, EL_CLIENTDATA, &self);
  return *static_cast<line_editor*>(self);
}

char* line_editor::prompt(EditLine*) {
  static char text[] = "> ";
  return text;
}

int line_editor::next_character(EditLine* e, wchar_t* c) {
  std::string& key = of(e).key_;
  if (key.empty()) return 0;
  std::mbstate_t state{};
  std::size_t length = std::mbrtowc(c, key.data(), key.size(), &state);
  if (length == 0 || length > key.size()) {  // no character in this locale
    *c = L'?';
    length = 1;
  }
  key.erase(0, length);
  return 1;
}

unsigned char line_editor::complete(EditLine* e, int) {
  const std::string_view beginning = before_cursor(e);
  const auto words = of(e).complete_(beginning);
  if (words.empty()) return CC_ERROR;
  std::string more{common_beginning(words).substr(beginning.size())};
  if (words.size() == 1) more += ' ';
  if (!more.empty()) {
    if (el_insertstr(e, more.c_str()) != 0) return CC_ERROR;
    return CC_REFRESH;
  }
  std::string list;
  for (const std::string_view w : words) list.append(w).append("\n");
  of(e).print_above(list);
  return CC_REFRESH;
}

unsigned char line_editor::delete_or_end(EditLine* e, int) {
  const LineInfo* const now = el_line(e);
  if (now->lastchar == now->buffer) {
    of(e).at_end_ = true;
    return CC_NORM;
  }
  if (now->cursor == now->lastchar) return CC_ERROR;
  el_cursor(e, 1);
  el_deletestr(e, 1);
  return CC_REFRESH;
}

}  // namespace sequence
