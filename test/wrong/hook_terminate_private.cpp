// the hook terminate() of a server is public and takes the reason
#include <coppice.hpp>

class counter {
  void terminate(const coppice::exit_reason&);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
