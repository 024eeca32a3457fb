// A sink of your own: every report as a line of JSON, for whatever collects the logs of a program.
// Here they go to stdout, so that one can look at them; a program would hand them on in a way that
// never waits, as a sink runs in the loop.

#include <coppice.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace asio = boost::asio;

namespace {

// A JSON string. What coppice tells is text of others too: their messages may contain anything.
std::string json_string(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (code < 0x20) {
      result += "\\u00";
      result += digits[code >> 4];
      result += digits[code & 15];
    } else {
      result += c;
    }
  }
  return result + '"';
}

// The fields are there while the sink runs, and have to be written, or copied, by then.
void write_json(const coppice::report& r) {
  if (coppice::severity_of(r) < coppice::severity::info) return;
  // A crash of which a supervisor tells too.
  const auto* crash = std::get_if<coppice::process_crashed>(&r);
  if (crash != nullptr && crash->supervised) return;

  std::string line;
  for (const auto& [key, value] : coppice::fields_of(r)) {
    if (key == "os_process" || key == "took") continue;  // other ones each time
    line += line.empty() ? '{' : ',';
    line += json_string(key) + ':' + json_string(value);
  }
  std::cout << line + "}\n" << std::flush;
}

// Fails as long as it is new, and then works.
coppice::task<> settles(int& starts) {
  if (++starts < 3) throw std::runtime_error{"try \"" + std::to_string(starts) + "\" fails"};
  co_return;
}

}  // namespace

int main() {
  asio::io_context io{1};
  coppice::set_report_sink(io, write_json);
  int starts = 0;
  auto body = [&starts] { return settles(starts); };
  return coppice::run(io, {.name = "demo",
                           .strategy = coppice::one_for_one,
                           .auto_shutdown = coppice::auto_shutdown::any_significant,
                           .children = {coppice::worker("settles", std::move(body))
                                            .with_restart(coppice::transient)
                                            .with_significant()}});
}
