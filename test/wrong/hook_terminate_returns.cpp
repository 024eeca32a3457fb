// the hook terminate() of a server returns void
#include <coppice.hpp>

struct counter {
  bool terminate(const coppice::exit_reason&);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
