#pragma once

#include "ending.hpp"
#include "temporary_folder.hpp"
#include "world.hpp"

#include <coppice/sqlite_stash.hpp>
#include <coppice/this_server.hpp>

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// Somebody else who uses the file.
class stranger {
 public:
  explicit stranger(const std::filesystem::path& file) {
    REQUIRE(sqlite3_open(file.c_str(), &db_) == SQLITE_OK);
  }
  stranger(const stranger&) = delete;
  stranger& operator=(const stranger&) = delete;
  ~stranger() { sqlite3_close(db_); }

  // The first column of the first row, if there is one.
  std::string run(const std::string& sql) {
    std::string found;
    char* problem = nullptr;
    sqlite3_exec(
        db_, sql.c_str(),
        [](void* to, int, char** columns, char**) {
          *static_cast<std::string*>(to) = columns[0] != nullptr ? columns[0] : "NULL";
          return 0;
        },
        &found, &problem);
    if (problem != nullptr) found = problem;
    sqlite3_free(problem);
    return found;
  }

 private:
  sqlite3* db_ = nullptr;
};

class number {
 public:
  struct next {
    using reply = int;
  };
  struct save {
    using reply = int;
  };
  struct crash {};
  struct poison {};

  explicit number(int start) : number_{start} {}

  int handle(next) { return number_++; }
  asio::awaitable<int> handle(save) {
    ++number_;
    auto saving = coppice::this_server::save(*this);
    co_await std::move(saving);
    co_return number_;
  }
  void handle(crash) { throw std::runtime_error{"crash"}; }
  void handle(poison) { number_ = -1; }

  int state() const { return number_; }
  void restore(int n) {
    if (n < 0) throw std::runtime_error{"negative"};
    number_ = n;
  }
  friend std::string describe(const number& n) { return std::to_string(n.number_); }

 private:
  int number_;
};

// A program with a stash in a file. The disk takes the time that it takes: what is waited for is
// that something has happened.
struct office : world {
  explicit office(const std::filesystem::path& f) : file{f} {}

  template <class Happened>
  void until(Happened happened) {
    while (!happened()) {
      if (io.stopped()) io.restart();
      if (io.run_one() == 0) {
        FAIL("it will never happen");
        return;
      }
    }
  }

  coppice::supervisor_ref start(std::vector<coppice::child_spec> more = {}) {
    std::vector<coppice::child_spec> children{coppice::sqlite_stash("stash", file)};
    children.insert(children.end(), more.begin(), more.end());
    const auto sup = coppice::start_supervisor(io, {.name = "office",
                                                    .strategy = coppice::strategy::rest_for_one,
                                                    .intensity = 100,
                                                    .period = 5s,
                                                    .children = std::move(children)});
    bool ready = false;
    sup.ready()([&ready](auto...) { ready = true; });
    until([&ready] { return ready; });
    return sup;
  }
  // An ordered end of all that runs.
  void stop(const coppice::supervisor_ref& sup) {
    const ending end{sup.get_pid()};
    sup.stop()([](auto...) {});
    until([&end] { return end.reason().has_value(); });
  }
  void kill(const char* name) {
    const coppice::pid victim = coppice::process_ref{io, name}.whereis();
    const ending end{victim};
    coppice::kill(victim);
    until([&end] { return end.reason().has_value(); });
  }
  void until_up(const char* name) {
    until([&] { return static_cast<bool>(coppice::process_ref{io, name}.whereis()); });
  }

  template <class T>
  boost::system::error_code put(const std::string& key, T state) {
    std::optional<boost::system::error_code> heard;
    ref<T>().put(key, std::move(state))([&heard](boost::system::error_code ec) { heard = ec; });
    until([&heard] { return heard.has_value(); });
    return *heard;
  }
  template <class T>
  std::pair<boost::system::error_code, std::optional<T>> look(const std::string& key) {
    std::optional<std::pair<boost::system::error_code, std::optional<T>>> heard;
    ref<T>().get(key)(
        [&heard](boost::system::error_code ec, std::optional<T> x) { heard.emplace(ec, x); });
    until([&heard] { return heard.has_value(); });
    return *heard;
  }
  template <class T>
  std::optional<T> get(const std::string& key) {
    const auto [ec, x] = look<T>(key);
    CHECK(ec.message() == "Success");
    return x;
  }
  bool erase(const std::string& key) {
    std::optional<bool> heard;
    ref<int>().erase(key)([&heard](boost::system::error_code, bool was) { heard = was; });
    until([&heard] { return heard.has_value(); });
    return *heard;
  }
  std::vector<std::string> keys() {
    std::optional<std::vector<std::string>> heard;
    ref<int>().keys()([&heard](boost::system::error_code, auto all) { heard = std::move(all); });
    until([&heard] { return heard.has_value(); });
    return *heard;
  }
  template <class M>
  std::string ask(M m, const char* name = "number") {
    std::string answer;
    coppice::server_ref<number>{io, name}.call(
        m, coppice::infinity)([&answer](boost::system::error_code ec, int n) {
      answer = ec ? ec.message() : std::to_string(n);
    });
    until([&answer] { return !answer.empty(); });
    return answer;
  }
  // A server crashes, and comes back.
  template <class M>
  void crash(M m, const char* name = "number") {
    const ending end{coppice::process_ref{io, name}.whereis()};
    coppice::server_ref<number>{io, name}.cast(m);
    until([&end] { return end.reason().has_value(); });
    until_up(name);
  }

  template <class T>
  coppice::sqlite_stash_ref<T> ref() {
    return {io, "stash"};
  }
  [[nodiscard]] bool reported(const std::string& text) const {
    for (const std::string& r : reports) {
      if (r.find(text) != std::string::npos) return true;
    }
    return false;
  }

  std::filesystem::path file;
};

inline coppice::child_spec numbers(unsigned crashes = 3, const char* name = "number") {
  return coppice::server_with<number>(
      {.state = coppice::in_sqlite_stash<int>("stash"), .same_state_crashes = crashes}, name, 100);
}
