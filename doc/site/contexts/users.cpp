// Statements of a process that has a reference to a server that takes all calls.
#include <coppice.hpp>

#include <string>

struct users {
  template <class M>
  typename M::reply handle(const M& m);
};

inline boost::asio::awaitable<void> client(coppice::server_ref<users> ref) {
  // fragment
}
