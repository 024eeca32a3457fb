// sqlite_writer FILE: counts under several keys, for ever, each number kept on disk before it is
// told. Prints "has KEY NUMBER" for what it finds at the start, and "KEY NUMBER" for each number
// that is acknowledged.

#include <coppice.hpp>
#include <coppice/sqlite_stash.hpp>

#include <boost/asio/awaitable.hpp>

#include <unistd.h>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asio = boost::asio;

namespace {

class counter {
 public:
  struct current {
    using reply = long;
  };
  struct increment {
    using reply = long;
  };

  long handle(current) const { return number_; }
  asio::awaitable<long> handle(increment) {
    ++number_;
    auto saving = coppice::this_server::save(*this);
    co_await std::move(saving);
    co_return number_;
  }
  // Large enough to be caught half written.
  std::string state() const { return std::to_string(number_) + padding(); }
  void restore(const std::string& kept) {
    std::size_t digits = 0;
    number_ = std::stol(kept, &digits);
    if (kept.substr(digits) != padding()) throw std::runtime_error{"half of it is missing"};
  }

 private:
  static std::string padding() { return std::string(100'000, ' '); }

  long number_ = 0;
};

int lines_left = -1;

void print(const std::string& line) {
  const std::string text = line + '\n';
  if (write(STDOUT_FILENO, text.data(), text.size()) < 0) _exit(1);
  if (--lines_left == 0) kill(getpid(), SIGKILL);
}

asio::awaitable<void> client(std::string key) {
  const coppice::server_ref<counter> ref{std::string_view{key}};
  auto asking = ref.call(counter::current{});
  print("has " + key + ' ' + std::to_string(co_await std::move(asking)));
  for (;;) {
    auto incrementing = ref.call(counter::increment{});
    const long n = co_await std::move(incrementing);
    print(key + ' ' + std::to_string(n));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) return 2;
  if (argc == 3) lines_left = std::atoi(argv[2]);
  std::vector<coppice::child_spec> children{coppice::sqlite_stash("stash", argv[1])};
  for (const std::string key : {"a", "b", "c", "d"}) {
    children.push_back(coppice::server_with<counter>(
        {.state = coppice::in_sqlite_stash<std::string>("stash")}, key));
  }
  for (const std::string key : {"a", "b", "c", "d"}) {
    children.push_back(coppice::worker("client " + key, [key] { return client(key); }));
  }
  return coppice::run({.name = "writer",
                       .strategy = coppice::strategy::rest_for_one,
                       .children = std::move(children)});
}
