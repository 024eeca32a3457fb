// the hook undelivered() of a server takes its message by value, by const& or by &&
#include <coppice.hpp>

struct counter {
  struct add {
    int delta;
  };
  struct reset {};
  void handle(add);
  void handle(reset);
  void undelivered(reset);
  void undelivered(add&);
};

void reset(const coppice::server_ref<counter>& c) { c.cast(counter::add{1}); }
