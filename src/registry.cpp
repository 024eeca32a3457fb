#include <coppice/registry.hpp>

namespace coppice::detail {

process& registering_process(scheduler& home) {
  check_reach(home, "register");
  process* const me = home.current();
  if (me == nullptr) throw std::logic_error{"coppice: only a process registers, and only itself"};
  return *me;
}

}  // namespace coppice::detail
