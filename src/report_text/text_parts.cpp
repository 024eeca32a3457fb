#include "text_parts.hpp"

#include "report_words.hpp"

namespace coppice::detail {

namespace {

// Tells whether this byte is inside a UTF-8 character: these have the form 10xxxxxx.
bool continues_character(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
}

}  // namespace

std::string cut(std::string_view text, const text_style& style) {
  if (style.max_text == 0 || text.size() <= style.max_text) return std::string{text};
  // A cut inside a character would make the whole line invalid UTF-8, which log backends refuse.
  std::size_t end = style.max_text;
  while (end > 0 && continues_character(text[end])) --end;
  return std::string{text.substr(0, end)} + "...";
}

std::vector<exception_text> chain_of(const exit_reason& reason, const text_style& style) {
  std::vector<exception_text> chain = exception_chain(reason);
  // The limit counts nested exceptions; the outermost one is always shown.
  if (style.max_items > 0 && chain.size() > style.max_items + 1) chain.resize(style.max_items + 1);
  for (exception_text& level : chain) level.text = cut(level.text, style);
  return chain;
}

std::string count(std::size_t n, std::string_view what) {
  return std::to_string(n) + ' ' + std::string{what} + (n == 1 ? "" : "s");
}

std::string children(std::size_t n) { return n == 1 ? "1 child" : std::to_string(n) + " children"; }

std::string budget(const budget_exhausted& x) {
  return "more than " + count(x.intensity, "restart") + " in " + seconds(x.period);
}

std::string circle(std::span<const pid> processes) {
  std::string text = named(processes.front()) + " would wait for ";
  for (const pid& p : processes.subspan(1)) text += named(p) + ", which waits for ";
  return text + named(processes.front());
}

std::string others(const reports_summed_up& x) {
  std::string text = std::to_string(x.count - 1) + " more like it";
  if (x.period > x.period.zero()) text += " within " + seconds(x.period);
  return text;
}

std::string client_of(const server_terminated& x) {
  return x.client_name.empty() ? x.client.to_string() : std::string{x.client_name};
}

std::string_view condition_of_client(const server_terminated& x) {
  return x.client_alive ? " is alive" : " is dead";
}

std::string pending_of(const server_terminated& x, const text_style& style) {
  return listed(x.pending, style.max_items, [](const pid& p) { return named(p); });
}

std::string application(std::string_view name, const pid& process) {
  std::string text{"application "};
  return text += process ? named(name, process) : std::string{name};
}

std::string ending(const application_stopped& x) {
  if (!x.ends_program) return "";
  std::string text{"; it is "};
  return (text += word(x.type)) += ", so the program ends";
}

std::string program(std::string_view name) {
  return name.empty() ? "program" : "program " + std::string{name};
}

namespace {

std::string shortage_of(const boost::system::error_code& error, std::size_t connections) {
  const std::string all = count(connections, "connection");
  return error ? error.message() + ", with " + all : all + ", as many as there may be";
}

}  // namespace

std::string shortage(const acceptor_paused& x) { return shortage_of(x.error, x.connections); }

std::string shortage(const acceptor_resumed& x) { return shortage_of(x.error, x.connections); }

void append_escaped(std::string& out, char c) {
  // Bytes from 0x80 up are left alone: they are UTF-8.
  constexpr char digits[] = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(c);
  switch (c) {
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  if (code >= 0x20 && code != 0x7f) {
    out += c;
  } else {
    out += {'\\', 'x', digits[code >> 4U], digits[code & 0xfU]};
  }
}

}  // namespace coppice::detail
