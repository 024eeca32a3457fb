// The number server example without a terminal.

#include "../example/sequence/commands.hpp"
#include "../example/sequence/keys.hpp"
#include "../example/sequence/observer.hpp"
#include "../example/sequence/reports.hpp"
#include "../example/sequence/sequence_server.hpp"

#include "support/world.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

using sequence::command;
using sequence::mistake;
using sequence::parse;
using sequence::process_view;
using sequence::sequence_server;
using sequence::stashed_sequence_server;
using sequence::term;
using sequence::verb;

namespace {

// A command as it was understood, or what is wrong with it.
std::string understood(std::string_view line) {
  const auto what = parse(line);
  if (const auto* const bad = std::get_if<mistake>(&what)) return bad->text;
  if (std::holds_alternative<std::monostate>(what)) return "nothing";
  const auto& c = std::get<command>(what);
  std::string text = std::to_string(static_cast<int>(c.what));
  for (const term& argument : c.arguments) text += ' ' + sequence::to_text(argument);
  return text;
}

std::string numbered(verb what) { return std::to_string(static_cast<int>(what)); }

struct numbers : world {
  // The number, or why there is none.
  template <class Server>
  std::string next() {
    std::string answer = "nothing";
    coppice::server_ref<Server>{io, "numbers"}.call(sequence_server::next_number{})(
        [&answer](const boost::system::error_code& ec, long long n) {
          answer = ec ? ec.message() : std::to_string(n);
        });
    clock.settle();
    return answer;
  }
  template <class Server>
  void increment(term delta) {
    coppice::server_ref<Server>{io, "numbers"}.cast(
        sequence_server::increment_number{std::move(delta)});
    clock.settle();
  }
  [[nodiscard]] bool reported(const std::string& text) const {
    for (const std::string& r : reports) {
      if (r.find(text) != std::string::npos) return true;
    }
    return false;
  }
};

process_view look(world& w, coppice::pid supervisor) {
  process_view seen;
  coppice::spawn(w.io, [&]() -> asio::awaitable<void> {
    auto looking = sequence::look_at(supervisor);
    seen = co_await std::move(looking);
  });
  w.clock.settle();
  return seen;
}

}  // namespace

TEST_CASE("a command is told by its name and takes numbers, texts in quotes and names") {
  CHECK(understood("Sequence.Server.next_number") == numbered(verb::next_number));
  CHECK(understood(" Sequence.Server.increment_number\t-3 ") ==
        numbered(verb::increment_number) + " -3");
  CHECK(understood("Sequence.Server.increment_number \"cat\"") ==
        numbered(verb::increment_number) + " \"cat\"");
  CHECK(understood(R"(Sequence.Server.increment_number "a \"b\" \\ c")") ==
        numbered(verb::increment_number) + R"( "a \"b\" \\ c")");
  CHECK(understood("kill Sequence.Server") == numbered(verb::kill) + " \"Sequence.Server\"");
  CHECK(understood("kill \"Sequence.Server\"") == understood("kill Sequence.Server"));
  CHECK(understood("which_children") == numbered(verb::which_children));
  CHECK(understood("which_children Sequence") == numbered(verb::which_children) + " \"Sequence\"");
  CHECK(understood("observer") == numbered(verb::observer));
  CHECK(understood("help") == numbered(verb::help));
  CHECK(understood("exit") == numbered(verb::exit));
  CHECK(understood("") == "nothing");
  CHECK(understood(" \t ") == "nothing");
}

TEST_CASE("a line that is no command is answered with what is wrong with it") {
  CHECK(understood("Observer") == "unknown command Observer; help lists those there are");
  CHECK(understood("observer 1") == "observer takes no argument, not 1; usage: observer");
  CHECK(understood("kill a b") == "kill takes one argument, not 2; usage: kill NAME");
  CHECK(understood("which_children a b") ==
        "which_children takes at most one argument, not 2; usage: which_children [SUPERVISOR]");
  CHECK(understood("Sequence.Server.increment_number 1.5") ==
        "1.5 is neither an integer nor a text in quotes");
  CHECK(understood("Sequence.Server.increment_number 9223372036854775808") ==
        "9223372036854775808 is too large a number");
  CHECK(understood("kill \"a") == "a closing quote is missing");
  CHECK(understood("kill \"a\\") == "a closing quote is missing");
  CHECK(understood("kill \"a\"b") == "a blank is missing behind \"a\"");
}

TEST_CASE("commands are completed by their beginnings") {
  using names = std::vector<std::string_view>;
  CHECK(sequence::completions("Sequence.Server.n") == names{"Sequence.Server.next_number"});
  CHECK(sequence::completions("Seq") ==
        names{"Sequence.Server.increment_number", "Sequence.Server.next_number"});
  CHECK(sequence::completions("x").empty());
}

TEST_CASE("help fits a screen of 80 columns and has every command") {
  const std::string help = sequence::help_text();
  std::size_t lines = 0;
  for (std::size_t begin = 0; begin < help.size(); ++lines) {
    const std::size_t end = help.find('\n', begin);
    CHECK(end - begin <= 80);
    begin = end + 1;
  }
  CHECK(lines == sequence::completions("").size());
}

TEST_CASE("numbers are handed out one by one, and what is no number crashes the server") {
  numbers w;
  coppice::start_supervisor(w.io, {.strategy = coppice::one_for_one,
                                   .children = {coppice::server<sequence_server>("numbers", 123)}});
  w.clock.settle();
  CHECK(w.next<sequence_server>() == "123");
  w.increment<sequence_server>(-4LL);
  CHECK(w.next<sequence_server>() == "120");
  SUBCASE("a text") {
    w.increment<sequence_server>("cat");
    CHECK(
        w.reported("(std::invalid_argument: bad argument in arithmetic expression: 121 + "
                   "\"cat\"); last message: increment_number(\"cat\"); state: 121"));
  }
  SUBCASE("more than a number can hold") {
    w.increment<sequence_server>(9223372036854775807LL);
    CHECK(w.reported("std::overflow_error: too large a number: 121 + 9223372036854775807"));
  }
  CHECK(w.next<sequence_server>() == "123");
}

TEST_CASE("with a stash the number outlives the server") {
  numbers w;
  coppice::start_supervisor(
      w.io, {.strategy = coppice::rest_for_one,
             .children = {coppice::stash("stash"),
                          coppice::server_with<stashed_sequence_server>(
                              {.state = coppice::in_stash("stash")}, "numbers", 123)}});
  w.clock.settle();
  w.increment<stashed_sequence_server>(3LL);
  CHECK(w.next<stashed_sequence_server>() == "126");
  w.increment<stashed_sequence_server>("cat");
  CHECK(w.next<stashed_sequence_server>() == "127");
}

TEST_CASE("the observer sees everybody in the tree, with restarts, queues and states") {
  numbers w;
  const auto sup = coppice::start_supervisor(
      w.io,
      {.name = "top",
       .strategy = coppice::one_for_one,
       .children = {
           coppice::supervisor({.name = "inner",
                                .strategy = coppice::one_for_one,
                                .children = {coppice::server<sequence_server>("numbers", 123)}}),
           coppice::worker("idle",
                           []() -> asio::awaitable<void> { co_await coppice::sleep_for(1h); })}});
  w.clock.settle();
  w.increment<sequence_server>("cat");
  CHECK(draw(look(w, sup.get_pid())) ==
        "process      kind        pid  restarts  queue  state\n"
        "top          supervisor  <1>  0\n"
        "  inner      supervisor  <2>  0\n"
        "    numbers  server      <5>  1         0      123\n"
        "  idle       worker      <4>  0\n");
  sup.terminate_child("inner")([](auto) {});
  w.clock.settle();
  CHECK(draw(look(w, sup.get_pid())) ==
        "process  kind        pid      restarts  queue  state\n"
        "top      supervisor  <1>      0\n"
        "  inner  supervisor  stopped  0\n"
        "  idle   worker      <4>      0\n");
  coppice::kill(sup.get_pid());
  w.clock.settle();
  CHECK(look(w, sup.get_pid()).children.empty());
}

TEST_CASE("a crash is shown once, in the form of Elixir's, and a kill that was asked for is not") {
  asio::io_context io;
  coppice::virtual_clock clock{io};
  sequence::report_filter filter;
  std::string shown;
  coppice::set_report_sink(
      io, [&](const coppice::report& r) { shown += filter(r, "12:34:56.789").value_or(""); });
  coppice::start_supervisor(io, {.name = "top",
                                 .strategy = coppice::one_for_one,
                                 .intensity = 1,
                                 .children = {coppice::server<sequence_server>("numbers", 123)}});
  clock.settle();
  const coppice::server_ref<sequence_server> server{io, "numbers"};
  coppice::kill(server.whereis());
  clock.settle();
  CHECK(shown.empty());
  server.cast(sequence_server::increment_number{"cat"});
  clock.settle();
  CHECK(shown ==
        "12:34:56.789 [error] GenServer numbers terminating\n"
        "** (std::invalid_argument) bad argument in arithmetic expression: 123 + \"cat\"\n"
        "Last message: increment_number(\"cat\")\n"
        "State: 123\n"
        "12:34:56.789 [error] top: numbers <3> ended once too often: more than 1 restart in 5 s\n");
}

TEST_CASE("the crash of one who is no server is shown as well") {
  asio::io_context io;
  coppice::virtual_clock clock{io};
  sequence::report_filter filter;
  std::string shown;
  coppice::set_report_sink(
      io, [&](const coppice::report& r) { shown += filter(r, "now").value_or(""); });
  int starts = 0;
  coppice::start_supervisor(
      io, {.name = "top",
           .strategy = coppice::one_for_one,
           .children = {coppice::worker("worker", [&starts]() -> asio::awaitable<void> {
             if (++starts == 1) throw std::runtime_error{"no"};
             co_await coppice::sleep_for(1h);
           })}});
  clock.settle();
  CHECK(shown == "now [error] top: worker <2> ended (std::runtime_error: no); restarting\n");
}

TEST_CASE("the time of day is told to the millisecond") {
  CHECK(sequence::time_of_day().size() == std::string_view{"12:34:56.789"}.size());
}

TEST_CASE("a key is read when it has arrived in full") {
  using sequence::first_key;
  CHECK(first_key("") == 0);
  CHECK(first_key("ab") == 1);
  CHECK(first_key("\x01") == 1);
  CHECK(first_key("\033") == 0);
  CHECK(first_key("\033b") == 2);
  CHECK(first_key("\033[") == 0);
  CHECK(first_key("\033[Ax") == 3);
  CHECK(first_key("\033[3") == 0);
  CHECK(first_key("\033[1;5C") == 6);
  CHECK(first_key("\033O") == 0);
  CHECK(first_key("\033OA") == 3);
  CHECK(first_key("\033\033[A") == 4);
  CHECK(first_key("\033\033") == 0);
  CHECK(first_key("\x18") == 0);
  CHECK(first_key("\x18u") == 2);
  CHECK(first_key("\xc3") == 0);
  CHECK(first_key("\xc3\xa4x") == 2);
  CHECK(first_key("\xe2\x82\xac") == 3);
  CHECK(first_key("\xf0\x9f\x99\x82") == 4);
}
