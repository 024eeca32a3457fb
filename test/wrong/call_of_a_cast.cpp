// a message that is called has a member type
#include <coppice.hpp>

struct counter {
  struct add {
    int n;
  };
  void handle(add);
};

boost::asio::awaitable<void> client(coppice::server_ref<counter> ref) {
  co_await ref.call(counter::add{1});
}
