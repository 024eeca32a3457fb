#include <coppice/detail/runtime/body.hpp>

namespace coppice::detail {

body::~body() = default;

body_ptr body::for_child(const body_ptr& self) { return self; }

// A body without a payload has nothing to destroy for the reference that went.
void body::released(void*) noexcept {
  if (--references_ == 0) delete this;
}

}  // namespace coppice::detail
