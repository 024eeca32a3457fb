#include "../example/chat/commands.hpp"
#include "../example/chat/history.hpp"
#include "../example/chat/names.hpp"
#include "../example/chat/routes.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

using namespace chat;

namespace {

using kind = route::kind_type;

// Gives the command as that type; its own words if it is another one.
template <class T>
T as(const any_command& c) {
  REQUIRE(std::holds_alternative<T>(c));
  return std::get<T>(c);
}

std::vector<std::string> texts(const std::vector<line>& lines) {
  std::vector<std::string> result;
  for (const line& l : lines) result.push_back(*l.text);
  return result;
}

}  // namespace

TEST_CASE("a text is said as it stands, but for blanks around it") {
  CHECK(as<command::say>(read_command("hello", false)).text == "hello");
  CHECK(as<command::say>(read_command(" two  words\n", false)).text == "two  words");
  CHECK(as<command::say>(read_command("//nick", false)).text == "/nick");
  CHECK(as<command::unknown>(read_command(" \r\n", false)).why == "there is nothing in that");
  CHECK(as<command::unknown>(read_command("", false)).why == "there is nothing in that");
}

TEST_CASE("a word that begins with a slash is a command") {
  CHECK(as<command::nick>(read_command("/nick  ada ", false)).name == "ada");
  static_cast<void>(as<command::who>(read_command("/who", false)));
  for (const std::string_view wrong : {"/nick", "/nick a b", "/nick a/b", "/who me", "/", "/dance"}) {
    CAPTURE(wrong);
    static_cast<void>(as<command::unknown>(read_command(wrong, true)));
  }
}

TEST_CASE("a crash is to be had only where faults are allowed") {
  static_cast<void>(as<command::crash>(read_command("/crash", true)));
  CHECK(as<command::unknown>(read_command("/crash", false)).why == "there is no command /crash");
}

TEST_CASE("names are short, and of few characters") {
  for (const std::string_view good : {"a", "lobby", "room-7", "0"}) CHECK(is_room_name(good));
  for (const std::string_view bad : {"", "Lobby", "a.b", "a b", "ü", "a/b"}) {
    CHECK_FALSE(is_room_name(bad));
  }
  CHECK(is_room_name(std::string(32, 'a')));
  CHECK_FALSE(is_room_name(std::string(33, 'a')));
  for (const std::string_view good : {"Ada", "ada_1", "Zoë", "-"}) CHECK(is_nick(good));
  for (const std::string_view bad : {"", "a b", "a\n", "a,b", "<b>"}) CHECK_FALSE(is_nick(bad));
  CHECK_FALSE(is_nick(std::string(33, 'a')));
}

TEST_CASE("a request leads to what it asks for") {
  const auto leads_to = [](std::string_view method, std::string_view target) {
    return find_route({.method = method, .target = target}).kind;
  };
  CHECK(leads_to("GET", "/") == kind::page);
  CHECK(leads_to("HEAD", "/?query") == kind::page);
  CHECK(leads_to("GET", "/live") == kind::live);
  CHECK(leads_to("GET", "/ready") == kind::ready);
  CHECK(leads_to("POST", "/") == kind::wrong_method);
  CHECK(leads_to("POST", "/none") == kind::not_found);
  CHECK(leads_to("GET", "/live/") == kind::not_found);
  CHECK(leads_to("GET", "") == kind::bad_request);
  CHECK(leads_to("OPTIONS", "*") == kind::bad_request);
  CHECK(find_route({.method = "GET", .target = "/", .has_host = false}).kind == kind::bad_request);
}

TEST_CASE("a room is a WebSocket, and has a name that rooms may have") {
  const auto room = [](std::string_view method, std::string_view target, bool upgrade) {
    return find_route({.method = method, .target = target, .is_upgrade = upgrade});
  };
  const route found = room("GET", "/rooms/lobby?x", true);
  CHECK(found.kind == kind::room);
  CHECK(found.room == "lobby");
  CHECK(room("GET", "/rooms/lobby", false).kind == kind::upgrade_required);
  CHECK(room("POST", "/rooms/lobby", true).kind == kind::wrong_method);
  CHECK(room("GET", "/rooms/", true).kind == kind::not_found);
  CHECK(room("GET", "/rooms/a/b", true).kind == kind::not_found);
}

TEST_CASE("a history numbers what is said, and keeps the last of it") {
  history said{2, 7};
  CHECK(said.add("ada", "one").number == 7);
  CHECK(*said.add("bob", "two words").text == "said 8 bob two words");
  CHECK(said.add("ada", "three").number == 9);
  CHECK(texts(said.after(0)) ==
        std::vector<std::string>{"said 8 bob two words", "said 9 ada three"});
  CHECK(texts(said.after(8)) == std::vector<std::string>{"said 9 ada three"});
  CHECK(said.after(9).empty());
  history none{0, 1};
  CHECK(none.add("ada", "one").number == 1);
  CHECK(none.after(0).empty());
}
