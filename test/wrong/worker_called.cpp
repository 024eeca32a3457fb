// a child is given as the function that returns its coroutine
#include <coppice.hpp>

boost::asio::awaitable<void> work();

const coppice::child_spec spec = coppice::worker("worker", work());
