#include <coppice/detail/runtime/body.hpp>

namespace coppice::detail {

body::~body() = default;

body_ptr body::for_child(const body_ptr& self) { return self; }

void body::released(void*) noexcept {
  if (--references_ == 0) delete this;
}

}  // namespace coppice::detail
