// How much time is simulated in a second of processor time: a tree with timers, and sockets at full
// load. Each several times; printed are the median and the extremes.

#include <coppice.hpp>
#include <coppice/acceptor.hpp>
#include <coppice/simulation.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::use_awaitable;
using namespace std::chrono_literals;

namespace {

constexpr int repetitions = 7;

double processor_seconds() {
  std::timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Works every 100 ms, and crashes after two seconds.
asio::awaitable<void> worker(int& work) {
  for (int i = 0; i < 20; ++i) {
    co_await coppice::sleep_for(100ms);
    ++work;
  }
  throw std::runtime_error{"worn out"};
}

// 20 children, for 100 s.
double supervision(std::uint64_t seed) {
  constexpr int children = 20;
  int work = 0;
  coppice::simulate(
      {.first_seed = seed, .seeds = 1, .played_twice = 0}, [&](coppice::simulation& s) {
        coppice::supervisor_spec spec{
            .strategy = coppice::one_for_one, .intensity = 1'000, .period = 1s};
        for (int i = 0; i < children; ++i) {
          spec.children.push_back(
              coppice::worker(std::to_string(i), [&work] { return worker(work); }));
        }
        auto tree = coppice::start_supervisor(s.io(), std::move(spec));
        s.run_for(100s);
        tree.stop()(asio::detached);
        s.run();
      });
  if (work < children * 900) throw std::runtime_error{"the workers have not worked"};
  return 100;
}

asio::awaitable<void> echo(tcp::socket peer) {
  std::array<char, 4096> room{};
  for (;;) {
    const std::size_t n = co_await peer.async_read_some(asio::buffer(room), use_awaitable);
    co_await asio::async_write(peer, asio::buffer(room.data(), n), use_awaitable);
  }
}

asio::awaitable<void> ask(asio::io_context& io, tcp::endpoint server, int& answers) {
  tcp::socket peer{io};
  co_await peer.async_connect(server, use_awaitable);
  std::array<char, 100> room{};
  for (;; ++answers) {
    co_await asio::async_write(peer, asio::buffer(room), use_awaitable);
    co_await asio::async_read(peer, asio::buffer(room), use_awaitable);
  }
}

// Ten clients that ask again as soon as they are answered, for 20 s.
double sockets(std::uint64_t seed) {
  int answers = 0;
  coppice::simulate(
      {.first_seed = seed, .seeds = 1, .played_twice = 0}, [&](coppice::simulation& s) {
        coppice::set_report_sink(s.io(), {});
        auto listening = coppice::acceptor(
            tcp::endpoint{asio::ip::address_v4::loopback(), 7000}, echo, {.name = "echo"});
        auto tree = coppice::start_supervisor(
            s.io(), {.strategy = coppice::one_for_one, .children = {std::move(listening)}});
        s.run_for(1s);
        const tcp::endpoint server{asio::ip::address_v4::loopback(), 7000};
        std::vector<coppice::pid> clients;
        for (int i = 0; i < 10; ++i) {
          clients.push_back(coppice::spawn(
              s.io(), [&s, server, &answers] { return ask(s.io(), server, answers); }));
        }
        s.run_for(20s);
        for (const auto& c : clients) coppice::kill(c);
        tree.stop()(asio::detached);
        s.run();
      });
  if (answers == 0) throw std::runtime_error{"the clients have no answers"};
  return 21;
}

template <class Play>
void measure(const char* what, Play play) {
  std::vector<double> ratios;
  for (int i = 0; i < repetitions; ++i) {
    const double began = processor_seconds();
    const double simulated = play(static_cast<std::uint64_t>(i + 1));
    ratios.push_back(simulated / (processor_seconds() - began));
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf("%-28s %8.1f  (%.1f to %.1f)\n", what, ratios[repetitions / 2], ratios.front(),
              ratios.back());
}

}  // namespace

int main() {
  std::printf("simulated : processor time\n");
  measure("supervision with timers", supervision);
  measure("sockets at full load", sockets);
}
