#include <coppice/detail/body.hpp>

namespace coppice::detail {

body::~body() = default;

void body::released(void*) noexcept {
  if (--references_ == 0) delete this;
}

}  // namespace coppice::detail
