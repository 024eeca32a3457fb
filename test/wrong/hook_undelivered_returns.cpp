// the hook undelivered() of a server returns void
#include <coppice.hpp>

struct counter {
  struct add {
    int delta;
  };
  void handle(add);
  bool undelivered(add) const noexcept;
};

const coppice::child_spec spec = coppice::server<counter>("counter");
