// it cannot be a coroutine
#include <coppice.hpp>

struct counter {
  struct add {
    int delta;
  };
  struct reset {};
  void handle(add);
  void handle(reset);
  void undelivered(reset);
  coppice::task<> undelivered(add);
};

void reset(const coppice::server_ref<counter>& c) { c.cast(counter::add{1}); }
