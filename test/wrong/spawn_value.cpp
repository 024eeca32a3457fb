// a process is given as a function without arguments
#include <coppice.hpp>

boost::asio::awaitable<int> work();

void start() { coppice::spawn(work()); }
