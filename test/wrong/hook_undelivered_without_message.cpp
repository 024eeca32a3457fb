// the hook undelivered() of a server takes one message
#include <coppice.hpp>

struct counter {
  struct add {
    int delta;
  };
  void handle(add);
  void undelivered();
};

const coppice::child_spec spec = coppice::server<counter>("counter");
