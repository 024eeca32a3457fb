// the hook undelivered() of a server takes its message by value, by const& or by &&
#include <coppice.hpp>

struct counter {
  struct add {
    int delta;
  };
  void handle(add);
  void undelivered(add&);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
