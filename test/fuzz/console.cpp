#include "../../example/sequence/commands.hpp"
#include "../../example/sequence/reports.hpp"
#include "../../example/sequence/tree.hpp"
#include "../../example/sequence/user_interface.hpp"
#include "fuzz.hpp"

#include <coppice/process.hpp>
#include <coppice/report_sink.hpp>
#include <coppice/supervise.hpp>
#include <coppice/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// Any line is blank, understood, or a mistake that is named; and typed at the console of the whole
// program, it gets an answer or an error, and the console goes on.

namespace fuzz {

namespace {

constexpr std::size_t most_lines = 16;

// Lines as they would be typed, and whether each of them was answered.
class script final : public sequence::user_interface {
 public:
  explicit script(std::vector<std::string> lines) noexcept : lines_{std::move(lines)} {}

  boost::asio::awaitable<std::optional<std::string>> read_line() override {
    check_answer();
    answered_ = false;
    if (next_ == lines_.size()) {
      ended_ = true;
      co_return std::nullopt;
    }
    co_return lines_[next_++];
  }
  boost::asio::awaitable<void> read_key() override { co_return; }
  void print(std::string_view lines) override {
    require(lines.ends_with('\n'), "whole lines are printed");
    answered_ = true;
  }
  std::unique_ptr<page> open_page() override { return nullptr; }

  // The program has ended: by the end of the input, by `exit`, or as too much has crashed.
  [[nodiscard]] bool is_read() const noexcept { return ended_; }

 private:
  void check_answer() const {
    if (next_ == 0) return;
    const sequence::parsed_line what = sequence::parse(lines_[next_ - 1]);
    require(answered_ || std::holds_alternative<std::monostate>(what), "a line gets an answer");
  }

  std::vector<std::string> lines_;
  std::size_t next_ = 0;
  bool answered_ = false;
  bool ended_ = false;
};

// What was understood can be said again, and means the same.
void check_parse(const std::string& line) {
  const sequence::parsed_line what = sequence::parse(line);
  if (const auto* const bad = std::get_if<sequence::mistake>(&what)) {
    require(!bad->text.empty(), "a mistake is named");
  }
  for (const std::string_view completion : sequence::completions(line)) {
    require(completion.starts_with(line), "a completion completes");
  }
  const auto* const command = std::get_if<sequence::command>(&what);
  if (command == nullptr) return;
  require(command->arguments.size() <= 1, "no command takes more than one argument");
  if (command->what != sequence::verb::increment_number) return;
  require(command->arguments.size() == 1, "there are as many arguments as the command takes");
  const sequence::term& value = command->arguments.front();
  const sequence::parsed_line again =
      sequence::parse("Sequence.Server.increment_number " + sequence::to_text(value));
  const auto* const same = std::get_if<sequence::command>(&again);
  require(same != nullptr && same->what == command->what && same->arguments == command->arguments,
          "a term that is typed as it is shown is the same term");
}

void type_all(bool stashed, std::vector<std::string> lines) {
  boost::asio::io_context io{1};
  coppice::virtual_clock clock{io};
  script ui{std::move(lines)};
  sequence::report_filter filter;
  coppice::set_report_sink(io, [&](const coppice::report& what) {
    if (const auto text = filter(what, "12:00:00.000")) ui.print(*text);
  });
  const coppice::pid tree = coppice::spawn(io, [&]() -> boost::asio::awaitable<void> {
    auto life = coppice::supervise(sequence::make_tree(stashed, ui));
    co_await life.end();
  });
  for (int jumps = 0; tree.alive() && jumps < 1000; ++jumps) clock.jump();
  require(!tree.alive(), "the program ends when the input does");
  coppice::set_report_sink(io, nullptr);
}

}  // namespace

void console(std::string_view input) {
  source from{input};
  const bool stashed = from.byte() % 2 == 1;
  std::vector<std::string> lines;
  std::string_view left = from.rest();
  while (!left.empty() && lines.size() < most_lines) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    lines.emplace_back(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
    check_parse(lines.back());
  }
  type_all(stashed, std::move(lines));
}

}  // namespace fuzz
