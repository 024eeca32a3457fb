// the handle() of that message takes it by &
#include <coppice.hpp>

struct counter {
  struct add {
    int n;
  };
  void handle(add&);
};

void send(coppice::server_ref<counter> ref) { ref.cast(counter::add{1}); }
