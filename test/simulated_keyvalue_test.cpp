#include "../example/keyvalue/common.hpp"
#include "../example/keyvalue/kept_store.hpp"
#include "../example/keyvalue/tree.hpp"
#include "support/temporary_folder.hpp"

#include <coppice.hpp>
#include <coppice/simulation_doctest.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// The whole key-value server in a simulation: its tree, its file, and clients over sockets, while
// processes die and connections break.

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using asio::ip::tcp;
using boost::system::error_code;
using coppice::fault_kind;
using coppice::simulation;

namespace {

const tcp::endpoint server_address{asio::ip::address_v4::loopback(), 6379};

// What one connection has written: numbers that grow, under two keys that are its own. An earlier
// connection of the same client might still be at work on its last commands.
struct written {
  std::string key;
  int store = 0;      // which of those that there have been
  int attempted = 0;  // the last number that was sent with SET
  int answered = 0;   // and the last of those that were answered
  int increments_attempted = 0;
  int increments_answered = 0;
};

// One play of the server.
class world {
 public:
  world(simulation& s, bool is_durable) : play{s} {
    all.given.endpoint = server_address;
    all.given.drain = 2s;
    if (s.chance(0.5)) all.given.slow = 0us;
    if (is_durable) all.given.file = home.path / "data";
    s.always("stores are counted", [this] {
      const bool is_there = all.store.get() != nullptr;
      if (is_there && !std::exchange(store_was_there_, is_there)) ++stores;
      store_was_there_ = is_there;
      return true;
    });
  }

  void start() {
    root = coppice::start_supervisor(play.io(), keyvalue::make_tree(all));
    bool up = false;
    auto ready = root->ready();
    std::move(ready)([&up](error_code failed) {
      CHECK(!failed);
      up = true;
    });
    play.run_until("the server is up", [&up] { return up; });
  }

  void stop() {
    all.connections.finish();
    root->stop()([](error_code) {});
    play.run();
  }

  simulation& play;
  const temporary_folder home{memory_folder()};
  keyvalue::common all{.io = play.io()};
  std::optional<coppice::supervisor_ref> root;
  std::deque<written> books;
  int stores = 0;
  bool is_calm = false;   // clients ask less
  bool is_quiet = false;  // and no more
  bool may_fail = true;  // a client may lose its connection, or get none
  std::uint64_t replies = 0;

 private:
  bool store_was_there_ = false;
};

// A connection of a client. What fails, fails for good.
class wire {
 public:
  explicit wire(const asio::any_io_executor& e) : socket_{e} {}

  asio::awaitable<bool> connect() {
    auto connecting =
        coppice::with_deadline(socket_.async_connect(server_address, asio::deferred), 20s);
    const auto [failed] = co_await std::move(connecting)(asio::as_tuple(asio::use_awaitable));
    co_return !failed;
  }
  asio::awaitable<bool> send(const std::string& text) {
    auto writing = coppice::with_deadline(
        asio::async_write(socket_, asio::buffer(text), asio::deferred), 20s);
    const auto [failed, n] = co_await std::move(writing)(asio::as_tuple(asio::use_awaitable));
    co_return !failed;
  }
  // The next reply, with its first character; a bulk string without its length, "$-1" is none.
  asio::awaitable<std::optional<std::string>> receive() {
    for (;;) {
      if (auto reply = take()) co_return reply;
      const std::size_t before = in_.size();
      in_.resize(before + 512);
      auto reading = coppice::with_deadline(
          socket_.async_read_some(asio::buffer(in_.data() + before, 512), asio::deferred), 20s);
      const auto [failed, n] = co_await std::move(reading)(asio::as_tuple(asio::use_awaitable));
      in_.resize(before + n);
      CHECK(failed != coppice::errc::timeout);  // no fault lasts for so long
      if (failed) co_return std::nullopt;
    }
  }
  // Nothing may be left that nobody has asked for.
  [[nodiscard]] bool is_quiet() const { return in_.empty(); }

 private:
  std::optional<std::string> take() {
    const std::size_t end = in_.find("\r\n");
    if (end == std::string::npos) return std::nullopt;
    std::string reply = in_.substr(0, end);
    std::size_t size = end + 2;
    if (reply.front() == '$' && reply != "$-1") {
      const std::size_t length = std::stoul(reply.substr(1));
      if (in_.size() < size + length + 2) return std::nullopt;
      reply = '$' + in_.substr(size, length);
      size += length + 2;
    }
    in_.erase(0, size);
    return reply;
  }

  tcp::socket socket_;
  std::string in_;
};

// As people type it, or as programs send it.
std::string request(bool is_typed, const std::vector<std::string>& words) {
  std::string text;
  if (is_typed) {
    for (const std::string& w : words) text += w + ' ';
    return text + "\r\n";
  }
  text = '*' + std::to_string(words.size()) + "\r\n";
  for (const std::string& w : words) {
    text += '$' + std::to_string(w.size()) + "\r\n" + w + "\r\n";
  }
  return text;
}

// What is expected of a reply, and what it answers.
struct question {
  enum class about { set, incr, other, slow_log } kind;
  std::string expected;
  int number = 0;
};

// Some requests at once.
std::vector<question> draw_requests(world& w, written& mine, std::string& text) {
  std::vector<question> asked;
  const std::uint64_t many = 1 + w.play.draw(8);
  for (std::uint64_t i = 0; i < many; ++i) {
    const bool typed = w.play.chance(0.5);
    switch (w.play.draw(6)) {
      case 0:
      case 1: {
        std::vector<std::string> words{"SET", mine.key, std::to_string(++mine.attempted)};
        text += request(typed, words);
        asked.push_back({question::about::set, "+OK", mine.attempted});
        break;
      }
      case 2:
        text += request(typed, {"INCR", "n" + mine.key});
        asked.push_back({question::about::incr,
                         ':' + std::to_string(++mine.increments_attempted),
                         mine.increments_attempted});
        break;
      case 3:
        text += request(typed, {"GET", mine.key});
        asked.push_back({question::about::other,
                         mine.attempted > 0 ? '$' + std::to_string(mine.attempted) : "$-1"});
        break;
      case 4: {
        const std::string word = "word" + std::to_string(w.play.draw(1'000'000));
        text += request(typed, {"ECHO", word});
        asked.push_back({question::about::other, '$' + word});
        break;
      }
      default:
        if (w.play.chance(0.5)) {
          text += request(typed, {"SET", "short" + mine.key, "1", "PX", "50"});
          asked.push_back({question::about::other, "+OK"});
        } else {
          text += request(typed, {"SLOWLOG", "LEN"});
          asked.push_back({question::about::slow_log, {}});
        }
    }
  }
  return asked;
}

// Returns false if there is no use in going on.
bool take_reply(world& w, written& mine, const question& q, const std::string& reply) {
  ++w.replies;
  if (q.kind == question::about::slow_log) {
    if (reply.front() != ':') CHECK(reply == "-ERR the slow log does not answer, try again later");
    return true;
  }
  if (reply.front() == '-') {
    CHECK(w.may_fail);
    CHECK(reply == "-ERR store is down");
    return false;
  }
  CHECK(reply == q.expected);
  if (q.kind == question::about::set) mine.answered = q.number;
  if (q.kind == question::about::incr) mine.increments_answered = q.number;
  return reply == q.expected;
}

asio::awaitable<bool> converse(world& w, written& mine, wire& to) {
  std::string text;
  const std::vector<question> asked = draw_requests(w, mine, text);
  auto sending = to.send(text);
  if (!co_await std::move(sending)) co_return false;
  for (const question& q : asked) {
    auto receiving = to.receive();
    const std::optional<std::string> reply = co_await std::move(receiving);
    if (!reply || !take_reply(w, mine, q, *reply)) co_return false;
  }
  CHECK(to.is_quiet());
  co_return true;
}

asio::awaitable<void> client(world& w) {
  const auto executor = co_await asio::this_coro::executor;
  while (!w.is_quiet) {
    wire to{executor};
    auto connecting = to.connect();
    bool fine = co_await std::move(connecting);
    written& mine = w.books.emplace_back();
    mine.key = "k" + std::to_string(w.books.size());
    mine.store = w.stores;
    while (fine && !w.is_quiet) {
      auto conversing = converse(w, mine, to);
      fine = co_await std::move(conversing);
      const std::chrono::microseconds pause{w.play.draw(w.is_calm ? 2'000'000 : 20'000)};
      co_await coppice::sleep_for(pause);
    }
    CHECK((fine || w.may_fail));
    if (!fine) co_await coppice::sleep_for(50ms);
  }
}

void check_kept(const std::string& reply, int answered, int attempted) {
  CHECK(reply.front() == '$');
  if (reply.front() != '$') return;
  const int found = reply == "$-1" ? 0 : std::stoi(reply.substr(1));
  CHECK(found >= answered);
  CHECK(found <= attempted);
}

// Looks up all that was written.
asio::awaitable<void> auditor(world& w, bool& done) {
  wire to{co_await asio::this_coro::executor};
  auto connecting = to.connect();
  CHECK(co_await std::move(connecting));
  for (const written& b : w.books) {
    if (w.all.given.file.empty() && b.store != w.stores) continue;
    const std::string text = request(true, {"GET", b.key}) +
                             request(false, {"GET", "n" + b.key}) +
                             request(true, {"GET", "short" + b.key});
    auto sending = to.send(text);
    CHECK(co_await std::move(sending));
    std::vector<std::string> replies;
    for (int i = 0; i < 3; ++i) {
      auto receiving = to.receive();
      const std::optional<std::string> reply = co_await std::move(receiving);
      CHECK(reply.has_value());
      if (!reply) co_return;
      replies.push_back(*reply);
    }
    check_kept(replies[0], b.answered, b.attempted);
    check_kept(replies[1], b.increments_answered, b.increments_attempted);
    CHECK(replies[2] == "$-1");
  }
  done = true;
}

// Has a connection, and says nothing, until the server hangs up.
asio::awaitable<void> silent_client(bool& was_hung_up) {
  wire to{co_await asio::this_coro::executor};
  auto connecting = to.connect();
  CHECK(co_await std::move(connecting));
  auto receiving = to.receive();
  const std::optional<std::string> nothing = co_await std::move(receiving);
  CHECK(!nothing);
  was_hung_up = true;
}

void audit(world& w) {
  bool done = false;
  coppice::spawn(w.play.io(), [&] { return auditor(w, done); }, "auditor");
  w.play.run_until("all is looked up", [&done] { return done; }, 1min);
}

void live(simulation& s, bool is_durable, bool may_fail) {
  world w{s, is_durable};
  s.end_faults();
  w.start();
  s.begin_faults();
  w.may_fail = may_fail;
  for (int i = 0; i < 3; ++i) coppice::spawn(s.io(), [&w] { return client(w); }, "client");
  s.run_for(std::chrono::milliseconds{200 + s.draw(1'500)});
  s.end_faults();
  w.is_calm = true;
  s.run_for(10s);  // a slow log that hangs is killed after 5 s, and before that no store is back
  w.may_fail = false;
  const std::uint64_t before = w.replies;
  s.run_for(5s);
  CHECK(w.replies > before);
  w.is_quiet = true;
  s.run_for(5s);
  audit(w);
  bool was_hung_up = false;
  coppice::spawn(s.io(), [&] { return silent_client(was_hung_up); }, "silent");
  s.run_for(1s);
  w.stop();
  CHECK(was_hung_up);
  CHECK(coppice::processes(s.io()).empty());
  if (!is_durable) return;
  world next{s, false};
  next.all.given.file = w.all.given.file;
  next.books = w.books;
  next.start();
  audit(next);
  next.stop();
}

coppice::network_conditions rough_network() {
  return {.latency_max = 2ms, .short_read = 0.1, .short_write = 0.1, .reset = 0.003,
          .refuse = 0.1, .no_descriptor = 0.05};
}

std::vector<coppice::process_fault> faults_in(const std::vector<std::string>& names,
                                              const std::vector<fault_kind>& kinds,
                                              double chance) {
  std::vector<coppice::process_fault> faults;
  for (const std::string& name : names) {
    for (const fault_kind k : kinds) {
      faults.push_back({.process = name, .kind = k, .chance = chance, .delay = 500ms});
    }
  }
  return faults;
}

coppice::simulation_options bad_weather() {
  auto faults = faults_in({"connection", "keyvalue.store", "keyvalue.file", "sweeper",
                           "keyvalue.slow_log", "keyvalue.clients*"},
                          {fault_kind::crash, fault_kind::kill, fault_kind::late}, 0.01);
  for (const auto& f : faults_in({"sweeper", "keyvalue.slow_log"}, {fault_kind::hang}, 0.01)) {
    faults.push_back(f);
  }
  return {.seeds = 40, .network = rough_network(), .faults = std::move(faults)};
}

}  // namespace

TEST_CASE("with a file, what a client was told is there for ever, and the server goes on") {
  if (!keyvalue::can_keep_store()) return;
  coppice::simulate(bad_weather(), [](simulation& s) { live(s, true, true); });
}

TEST_CASE("without a file, what a client was told is there as long as the store, likewise") {
  coppice::simulate(bad_weather(), [](simulation& s) { live(s, false, true); });
}

TEST_CASE("no client hears of what befalls the sweeper or the slow log") {
  auto o = bad_weather();
  o.network.reset = o.network.refuse = o.network.no_descriptor = 0;
  o.faults = faults_in({"sweeper", "keyvalue.slow_log"},
                       {fault_kind::crash, fault_kind::kill, fault_kind::late, fault_kind::hang},
                       0.02);
  coppice::simulate(o, [](simulation& s) {
    const bool is_durable = s.chance(0.5) && keyvalue::can_keep_store();
    live(s, is_durable, false);
  });
}

TEST_CASE("what has expired is freed, however slow the disk is") {
  if (!keyvalue::can_keep_store()) return;
  coppice::simulate(
      {.seeds = 10, .threads = {.delay_min = 1s, .delay_max = 2s}}, [](simulation& s) {
        world w{s, true};
        w.start();
        s.run_for(1min);
        keyvalue::store& data = *w.all.store.get();
        for (int i = 0; i < 3'000; ++i) data.set("k" + std::to_string(i), "v", 10s);
        s.run_for(9s);
        CHECK(data.size() == 3'000);
        // It may be in the middle of a write, of two syncs at the most.
        s.run_for(6s);
        CHECK(data.size() == 0);
        w.stop();
      });
}
