// handle() takes its message by value, by const& or by &&
#include <coppice.hpp>

struct counter {
  void handle(coppice::idle_timeout&);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
