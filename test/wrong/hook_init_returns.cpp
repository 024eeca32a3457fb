// the hook init() of a server returns void
#include <coppice.hpp>

struct counter {
  boost::asio::awaitable<bool> init();
};

const coppice::child_spec spec = coppice::server<counter>("counter");
