#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/async_task/stream_core.hpp>
#include <coppice/detail/async_task/typed_stream.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/stream_options.hpp>
#include <coppice/task_stream.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <utility>

namespace coppice::detail {

// Checks the options of a stream where they are given, and throws std::invalid_argument.
COPPICE_API stream_settings check_stream(stream_options o);

template <class Range, class F>
using stream_of = task_stream<typename awaitable_of<stream_call<Range, F>>::value_type,
                              typename awaitable_of<stream_call<Range, F>>::executor_type>;

template <class Range, class F>
stream_of<Range, F> make_stream(Range range, F f, stream_settings s) {
  return access::make<stream_of<Range, F>>(boost::intrusive_ptr<stream_core>{
      new typed_stream<Range, F>{std::move(range), std::move(f), std::move(s)}});
}

}  // namespace coppice::detail
