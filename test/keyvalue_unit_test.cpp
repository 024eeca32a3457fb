#include "../example/keyvalue/blob.hpp"
#include "../example/keyvalue/budget.hpp"
#include "../example/keyvalue/change_log.hpp"
#include "../example/keyvalue/commands.hpp"
#include "../example/keyvalue/kept_value.hpp"
#include "../example/keyvalue/reply.hpp"
#include "../example/keyvalue/resp.hpp"
#include "../example/keyvalue/session.hpp"
#include "../example/keyvalue/slow_command.hpp"
#include "../example/keyvalue/slow_log.hpp"
#include "../example/keyvalue/store.hpp"
#include "../example/keyvalue/to_integer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace keyvalue;
using namespace std::chrono_literals;

namespace {

using status = request_parser::status;
using words = std::vector<std::string>;

// The bytes of a blob, as far as `size`.
std::string text_of(const blob& b, std::size_t size) {
  std::string text;
  while (text.size() < size) text += b.at(text.size()).substr(0, size - text.size());
  return text;
}

words arguments_of(const request_parser& p) {
  words result;
  for (const argument& a : p.arguments()) {
    result.push_back(a.bytes ? text_of(*a.bytes, a.bytes->size()) : std::string{a.text});
  }
  return result;
}

// A request as programs send it.
std::string request(const words& arguments) {
  std::string out = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const std::string& a : arguments) {
    out += "$" + std::to_string(a.size()) + "\r\n" + a + "\r\n";
  }
  return out;
}

// All of a reply, as if it were sent.
std::string take(session& s) {
  std::string replies;
  for (auto slice = s.output(); !slice.empty(); slice = s.output()) {
    std::size_t size = 0;
    for (const std::string_view piece : slice) {
      replies += piece;
      size += piece.size();
    }
    CHECK(size <= reply_buffer::slice_size);
    s.sent(size);
  }
  return replies;
}

// What the parser thinks is wrong with it.
std::string problem_of(const std::string& input, const request_limits& limits = {}) {
  request_parser p{limits};
  return p.parse(input) == status::malformed ? p.problem() : "";
}

void feed(session& s, std::string_view text) {
  while (!text.empty()) {
    const std::span<char> room = s.room();
    REQUIRE_FALSE(room.empty());
    const std::size_t size = std::min(room.size(), text.size());
    std::copy_n(text.begin(), size, room.begin());
    s.received(size);
    text.remove_prefix(size);
  }
}

// A session and its store, at a time that the test sets.
struct server {
  explicit server(const request_limits& limits = {},
                  std::optional<std::chrono::microseconds> slow = {})
      : client{7, under_way, limits, slow} {
    now = {};
  }

  // The replies to some requests, whatever form they have.
  std::string ask(std::string_view text) {
    std::string result;
    while (true) {
      const std::string_view piece = text.substr(0, 50'000);
      feed(client, piece);
      result += replies();
      text.remove_prefix(piece.size());
      if (text.empty() || state != session::state::idle) return result;
    }
  }
  std::string replies() {
    std::string result;
    do {
      state = client.work(up ? &data : nullptr);
      result += take(client);
    } while (state == session::state::busy);
    return result;
  }

  inline static store::clock::time_point now;
  static constexpr std::size_t all_there_is = std::size_t{10} << 20;

  budget under_way{all_there_is};
  store data{[] { return now; }};
  session client;
  session::state state = session::state::idle;
  bool up = true;
};

}  // namespace

TEST_CASE("a request may arrive in any two pieces, which need not stay where they were") {
  const std::string input = request({"SET", "a key", std::string{"a\r\nb\0c", 6}}) +
                            "GET 'a key'\r\n" + request({"PING"});
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    CAPTURE(cut);
    std::vector<words> found;
    request_parser parser;
    std::size_t done = 0;
    for (const std::size_t end : {cut, input.size()}) {
      while (true) {
        const std::string moved{input.substr(done, end - done)};
        if (parser.parse(moved) != status::complete) break;
        found.push_back(arguments_of(parser));
        done += parser.consumed();
      }
    }
    CHECK(done == input.size());
    CHECK(found == std::vector<words>{
                       {"SET", "a key", std::string{"a\r\nb\0c", 6}}, {"GET", "a key"}, {"PING"}});
  }
}

TEST_CASE("a request may arrive byte by byte") {
  const std::string input = request({"SET", "", std::string(300, 'x')});
  request_parser parser;
  for (std::size_t size = 0; size < input.size(); ++size) {
    CHECK(parser.parse(std::string_view{input}.substr(0, size)) == status::incomplete);
  }
  CHECK(parser.parse(input) == status::complete);
  CHECK(parser.consumed() == input.size());
  CHECK(arguments_of(parser) == words{"SET", "", std::string(300, 'x')});
}

TEST_CASE("empty requests ask for nothing") {
  for (const std::string input : {"\r\n", "\n", "  \r\n", "*0\r\n", "*-1\r\n"}) {
    CAPTURE(input);
    request_parser parser;
    CHECK(parser.parse(input) == status::complete);
    CHECK(parser.consumed() == input.size());
    CHECK(parser.arguments().empty());
  }
}

TEST_CASE("an inline request is words between blanks or in quotes") {
  request_parser parser;
  CHECK(parser.parse(" SET  \"a b\"\t'' it's \r\n") == status::complete);
  CHECK(arguments_of(parser) == words{"SET", "a b", "", "it's"});
  CHECK(problem_of("GET \"a\n") == "Protocol error: unbalanced quotes in request");
  CHECK(problem_of("GET \"a\"b\n") == "Protocol error: unbalanced quotes in request");
}

TEST_CASE("what is not RESP is malformed for good") {
  CHECK(problem_of("*x\r\n") == "Protocol error: invalid multibulk length");
  CHECK(problem_of("*\r\n") == "Protocol error: invalid multibulk length");
  CHECK(problem_of("*1\n") == "Protocol error: invalid multibulk length");
  CHECK(problem_of("*\n") == "Protocol error: invalid multibulk length");
  CHECK(problem_of("*99999999999999999999\r\n") == "Protocol error: invalid multibulk length");
  CHECK(problem_of("*" + std::string(40, '0')) == "Protocol error: too big mbulk count string");
  CHECK(problem_of("*1\r\nPING\r\n") == "Protocol error: expected '$', got 'P'");
  CHECK(problem_of("*1\r\n\r\n") == "Protocol error: expected '$', got '.'");
  CHECK(problem_of("*1\r\n$-1\r\n") == "Protocol error: invalid bulk length");
  CHECK(problem_of("*1\r\n$4x\r\n") == "Protocol error: invalid bulk length");
  CHECK(problem_of("*1\r\n$" + std::string(40, '0')) ==
        "Protocol error: too big bulk count string");
  CHECK(problem_of("*1\r\n$4\r\nPINGPONG") == "Protocol error: expected a line end after a bulk");

  request_parser parser;
  CHECK(parser.parse("*x\r\n") == status::malformed);
  CHECK(parser.parse("PING\r\n") == status::malformed);
}

TEST_CASE("absurd sizes are refused when they are announced") {
  CHECK(problem_of("*1048577\r\n") == "Protocol error: invalid multibulk length");
  CHECK(problem_of("*1\r\n$536870913\r\n") == "Protocol error: invalid bulk length");
  CHECK(problem_of("*1\r\n$536870912\r\n").empty());
  CHECK(problem_of("*2\r\n$1\r\na\r\n$11\r\n", {.request_size = 20}) ==
        "Protocol error: too big request");
  CHECK(problem_of(std::string(65536, 'x')).empty());
  CHECK(problem_of(std::string(65537, 'x')) == "Protocol error: too big inline request");
  CHECK(problem_of(std::string(65537, 'x') + "\n") == "Protocol error: too big inline request");
}

TEST_CASE("values can be set, read, changed and deleted") {
  server s;
  CHECK(s.ask("GET a\n") == "$-1\r\n");
  CHECK(s.ask("SET a 1\nget a\n") == "+OK\r\n$1\r\n1\r\n");
  CHECK(s.ask("APPEND a 2\nAPPEND b xy\nGET a\n") == ":2\r\n:2\r\n$2\r\n12\r\n");
  CHECK(s.ask("MGET a none b\n") == "*3\r\n$2\r\n12\r\n$-1\r\n$2\r\nxy\r\n");
  CHECK(s.ask("EXISTS a a none\nDBSIZE\n") == ":2\r\n:2\r\n");
  CHECK(s.ask("DEL a none b\nDBSIZE\n") == ":2\r\n:0\r\n");
  CHECK(s.ask("SET a 1\nFLUSHALL\nDBSIZE\n") == "+OK\r\n+OK\r\n:0\r\n");
}

TEST_CASE("INCR counts, and refuses what is not a number or would overflow") {
  server s;
  CHECK(s.ask("INCR n\nINCR n\nGET n\n") == ":1\r\n:2\r\n$1\r\n2\r\n");
  CHECK(s.ask("SET n -9223372036854775808\nINCR n\n") == "+OK\r\n:-9223372036854775807\r\n");
  CHECK(s.ask("SET n 9223372036854775807\nINCR n\nGET n\n") ==
        "+OK\r\n-ERR increment or decrement would overflow\r\n$19\r\n9223372036854775807\r\n");
  for (const std::string text :
       {"x", "''", "1.5", "1x", "' 1'", "+1", "01", "-0", "9223372036854775808"}) {
    CAPTURE(text);
    CHECK(s.ask("SET n " + text + "\nINCR n\n") ==
          "+OK\r\n-ERR value is not an integer or out of range\r\n");
  }
}

TEST_CASE("a value set for a limited time is gone after that") {
  server s;
  CHECK(s.ask("SET a 1 EX 2\nSET b 1 px 2500\n") == "+OK\r\n+OK\r\n");
  server::now += 1999ms;
  CHECK(s.ask("INCR a\nEXISTS a b\n") == ":2\r\n:2\r\n");
  server::now += 1ms;
  CHECK(s.ask("GET a\nSET b 2 XX\nINCR a\n") == "$-1\r\n+OK\r\n:1\r\n");
  server::now += 1h;
  CHECK(s.ask("MGET a b\n") == "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
}

TEST_CASE("the store can be swept of expired values, some at a time") {
  server s;
  s.ask("SET a 1 PX 10\nSET b 1 PX 20\nSET c 1 PX 30\nSET d 1 PX 40\nSET e 1\nDEL d\n");
  server::now += 30ms;
  CHECK(s.data.size() == 4);
  CHECK(s.data.sweep(2) == 2);
  CHECK(s.data.sweep(2) == 1);
  CHECK(s.data.sweep(2) == 0);
  CHECK(s.data.size() == 1);
  CHECK(s.ask("GET e\n") == "$1\r\n1\r\n");
}

TEST_CASE("long values are freed by and by, when nobody needs them any more") {
  server s;
  const std::string value(4 * blob::block_size, 'v');
  s.ask(request({"SET", "a", value}) + request({"SET", "b", value}));
  session other{8, s.under_way};
  feed(other, "GET b\n");
  other.work(&s.data);
  CHECK(s.ask("SET a 1\nDEL b\n") == "+OK\r\n:1\r\n");
  constexpr std::size_t block = store::block_cost;
  CHECK(s.data.sweep(3 * block) == 3 * block);
  CHECK(s.data.sweep(3 * block) == block);
  CHECK(s.data.sweep(3 * block) == 0);
  CHECK((take(other) == "$4194304\r\n" + value + "\r\n"));
  CHECK(s.data.sweep(5 * block) == 4 * block);
  CHECK(s.ask("GET a\nDBSIZE\n") == "$1\r\n1\r\n:1\r\n");
}

TEST_CASE("values of one block are freed as soon as nobody needs them any more") {
  server s;
  const auto add = [&s](const char* key) {
    auto bytes = std::make_shared<blob>(std::string(store::max_text_size + 1, 'v'));
    s.data.set(key, bytes);
    return std::weak_ptr<blob>{bytes};
  };
  const auto replaced = add("a");
  const auto deleted = add("b");
  const auto sent = add("c");
  session other{8, s.under_way};
  feed(other, "GET c\n");
  other.work(&s.data);
  CHECK(s.ask("SET a 1\nDEL b c\n") == "+OK\r\n:2\r\n");
  CHECK(replaced.expired());
  CHECK(deleted.expired());
  CHECK(!sent.expired());
  take(other);
  CHECK(sent.expired());
}

TEST_CASE("SET takes conditions, and refuses options that make no sense") {
  server s;
  CHECK(s.ask("SET a 1 XX\nSET a 1 NX\nSET a 2 NX\nSET a 3 XX EX 5\nGET a\n") ==
        "$-1\r\n+OK\r\n$-1\r\n+OK\r\n$1\r\n3\r\n");
  for (const std::string options : {"EX", "NX XX", "XX NX", "EX 1 PX 1", "5", "KEEPTTL"}) {
    CAPTURE(options);
    CHECK(s.ask("SET a 4 " + options + "\n") == "-ERR syntax error\r\n");
  }
  for (const std::string time : {"EX 0", "PX -1", "EX 9223372036854775807"}) {
    CAPTURE(time);
    CHECK(s.ask("SET a 4 " + time + "\n") == "-ERR invalid expire time in 'set' command\r\n");
  }
  CHECK(s.ask("SET a 4 EX soon\n") == "-ERR value is not an integer or out of range\r\n");
  CHECK(s.ask("GET a\n") == "$1\r\n3\r\n");
}

TEST_CASE("a wrong command gets an error and the connection goes on") {
  server s;
  CHECK(s.ask("GET\nGET a b\nNONSENSE 1 2\nPING\n") ==
        "-ERR wrong number of arguments for 'get' command\r\n"
        "-ERR wrong number of arguments for 'get' command\r\n"
        "-ERR unknown command 'NONSENSE'\r\n"
        "+PONG\r\n");
  CHECK(s.ask(request({"BAD\r\n+OK"})) == "-ERR unknown command 'BAD??+OK'\r\n");
  CHECK(s.ask("ECHO hello\nPING hello\n") == "$5\r\nhello\r\n$5\r\nhello\r\n");
  CHECK(s.ask("COMMAND DOCS\nCONFIG GET save\nCONFIG GET appendonly\nCONFIG GET x\n") ==
        "*0\r\n*2\r\n$4\r\nsave\r\n$0\r\n\r\n*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n*0\r\n");
  CHECK(s.state == session::state::idle);
}

TEST_CASE("a broken protocol ends the connection, after the replies to what came before") {
  server s;
  CHECK(s.ask("PING\n*1\r\nPING\r\nPING\r\n") ==
        "+PONG\r\n-ERR Protocol error: expected '$', got 'P'\r\n");
  CHECK(s.state == session::state::finished);
}

TEST_CASE("QUIT and CRASH end the connection where they stand") {
  server s;
  CHECK(s.ask("PING\nQUIT\nPING\n") == "+PONG\r\n+OK\r\n");
  CHECK(s.state == session::state::finished);
  server t;
  CHECK(t.ask("PING\nCRASH\nPING\n") == "+PONG\r\n");
  CHECK(t.state == session::state::crash);
  server u;
  CHECK(u.ask("CRASH STORE\n") == "+OK\r\n");
  CHECK(u.state == session::state::crash_store);
  server v;
  CHECK(v.ask("CRASH SLOWLOG\n") == "+OK\r\n");
  CHECK(v.state == session::state::crash_slow_log);
}

TEST_CASE("CRASH RANDOM takes a number that chooses whom it concerns") {
  server s;
  CHECK(s.ask("CRASH RANDOM 12\r\n") == "+OK\r\n");
  CHECK(s.state == session::state::crash_any);
  CHECK(s.client.drawn() == 12);
  CHECK(s.replies().empty());
  CHECK(s.ask("CRASH RANDOM\r\n") == "+OK\r\n");
  CHECK(s.state == session::state::crash_any);
  CHECK(s.ask("CRASH RANDOM x\r\n") == "-ERR value is not an integer or out of range\r\n");
  CHECK(s.ask("CRASH STORE 1\r\n") == "-ERR syntax error\r\n");
}

TEST_CASE("without a store, commands that need it say so") {
  server s;
  s.up = false;
  CHECK(s.ask("SET a 1\nGET a\nPING\n") == "-ERR store is down\r\n-ERR store is down\r\n+PONG\r\n");
  s.up = true;
  CHECK(s.ask("GET a\n") == "$-1\r\n");
}

TEST_CASE("replies are written before they become too many") {
  server s;
  const std::string value(4000, 'v');
  s.ask(request({"SET", "a", value}));
  std::string input;
  for (int i = 0; i < 1000; ++i) input += "GET a\n";
  feed(s.client, input);
  std::size_t replied = 0;
  do {
    s.state = s.client.work(&s.data);
    const std::size_t size = take(s.client).size();
    CHECK(size < 100000);
    replied += size;
  } while (s.state == session::state::busy);
  CHECK(replied == 1000 * (value.size() + 9));
}

TEST_CASE("after many requests it is the others' turn") {
  server s;
  std::string input;
  for (int i = 0; i < 5000; ++i) input += "GET a\n";
  feed(s.client, input);
  CHECK(s.client.work(&s.data) == session::state::busy);
  CHECK(take(s.client).size() < 5000 * 5);
  CHECK(s.replies().size() > 0);
  CHECK(s.state == session::state::idle);
}

TEST_CASE("a session gives back the memory of a large request") {
  server s;
  const std::size_t before = s.client.room().size();
  const std::string value(8'000'000, 'v');
  CHECK(s.ask(request({"SET", "a", value})) == "+OK\r\n");
  CHECK(s.client.room().size() <= 4 * before);
  CHECK(s.under_way.left() == server::all_there_is);
  CHECK((s.ask("GET a\n") == "$8000000\r\n" + value + "\r\n"));
  CHECK(s.under_way.left() == server::all_there_is);
}

TEST_CASE("a long argument may arrive in any two pieces") {
  const std::string value(longest_text + 1, 'v');
  const std::string input =
      request({"SET", "a", value, "EX", "5"}) + request({"ECHO", value}) + "PING\n";
  for (std::size_t cut = 0; cut < input.size(); cut += cut < 100 ? 1 : 4093) {
    CAPTURE(cut);
    server s;
    feed(s.client, std::string_view{input}.substr(0, cut));
    std::string replies = s.replies();
    replies += s.ask(std::string_view{input}.substr(cut));
    CHECK((replies == "+OK\r\n$65537\r\n" + value + "\r\n+PONG\r\n"));
    CHECK(s.data.find("a")->size() == value.size());
  }
}

TEST_CASE("only what is to be stored or sent back may be long") {
  server s;
  const std::string longest(longest_text, 'k');
  const std::string too_long = longest + "k";
  CHECK(s.ask(request({"SET", longest, "1"})) == "+OK\r\n");
  CHECK(s.ask(request({"DEL", longest})) == ":1\r\n");
  const std::string refused = "-ERR a key or an option is longer than 65536 bytes\r\n";
  CHECK(s.ask(request({"SET", too_long, "1"})) == refused);
  CHECK(s.ask(request({"SET", "a", "1", too_long})) == refused);
  CHECK(s.ask(request({"MGET", "a", too_long})) == refused);
  CHECK(s.ask(request({too_long})) == "-ERR unknown command ''\r\n");
  CHECK(s.ask("DBSIZE\n") == ":0\r\n");
}

TEST_CASE("a value grows from a text to something long, and can be replaced by either") {
  server s;
  std::string all = "x";
  s.ask("SET a x\n");
  for (const std::size_t size : {1UL, 4094UL, 1UL, 60000UL, 70000UL, 2000000UL, 1UL}) {
    const std::string tail(size, static_cast<char>('a' + size % 26));
    all += tail;
    CHECK(s.ask(request({"APPEND", "a", tail})) == ":" + std::to_string(all.size()) + "\r\n");
    CHECK((s.ask("GET a\n") == "$" + std::to_string(all.size()) + "\r\n" + all + "\r\n"));
  }
  CHECK(s.ask("INCR a\n") == "-ERR value is not an integer or out of range\r\n");
  CHECK(s.ask("SET a 1\nINCR a\n") == "+OK\r\n:2\r\n");
  const std::string tail(70000, 't');
  CHECK(s.ask(request({"APPEND", "b", tail})) == ":70000\r\n");
  CHECK(s.ask("EXISTS b\n") == ":1\r\n");
}

TEST_CASE("what is on its way to a client stays what it was") {
  server s;
  const std::string value(100000, 'v');
  s.ask(request({"SET", "a", value}));
  session other{8, s.under_way};
  feed(other, "GET a\n");
  CHECK(other.work(&s.data) == session::state::busy);
  const std::string half{other.output()[0].substr(0, 5)};
  other.sent(half.size());
  s.ask("APPEND a tail\n");
  s.ask("DEL a\n");
  CHECK((half + take(other) == "$100000\r\n" + value + "\r\n"));
}

TEST_CASE("a reply may hold many long values between short ones") {
  server s;
  const std::string value(100000, 'v');
  s.ask(request({"SET", "a", value}) + "SET b short\n");
  const std::string a = "$100000\r\n" + value + "\r\n";
  const std::string b = "$5\r\nshort\r\n";
  std::string wanted = "*60\r\n";
  words asked{"MGET"};
  for (int i = 0; i < 20; ++i) {
    wanted += a + b + a;
    asked.insert(asked.end(), {"a", "b", "a"});
  }
  const std::string got = s.ask(request(asked));
  CHECK((got == wanted));
  CHECK(s.under_way.left() == server::all_there_is);
}

TEST_CASE("the long values on their way are bounded, and count once each") {
  server s;
  const std::string value(4'000'000, 'v');
  for (const char* key : {"a", "b", "c"}) s.ask(request({"SET", key, value}));
  session one{1, s.under_way};
  session two{2, s.under_way};
  session three{3, s.under_way};
  feed(one, "GET a\nGET b\n");
  CHECK(one.work(&s.data) == session::state::busy);
  feed(two, "GET a\n");
  two.work(&s.data);
  CHECK(s.under_way.left() == server::all_there_is - 4'000'000);
  feed(three, "GET b\n");
  three.work(&s.data);
  CHECK(s.under_way.left() == server::all_there_is - 8'000'000);
  CHECK(s.ask("PING\nGET c\nMGET b c\nPING\n") ==
        "+PONG\r\n-ERR too much is under way to and from clients, try again later\r\n"
        "-ERR too much is under way to and from clients, try again later\r\n+PONG\r\n");
  take(one);
  CHECK(s.under_way.left() == server::all_there_is - 8'000'000);
  take(two);
  CHECK(s.ask("GET c\n").size() == value.size() + 12);
  take(three);
  CHECK(s.under_way.left() == server::all_there_is);
}

TEST_CASE("a session that ends gives everything back") {
  server s;
  const std::string value(4'000'000, 'v');
  s.ask(request({"SET", "a", value}));
  {
    session other{8, s.under_way};
    feed(other, "GET a\n" + request({"SET", "b", value}).substr(0, 3'000'000));
    other.work(&s.data);
    other.sent(5);
    CHECK(s.under_way.left() < server::all_there_is);
  }
  CHECK(s.under_way.left() == server::all_there_is);
}

TEST_CASE("more requests than there is room for are refused") {
  server s{{.input_size = 100'000}};
  std::size_t fed = 0;
  // While the output waits, nothing is executed.
  while (!s.client.room().empty()) {
    feed(s.client, "PING\n");
    fed += 5;
  }
  CHECK(fed > 80'000);
  CHECK(fed < 130'000);
  CHECK(s.replies().size() == fed / 5 * 7);
  CHECK(s.state == session::state::idle);

  feed(s.client, "ECHO ");
  CHECK(s.ask("x\n") == "$1\r\nx\r\n");
}

TEST_CASE("a long argument that is beyond the budget ends the connection") {
  server s;
  feed(s.client, "*2\r\n$4\r\nECHO\r\n$12000000\r\n");
  std::string reply;
  const std::string piece(100'000, 'x');
  while (reply.empty()) reply = s.ask(piece);
  CHECK(reply == "-ERR too much is under way to and from clients, try again later\r\n");
  CHECK(s.state == session::state::finished);
}

TEST_CASE("numbers are read as strictly as Redis reads them") {
  for (const auto& [text, number] : {std::pair{"0", 0L},
                                     {"7", 7L},
                                     {"-7", -7L},
                                     {"10", 10L},
                                     {"9223372036854775807", 9223372036854775807L},
                                     {"-9223372036854775808", -9223372036854775807L - 1}}) {
    CAPTURE(text);
    CHECK(to_integer(text) == number);
  }
  for (const std::string_view text :
       {"", "-", "+", "+1", " 1", "1 ", "01", "-01", "00", "-0", "--1", "1.0", "0x1", "1\n",
        "9223372036854775808", "-9223372036854775809", "99999999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(to_integer(text).has_value());
  }
  for (const std::string_view count : {"01", "+1", " 1", "-0", "", "1 "}) {
    CAPTURE(count);
    const std::string text{count};
    CHECK(problem_of("*" + text + "\r\n") == "Protocol error: invalid multibulk length");
    CHECK(problem_of("*1\r\n$" + text + "\r\n") == "Protocol error: invalid bulk length");
  }
}

TEST_CASE("HELLO chooses the protocol, and says who is there") {
  server s;
  const std::string rest =
      "$2\r\nid\r\n:7\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
      "$7\r\nmodules\r\n*0\r\n";
  const std::string start =
      "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n";
  CHECK(s.ask("HELLO\n") == "*14\r\n" + start + ":2\r\n" + rest);
  CHECK(s.ask("HELLO 3\n") == "%7\r\n" + start + ":3\r\n" + rest);
  CHECK(s.ask("GET none\nMGET none\nCONFIG GET save\nCOMMAND DOCS\n") ==
        "_\r\n*1\r\n_\r\n%1\r\n$4\r\nsave\r\n$0\r\n\r\n%0\r\n");
  CHECK(s.ask("HELLO 2 AUTH default any SETNAME me\nCLIENT GETNAME\nGET none\n") ==
        "*14\r\n" + start + ":2\r\n" + rest + "$2\r\nme\r\n$-1\r\n");
  CHECK(s.ask("HELLO 3\nRESET\nGET none\nCLIENT GETNAME\n").ends_with("+RESET\r\n$-1\r\n$-1\r\n"));
}

TEST_CASE("a HELLO that is refused changes nothing") {
  server s;
  const std::string wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
  for (const auto& [text, reply] :
       {std::pair{"4", "-NOPROTO unsupported protocol version\r\n"},
        {"1", "-NOPROTO unsupported protocol version\r\n"},
        {"x", "-ERR Protocol version is not an integer or out of range\r\n"},
        {"03", "-ERR Protocol version is not an integer or out of range\r\n"},
        {"3 WHAT", "-ERR Syntax error in HELLO option 'WHAT'\r\n"},
        {"3 AUTH default", "-ERR Syntax error in HELLO option 'AUTH'\r\n"},
        {"3 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'\r\n"},
        {"3 SETNAME a AUTH bad x", wrong.c_str()},
        {"3 SETNAME 'a b'",
         "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"}}) {
    CAPTURE(text);
    CHECK(s.ask("HELLO " + std::string{text} + "\n") == reply);
    CHECK(s.ask("GET none\nCLIENT GETNAME\n") == "$-1\r\n$-1\r\n");
  }
}

TEST_CASE("client libraries may say who they are, and ask for the server") {
  server s;
  CHECK(s.ask("CLIENT ID\nCLIENT SETNAME me\nCLIENT GETNAME\nCLIENT SETINFO LIB-NAME x\n"
              "client setinfo lib-ver 1.0\n") == ":7\r\n+OK\r\n$2\r\nme\r\n+OK\r\n+OK\r\n");
  CHECK(s.ask("CLIENT SETNAME 'a b'\nCLIENT SETNAME\nCLIENT NONSENSE x\n") ==
        "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
        "-ERR wrong number of arguments for 'client|setname' command\r\n"
        "-ERR unknown subcommand 'NONSENSE'. Try CLIENT HELP.\r\n");
  CHECK(s.ask("SELECT 0\nSELECT 1\nSELECT 00\nSELECT x\n") ==
        "+OK\r\n-ERR DB index is out of range\r\n"
        "-ERR value is not an integer or out of range\r\n"
        "-ERR value is not an integer or out of range\r\n");
  CHECK(s.ask("AUTH default x\nAUTH bad x\nAUTH a b c\n") ==
        "+OK\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n"
        "-ERR syntax error\r\n");
  CHECK(s.ask("AUTH x\n").starts_with("-ERR AUTH <password> called without any password"));
  CHECK(s.ask("INFO\n").find("loading:0\r\n") != std::string::npos);
  CHECK(s.ask("INFO nothing\n") == "$0\r\n\r\n");
  CHECK(s.ask("HELLO 3\nINFO server\n")
            .ends_with("=59\r\ntxt:# Server\r\nredis_version:7.0.15\r\n"
                       "redis_mode:standalone\r\n\r\n"));
}

TEST_CASE("a session knows whether a request has begun to arrive") {
  server s;
  CHECK(s.client.is_between_requests());
  const std::string value(longest_text + 1, 'v');
  for (const std::string& text :
       {std::string{"PING x\r\n"}, request({"ECHO", "x"}), request({"ECHO", value})}) {
    const std::size_t step = text.size() < 100 ? 1 : 1000;
    for (std::size_t size = 1; size < text.size(); size += step) {
      CAPTURE(size);
      s.ask(text.substr(0, size));
      CHECK_FALSE(s.client.is_between_requests());
      s.ask(text.substr(size));
      CHECK(s.client.is_between_requests());
    }
  }
}

TEST_CASE("DEBUG SLEEP takes a time in seconds") {
  server s;
  CHECK(s.ask("DEBUG SLEEP 0\nDEBUG SLEEP 0.0001\n") == "+OK\r\n+OK\r\n");
  for (const char* wrong : {"-1", "x", "1x", "nan", "1e9", "''"}) {
    CHECK(s.ask("DEBUG SLEEP " + std::string{wrong} + "\n") ==
          "-ERR value is not a valid float or out of range\r\n");
  }
  CHECK(s.ask("DEBUG SLEEP\n") == "-ERR wrong number of arguments for 'debug|sleep' command\r\n");
  CHECK(s.ask("DEBUG RELOAD\n") == "-ERR unknown subcommand 'RELOAD'. Try DEBUG HELP.\r\n");
}

TEST_CASE("a slow command is noted as Redis has it") {
  server s{{}, 0us};
  s.ask("CLIENT SETNAME me\n" + request({"DEL", std::string(129, 'k')}));
  words many{"EXISTS"};
  for (int i = 0; i < 32; ++i) many.push_back(std::to_string(i));
  s.ask(request(many));
  s.ask(request({"ECHO", std::string(longest_text + 1, 'v')}));
  REQUIRE(s.client.has_slow_commands());
  const auto slow = s.client.slow_commands();
  CHECK_FALSE(s.client.has_slow_commands());
  REQUIRE(slow.size() == 4);
  CHECK(slow[0].words == words{"CLIENT", "SETNAME", "me"});
  CHECK(slow[1].words == words{"DEL", std::string(128, 'k') + "... (1 more bytes)"});
  CHECK(slow[1].name == "me");
  CHECK(slow[2].words.size() == 32);
  CHECK(slow[2].words[30] == "29");
  CHECK(slow[2].words[31] == "... (2 more arguments)");
  CHECK(slow[3].words[1] == std::string(128, 'v') + "... (65409 more bytes)");
  s.ask("AUTH default secret\nHELLO 3 AUTH default secret\n");
  CHECK_FALSE(s.client.has_slow_commands());
}

TEST_CASE("what is over in no time is timed only if somebody wants to know that") {
  const slow_commands none;
  CHECK_FALSE(none.is_timed(true));
  const slow_commands long_ones{10ms};
  CHECK(long_ones.is_timed(true));
  CHECK_FALSE(long_ones.is_timed(false));
  const slow_commands all{999us};
  CHECK(all.is_timed(false));
  server s{{}, 24h};
  s.ask("DEBUG SLEEP 0\nGET a\n");
  CHECK_FALSE(s.client.has_slow_commands());
}

TEST_CASE("SLOWLOG is answered by the log, in the order of the requests") {
  server s;
  CHECK(s.ask("PING\nSLOWLOG GET\nPING\n") == "+PONG\r\n");
  CHECK(s.state == session::state::ask_slow_log);
  CHECK(s.client.query().most == 10);
  const slow_command one{.number = 3,
                         .when = std::chrono::system_clock::time_point{5s},
                         .took = 7us,
                         .words = {"DEL", "a"},
                         .address = "1.2.3.4:5",
                         .name = "me"};
  s.client.answer(std::vector{one});
  CHECK(s.replies() ==
        "*1\r\n*6\r\n:3\r\n:5\r\n:7\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"
        "$9\r\n1.2.3.4:5\r\n$2\r\nme\r\n+PONG\r\n");
  s.ask("SLOWLOG LEN\n");
  s.client.answer(std::size_t{12});
  CHECK(s.replies() == ":12\r\n");
  s.ask("SLOWLOG RESET\n");
  CHECK(s.client.query().what == slow_log_query::kind::reset);
  s.client.answer({});
  CHECK(s.replies() == "+OK\r\n");
  s.ask("slowlog get -1\n");
  s.client.no_answer();
  CHECK(s.replies() == "-ERR the slow log does not answer, try again later\r\n");
  CHECK(s.ask("SLOWLOG GET -2\nSLOWLOG GET x\nSLOWLOG LEN x\nSLOWLOG NO\n") ==
        "-ERR count should be greater than or equal to -1\r\n"
        "-ERR count should be greater than or equal to -1\r\n"
        "-ERR wrong number of arguments for 'slowlog|len' command\r\n"
        "-ERR unknown subcommand 'NO'. Try SLOWLOG HELP.\r\n");
}

TEST_CASE("the slow log keeps the latest") {
  slow_log log;
  for (int i = 0; i < 150; ++i) log.add({.name = std::to_string(i)});
  log.add({.name = "last"});
  const auto length = log.answer({slow_log_query::kind::length});
  CHECK(std::get<std::size_t>(length) == slow_log::most);
  const auto two = log.answer({slow_log_query::kind::get, 2});
  const auto& commands = std::get<std::vector<slow_command>>(two);
  REQUIRE(commands.size() == 2);
  CHECK(commands[0].name == "last");
  CHECK(commands[0].number == 150);
  CHECK(commands[1].name == "149");
  CHECK(log.answer({slow_log_query::kind::reset}) == slow_log_answer{});
  log.add({});
  const auto rest = log.answer({slow_log_query::kind::get, 200});
  REQUIRE(std::get<std::vector<slow_command>>(rest).size() == 1);
  // The numbers go on.
  CHECK(std::get<std::vector<slow_command>>(rest)[0].number == 151);
}

namespace {

// The keys that have changed since the last time.
std::set<std::string> changed(change_log& log) {
  const change_log::keys keys = log.take();
  log.written();
  return {keys.begin(), keys.end()};
}

}  // namespace

TEST_CASE("a command that changes a value has its key noted") {
  server s;
  s.ask("SET before x\r\n");
  change_log log;
  s.data.note_changes_in(log);
  CHECK(log.all_written());
  using keys = std::set<std::string>;
  for (const auto& [command, noted] : std::vector<std::pair<std::string, keys>>{
           {"SET a 1", {"a"}},
           {"SET a 2 XX PX 1000", {"a"}},
           {"INCR a", {"a"}},
           {"INCR new", {"new"}},
           {"APPEND a 0", {"a"}},
           {"APPEND fresh x", {"fresh"}},
           {"DEL a none before", {"a", "before"}},
           {"FLUSHALL", {"new", "fresh"}},
       }) {
    CAPTURE(command);
    s.ask(command + "\r\n");
    CHECK_FALSE(log.all_written());
    CHECK(changed(log) == noted);
    CHECK(log.all_written());
  }
  const std::string tail(longest_text + 1, 't');
  s.ask(request({"SET", "long", tail}) + request({"APPEND", "longer", tail}));
  CHECK(changed(log) == keys{"long", "longer"});
  s.ask(request({"APPEND", "long", tail}) + request({"APPEND", "long", "x"}));
  CHECK(changed(log) == keys{"long"});
}

TEST_CASE("what changes nothing has no key noted") {
  server s;
  s.ask("SET a text\r\n");
  change_log log;
  s.data.note_changes_in(log);
  s.ask("GET a\r\nEXISTS a b\r\nMGET a b\r\nINCR a\r\n");
  s.ask("SET a 1 NX\r\nSET b 1 XX\r\nDEL b\r\nSET a\r\n");
  CHECK(log.all_written());
}

TEST_CASE("a value whose time is up has its key noted when it is missed or swept") {
  server s;
  change_log log;
  s.data.note_changes_in(log);
  s.ask("SET found x PX 10\r\nSET swept x PX 10\r\n");
  changed(log);
  server::now += 10ms;
  CHECK(log.all_written());
  s.ask("GET found\r\n");
  CHECK(changed(log) == std::set<std::string>{"found"});
  s.data.sweep(10);
  CHECK(changed(log) == std::set<std::string>{"swept"});
}

TEST_CASE("what changes while it is written has to be written again") {
  change_log log;
  log.note("a");
  log.note("a");
  CHECK(log.take() == change_log::keys{"a"});
  CHECK_FALSE(log.all_written());
  log.note("a");
  log.written();
  CHECK_FALSE(log.all_written());
  CHECK(log.take() == change_log::keys{"a"});
  log.written();
  CHECK(log.all_written());
}

TEST_CASE("a store tells for how long a value will be there") {
  server s;
  s.ask("SET brief x PX 10\r\nSET long x\r\n");
  server::now += 4ms;
  CHECK(s.data.time_left("brief") == 6ms);
  CHECK(s.data.time_left("long") == std::nullopt);
  CHECK(s.data.time_left("none") == std::nullopt);
}

TEST_CASE("a value comes back from its bytes as it was") {
  const kept_value::clock::time_point later{1'700'000'000'123ms};
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, store::max_text_size,
                                 store::max_text_size + 1, 2 * blob::block_size + 1}) {
    for (const auto& ends : {decltype(kept_value::ends){}, decltype(kept_value::ends){later}}) {
      CAPTURE(size);
      std::string text(size, 'v');
      if (size > 1) text[1] = '\0';
      kept_value kept{.ends = ends};
      if (size > store::max_text_size) {
        kept.value.bytes = std::make_shared<blob>(text);
      } else {
        kept.value.text = text;
      }
      const kept_value found = decode(encode(kept));
      CHECK(found.ends == ends);
      REQUIRE(found.value.size() == size);
      CHECK((found.value.bytes != nullptr) == (size > store::max_text_size));
      CHECK((found.value.bytes ? text_of(*found.value.bytes, size) : found.value.text) == text);
    }
  }
}

TEST_CASE("bytes that are no value are refused") {
  for (const std::string bytes : {"", "x", "t1234567"}) {
    CAPTURE(bytes);
    CHECK_THROWS_AS(static_cast<void>(decode(bytes)), std::invalid_argument);
  }
}
