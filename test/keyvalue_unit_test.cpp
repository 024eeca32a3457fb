#include "../example/keyvalue/commands.hpp"
#include "../example/keyvalue/resp.hpp"
#include "../example/keyvalue/session.hpp"
#include "../example/keyvalue/store.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace keyvalue;
using namespace std::chrono_literals;

namespace {

using status = request_parser::status;
using words = std::vector<std::string>;

words arguments_of(const request_parser& p) { return {p.arguments().begin(), p.arguments().end()}; }

// A request as programs send it.
std::string request(const words& arguments) {
  std::string out;
  reply_writer writer{out};
  writer.array(arguments.size());
  for (const std::string& a : arguments) writer.bulk(a);
  return out;
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
  server() { now = {}; }

  // The replies to some requests, whatever form they have.
  std::string ask(std::string_view text) {
    feed(client, text);
    std::string replies;
    do {
      state = client.work(up ? &data : nullptr);
      replies += client.output();
      client.sent();
    } while (state == session::state::busy);
    return replies;
  }

  inline static store::clock::time_point now;
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
  CHECK(problem_of("*" + std::string(40, '0')) == "Protocol error: too big multibulk count string");
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
  for (const std::string text : {"x", "''", "1.5", "1x", "' 1'", "9223372036854775808"}) {
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
  const std::string value(20000, 'v');
  s.ask(request({"SET", "a", value}));
  std::string input;
  for (int i = 0; i < 1000; ++i) input += "GET a\n";
  feed(s.client, input);
  std::size_t replied = 0;
  do {
    s.state = s.client.work(&s.data);
    CHECK(s.client.output().size() < 100000);
    replied += s.client.output().size();
    s.client.sent();
  } while (s.state == session::state::busy);
  CHECK(replied == 1000 * (value.size() + 10));
}

TEST_CASE("a session gives back the memory of a large request") {
  server s;
  const std::size_t before = s.client.room().size();
  const std::string value(10'000'000, 'v');
  CHECK(s.ask(request({"SET", "a", value})) == "+OK\r\n");
  CHECK(s.client.room().size() == before);
  CHECK(s.ask("GET a\n").size() == value.size() + 13);
}
