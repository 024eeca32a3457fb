// the message cannot be made of these
#include <coppice.hpp>

struct counter {
  struct add {
    using reply = void;
    int n;
  };
  void handle(add);
};

boost::asio::awaitable<void> client(coppice::server_ref<counter> ref) {
  co_await ref.call<counter::add>(1, "one");
}
