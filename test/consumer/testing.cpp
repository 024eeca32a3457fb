#include <coppice/simulation.hpp>

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdio>

int main() {
  coppice::simulate(1, [](coppice::simulation& s) {
    boost::asio::steady_timer timer{s.io(), std::chrono::hours{10}};
    timer.async_wait([](boost::system::error_code) {});
    s.run();
    std::printf("%d hours have passed\n",
                static_cast<int>(std::chrono::duration_cast<std::chrono::hours>(s.elapsed()).count()));
  });
}
