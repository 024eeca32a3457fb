// (g++ 12) this call is awaited by its name, `auto asking = ...; co_await asking.result();`
#include <coppice.hpp>

#include <string>

struct club {
  struct add_user {
    using reply = int;
    std::string name;
  };
  int handle(const add_user&);
};

coppice::task<> client(coppice::server_ref<club> ref) {
  static_cast<void>(
      co_await coppice::with_deadline(ref.call(club::add_user{"Ada"}), std::chrono::seconds{1}));
}
