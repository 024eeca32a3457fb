// a supervisor is started as a child by its child spec: `coppice::supervisor(spec)`
#include <coppice.hpp>

void start(const coppice::supervisor_ref& parent) {
  parent.start_child(coppice::dynamic_supervisor_spec{});
}
