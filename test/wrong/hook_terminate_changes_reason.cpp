// the hook terminate() of a server is public and takes the reason
#include <coppice.hpp>

struct counter final {
  void terminate(coppice::exit_reason&);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
