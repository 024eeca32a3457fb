#include <coppice/detail/body.hpp>

namespace coppice::detail {

body::~body() = default;

}  // namespace coppice::detail
