// restore() of a server is public and takes what state() returns
#include <coppice.hpp>

#include <string>

struct counter {
  int state() const;
  void restore(std::string);
};

const coppice::child_spec spec = coppice::server<counter>("counter");
