#include "support/world.hpp"

#include <coppice/server.hpp>
#include <coppice/stash.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

// Messages whose members have destructors, as they are made where they are sent. The address
// sanitizer tells if one is destroyed twice.

namespace {

const char* const long_text = "a text that is too long to be kept within a string";

class library {
 public:
  struct author {
    std::string name;
  };
  struct add {
    using reply = std::string;
    std::string title;
    author by{};
    int copies = 1;
  };
  struct lend {
    using reply = int;
    std::unique_ptr<int> card;
  };
  struct note {
    std::string text;
  };
  struct reserve {  // never answered
    using reply = void;
    std::string title;
  };
  struct titled {
    using reply = std::string;
    explicit titled(std::string t) : title{std::move(t)} {}
    std::string title;
  };

  std::string handle(const add& m) {
    return m.title + ' ' + m.by.name + ' ' + std::to_string(m.copies);
  }
  int handle(lend&& m) { return *m.card; }
  std::string handle(const titled& m) { return m.title; }
  void handle(const note&) {}
  void handle(const reserve&, coppice::reply_to<void> whoever) { waiting_ = std::move(whoever); }

 private:
  std::optional<coppice::reply_to<void>> waiting_;
};

struct branch : world {
  branch() { coppice::start_server<library>(io, "library"); }

  template <class Body>
  void run(Body body) {
    coppice::spawn(io, std::move(body));
    clock.settle();
  }

  std::string said;
};

}  // namespace

TEST_CASE("a call makes its message of what it is given, in the awaited expression") {
  branch b;
  const auto body = [&b]() -> asio::awaitable<void> {
    const coppice::server_ref<library> books{"library"};
    b.said = co_await books.call<library::add>(long_text);
    b.said += co_await books.call<library::add>(std::string{long_text});
    std::string title = long_text;
    b.said += co_await books.call<library::add>(title);
    library::author by{long_text};
    b.said += co_await books.call<library::add>(std::move(title), by, 3);
  };
  b.run(body);
  const std::string once = long_text + std::string{"  1"};
  CHECK(b.said == once + once + once + long_text + ' ' + long_text + " 3");
}

TEST_CASE("so it does with constructors, with what can only be moved, and with a message") {
  branch b;
  const auto body = [&b]() -> asio::awaitable<void> {
    const coppice::server_ref<library> books{"library"};
    b.said = co_await books.call<library::titled>(long_text);
    b.said += std::to_string(co_await books.call<library::lend>(std::make_unique<int>(7)));
    const library::add message{long_text};
    b.said += co_await books.call<library::add>(message);
    b.said += co_await books.call(message);
  };
  b.run(body);
  const std::string once = long_text + std::string{"  1"};
  CHECK(b.said == std::string{long_text} + "7" + once + once);
}

TEST_CASE("a message that is written in place is sent by a call that has a name") {
  branch b;
  const auto body = [&b]() -> asio::awaitable<void> {
    const coppice::server_ref<library> books{"library"};
    auto adding = books.call(library::add{long_text, {long_text}, 2});
    b.said = co_await adding.result();
    auto lending = books.call(library::lend{std::make_unique<int>(7)});
    b.said += std::to_string(co_await lending.result());
    auto made_there = books.call<library::add>(long_text, library::author{long_text});
    b.said += co_await made_there.result();
  };
  b.run(body);
  const std::string once = std::string{long_text} + ' ' + long_text;
  CHECK(b.said == once + " 27" + once + " 1");
}

TEST_CASE("messages are made where they are cast, and where a call is sent for later") {
  branch b;
  const auto body = [&b]() -> asio::awaitable<void> {
    const coppice::server_ref<library> books{"library"};
    books.cast(library::note{long_text});
    books.cast<library::note>(long_text);
    auto adding = books.send_request<library::add>(long_text);
    b.said = co_await adding.receive_response();
    auto again = books.send_request(library::add{long_text});
    b.said += co_await again.receive_response();
  };
  b.run(body);
  const std::string once = long_text + std::string{"  1"};
  CHECK(b.said == once + once);
}

TEST_CASE("a task awaits calls in all of these forms") {
  branch b;
  const auto body = [&b]() -> coppice::task<> {
    const coppice::server_ref<library> books{"library"};
    b.said = co_await books.call<library::add>(long_text);
    auto adding = books.call(library::add{long_text});
    b.said += co_await adding.result();
  };
  b.run(body);
  const std::string once = long_text + std::string{"  1"};
  CHECK(b.said == once + once);
}

TEST_CASE("a call that makes its message says within which time it is to be answered") {
  branch b;
  const auto body = [&b]() -> asio::awaitable<void> {
    const coppice::server_ref<library> books{"library"};
    try {
      co_await books.call<library::reserve>(long_text).within(1s);
    } catch (const boost::system::system_error& e) {
      if (e.code() == coppice::errc::timeout) b.said = "timeout";
    }
  };
  b.run(body);
  b.clock.advance(999ms);
  CHECK(b.said.empty());
  b.clock.advance(1ms);
  CHECK(b.said == "timeout");
}

TEST_CASE("a state that is written in place is put by a call that has a name") {
  world w;
  coppice::start_supervisor(
      w.io, {.strategy = coppice::one_for_one, .children = {coppice::stash("stash")}});
  w.clock.settle();
  std::string said;
  const auto body = [&said]() -> asio::awaitable<void> {
    const coppice::stash_ref<library::note> stash{"stash"};
    auto putting = stash.put("a", {long_text});
    co_await putting.result();
    const library::note note{long_text};
    co_await stash.put("b", note);
    for (const char* key : {"a", "b"}) {
      const auto found = co_await stash.get(key);
      if (found) said += found->text;
    }
  };
  coppice::spawn(w.io, body);
  w.clock.settle();
  CHECK(said == std::string{long_text} + long_text);
}
