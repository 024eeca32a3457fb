#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/supervisor_ref.hpp>
#include <coppice/supervisor_spec.hpp>

#include <boost/asio/io_context.hpp>

#include <functional>
#include <string>
#include <type_traits>

namespace coppice::detail {

// A function that makes the spec of a supervisor (OTP: init/1). It is a template parameter, which a
// spec in braces does not match; with a std::function in its place clang fails to choose the
// overload.
template <class F>
concept supervisor_init = std::is_invocable_r_v<supervisor_spec, F&>;

COPPICE_API supervisor_ref start_supervisor_by(asio::io_context& io,
                                               std::function<supervisor_spec()> init);
COPPICE_API child_spec supervisor_made_by(std::string id, std::function<supervisor_spec()> init);

}  // namespace coppice::detail
