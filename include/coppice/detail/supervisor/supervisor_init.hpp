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

// A parameter of that kind does not take what is written in braces: clang fails over a std::function
// that could be made of a spec.
template <class F>
concept supervisor_init = std::is_invocable_r_v<supervisor_spec, F&>;

COPPICE_API supervisor_ref start_supervisor_by(asio::io_context& io,
                                               std::function<supervisor_spec()> init);
COPPICE_API child_spec supervisor_made_by(std::string id, std::function<supervisor_spec()> init);

}  // namespace coppice::detail
